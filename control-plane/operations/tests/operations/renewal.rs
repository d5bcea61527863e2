//! Certificates are renewed in two phases, and a second holder of an identity is found.

use contract::{FromControlPlane, FromRunner, Renew, StopReason};
use control_plane_domain::runner::{LockReason, RunnerState, Standing};
use control_plane_operations::Session;

use crate::support::{FakeRunner, Tenancy, World, words};

async fn renew(world: &World, session: &mut Session, message: &Renew) -> Vec<FromControlPlane> {
    world.ops.line().receive(session, FromRunner::Renew(message.clone())).await.unwrap()
}

fn take(runner: &mut FakeRunner, tls: rcgen::KeyPair, answer: &[FromControlPlane]) {
    let [FromControlPlane::Renewed(renewed)] = answer else { panic!("{answer:?}") };
    runner.tls = tls;
    runner.take(&renewed.chain, renewed.generation);
}

async fn lock_reason(world: &World, tenant: &Tenancy, runner: &FakeRunner) -> Option<LockReason> {
    match world.ops.get_runner(&tenant.owner, runner.name.runner).await.unwrap().state {
        RunnerState::Locked { reason, .. } => Some(reason),
        RunnerState::Pending | RunnerState::Active { .. } | RunnerState::Revoked { .. } => None,
    }
}

#[tokio::test]
async fn both_certificates_are_good_until_the_new_one_is_used() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    let (tls, message) = runner.renewal();
    let lost = renew(&world, &mut session, &message).await;
    world.ops.ended(session).await;

    // The answer was lost: the old certificate still opens a session, and the same request gets the same answer.
    let mut session = world.connected(&mut runner).await;
    let answer = renew(&world, &mut session, &message).await;
    assert_eq!(answer, lost);
    assert_eq!(world.logged(&acme, "runner.certificate_renewed").await, 1);
    world.ops.ended(session).await;

    let old = runner.cloned(&world.entropy);
    take(&mut runner, tls, &answer);
    assert_eq!(runner.held.as_ref().unwrap().generation, 2);
    let mut session = world.connected(&mut runner).await;
    assert_eq!(world.logged(&acme, "runner.certificate_activated").await, 2);
    // The same request once more, from the new session: still no new certificate.
    assert_eq!(renew(&world, &mut session, &message).await.len(), 1);

    // The old one is dead from here on, and whoever shows it locks the Runner and cuts the live stream.
    let error = world.ops.hello(&world.peer(&old), &old.hello(&world.entropy)).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Locked, "E-LINE-006"));
    assert_eq!(lock_reason(&world, &acme, &runner).await, Some(LockReason::GenerationReused));
    assert_eq!(world.alarms(&acme).await, ["generation_reused"]);
    let error = world.ops.pending(&mut session).await.unwrap_err();
    assert_eq!(error.stop, StopReason::Locked);
}

#[tokio::test]
async fn a_renewal_needs_a_new_key_and_a_good_request() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    let same_key =
        Renew { certificate_request: contract::DerRequest::new(runner.request.clone()).unwrap(), generation: 1 };
    let answer = renew(&world, &mut session, &same_key).await;
    assert!(matches!(&answer[..], [FromControlPlane::RenewRefused(refused)] if refused.code.as_str() == "E-LINE-032"));
    let mut broken = runner.renewal().1;
    broken.certificate_request = contract::DerRequest::new(vec![0x30, 0x03, 1, 1, 1]).unwrap();
    let answer = renew(&world, &mut session, &broken).await;
    assert!(matches!(&answer[..], [FromControlPlane::RenewRefused(refused)] if refused.code.as_str() == "E-LINE-030"));
    assert_eq!(world.logged(&acme, "runner.certificate_renewed").await, 0);
}

#[tokio::test]
async fn two_who_both_renew_are_found_when_the_second_one_comes_with_its_certificate() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut thief = runner.cloned(&world.entropy);
    let mut session = world.connected(&mut runner).await;
    let (tls, message) = runner.renewal();
    let answer = renew(&world, &mut session, &message).await;
    take(&mut runner, tls, &answer);
    world.ops.ended(session).await;

    // The thief renews from the same generation before the new certificate was used: the first one is given up.
    let mut session = world.connected(&mut thief).await;
    let (tls, message) = thief.renewal();
    let answer = renew(&world, &mut session, &message).await;
    take(&mut thief, tls, &answer);
    world.ops.ended(session).await;

    let error = world.connect(&mut runner).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Locked, "E-LINE-006"));
    assert_eq!(world.connect(&mut thief).await.unwrap_err().stop, StopReason::Locked, "both are out");
    assert_eq!(world.alarms(&acme).await, ["generation_reused"]);
}

#[tokio::test]
async fn a_renewal_from_a_generation_that_is_not_in_force_locks() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut old_session = world.connected(&mut runner).await;
    let late = runner.renewal().1;
    let (tls, message) = runner.renewal();
    let answer = renew(&world, &mut old_session, &message).await;
    take(&mut runner, tls, &answer);
    world.connected(&mut runner).await;
    let error = world.ops.line().receive(&mut old_session, FromRunner::Renew(late)).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Locked, "E-LINE-031"));
    assert_eq!(lock_reason(&world, &acme, &runner).await, Some(LockReason::RenewalConflict));
}

#[tokio::test]
async fn an_administrator_unlocks_and_the_certificate_in_force_is_believed() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    let old = runner.cloned(&world.entropy);
    let (tls, message) = runner.renewal();
    let answer = renew(&world, &mut session, &message).await;
    take(&mut runner, tls, &answer);
    world.ops.ended(session).await;
    world.connected(&mut runner).await;
    world.ops.hello(&world.peer(&old), &old.hello(&world.entropy)).await.unwrap_err();
    assert_eq!(world.connect(&mut runner).await.unwrap_err().stop, StopReason::Locked);

    let id = runner.name.runner;
    let engineer = world.person(&acme, control_plane_domain::policy::Role::Engineer).await;
    let why: proof::text::FreeText = "the copied machine was destroyed".parse().unwrap();
    assert!(world.ops.unlock_runner(&engineer, id, why.clone()).await.is_err());
    world.ops.unlock_runner(&acme.owner, id, why.clone()).await.unwrap();
    let (_, messages) = world.connect(&mut runner).await.unwrap();
    assert_eq!(words(&messages), ["welcome"]);
    let error = world.ops.unlock_runner(&acme.owner, id, why).await.unwrap_err();
    assert!(matches!(error, control_plane_operations::Error::RunnerIs(Standing::Active)));
    assert_eq!(world.logged(&acme, "runner.unlocked").await, 1);
}
