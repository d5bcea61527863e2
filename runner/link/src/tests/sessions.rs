use std::sync::Arc;

use clock::ManualClock;
use contract::{FromControlPlane, FromRunner, RunRequest, StopReason};
use tokio::task::JoinHandle;

use super::control_plane::{ControlPlane, Manner};
use super::pki::Tls;
use super::runner::Runner;
use super::{clock, direct, entropy, let_in, shared};
use crate::address::Address;
use crate::handle::{Handle, LinkState};
use crate::link::{Finished, Link};
use crate::session::samples::{drill_down, request, run_request};

struct Place {
    control_plane: Arc<ControlPlane>,
    tls: Tls,
    clock: Arc<ManualClock>,
    address: Address,
}

async fn place(manners: &[Manner]) -> Place {
    let clock = clock();
    let control_plane = ControlPlane::new(&clock);
    control_plane.state().manners.extend(manners);
    let tls = Tls::new();
    let address = control_plane.serve_line(&tls).await;
    Place { control_plane, tls, clock, address }
}

fn run(place: &Place, runner: &Arc<Runner>, address: &Address) -> (Handle, JoinHandle<Finished>) {
    let identity = let_in(&place.control_plane, &place.tls, address);
    let (link, handle) = Link::new(identity, Arc::clone(runner) as Arc<_>, direct(), shared(&place.clock), entropy());
    (handle, tokio::spawn(link.run()))
}

async fn shut_down(handle: &Handle, running: JoinHandle<Finished>) {
    handle.shut_down();
    assert_eq!(running.await.unwrap(), Finished::ShutDown);
    assert_eq!(*handle.state().borrow(), LinkState::Off);
}

/// Waits until the Runner's side is as the test wants it.
async fn until(handle: &Handle, what: &str, wanted: impl Fn(&LinkState) -> bool) {
    let mut state = handle.state();
    let reached = tokio::time::timeout(std::time::Duration::from_secs(20), state.wait_for(wanted)).await;
    assert!(reached.is_ok(), "never seen: {what}; it is {:?}", handle.state().borrow());
}

#[tokio::test]
async fn the_journal_is_drained_and_goes_on_as_it_grows() {
    let place = place(&[]).await;
    let runner = Runner::with(100);
    let (handle, running) = run(&place, &runner, &place.address);
    until(&handle, "everything accepted", |state| {
        matches!(state, LinkState::Connected { accepted: 100, waiting: 0, generation: 7, clock_ahead_ms: 0, .. })
    })
    .await;
    runner.state().journal = 130;
    handle.journal_grew(130);
    until(&handle, "the growth accepted", |state| matches!(state, LinkState::Connected { accepted: 130, .. })).await;
    shut_down(&handle, running).await;
    place.control_plane.until("a goodbye", |state| matches!(state.heard.last(), Some(FromRunner::Goodbye(_)))).await;
    assert_eq!(place.control_plane.state().kept, (0..130).collect::<Vec<_>>());
    assert_eq!(runner.state().accepted, 130);
    assert_eq!(place.control_plane.state().sessions.len(), 1);
}

#[tokio::test]
async fn a_wire_that_is_cut_in_mid_stream_loses_and_repeats_nothing() {
    let place = place(&[]).await;
    let runner = Runner::with(400);
    // Handshakes take about 4 KiB; the cuts fall into handshakes, greetings and reports.
    let relay = super::relay::cutting(&place.address, vec![700, 5_000, 9_000, 16_000, 30_000]).await;
    let (handle, running) = run(&place, &runner, &relay);
    let kept = |place: &Place| place.control_plane.state().kept.len();
    while kept(&place) < 400 {
        // The wait between attempts is the machine's business and tested there.
        handle.retry_now();
        tokio::task::yield_now().await;
    }
    until(&handle, "everything released", |state| matches!(state, LinkState::Connected { accepted: 400, .. })).await;
    shut_down(&handle, running).await;
    assert_eq!(place.control_plane.state().kept, (0..400).collect::<Vec<_>>());
    assert_eq!(runner.state().accepted, 400);
    let sessions = place.control_plane.state().sessions.clone();
    assert!(sessions.len() > 2, "the wire was cut within sessions: {}", sessions.len());
    let epochs: std::collections::HashSet<_> = sessions.iter().map(|seen| seen.hello.epoch).collect();
    assert_eq!(epochs.len(), sessions.len(), "each session has its own epoch");
}

#[tokio::test]
async fn a_control_plane_that_leaves_is_come_back_to() {
    let place = place(&[Manner::LeaveAfter(1), Manner::LeaveAfter(1)]).await;
    let runner = Runner::with(5);
    let (handle, running) = run(&place, &runner, &place.address);
    until(&handle, "a wait", |state| matches!(state, LinkState::Waiting { why, .. } if why.code == "E-LINK-020")).await;
    while place.control_plane.state().kept.len() < 5 {
        handle.retry_now();
        tokio::task::yield_now().await;
    }
    shut_down(&handle, running).await;
}

#[tokio::test]
async fn an_error_of_the_control_plane_is_told_from_a_wire_that_is_cut() {
    for code in [tonic::Code::ResourceExhausted, tonic::Code::Internal, tonic::Code::Unavailable] {
        let place = place(&[Manner::Fault(code)]).await;
        let (handle, running) = run(&place, &Runner::with(5), &place.address);
        until(&handle, "a status", |state| {
            matches!(state, LinkState::Waiting { why, .. } if why.code == "E-LINK-024" && why.text.contains("E-GATEWAY-003"))
        })
        .await;
        handle.retry_now();
        until(&handle, "the drain", |state| matches!(state, LinkState::Connected { accepted: 5, .. })).await;
        shut_down(&handle, running).await;
    }
}

#[tokio::test]
async fn revoked_and_locked_runners_stop() {
    for (reason, code) in [(StopReason::Revoked, "E-LINK-030"), (StopReason::Locked, "E-LINK-031")] {
        let place = place(&[Manner::Stop(reason)]).await;
        let (handle, running) = run(&place, &Runner::with(0), &place.address);
        let Finished::Stopped(error) = running.await.unwrap() else { panic!() };
        assert_eq!(error.code(), code);
        assert!(matches!(&*handle.state().borrow(), LinkState::Stopped { why } if why.code == code));
    }
}

#[tokio::test]
async fn a_runner_of_another_authority_is_told_so() {
    let place = place(&[]).await;
    let stranger = ControlPlane::new(&place.clock);
    let identity = let_in(&stranger, &place.tls, &place.address);
    let runner = Runner::with(3);
    let (link, handle) = Link::new(identity, runner, direct(), shared(&place.clock), entropy());
    let running = tokio::spawn(link.run());
    until(&handle, "a refusal", |state| matches!(state, LinkState::Waiting { why, .. } if why.code == "E-LINK-017"))
        .await;
    shut_down(&handle, running).await;
    assert!(place.control_plane.state().sessions.is_empty());
}

#[tokio::test]
async fn a_fault_of_the_store_ends_the_session_and_the_next_one_goes_on() {
    for panics in [false, true] {
        let place = place(&[]).await;
        let runner = Runner::with(5);
        (runner.state().fails, runner.state().panics) = (!panics, panics);
        let (handle, running) = run(&place, &runner, &place.address);
        let code = "E-LINK-090";
        until(&handle, "a wait", |state| matches!(state, LinkState::Waiting { why, .. } if why.code == code)).await;
        handle.retry_now();
        until(&handle, "the rest", |state| matches!(state, LinkState::Connected { accepted: 5, .. })).await;
        shut_down(&handle, running).await;
    }
}

#[tokio::test]
async fn a_run_is_requested_and_an_answer_without_credit_is_cancelled_at_the_end() {
    let place = place(&[]).await;
    place.control_plane.state().script = Some(Box::new(|hello| {
        vec![
            FromControlPlane::RunRequest(RunRequest { epoch: hello.epoch, ..run_request(9) }),
            FromControlPlane::DrillDown(drill_down()),
        ]
    }));
    let runner = Runner::with(0);
    runner.state().frames = 40;
    let (handle, running) = run(&place, &runner, &place.address);
    place
        .control_plane
        .until("the start of an answer", |state| {
            state.heard.iter().any(|heard| matches!(heard, FromRunner::SealedStart(_)))
        })
        .await;
    assert_eq!(runner.state().sealed, 0, "nothing is sealed without credit");
    assert_eq!(runner.state().runs, [request(9)]);
    shut_down(&handle, running).await;
    assert_eq!(runner.state().cancelled, [request(1)]);
}

#[tokio::test]
async fn frames_arrive_in_order_with_the_receipt_behind_the_last() {
    let place = place(&[]).await;
    place.control_plane.state().script = Some(Box::new(|_| vec![FromControlPlane::DrillDown(drill_down())]));
    place.control_plane.state().grant = 1000;
    let runner = Runner::with(0);
    runner.state().frames = 40;
    let (handle, running) = run(&place, &runner, &place.address);
    place
        .control_plane
        .until("a receipt", |state| state.heard.iter().any(|heard| matches!(heard, FromRunner::Receipt(_))))
        .await;
    shut_down(&handle, running).await;
    let heard = &place.control_plane.state().heard;
    let frames: Vec<_> = heard
        .iter()
        .filter_map(
            |heard| if let FromRunner::SealedFrame(frame) = heard { Some((frame.index, frame.last)) } else { None },
        )
        .collect();
    assert_eq!(frames, (0..40).map(|index| (index, index == 39)).collect::<Vec<_>>());
    assert_eq!(runner.state().sealed, 40);
    assert!(runner.state().cancelled.is_empty());
}
