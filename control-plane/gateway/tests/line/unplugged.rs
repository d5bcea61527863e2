//! A session without a socket, as a simulation drives it.

use clock::Clock;
use contract::{Accepted, FromControlPlane, FromRunner, Goodbye, StopReason};
use crypto::SystemEntropy;
use ids::RequestId;

use crate::runner::{Runner, alive};
use crate::world::World;

fn stop_of(said: &[FromControlPlane]) -> Option<StopReason> {
    match said.last() {
        Some(FromControlPlane::Stop(stop)) => Some(stop.reason),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_in_messages_out() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    runner.write(&world, 4);
    let mut session = world.gateway.session(runner.chain.clone());
    assert_eq!(session.pending().await, vec![], "nothing is said before Hello");
    let said = session.receive(FromRunner::Hello(runner.hello())).await;
    assert!(matches!(said.as_slice(), [FromControlPlane::Welcome(_)]), "{said:?}");
    let reports = (0..4).map(|seq| FromRunner::Report(runner.report(seq))).collect();
    let said = session.receive_batch(reports).await;
    assert_eq!(said, vec![FromControlPlane::Accepted(Accepted { accepted: 4 })], "one commit, one answer");
    // Order is kept where reports and other messages stand beside one another.
    let mixed = vec![
        FromRunner::Report(runner.report(0)),
        alive(world.clock.now()),
        FromRunner::Report(runner.report(3)),
        FromRunner::Goodbye(Goodbye {}),
        FromRunner::Report(runner.report(0)),
    ];
    let said = session.receive_batch(mixed).await;
    assert_eq!(said, vec![FromControlPlane::Accepted(Accepted { accepted: 4 }); 2]);
    assert!(session.ended());
    session.close().await;
    assert_eq!(session.receive(alive(world.clock.now())).await, vec![]);
    assert_eq!(world.gateway.counters().snapshot().sessions, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_verified_here_too() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let other = Runner::enrolled(&world).await;
    let mut cut = runner.chain.clone();
    cut[0].pop();
    let mixed = vec![runner.chain[0].clone(), other.chain[0].clone()];
    for chain in [vec![], cut, mixed, vec![runner.chain[1].clone()]] {
        let mut session = world.gateway.session(chain);
        let said = session.receive(FromRunner::Hello(runner.hello())).await;
        assert_eq!(stop_of(&said), Some(StopReason::Protocol), "{said:?}");
        assert!(session.ended());
    }
    world.clock.advance_ms(25 * 3_600_000);
    let mut session = world.gateway.session(runner.chain.clone());
    let said = session.receive(FromRunner::Hello(runner.hello())).await;
    assert_eq!(stop_of(&said), Some(StopReason::Expired));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_a_session_and_any_message_breaks_it() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let mut session = world.gateway.session(runner.chain.clone());
    session.receive(FromRunner::Hello(runner.hello())).await;
    for _ in 0..5 {
        world.clock.advance_ms(44_000);
        session.pending().await;
        assert!(!session.ended());
        session.receive(alive(world.clock.now())).await;
    }
    world.clock.advance_ms(46_000);
    assert_eq!(session.pending().await, vec![], "there is nobody to tell");
    assert!(session.ended());
    session.close().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_frames_that_nobody_asked_for_go_nowhere() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let mut session = world.gateway.session(runner.chain.clone());
    session.receive(FromRunner::Hello(runner.hello())).await;
    let request = RequestId::from_parts(1, crypto::entropy::random_bytes(&SystemEntropy::new()));
    let ciphertext = contract::Sealed::new(vec![7; 64]).unwrap();
    let frame = contract::SealedFrame { request, index: 0, ciphertext, last: false };
    let said = session.receive(FromRunner::SealedFrame(frame)).await;
    let cancelled = matches!(said.as_slice(), [FromControlPlane::DrillDownCancel(cancel)] if cancel.request == request);
    assert!(cancelled || stop_of(&said) == Some(StopReason::Protocol), "{said:?}");
    session.close().await;
    world.stop().await;
}
