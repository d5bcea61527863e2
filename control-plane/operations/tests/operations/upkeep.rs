//! What happens because time passes can happen at any time, in any process, as often as one likes.

use control_plane_domain::policy::{self, Permission, Role};
use control_plane_operations::Swept;

use crate::support::World;

#[tokio::test]
async fn upkeep_of_nothing_does_nothing_and_a_fresh_tenant_gets_its_first_checkpoint() {
    let world = World::new().await;
    assert_eq!(world.ops.sweep().await.unwrap(), Swept::default());
    assert_eq!(world.ops.sign_checkpoints().await.unwrap(), 0);
    let acme = world.tenant("acme").await;
    world.tenant("umbrella").await;
    let other = world.replica().await;
    let (a, b) = tokio::join!(world.ops.sign_checkpoints(), other.sign_checkpoints());
    assert_eq!(a.unwrap() + b.unwrap(), 2, "two processes, one checkpoint a tenant");
    assert_eq!(world.ops.sweep().await.unwrap(), Swept::default());
    assert_eq!(world.ops.flush_presence().await.unwrap(), 0);
    let checkpoint = world.ops.audit_checkpoint(&acme.owner).await.unwrap();
    let key = world.ops.audit_key(&acme.owner).await.unwrap();
    assert_eq!(proof::checkpoint::Checkpoint::open(&checkpoint, &key).unwrap().size, 2);
}

/// A month after a session nobody knows from where it was, and who signed in last is still known.
#[tokio::test]
async fn where_people_were_is_forgotten_after_a_month() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, caller) = world.at_console(&acme, Role::Viewer).await;
    let signed_in = world.now();
    world.ops.end_session(&caller, caller.session().unwrap()).await.unwrap();
    let row = async || world.ops.get_person(&acme.owner, ada.id).await.unwrap();
    assert_eq!((row().await.signed_in, row().await.second_factor), (Some(signed_in), true));
    world.advance_seconds(30 * 86_400 + 12 * 3_600);
    assert_eq!(world.ops.sweep().await.unwrap().sessions, 0);
    let permit = policy::system(acme.id, Permission::Upkeep).unwrap();
    let kept = async || {
        let tx = world.ops.store().read(&permit).await.unwrap();
        (tx.session(caller.session().unwrap()).await.unwrap(), tx.is_network_known("192.0.2.1").await.unwrap())
    };
    assert!(matches!(kept().await, (Some(session), true) if session.address == "192.0.2.1"));
    world.advance_seconds(1);
    assert_eq!(world.ops.sweep().await.unwrap().sessions, 1);
    assert_eq!(kept().await, (None, false), "no trace of where she was");
    assert_eq!(row().await.signed_in, Some(signed_in));
    assert_eq!(world.ops.sweep().await.unwrap().sessions, 0);
}

#[tokio::test]
async fn sessions_of_a_control_plane_that_was_killed_are_forgotten() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let session = world.connected(&mut runner).await;
    assert_eq!(world.ops.flush_presence().await.unwrap(), 1);
    let id = runner.name.runner;
    drop(session);
    let world = world.restarted().await;
    assert!(world.ops.get_runner(&acme.owner, id).await.unwrap().presence.connected, "nobody said otherwise");
    assert_eq!(world.ops.forget_sessions().await.unwrap(), 1);
    assert_eq!(world.ops.forget_sessions().await.unwrap(), 0);
    assert!(!world.ops.get_runner(&acme.owner, id).await.unwrap().presence.connected);
    world.connected(&mut runner).await;
    assert!(world.ops.get_runner(&acme.owner, id).await.unwrap().presence.connected);
}

/// The futures of operations run on any thread.
#[tokio::test]
async fn operations_are_send() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    send(world.ops.pending(&mut session)).await.unwrap();
    send(world.ops.line().accept_reports(&mut session, Vec::new())).await.unwrap();
    let goodbye = contract::FromRunner::Goodbye(contract::Goodbye {});
    send(world.ops.line().receive(&mut session, goodbye)).await.unwrap();
    send(world.ops.sweep()).await.unwrap();
    send(world.ops.sign_checkpoints()).await.unwrap();
    let mut export = send(world.ops.export_audit(&acme.owner)).await.unwrap();
    send(export.next()).await.unwrap();
    send(world.ops.enrol(&runner.enrol_request(&world.token(&acme).await), crate::support::ADDRESS)).await;
    send(world.ops.recover(&runner.recover_request(world.now()), crate::support::ADDRESS)).await;
    send(world.ops.ended(session)).await;
}
