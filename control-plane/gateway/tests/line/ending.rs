//! How sessions end.

use std::time::Duration;

use clock::{Clock, SystemClock};
use contract::{FromRunner, Goodbye, StopReason};
use control_plane_operations::{Operations, Parts, Settings};

use crate::runner::Runner;
use crate::world::World;

/// How long a revoked Runner may go on, by `architecture.md`.
const CUT_MS: u64 = 5_000;

async fn revoke(world: &World, runner: &Runner) {
    let why = "left the company".parse().unwrap();
    world.operations.revoke_runner(&world.owner, runner.name.runner, why).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_cuts_a_silent_session() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let mut session = runner.session(&world).await;
    let clock = SystemClock::new();
    revoke(&world, &runner).await;
    assert_eq!(session.hear_end().await.unwrap().reason, StopReason::Revoked);
    assert!(clock.monotonic_ms() < CUT_MS, "{} ms", clock.monotonic_ms());
    let mut again = runner.connect(&world).await.unwrap();
    again.say(FromRunner::Hello(runner.hello())).await;
    assert_eq!(again.hear_end().await.unwrap().reason, StopReason::Revoked);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_cuts_a_session_that_floods() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    runner.write(&world, 50);
    let mut session = runner.session(&world).await;
    let sender = session.sender();
    let flood: Vec<_> = (0..50).map(|seq| proto::FromRunner::from(FromRunner::Report(runner.report(seq)))).collect();
    let flooding = tokio::spawn(async move {
        let mut sent = 0_u64;
        for report in flood.iter().cycle() {
            if sender.send(report.clone()).await.is_err() {
                return sent;
            }
            sent += 1;
        }
        sent
    });
    session.hear_accepted(50).await;
    let clock = SystemClock::new();
    revoke(&world, &runner).await;
    assert_eq!(session.hear_end().await.unwrap().reason, StopReason::Revoked);
    assert!(clock.monotonic_ms() < CUT_MS, "{} ms", clock.monotonic_ms());
    drop(session);
    assert!(flooding.await.unwrap() > 50);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_cuts_a_session_that_does_not_read() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    runner.write(&world, 1);
    let session = runner.session(&world).await;
    // Signs of life are not answered, reports are: this session asks for answers and never reads one.
    let sender = session.sender();
    let report = proto::FromRunner::from(FromRunner::Report(runner.report(0)));
    let flooding = tokio::spawn(async move { while sender.send(report.clone()).await.is_ok() {} });
    let clock = SystemClock::new();
    revoke(&world, &runner).await;
    // The stream is closed under the flood, read or not.
    tokio::time::timeout(Duration::from_millis(CUT_MS), flooding).await.expect("cut within five seconds").unwrap();
    assert!(clock.monotonic_ms() < CUT_MS, "{} ms", clock.monotonic_ms());
    drop(session);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_by_another_replica_is_found_without_a_nudge() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let mut session = runner.session(&world).await;
    // Another process on the same database: it knows nothing of the sessions here.
    let parts = Parts {
        store: world.operations.store().clone(),
        authority: std::sync::Arc::clone(world.operations.authority()),
        clock: std::sync::Arc::clone(world.operations.clock()),
        entropy: crypto::SystemEntropy::new(),
        settings: Settings::new("127.0.0.1:8442".parse().unwrap()),
    };
    let clock = SystemClock::new();
    let why = "left the company".parse().unwrap();
    Operations::new(parts).revoke_runner(&world.owner, runner.name.runner, why).await.unwrap();
    // What was read of the log's size a moment ago serves for a second of the clock; it has to move.
    world.clock.advance_ms(1_500);
    assert_eq!(session.hear_end().await.unwrap().reason, StopReason::Revoked);
    assert!(clock.monotonic_ms() < CUT_MS, "{} ms", clock.monotonic_ms());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_certificate() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let mut session = runner.session(&world).await;
    world.clock.advance_ms(25 * 3_600_000);
    assert_eq!(session.hear_end().await.unwrap().reason, StopReason::Expired);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_falls_silent_is_let_go_and_one_that_says_goodbye_too() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let mut silent = runner.session(&world).await;
    world.clock.advance_ms(46_000);
    assert_eq!(silent.hear_end().await, None);
    let mut leaving = runner.session(&world).await;
    leaving.say(FromRunner::Goodbye(Goodbye {})).await;
    assert_eq!(leaving.hear_end().await, None);
    // Who left did not lose its place to a twin: coming back is no takeover.
    for _ in 0..6 {
        let mut session = runner.session(&world).await;
        session.say(FromRunner::Goodbye(Goodbye {})).await;
        assert_eq!(session.hear_end().await, None);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_say_hello_is_let_go() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let mut conversation = runner.connect(&world).await.unwrap();
    world.clock.advance_ms(11_000);
    assert_eq!(conversation.hear_end().await, None);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_server_tells_each_session_when_to_come_back() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let mut session = runner.session(&world).await;
    let clock = SystemClock::new();
    world.shutdown.cancel();
    let stop = session.hear_end().await.unwrap();
    assert_eq!(stop.reason, StopReason::ShuttingDown);
    assert!((1..=15).contains(&stop.retry_after_seconds), "{stop:?}");
    world.stop().await;
    assert!(clock.monotonic_ms() < 10_000, "{} ms", clock.monotonic_ms());
}
