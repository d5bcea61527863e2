use std::sync::Arc;

use clock::{Clock, ManualClock};
use tokio::task::JoinHandle;

use super::control_plane::{ControlPlane, Manner, hang_up};
use super::pki::Tls;
use super::relay::in_turn;
use super::runner::Runner;
use super::{clock, direct, entropy, let_in, shared};
use crate::address::Address;
use crate::handle::{Handle, LinkState};
use crate::identity::Identity;
use crate::identity::tests::{Authority, now};
use crate::link::{Finished, Link};

const HOUR: i64 = 3_600_000;

struct Place {
    control_plane: Arc<ControlPlane>,
    tls: Tls,
    clock: Arc<ManualClock>,
    runner: Arc<Runner>,
    identity: Identity,
}

/// A Runner whose certificate is `hours` old.
async fn place(manners: &[Manner], hours: i64) -> Place {
    let clock = clock();
    let control_plane = ControlPlane::new(&clock);
    control_plane.state().manners.extend(manners);
    let tls = Tls { from: now().plus_ms(hours * HOUR), ..Tls::new() };
    let line = control_plane.serve_line(&tls).await;
    let enrolment: Address = control_plane.serve_enrolment(&tls).await;
    let mut identity = let_in(&control_plane, &tls, &line);
    identity.enrolment_address = enrolment;
    clock.advance_ms(hours * HOUR);
    Place { control_plane, tls, clock, runner: Runner::with(3), identity }
}

fn run(place: &Place, identity: Identity) -> (Handle, JoinHandle<Finished>) {
    let runner = Arc::clone(&place.runner);
    let (link, handle) = Link::new(identity, runner, direct(), shared(&place.clock), entropy());
    (handle, tokio::spawn(link.run()))
}

/// Waits until the certificate of this generation is welcomed, and what is to be kept of that is kept.
async fn in_use(handle: &Handle, wanted: u64) {
    let mut state = handle.state();
    let welcomed = |state: &LinkState| matches!(state, LinkState::Connected { generation, accepted: 3, .. } if *generation == wanted);
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), state.wait_for(welcomed)).await;
    assert!(waited.is_ok(), "never in use; it is {:?}", handle.state().borrow());
}

async fn shut_down(handle: &Handle, running: JoinHandle<Finished>) {
    handle.shut_down();
    assert_eq!(running.await.unwrap(), Finished::ShutDown);
}

#[tokio::test]
async fn a_certificate_is_renewed_after_half_of_its_life() {
    let place = place(&[], 14).await;
    let (handle, running) = run(&place, place.identity.clone());
    place.control_plane.until("a second session", |state| state.sessions.len() == 2).await;
    in_use(&handle, 8).await;
    shut_down(&handle, running).await;
    let sessions = place.control_plane.state().sessions.clone();
    assert_eq!([sessions[0].hello.generation, sessions[1].hello.generation], [7, 8]);
    assert_ne!(sessions[0].key, sessions[1].key, "a renewed certificate has a new key");
    let kept = place.runner.kept();
    assert_eq!((kept.generation(), kept.tls_key_digest()), (8, sessions[1].key));
    assert!(kept.next.is_none() && kept.pending.is_none(), "the old one is forgotten once the new one is welcomed");
    assert!(kept.not_after() > place.identity.not_after());
    assert_eq!(place.control_plane.state().renewals.len(), 1);
}

#[tokio::test]
async fn a_clock_that_is_ahead_does_not_renew_without_end() {
    // The control plane's certificates begin when they are issued, half of their life ago by this host's clock.
    let place = place(&[], 14).await;
    place.control_plane.state().issues_hours_ago = 13;
    let (handle, running) = run(&place, place.identity.clone());
    in_use(&handle, 8).await;
    // A renewal would be asked for before this report is read.
    place.runner.state().journal = 4;
    handle.journal_grew(4);
    place.control_plane.until("one more report", |state| state.kept.len() == 4).await;
    shut_down(&handle, running).await;
    assert_eq!(place.control_plane.state().renewals.len(), 1);
    assert_eq!(place.control_plane.state().sessions.len(), 2);
}

#[tokio::test]
async fn a_young_certificate_is_left_alone() {
    let place = place(&[], 11).await;
    let (handle, running) = run(&place, place.identity.clone());
    place.control_plane.until("the reports", |state| state.kept.len() == 3).await;
    shut_down(&handle, running).await;
    assert!(place.control_plane.state().renewals.is_empty());
    assert!(place.runner.state().identities.is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_request_also_after_a_restart() {
    let place = place(&[Manner::SwallowRenewal], 14).await;
    let (handle, running) = run(&place, place.identity.clone());
    place.control_plane.until("a request", |state| state.renewals.len() == 1).await;
    shut_down(&handle, running).await;
    let kept = place.runner.kept();
    assert_eq!(kept.generation(), 7, "the old certificate stays in use");
    let (handle, running) = run(&place, kept);
    place.control_plane.until("the new one in use", |state| state.sessions.last().unwrap().hello.generation == 8).await;
    shut_down(&handle, running).await;
    let renewals = place.control_plane.state().renewals.clone();
    assert!(renewals.len() >= 2 && renewals.iter().all(|request| *request == renewals[0]));
}

#[tokio::test]
async fn a_crash_in_any_phase_goes_on_from_what_was_kept() {
    let place = place(&[], 14).await;
    let (handle, running) = run(&place, place.identity.clone());
    in_use(&handle, 8).await;
    shut_down(&handle, running).await;
    let kept = place.runner.state().identities.clone();
    // Prepared, adopted, about to be opened, welcomed.
    assert_eq!(kept.len(), 4);
    for bytes in kept {
        let identity = Identity::from_bytes(&crypto::Secret::new(bytes), &entropy()).unwrap();
        let before = place.control_plane.state().sessions.len();
        let (handle, running) = run(&place, identity);
        let wanted = |state: &super::control_plane::State| {
            state.sessions.len() > before && state.sessions.last().unwrap().hello.generation == 8
        };
        place.control_plane.until("the new one in use", wanted).await;
        shut_down(&handle, running).await;
    }
}

/// With a renewed certificate of this authority in hand, which no session was opened with.
fn adopted(place: &Place, authority: &Authority) -> Identity {
    adopted_for(place, authority, 24)
}

fn adopted_for(place: &Place, authority: &Authority, hours: i64) -> Identity {
    let prepared = place.identity.prepared(&entropy());
    let request = &prepared.pending.as_ref().unwrap().request;
    let chain = authority.issue(request, &prepared.name().to_string(), place.clock.now(), hours);
    prepared.adopted(chain, 8, place.clock.now()).unwrap()
}

/// As a process that starts anew reads it.
fn after_a_crash(identity: &Identity) -> Identity {
    Identity::from_bytes(&identity.to_bytes(), &entropy()).unwrap()
}

/// The control plane does not know the authority of the renewed certificate: the old one is used, and kept.
async fn gives_way(place: &Place, identity: Identity) {
    let (handle, running) = run(place, identity);
    place.control_plane.until("the old one in use", |state| !state.sessions.is_empty()).await;
    shut_down(&handle, running).await;
    assert_eq!(place.control_plane.state().sessions[0].hello.generation, 7);
    let kept = place.runner.kept();
    assert!(kept.generation() == 7 && kept.next.is_none());
    assert!(place.control_plane.state().renewals.is_empty(), "it is not asked for again at once");
}

/// Waits until the link waits because of this, which comes again and again.
async fn refused(handle: &Handle, code: &str) {
    let mut state = handle.state();
    let refused = |state: &LinkState| matches!(state, LinkState::Waiting { why, .. } if why.code == code);
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), state.wait_for(refused)).await.is_ok();
    assert!(waited, "{code} never came; it is {:?}", handle.state().borrow());
}

/// The certificate is refused again and again, and stays.
async fn stays(place: &Place, identity: Identity, code: &str) {
    let kept_before = place.runner.state().identities.len();
    let (handle, running) = run(place, identity);
    refused(&handle, code).await;
    shut_down(&handle, running).await;
    assert_eq!(place.runner.state().identities.len(), kept_before, "another certificate is shown");
}

#[tokio::test]
async fn a_new_certificate_that_is_refused_at_its_first_use_gives_way_to_the_old_one() {
    let place = place(&[], 14).await;
    gives_way(&place, adopted(&place, &Authority::new())).await;
    // About to be opened, refused.
    assert_eq!(place.runner.state().identities.len(), 2);
}

#[tokio::test]
async fn a_crash_before_a_new_certificate_is_refused_shuts_nobody_out() {
    let place = place(&[], 14).await;
    let opened = adopted(&place, &Authority::new()).opening();
    gives_way(&place, after_a_crash(&opened)).await;
    assert_eq!(place.runner.state().identities.len(), 1);
}

#[tokio::test]
async fn a_line_that_is_cut_before_a_new_certificate_is_refused_shuts_nobody_out() {
    let mut place = place(&[], 14).await;
    let cut = hang_up(place.tls.config(None, &place.clock)).await;
    place.identity.line_address = in_turn(&cut, &place.identity.line_address).await;
    gives_way(&place, adopted(&place, &Authority::new())).await;
    assert_eq!(place.runner.state().identities.len(), 2);
}

/// A session may have been opened with it whose Welcome was lost; then the old one would be taken for a copy's.
#[tokio::test]
async fn a_new_certificate_stays_while_its_authority_and_the_old_ones_is_unknown() {
    let place = place(&[], 14).await;
    let renewed = adopted(&place, &place.control_plane.authority).opening();
    let stranger = ControlPlane::new(&place.clock);
    let line_address = stranger.serve_line(&place.tls).await;
    stays(&place, after_a_crash(&Identity { line_address, ..renewed }), "E-LINK-017").await;
}

#[tokio::test]
async fn a_new_certificate_that_was_welcomed_never_gives_way() {
    let place = place(&[], 14).await;
    let (handle, running) = run(&place, place.identity.clone());
    in_use(&handle, 8).await;
    shut_down(&handle, running).await;
    let stranger = ControlPlane::new(&place.clock);
    let line_address = stranger.serve_line(&place.tls).await;
    stays(&place, Identity { line_address, ..place.runner.kept() }, "E-LINK-017").await;
}

/// It expired before its refusal was read.
#[tokio::test]
async fn a_new_certificate_of_another_authority_that_nobody_recovers_gives_way_to_the_old_one() {
    let place = place(&[], 14).await;
    place.control_plane.state().refusal = Some("E-ENROL-020");
    let opened = adopted_for(&place, &Authority::new(), 1).opening();
    place.clock.advance_ms(2 * HOUR);
    gives_way(&place, after_a_crash(&opened)).await;
    assert_eq!(place.control_plane.state().recoveries.len(), 1);
}

#[tokio::test]
async fn what_gave_way_in_a_recovery_is_followed_by_a_recovery_of_the_old_one() {
    let place = place(&[], 14).await;
    place.control_plane.state().refusal = Some("E-ENROL-020");
    let opened = adopted_for(&place, &Authority::new(), 1).opening();
    place.clock.advance_ms(16 * HOUR);
    let (handle, running) = run(&place, after_a_crash(&opened));
    refused(&handle, "E-LINK-061").await;
    shut_down(&handle, running).await;
    let [new, old] = <[_; 2]>::try_from(place.control_plane.state().recoveries.clone()).expect("two recoveries");
    assert_eq!([&new.certificate, &old.certificate], [&opened.chain()[0], &place.identity.chain()[0]]);
    assert_ne!(new.certificate_request, old.certificate_request, "each is asked for with its own key");
}

#[tokio::test]
async fn a_new_certificate_of_the_same_authority_that_nobody_recovers_stays() {
    let place = place(&[], 14).await;
    place.control_plane.state().refusal = Some("E-ENROL-020");
    let opened = adopted_for(&place, &place.control_plane.authority, 1).opening();
    place.clock.advance_ms(2 * HOUR);
    stays(&place, after_a_crash(&opened), "E-LINK-061").await;
}

#[tokio::test]
async fn an_expired_certificate_is_recovered_with_the_same_key() {
    let place = place(&[], 100).await;
    let (handle, running) = run(&place, place.identity.clone());
    place.control_plane.until("a session", |state| state.sessions.len() == 1).await;
    shut_down(&handle, running).await;
    let state = place.control_plane.state();
    assert_eq!(state.sessions[0].key, place.identity.tls_key_digest());
    assert_eq!(state.sessions[0].hello.generation, 8);
    let recovery = &state.recoveries[0];
    assert_eq!(recovery.certificate, place.identity.chain()[0]);
    let sha256 = crypto::digest::sha256(recovery.certificate_request.as_bytes());
    assert_eq!(place.runner.state().recoveries, [(sha256, 7)], "the statement names the request and the generation");
    assert_eq!(place.runner.kept().generation(), 8);
}

#[tokio::test]
async fn a_recovery_that_is_refused_says_why() {
    for (told, code, stops) in [
        ("E-ENROL-008", "E-LINK-030", true),
        ("E-ENROL-009", "E-LINK-031", true),
        ("E-ENROL-012", "E-LINK-034", false),
        ("E-ENROL-022", "E-LINK-061", false),
    ] {
        let place = place(&[], 100).await;
        place.control_plane.state().refusal = Some(told);
        let (handle, running) = run(&place, place.identity.clone());
        let mut state = handle.state();
        let told_so = |state: &LinkState| match state {
            LinkState::Waiting { why, .. } => !stops && why.code == code,
            LinkState::Stopped { why } => stops && why.code == code,
            LinkState::Off | LinkState::Connecting { .. } | LinkState::Connected { .. } => false,
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(20), state.wait_for(told_so)).await.is_ok();
        assert!(waited, "{told}: it is {:?}", handle.state().borrow());
        handle.shut_down();
        assert_eq!(matches!(running.await.unwrap(), Finished::Stopped(_)), stops);
    }
}
