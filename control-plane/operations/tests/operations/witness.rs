//! Each side countersigns the other's log, and only what it has seen grow.

use contract::{
    AuditCosignature, AuditForkSeen, FromControlPlane, FromRunner, JournalCheckpoint, NoteText, StopReason,
};
use proof::checkpoint::{Checkpoint, audit_origin};
use proof::cosignature::{Witness, verify_cosignature};
use proof::log::journal::TreeHead;
use proof::log::witness;
use verdict::Status;

use crate::support::{FakeRunner, RunSpec, World, words};

/// What the Runner does with a checkpoint that it is shown.
fn follow(
    world: &World,
    runner: &mut FakeRunner,
    key: &proof::note::VerifierKey,
    shown: &contract::AuditCheckpoint,
) -> NoteText {
    let kept = TreeHead { size: runner.audit.0, root: runner.audit.1 };
    let kept = (kept.size > 0).then_some(kept);
    let mut note = shown.note.note();
    let head = witness::follow(kept.as_ref(), &note, key, shown.from_size, &shown.proof).unwrap();
    runner.audit = (head.size, head.root);
    let name = proof::checkpoint::runner_witness(runner.name.tenant, runner.name.runner);
    witness::cosign(&mut note, &Witness { name: &name, key: &runner.witness_key }, world.now());
    NoteText::new(note.to_text()).unwrap()
}

#[tokio::test]
async fn the_audit_log_is_shown_as_it_grows_and_cosigned() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    let key = world.ops.audit_key(&acme.owner).await.unwrap();
    for round in 0..4_u8 {
        assert_eq!(world.ops.sign_checkpoints().await.unwrap(), 1);
        assert_eq!(world.ops.sign_checkpoints().await.unwrap(), 0, "signing makes the log no longer");
        world.advance_seconds(10);
        let messages = world.ops.pending(&mut session).await.unwrap();
        let [FromControlPlane::AuditCheckpoint(shown)] = &messages[..] else { panic!("{round}: {messages:?}") };
        assert_eq!(shown.from_size, runner.audit.0);
        let note = follow(&world, &mut runner, &key, shown);
        let message = FromRunner::AuditCosignature(AuditCosignature { note });
        world.ops.line().receive(&mut session, message.clone()).await.unwrap();
        world.ops.line().receive(&mut session, message).await.unwrap();
        assert_eq!(world.ops.pending(&mut session).await.unwrap(), [], "nothing newer");
        let newest = world.ops.audit_checkpoint(&acme.owner).await.unwrap();
        let name = proof::checkpoint::runner_witness(acme.id, runner.name.runner);
        let witness = Witness { name: &name, key: &runner.witness_key }.verifier_key();
        verify_cosignature(&newest, &witness).unwrap();
        runner.attest(world.now(), &RunSpec::new(round, Status::Pass));
        world.ops.line().accept_reports(&mut session, runner.reports.clone()).await.unwrap();
    }
    assert_eq!(world.alarms(&acme).await, Vec::<&str>::new());
    let report = world.ops.verify_audit(acme.id).await.unwrap();
    assert_eq!((report.checkpoints, report.cosignatures), (4, 4));
}

#[tokio::test]
async fn a_cosignature_over_another_tree_is_an_alarm_and_is_not_kept() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    world.ops.sign_checkpoints().await.unwrap();
    let ours = world.ops.audit_checkpoint(&acme.owner).await.unwrap();
    let name = proof::checkpoint::runner_witness(acme.id, runner.name.runner);
    let stranger = crypto::ed25519::SigningKey::generate(&world.entropy);
    let mut wrong_key = ours.clone();
    witness::cosign(&mut wrong_key, &Witness { name: &name, key: &stranger }, world.now());
    // The Runner's own word, but about a tree that never was.
    let other = Checkpoint { origin: audit_origin(acme.id), size: 3, root: crypto::digest::sha256(b"another tree") };
    let mut other_tree = other.sign(&stranger).unwrap();
    witness::cosign(&mut other_tree, &Witness { name: &name, key: &runner.witness_key }, world.now());
    for note in [wrong_key, other_tree] {
        let note = NoteText::new(note.to_text()).unwrap();
        let message = FromRunner::AuditCosignature(AuditCosignature { note });
        world.ops.line().receive(&mut session, message).await.unwrap();
    }
    assert_eq!(world.alarms(&acme).await, ["audit_cosignature_differs"]);
    assert_eq!(world.ops.verify_audit(acme.id).await.unwrap().cosignatures, 0);
}

#[tokio::test]
async fn a_fork_that_a_runner_saw_is_recorded_and_nothing_more_is_shown() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    world.ops.sign_checkpoints().await.unwrap();
    let shown = world.ops.audit_checkpoint(&acme.owner).await.unwrap();
    let shown = NoteText::new(shown.to_text()).unwrap();
    let kept_root = crypto::digest::sha256(b"another tree");
    let seen = FromRunner::AuditForkSeen(AuditForkSeen { kept_size: 3, kept_root, shown });
    world.ops.line().receive(&mut session, seen).await.unwrap();
    assert_eq!(world.alarms(&acme).await, ["audit_fork_seen"]);
    assert_eq!(world.logged(&acme, "audit.fork_reported").await, 1);
    world.advance_seconds(60);
    assert_eq!(world.ops.pending(&mut session).await.unwrap(), []);
}

#[tokio::test]
async fn a_journal_checkpoint_is_cosigned_when_its_records_are_here() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
    let (mut session, _) = world.connect(&mut runner).await.unwrap();
    let ahead = FromRunner::JournalCheckpoint(JournalCheckpoint { note: runner.checkpoint() });
    assert_eq!(
        world.ops.line().receive(&mut session, ahead.clone()).await.unwrap(),
        [],
        "its records are on their way"
    );
    let answer = world.ops.line().accept_reports(&mut session, runner.reports.clone()).await.unwrap();
    assert_eq!(words(&answer), ["accepted", "journal_cosignature"]);
    let FromControlPlane::JournalCosignature(cosigned) = &answer[1] else { panic!() };
    let keys = world.ops.tenant_keys(acme.id).await.unwrap();
    verify_cosignature(&cosigned.note.note(), &keys.witness).unwrap();
    // Shown again: the same answer, also later.
    world.advance_seconds(60);
    let again = world.ops.line().receive(&mut session, ahead).await.unwrap();
    assert_eq!(again, answer[1..]);
}

#[tokio::test]
async fn a_journal_checkpoint_over_another_tree_locks_and_is_kept_as_proof() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut fork = runner.cloned(&world.entropy);
    runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
    fork.attest(world.now(), &RunSpec::new(2, Status::Fail));
    let mut session = world.connected(&mut runner).await;
    let note = fork.checkpoint();
    let message = FromRunner::JournalCheckpoint(JournalCheckpoint { note: note.clone() });
    let error = world.ops.line().receive(&mut session, message).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Locked, "E-LINE-041"));
    let mut alarms = world.alarms(&acme).await;
    alarms.sort();
    assert_eq!(alarms, ["checkpoint_differs", "journal_forked"]);
    let page = control_plane_domain::list::Page::first();
    let alarms = world.ops.list_alarms(&acme.owner, true, &page).await.unwrap().items;
    assert!(alarms.iter().all(|alarm| alarm.evidence.as_deref() == Some(note.as_str().as_bytes())));
}

#[tokio::test]
async fn a_checkpoint_that_the_runner_did_not_sign_ends_the_session() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    runner.journal_key = crypto::ed25519::SigningKey::generate(&world.entropy);
    let message = FromRunner::JournalCheckpoint(JournalCheckpoint { note: runner.checkpoint() });
    let error = world.ops.line().receive(&mut session, message).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Protocol, "E-LINE-040"));
    assert_eq!(world.alarms(&acme).await, Vec::<&str>::new(), "nobody vouched for it, so it proves nothing");
}

#[tokio::test]
async fn an_export_verifies_offline() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    let key = world.ops.audit_key(&acme.owner).await.unwrap();
    let mut export = world.ops.export_audit(&acme.owner).await.unwrap();
    assert_eq!(export.file_name(), format!("{}.audit.zip", acme.id));
    let mut archive = Vec::new();
    while let Some(piece) = export.next().await.unwrap() {
        archive.extend(piece);
    }
    assert!(archive.len() > 1_000);
    assert_eq!(world.logged(&acme, "audit.exported").await, 1);
    let trust = proof::verification::Trust { audit_keys: vec![key], ..Default::default() };
    let report = proof::export::verify(std::io::Cursor::new(archive.clone()), &trust);
    assert_eq!(report.verdict, proof::verification::Verdict::Verified, "{report:?}");
    let at = archive.windows(5).position(|window| window == b"token").unwrap();
    archive[at] = b'T';
    let report = proof::export::verify(std::io::Cursor::new(archive), &trust);
    assert_eq!(report.verdict, proof::verification::Verdict::Refused);
    world.ops.pending(&mut session).await.unwrap();
}
