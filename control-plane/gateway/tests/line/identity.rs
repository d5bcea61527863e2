//! Who gets in, and who is one too many.

use contract::{FromControlPlane, FromRunner, StopReason};
use control_plane_authority::{CertificateRequest, TenantAuthority};
use crypto::SystemEntropy;
use rcgen::{CertificateParams, KeyPair};

use crate::runner::{Conversation, Failure, Runner, connect};
use crate::world::World;

/// A certificate of an authority of the test's own.
fn issued_by(authority: &TenantAuthority, key: &KeyPair, world: &World, runner: &Runner) -> Vec<Vec<u8>> {
    let request = CertificateParams::default().serialize_request(key).unwrap();
    let request = CertificateRequest::parse(request.der()).unwrap();
    let now = clock::Clock::now(&*world.clock);
    authority.issue(&request, runner.name.runner, &SystemEntropy::new(), now).unwrap().chain
}

/// The connection is refused, at the latest when it is used.
async fn refused(world: &World, chain: &[Vec<u8>], key: &KeyPair) -> bool {
    match connect(world, chain, key).await {
        Err(Failure::Connection | Failure::Status(_)) => true,
        Ok(mut conversation) => conversation.from.message().await.is_err(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_not_the_runners_do_not_get_to_say_anything() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let now = clock::Clock::now(&*world.clock);
    let own_authority = TenantAuthority::create(runner.name.tenant, &SystemEntropy::new(), now).unwrap();
    let other = crate::world::tenant(&world.operations, "Other Ltd").await;
    let other_authority = TenantAuthority::create(other.tenant(), &SystemEntropy::new(), now).unwrap();
    let key = KeyPair::generate().unwrap();
    let made_up = issued_by(&own_authority, &key, &world, &runner);
    let of_other = issued_by(&other_authority, &key, &world, &runner);
    assert!(refused(&world, &[], &key).await, "no certificate");
    assert!(refused(&world, &made_up, &key).await, "an authority of one's own");
    assert!(refused(&world, &of_other, &key).await, "an authority of one's own, of another tenant");
    assert!(refused(&world, &[runner.chain[0].clone()], &key).await, "without its key");
    runner.session(&world).await;
    world.clock.advance_ms(25 * 3_600_000);
    assert!(refused(&world, &runner.chain, &runner.tls).await, "expired");
    let counters = world.gateway.counters();
    world.stop().await;
    let counted = counters.snapshot();
    assert_eq!(counted.sessions_opened, 1, "{counted:?}");
    // The client may try more than once.
    for (code, least) in [("E-GATEWAY-020", 1), ("E-GATEWAY-021", 1), ("E-GATEWAY-022", 3)] {
        assert!(counted.refusals.get(code).is_some_and(|count| *count >= least), "{code}: {counted:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_expires_between_handshake_and_hello_opens_nothing() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let mut conversation = runner.connect(&world).await.unwrap();
    world.clock.advance_ms(25 * 3_600_000);
    conversation.say(FromRunner::Hello(runner.hello())).await;
    assert_eq!(conversation.hear_end().await.unwrap().reason, StopReason::Expired);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_session_replaces_the_older() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    runner.write(&world, 1);
    let mut first = runner.session(&world).await;
    let mut second = runner.session(&world).await;
    assert_eq!(first.hear_end().await.unwrap().reason, StopReason::Replaced);
    second.say(FromRunner::Report(runner.report(0))).await;
    second.hear_accepted(1).await;
    assert_eq!(world.gateway.counters().snapshot().takeovers, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_keep_replacing_one_another_lock_the_runner_and_cut_both() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let mut sessions: Vec<Conversation> = vec![runner.session(&world).await];
    for _ in 0..3 {
        sessions.push(runner.session(&world).await);
    }
    let mut last = runner.connect(&world).await.unwrap();
    last.say(FromRunner::Hello(runner.hello())).await;
    assert_eq!(last.hear_end().await.unwrap().reason, StopReason::Locked);
    let mut live = sessions.pop().unwrap();
    let reason = live.hear_end().await.unwrap().reason;
    assert!(matches!(reason, StopReason::Locked | StopReason::Replaced), "{reason:?}");
    for mut session in sessions {
        assert_eq!(session.hear_end().await.unwrap().reason, StopReason::Replaced);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_holds_one_session_at_a_time() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let config = crate::runner::client(&world, Some((&runner.chain, &runner.tls)));
    let channel = crate::runner::channel(world.line, config).await.unwrap();
    let mut first = crate::runner::converse(channel.clone()).await.unwrap();
    first.say(FromRunner::Hello(runner.hello())).await;
    assert!(matches!(first.hear().await, Some(FromControlPlane::Welcome(_))));
    match crate::runner::converse(channel).await {
        Err(Failure::Status(status)) => assert_eq!(status.code(), tonic::Code::ResourceExhausted),
        other => panic!("{:?}", other.err()),
    }
    world.stop().await;
}
