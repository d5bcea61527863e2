//! Sessions begin, are replaced, are cut, and end.

use contract::{Condition, FromControlPlane, Mark, StopReason, version::Version};
use control_plane_domain::runner::{LockReason, RunnerState};
use crypto::Digest;
use verdict::Status;

use crate::support::{RunSpec, World, words};

#[tokio::test]
async fn a_first_hello_is_welcomed_and_the_certificate_comes_into_force() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let (session, messages) = world.connect(&mut runner).await.unwrap();
    let [FromControlPlane::Welcome(welcome)] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!((welcome.accepted, welcome.accepted_head, welcome.now), (0, Digest::ZERO, world.now()));
    assert_eq!(world.logged(&acme, "runner.certificate_activated").await, 1);
    world.ops.ended(session).await;
    world.connect(&mut runner).await.unwrap();
    assert_eq!(world.logged(&acme, "runner.certificate_activated").await, 1);
}

#[tokio::test]
async fn incompatible_versions_and_wrong_generations_are_told_so() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let runner = world.runner(&acme).await;
    let peer = world.peer(&runner);
    let mut hello = runner.hello(&world.entropy);
    hello.version = Version { major: 9, minor: 0 };
    assert_eq!(world.ops.hello(&peer, &hello).await.unwrap_err().stop, StopReason::Version);
    let mut hello = runner.hello(&world.entropy);
    hello.generation = 5;
    let error = world.ops.hello(&peer, &hello).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Protocol, "E-LINE-011"));
    world.advance_seconds(86_401);
    let error = world.ops.hello(&peer, &runner.hello(&world.entropy)).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Expired, "E-LINE-001"));
    assert_eq!(world.logged(&acme, "runner.certificate_activated").await, 0);
}

#[tokio::test]
async fn a_certificate_that_the_database_does_not_know_opens_nothing() {
    let world = World::new().await;
    let (acme, umbrella) = (world.tenant("acme").await, world.tenant("umbrella").await);
    let runner = world.runner(&acme).await;
    let mut peer = world.peer(&runner);
    peer.fingerprint = crypto::digest::sha256(b"another certificate");
    assert_eq!(world.ops.hello(&peer, &runner.hello(&world.entropy)).await.unwrap_err().stop, StopReason::Revoked);
    let mut peer = world.peer(&runner);
    peer.name.tenant = umbrella.id;
    assert_eq!(world.ops.hello(&peer, &runner.hello(&world.entropy)).await.unwrap_err().stop, StopReason::Revoked);
    let other = world.runner(&acme).await;
    let mut peer = world.peer(&runner);
    peer.fingerprint = world.peer(&other).fingerprint;
    assert_eq!(world.ops.hello(&peer, &runner.hello(&world.entropy)).await.unwrap_err().stop, StopReason::Revoked);
}

#[tokio::test]
async fn a_newer_session_replaces_the_older_and_its_end_does_not_touch_the_newer() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut first = world.connected(&mut runner).await;
    let begun = world.now();
    world.advance_seconds(60);
    let mut second = world.connected(&mut runner).await;
    let error = world.ops.pending(&mut first).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Replaced, "E-LINE-050"));
    let since = async || world.ops.runner_page(&acme.owner, runner.name.runner).await.unwrap().connected_since;
    assert_eq!(since().await, Some(begun), "there was no break");
    world.ops.ended(first).await;
    world.ops.pending(&mut second).await.unwrap();
    let id = runner.name.runner;
    assert!(world.ops.get_runner(&acme.owner, id).await.unwrap().presence.connected);
    world.ops.flush_presence().await.unwrap();
    assert_eq!(since().await, Some(begun), "also once it was written down");
    world.ops.ended(second).await;
    assert!(!world.ops.get_runner(&acme.owner, id).await.unwrap().presence.connected);
    assert_eq!(since().await, None);
    assert_eq!(world.ops.flush_presence().await.unwrap(), 1);
    assert_eq!(world.ops.flush_presence().await.unwrap(), 0);
    let other = world.replica().await;
    let seen = other.get_runner(&acme.owner, id).await.unwrap().presence;
    assert!(!seen.connected && seen.last_seen == Some(world.now()));
}

#[tokio::test]
async fn two_that_keep_replacing_one_another_are_locked() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut thief = runner.cloned(&world.entropy);
    let mut live = world.connected(&mut runner).await;
    let mut takeovers = 0;
    let error = loop {
        world.advance_seconds(5);
        let turn = if takeovers % 2 == 0 { &mut thief } else { &mut runner };
        match world.connect(turn).await {
            Ok((session, _)) => live = session,
            Err(error) => break error,
        }
        takeovers += 1;
        assert!(takeovers < 10, "nobody noticed");
    };
    assert_eq!(takeovers, 3);
    assert_eq!((error.stop, error.code), (StopReason::Locked, "E-LINE-005"));
    assert_eq!(world.alarms(&acme).await, ["taken_over"]);
    assert_eq!(world.ops.pending(&mut live).await.unwrap_err().stop, StopReason::Replaced);
    let state = world.ops.get_runner(&acme.owner, runner.name.runner).await.unwrap().state;
    assert!(matches!(state, RunnerState::Locked { reason: LockReason::TakenOver, .. }));
}

/// The network cuts without a word, again and again: the same process comes back, and says so.
#[tokio::test]
async fn a_network_that_cuts_silently_locks_nobody_out() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    drop(world.connected(&mut runner).await);
    let mark = |number: u8| Mark::from_bytes([number; 16]);
    let again = async |own: u8, before: &[u8]| {
        let mut hello = runner.hello(&world.entropy);
        hello.mark = Some(mark(own));
        hello.marks_before = before.iter().map(|number| mark(*number)).collect();
        world.ops.hello(&world.peer(&runner), &hello).await.map(drop)
    };
    for cut in 1..50 {
        world.advance_seconds(1);
        // Each second Hello is lost on the way.
        let before = [cut - 1, 200, cut];
        again(cut, &before[..2]).await.unwrap();
    }
    assert!(world.alarms(&acme).await.is_empty());
    // Marks that were guessed, or of sessions that are long gone, help nobody.
    let mut refused = None;
    for thief in 0..5 {
        world.advance_seconds(1);
        refused = again(100 + thief, &[1, 2, 3, 48, 250]).await.err();
    }
    assert_eq!(refused.map(|error| error.stop), Some(StopReason::Locked));
    assert_eq!(world.alarms(&acme).await, ["taken_over"]);
}

#[tokio::test]
async fn revocation_ends_the_stream_at_the_next_look_also_of_one_that_floods() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    world.ops.pending(&mut session).await.unwrap();
    let id = runner.name.runner;
    let listener = world.ops.nudges().listen(acme.id, id);
    world.ops.revoke_runner(&acme.owner, id, "sold".parse().unwrap()).await.unwrap();
    listener.nudged().await;
    assert_eq!(world.ops.pending(&mut session).await.unwrap_err().stop, StopReason::Revoked);
    let next = runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
    let error = world.ops.line().accept_reports(&mut session, vec![next]).await.unwrap_err();
    assert_eq!(error.stop, StopReason::Revoked);
    assert_eq!(world.connect(&mut runner).await.unwrap_err().stop, StopReason::Revoked);
}

#[tokio::test]
async fn a_revocation_by_another_process_is_seen_within_seconds() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    world.ops.pending(&mut session).await.unwrap();
    let other = world.replica().await;
    other.revoke_runner(&acme.owner, runner.name.runner, "sold".parse().unwrap()).await.unwrap();
    world.advance_seconds(2);
    assert_eq!(world.ops.pending(&mut session).await.unwrap_err().stop, StopReason::Revoked);
}

#[tokio::test]
async fn a_session_ends_with_its_certificate() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    world.advance_seconds(86_401);
    let error = world.ops.pending(&mut session).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Expired, "E-LINE-001"));
}

#[tokio::test]
async fn a_journal_that_was_put_back_is_welcomed_with_what_is_kept_and_locked() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let backup = runner.cloned(&world.entropy);
    runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
    let session = world.connected(&mut runner).await;
    world.ops.ended(session).await;
    let error = world.ops.hello(&world.peer(&backup), &backup.hello(&world.entropy)).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Locked, "E-LINE-008"));
    let [FromControlPlane::Welcome(welcome)] = &error.before[..] else { panic!("{:?}", words(&error.before)) };
    assert_eq!((welcome.accepted, welcome.accepted_head), (2, runner.chain.prev()));
    assert_eq!(world.alarms(&acme).await, ["journal_rolled_back"]);
}

#[tokio::test]
async fn a_journal_with_another_head_is_a_fork() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut fork = runner.cloned(&world.entropy);
    runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
    runner.attest(world.now(), &RunSpec::new(2, Status::Pass));
    let session = world.connected(&mut runner).await;
    world.ops.ended(session).await;
    fork.attest(world.now(), &RunSpec::new(3, Status::Pass));
    let error = world.connect(&mut fork).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Locked, "E-LINE-008"));
    assert_eq!(world.alarms(&acme).await, ["journal_forked"], "shorter, and another history");
}

#[tokio::test]
async fn a_runner_that_keeps_another_audit_log_raises_an_alarm_here() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    runner.audit = (1_000, crypto::digest::sha256(b"a longer log"));
    let (mut session, _) = world.connect(&mut runner).await.unwrap();
    assert_eq!(world.alarms(&acme).await, ["audit_fork_seen"]);
    // It is shown what there is, so that it holds the proof.
    world.ops.sign_checkpoint(acme.id).await.unwrap();
    let messages = world.ops.pending(&mut session).await.unwrap();
    assert_eq!(words(&messages), ["audit_checkpoint"]);
    runner.condition = Condition::ForkSeen;
    let (mut session, _) = world.connect(&mut runner).await.unwrap();
    assert_eq!(words(&world.ops.pending(&mut session).await.unwrap()), Vec::<&str>::new());
}
