//! What the store keeps for the line: reports in order, how far they were taken, and what both sides vouch for.

use crypto::digest::sha256;
use crypto::{Digest, Secret, SystemEntropy, ed25519, p256};
use ids::RequestId;
use proof::checkpoint::{Checkpoint, audit_origin, control_plane_witness};
use proof::cosignature::{Witness, verify_cosignature};
use proof::log::journal::MissReason;
use proof::merkle::Tree;
use proof::note::{KeyName, SignedNote};
use verdict::Trigger;

use super::{Bed, procedure, time};
use crate::*;

/// A control plane: its keys, and an audit log whose records are numbers.
struct Other {
    drilldown: p256::SigningKey,
    audit: ed25519::SigningKey,
    witness: ed25519::SigningKey,
    origin: KeyName,
    name: KeyName,
}

impl Other {
    fn of(bed: &Bed) -> Self {
        Self {
            drilldown: p256::SigningKey::generate(&SystemEntropy::new()),
            audit: ed25519::SigningKey::from_seed([1; 32]),
            witness: ed25519::SigningKey::from_seed([2; 32]),
            origin: audit_origin(bed.tenant),
            name: control_plane_witness(bed.tenant),
        }
    }

    fn pins(&self) -> ControlPlanePins {
        let empty = Checkpoint { origin: self.origin.clone(), size: 0, root: Digest::ZERO };
        ControlPlanePins {
            drilldown: self.drilldown.verifying_key(),
            audit: empty.verifier_key(&self.audit),
            witness: Witness { name: &self.name, key: &self.witness }.verifier_key(),
        }
    }

    fn log(seed: u8, size: u8) -> Tree {
        Tree::new((0..size).map(|n| if n < 3 { sha256(&[n]) } else { sha256(&[seed, n]) }).collect())
    }

    fn checkpoint(&self, tree: &Tree, size: u64) -> SignedNote {
        Checkpoint { origin: self.origin.clone(), size, root: tree.root() }.sign(&self.audit).unwrap()
    }

    fn cosign(&self, note: &SignedNote) -> SignedNote {
        let mut note = note.clone();
        note.add(Witness { name: &self.name, key: &self.witness }.cosign(&note, time("2026-11-21T21:00:00.000Z")));
        note
    }
}

#[test]
fn every_record_is_reported_once_in_its_order() {
    let bed = Bed::enrolled();
    let mut vault = bed.create();
    bed.finished_run(&mut vault, 1);
    bed.finished_run(&mut vault, 2);
    let (size, head) = vault.journal_head().unwrap();
    let all = vault.reports(0, 100, u64::MAX).unwrap();
    assert_eq!(all.len() as u64, size);
    assert_eq!(sha256(all.last().unwrap().line.as_bytes()), head);
    let attested = all[2].attested.as_ref().unwrap();
    assert!(all[2].line.contains(&sha256(&attested.envelope).to_string()));
    assert!(all[1].attested.is_none());
    // Cut by number and by bytes, never to nothing.
    assert_eq!(vault.reports(1, 2, u64::MAX).unwrap().iter().map(|r| r.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(vault.reports(2, 9, 1).unwrap().iter().map(|r| r.seq).collect::<Vec<_>>(), [2]);
    assert!(vault.reports(size, 9, u64::MAX).unwrap().is_empty());

    let bytes = |records: &[ReportRecord]| {
        let of = |run: &AttestedRun| run.manifest.len() + run.envelope.len();
        records.iter().map(|r| r.line.len() + r.attested.as_ref().map_or(0, of)).sum::<usize>() as u64
    };
    assert_eq!(vault.waiting().unwrap(), Waiting { records: size, bytes: bytes(&all) });
    assert_eq!(vault.accepted(3, Some(sha256(all[2].line.as_bytes()))).unwrap(), Acceptance::Kept);
    assert_eq!(vault.waiting().unwrap(), Waiting { records: size - 3, bytes: bytes(&all[3..]) });
    // It never moves back.
    assert_eq!(vault.accepted(1, None).unwrap(), Acceptance::Kept);
    assert_eq!(vault.accepted_size().unwrap(), 3);
    bed.finished_run(&mut vault, 3);
    let more = vault.reports(3, 100, u64::MAX).unwrap();
    assert_eq!(vault.waiting().unwrap().bytes, bytes(&more));
    drop(vault);
    let vault = bed.open();
    assert_eq!((vault.accepted_size().unwrap(), vault.waiting().unwrap().bytes), (3, bytes(&more)));
    // Before enrolment there is nobody to wait for.
    let alone = Bed::new();
    let mut vault = alone.create();
    alone.finished_run(&mut vault, 1);
    assert_eq!(vault.waiting().unwrap(), Waiting::default());
}

#[test]
fn a_control_plane_that_has_more_or_other_records_means_rollback_also_after_a_restart() {
    for other_head in [false, true] {
        let bed = Bed::enrolled();
        let mut vault = bed.create();
        bed.finished_run(&mut vault, 1);
        let size = vault.journal_size().unwrap();
        let told = if other_head { (2, Some(Digest::ZERO)) } else { (size + 1, None) };
        assert_eq!(vault.accepted(told.0, told.1).unwrap(), Acceptance::RolledBack);
        assert_eq!(vault.begin_run(&bed.start(2)).unwrap_err().code(), "E-VAULT-016");
        assert_eq!(vault.accepted_size().unwrap(), 0);
        drop(vault);
        let mut vault = bed.open();
        let Condition::Rollback(why) = vault.condition().clone() else { panic!("it is forgotten") };
        assert!(why.contains("the control plane has"), "{why}");
        vault.acknowledge_rollback("the other store is lost".parse().unwrap()).unwrap();
        drop(vault);
        let mut vault = bed.open();
        bed.finished_run(&mut vault, 2);
        assert_eq!(vault.verify_journal().unwrap().gaps, 1);
    }
}

#[test]
fn keys_of_a_control_plane_are_pinned_once_and_sealed() {
    let bed = Bed::enrolled();
    let mut vault = bed.create();
    let (one, two) = (Other::of(&bed), Other::of(&bed));
    assert_eq!(vault.control_plane_pins().unwrap(), None);
    vault.pin_control_plane(&one.pins()).unwrap();
    vault.pin_control_plane(&one.pins()).unwrap();
    assert_eq!(vault.pin_control_plane(&two.pins()).unwrap_err().code(), "E-VAULT-019");
    let strange = ControlPlanePins { audit: one.pins().witness, ..one.pins() };
    assert_eq!(vault.pin_control_plane(&strange).unwrap_err().code(), "E-VAULT-024");
    vault.set_link_identity(&Secret::new(b"identity".to_vec())).unwrap();
    vault.set_application(&Secret::new(b"application".to_vec())).unwrap();
    assert!(vault.rotate(|_| std::ops::ControlFlow::Continue(())).unwrap());
    drop(vault);
    let mut vault = bed.open();
    assert_eq!(vault.control_plane_pins().unwrap(), Some(one.pins()));
    assert_eq!(vault.link_identity().unwrap().unwrap().expose(), b"identity");
    vault.remove_application().unwrap();
    assert!(vault.application().unwrap().is_none());
    // One sealed value does not stand in for another.
    vault
        .db
        .execute(
            "UPDATE sealed_value SET sealed = (SELECT sealed FROM sealed_value WHERE name = 'link.identity') \
             WHERE name = 'control-plane.keys'",
            [],
        )
        .unwrap();
    assert_eq!(vault.control_plane_pins().unwrap_err().code(), "E-VAULT-013");
}

#[test]
fn statements_are_signed_and_attestations_and_receipts_are_not() {
    let bed = Bed::enrolled();
    let vault = bed.create();
    let envelope = vault.sign_statement("application/vnd.example", b"{}").unwrap();
    let keys = [proof::dsse::PublicKey::P256(vault.attestation_key())];
    envelope.verify("application/vnd.example", &[proof::dsse::Role { name: "runner", keys: &keys }]).unwrap();
    for reserved in [proof::attestation::PAYLOAD_TYPE, proof::drilldown::RECEIPT_TYPE] {
        assert_eq!(vault.sign_statement(reserved, b"{}").unwrap_err().code(), "E-VAULT-024");
    }
}

#[test]
fn a_cosigned_checkpoint_goes_into_proofs_and_outlives_its_store() {
    let bed = Bed::enrolled();
    let mut vault = bed.create();
    let other = Other::of(&bed);
    vault.pin_control_plane(&other.pins()).unwrap();
    bed.finished_run(&mut vault, 1);
    let signed = vault.checkpoint().unwrap();
    assert_eq!(vault.journal_cosigned(&signed).unwrap_err().code(), "E-VAULT-029");
    let old = std::fs::read(bed.files().store).unwrap();
    let cosigned = other.cosign(&signed);
    assert_eq!(vault.journal_cosigned(&cosigned).unwrap(), Cosigned::Kept);
    bed.finished_run(&mut vault, 2);
    let proof = vault.inclusion(2).unwrap();
    assert_eq!(proof.checkpoint, cosigned);
    let line = vault.journal_line(2).unwrap().line;
    let leaf = proof::merkle::leaf_hash(line.as_bytes());
    assert_eq!(proof.verify(leaf, vault.journal_key()).unwrap().size, 3);
    verify_cosignature(&proof.checkpoint, &other.pins().witness).unwrap();
    assert_eq!(vault.inclusion(4).unwrap().checkpoint, vault.checkpoint().unwrap());
    // A newer one, then the older one again: the newer one stays.
    let newer = other.cosign(&vault.checkpoint().unwrap());
    vault.journal_cosigned(&newer).unwrap();
    vault.journal_cosigned(&cosigned).unwrap();
    assert_eq!(vault.cosigned_checkpoint().unwrap(), Some(newer.clone()));
    // Somebody cuts the journal and the file beside it back, but forgets the cosigned checkpoint.
    drop(vault);
    drop(old);
    let bed_two = Bed { tenant: bed.tenant, ..Bed::new() };
    let mut vault = bed_two.create();
    vault.pin_control_plane(&other.pins()).unwrap();
    // A checkpoint that this journal never signed is refused outright.
    assert_eq!(vault.journal_cosigned(&newer).unwrap_err().code(), "E-VAULT-029");
}

#[test]
fn a_cosigned_checkpoint_of_records_that_are_gone_means_rollback() {
    let bed = Bed::enrolled();
    let mut vault = bed.create();
    let other = Other::of(&bed);
    vault.pin_control_plane(&other.pins()).unwrap();
    bed.finished_run(&mut vault, 1);
    drop(vault);
    let old = (std::fs::read(bed.files().store).unwrap(), std::fs::read(bed.files().checkpoint).unwrap());
    let mut vault = bed.open();
    bed.finished_run(&mut vault, 2);
    let cosigned = other.cosign(&vault.checkpoint().unwrap());
    drop(vault);
    // The whole machine is put back, the file beside the store included: only the other side remembers.
    std::fs::write(bed.files().store, old.0).unwrap();
    std::fs::write(bed.files().checkpoint, old.1).unwrap();
    let mut vault = bed.open();
    assert_eq!(*vault.condition(), Condition::Ready);
    assert_eq!(vault.journal_cosigned(&cosigned).unwrap(), Cosigned::RolledBack);
    drop(vault);
    assert!(matches!(bed.open().condition(), Condition::Rollback(why) if why.contains("countersigned")));
}

#[test]
fn the_audit_log_is_followed_and_a_fork_stops_drill_downs_until_it_is_acknowledged() {
    let bed = Bed::enrolled();
    let mut vault = bed.create();
    let other = Other::of(&bed);
    assert_eq!(vault.witness_audit(&other.checkpoint(&Other::log(0, 5), 5), 0, &[]).unwrap_err().code(), "E-VAULT-018");
    vault.pin_control_plane(&other.pins()).unwrap();
    let (five, seven, forked) = (Other::log(0, 5), Other::log(0, 7), Other::log(9, 7));
    let AuditSeen::Cosigned(note) = vault.witness_audit(&other.checkpoint(&five, 5), 0, &[]).unwrap() else {
        panic!("the first checkpoint is not kept")
    };
    verify_cosignature(&note, vault.witness_key()).unwrap();
    let proof = seven.consistency_proof(5).unwrap();
    let shown = other.checkpoint(&seven, 7);
    assert_eq!(vault.witness_audit(&shown, 4, &proof).unwrap(), AuditSeen::AskAgain { kept: 5 });
    assert!(matches!(vault.witness_audit(&shown, 5, &proof).unwrap(), AuditSeen::Cosigned(_)));
    assert!(matches!(vault.witness_audit(&shown, 7, &[]).unwrap(), AuditSeen::Cosigned(_)));
    let mut stranger = Other::of(&bed);
    stranger.audit = ed25519::SigningKey::from_seed([7; 32]);
    let size = vault.journal_size().unwrap();
    assert_eq!(vault.witness_audit(&stranger.checkpoint(&seven, 7), 7, &[]).unwrap_err().code(), "E-VAULT-029");
    assert_eq!(vault.journal_size().unwrap(), size, "a note that nobody signed is no fork");

    // Another tree of the same size; then one that is smaller. One record, the newest note.
    assert!(matches!(
        vault.witness_audit(&other.checkpoint(&forked, 7), 7, &[]).unwrap(),
        AuditSeen::Fork(fork) if fork.seq == size
    ));
    assert!(matches!(vault.witness_audit(&other.checkpoint(&five, 5), 5, &[]).unwrap(), AuditSeen::Fork(_)));
    assert_eq!(vault.journal_size().unwrap(), size + 1);
    drop(vault);
    let mut vault = bed.open();
    let fork = vault.audit_fork().unwrap().unwrap();
    assert_eq!((fork.kept_head.size, fork.shown_head.size), (7, 5));
    assert_eq!(vault.audit_head().unwrap().unwrap().size, 7);
    bed.finished_run(&mut vault, 1);
    let name = "db".parse().unwrap();
    vault.set_secret(&name, &Secret::new(b"one".to_vec())).unwrap();
    assert_eq!(vault.secret_floor(&name).unwrap().audit, 7);
    vault.acknowledge_audit_fork(None, "restored from backup".parse().unwrap()).unwrap();
    assert_eq!(vault.secret_floor(&name).unwrap().audit, 5, "the log that is followed now comes up to it");
    assert_eq!(vault.audit_fork().unwrap(), None);
    assert_eq!(vault.audit_head().unwrap().unwrap(), fork.shown_head);
    assert!(vault.acknowledge_audit_fork(None, "again".parse().unwrap()).is_err());
    vault.verify_journal().unwrap();
}

#[test]
fn a_due_time_is_handled_once_whatever_is_restarted() {
    let bed = Bed::enrolled();
    let mut vault = bed.create();
    let name = procedure().id;
    let due = bed.start(1).started;
    assert_eq!(vault.due_handled(&name).unwrap(), None);
    let start = RunStart { trigger: Trigger::Schedule, due: Some(due), ..bed.start(1) };
    vault.begin_run(&start).unwrap();
    drop(vault);
    let mut vault = bed.open();
    assert_eq!(vault.due_handled(&name).unwrap(), Some(due));
    let again = RunStart { trigger: Trigger::Schedule, due: Some(due), ..bed.start(2) };
    assert_eq!(vault.begin_run(&again).unwrap_err().code(), "E-VAULT-019");
    assert!(vault.run(again.run).is_err());
    assert_eq!(vault.journal_missed(name.clone(), due, MissReason::Stopped).unwrap_err().code(), "E-VAULT-019");
    vault.journal_missed(name.clone(), due.plus_ms(1000), MissReason::StillRunning).unwrap();
    assert_eq!(vault.due_handled(&name).unwrap(), Some(due.plus_ms(1000)));
    // A run that a person started takes nobody's turn.
    vault.begin_run(&RunStart { due: Some(due), ..bed.start(3) }).unwrap();
    vault.set_due_handled(&name, due.plus_ms(-5000)).unwrap();
    vault.journal_missed(name, due, MissReason::ClockMoved).unwrap();
}

#[test]
fn a_run_is_requested_once() {
    let bed = Bed::enrolled();
    let mut vault = bed.create();
    let request = |n| RequestId::from_parts(1, [n; 10]);
    vault.begin_requested_run(&bed.start(1), request(1)).unwrap();
    assert_eq!(vault.begin_requested_run(&bed.start(2), request(1)).unwrap_err().code(), "E-VAULT-030");
    assert!(vault.run(bed.start(2).run).is_err());
    vault.refuse_run_request(request(2), &"E-RUN-001".parse().unwrap(), true).unwrap();
    drop(vault);
    let mut vault = bed.open();
    assert_eq!(vault.begin_requested_run(&bed.start(2), request(2)).unwrap_err().code(), "E-VAULT-030");
    let found = vault.run_request(request(1)).unwrap().unwrap();
    assert_eq!(found.outcome, RequestOutcome::Begun(bed.start(1).run));
    assert_eq!(vault.run_request(request(3)).unwrap(), None);
    assert_eq!(vault.run_requests(found.at).unwrap().len(), 2);
}

#[test]
fn procedures_and_secrets_come_along_to_the_store_of_a_tenant() {
    let old = Bed::new();
    let mut before = old.create();
    before.approve_procedure(&procedure(), None).unwrap();
    let withdrawn = ProcedureSource { digest: Digest::ZERO, ..procedure() };
    before.approve_procedure(&withdrawn, None).unwrap();
    before.withdraw_procedure(&Digest::ZERO, None).unwrap();
    before.set_secret(&"db".parse().unwrap(), &Secret::new(b"hunter2".to_vec())).unwrap();
    old.finished_run(&mut before, 1);

    let bed = Bed::enrolled();
    let mut vault = bed.create();
    assert_eq!(before.import(before.carry_over().unwrap()).unwrap_err().code(), "E-VAULT-019");
    let carried = before.carry_over().unwrap();
    assert!(!format!("{carried:?}").contains("hunter2"));
    let imported = vault.import(carried).unwrap();
    assert_eq!((imported.procedures, imported.secrets), (1, 1));
    assert_eq!(vault.secret(&"db".parse().unwrap()).unwrap().expose(), b"hunter2");
    assert!(vault.procedure(&procedure().digest).unwrap().unwrap().approved.is_some());
    let line = vault.journal_line(imported.seq).unwrap().line;
    assert!(line.contains(&before.identity().store.to_string()) && line.contains("\"procedures\":1"), "{line}");
    // A second time would overwrite a secret: then nothing is imported.
    let size = vault.journal_size().unwrap();
    assert_eq!(vault.import(before.carry_over().unwrap()).unwrap_err().code(), "E-VAULT-019");
    assert_eq!(vault.journal_size().unwrap(), size);
    vault.verify_journal().unwrap();
}
