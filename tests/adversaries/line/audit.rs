//! An audit log that was rewritten, forked or cut is seen, kept as proof, told, and stops drill-downs.

use contract::{AuditCheckpoint, Condition, Digest, FromControlPlane, FromRunner, NoteText};
use crypto::ed25519;
use proof::checkpoint::{Checkpoint, audit_origin, journal_origin};
use proof::merkle;
use tests::until;

use super::next;
use crate::evil::{Scene, Session, Table};

/// Size and root that are shown, and the proof that is said to lead there from a size.
type Shown = fn(&Session) -> (u64, Digest, u64, Vec<Digest>);

#[test]
fn an_audit_log_that_was_rewritten_is_seen_and_stops_every_drill_down() {
    let mut scene = Scene::new();
    let mut table = Table::new("Audit logs of another history");
    let mut session = scene.session();
    let attempts: [(&str, Shown); 4] = [
        ("rewritten: the same length, another root", |it| {
            (it.hello.audit_size, digest(1), it.hello.audit_size, vec![])
        }),
        ("forked: grown from another history", |it| {
            (it.hello.audit_size + 5, digest(2), it.hello.audit_size, vec![digest(3), digest(4)])
        }),
        ("forked: grown, and nothing proves it", |it| {
            (it.hello.audit_size + 1, digest(5), it.hello.audit_size, vec![])
        }),
        ("shrunk: restored from an older backup", |it| {
            (it.hello.audit_size - 1, digest(6), it.hello.audit_size, vec![])
        }),
    ];
    for (tried, attempt) in attempts {
        let (size, root, from_size, proof) = attempt(&session);
        assert!(session.hello.audit_size > 1, "the Runner keeps a checkpoint");
        let kept = session.hello.audit_size;
        let forks = scene.records("audit.fork_seen").len();
        show(&scene, &session, &scene.evil.keys.audit, size, root, from_size, proof);
        let seen = session.until("that the fork was seen", |message| match message {
            FromRunner::AuditForkSeen(seen) => Some(seen.clone()),
            FromRunner::AuditCosignature(_) => panic!("{tried}: it was cosigned"),
            _ => None,
        });
        assert_eq!(seen.kept_size, kept, "{tried}");
        session.until("the condition", |message| match message {
            FromRunner::Alive(alive) => (alive.condition == Condition::ForkSeen).then_some(()),
            _ => None,
        });
        let forged = scene.changed(&session, |_| {});
        assert_eq!(scene.refusal(&mut session, tried, &forged), "E-DRILL-011", "{tried}");
        scene.no_answer_but(&mut session, &[]);
        assert_eq!(scene.records("audit.fork_seen").len(), forks + 1, "{tried}");
        table.row(tried, "E-DRILL-011", "journal, both notes kept");
        // It stands over a restart, until somebody looked into it.
        session = next(&mut scene, session);
        assert_eq!(session.hello.condition, Condition::ForkSeen, "{tried}");
        let reason = ["journal", "acknowledge-fork", "--reason", "it was the evil control plane"];
        let _ = scene.line.runner.run(&reason).with_code(0);
        session = next(&mut scene, session);
    }
    assert!(scene.records("evidence.opened").is_empty());
    scene.nothing_came_out();
    table.print();
}

#[test]
fn a_checkpoint_that_the_pinned_key_did_not_sign_ends_the_session() {
    let mut scene = Scene::new();
    let mut table = Table::new("Audit checkpoints by other keys");
    let mut session = scene.session();
    let other = ed25519::SigningKey::from_seed([7; 32]);
    let keys = std::sync::Arc::clone(&scene.evil.keys);
    let origin = audit_origin(scene.tenant);
    let attempts = [
        ("signed with another key", origin.clone(), &other),
        ("signed with the witness key", origin.clone(), &keys.witness),
        ("of another tenant's log", audit_origin(ids::TenantId::from_bytes([5; 16])), &keys.audit),
        ("of the journal", journal_origin(scene.tenant, scene.runner), &keys.audit),
    ];
    for (tried, origin, key) in attempts {
        let checkpoint = Checkpoint { origin, size: session.hello.audit_size, root: session.hello.audit_root };
        let note = NoteText::try_from(&checkpoint.sign(key).unwrap()).unwrap();
        let before = scene.line.runner_log().len();
        let from_size = session.hello.audit_size;
        session.say(FromControlPlane::AuditCheckpoint(AuditCheckpoint { note, from_size, proof: vec![] }));
        session.until_it_hangs_up();
        let cosigned = session.heard.iter().any(|message| matches!(message, FromRunner::AuditCosignature(_)));
        assert!(!cosigned, "{tried}: it was cosigned");
        until(tried, || scene.line.runner_log().get(before..).unwrap().contains("E-LINK-022").then_some(()));
        assert!(scene.line.runner_log().get(before..).unwrap().contains("E-VAULT-029"), "{tried}");
        table.row(tried, "E-VAULT-029", "log; the session ends with E-LINK-022");
        session = next(&mut scene, session);
        assert_eq!(session.hello.condition, Condition::Ready, "{tried}");
    }
    table.print();
}

/// The log that goes on from what the Runner keeps is cosigned: what is refused above is not refused for another reason.
#[test]
fn a_log_that_goes_on_is_cosigned() {
    let scene = Scene::new();
    let mut session = scene.session();
    let (size, root) = (session.hello.audit_size, session.hello.audit_root);
    // The same checkpoint again needs no proof.
    show(&scene, &session, &scene.evil.keys.audit, size, root, size, vec![]);
    session.until("a cosignature", |message| matches!(message, FromRunner::AuditCosignature(_)).then_some(()));
    assert_ne!(merkle::empty_root(), root);
}

fn show(
    scene: &Scene,
    session: &Session,
    key: &ed25519::SigningKey,
    size: u64,
    root: Digest,
    from_size: u64,
    proof: Vec<Digest>,
) {
    let checkpoint = Checkpoint { origin: audit_origin(scene.tenant), size, root };
    let note = NoteText::try_from(&checkpoint.sign(key).unwrap()).unwrap();
    session.say(FromControlPlane::AuditCheckpoint(AuditCheckpoint { note, from_size, proof }));
}

fn digest(byte: u8) -> Digest {
    Digest::from_slice(&[byte; 32]).unwrap()
}
