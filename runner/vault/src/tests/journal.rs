//! The journal, its proofs, and what notices that the store was put back.

use proof::log::journal::{GapReason, MissReason};
use proof::merkle::{leaf_hash, verify_consistency};
use proof::tlog_proof::TlogProof;
use verdict::Code;

use super::Bed;
use crate::*;

#[test]
fn every_record_is_proven_under_the_signed_checkpoint() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let run = bed.finished_run(&mut vault, 1);
    let due = bed.start(1).started;
    vault.journal_missed("access-review".parse().unwrap(), due, MissReason::Stopped).unwrap();
    vault.journal_gap(Some(due), GapReason::Stopped, None, Some("power cut".parse().unwrap())).unwrap();
    vault.journal_refused(None, None, None, "E-DRILL-004".parse().unwrap()).unwrap();
    let earlier = vault.checkpoint().unwrap();
    let earlier = proof::checkpoint::Checkpoint::open(&earlier, vault.journal_key()).unwrap();
    bed.finished_run(&mut vault, 2);
    let size = vault.journal_size().unwrap();
    assert_eq!(size, 1 + 2 + 3 + 2);
    for seq in 0..size {
        let line = vault.journal_line(seq).unwrap().line;
        let proof = TlogProof::parse(&vault.inclusion(seq).unwrap().to_text()).unwrap();
        let checkpoint = proof.verify(leaf_hash(line.as_bytes()), vault.journal_key()).unwrap();
        assert_eq!(checkpoint.size, size);
        assert!(proof.verify(leaf_hash(b"another"), vault.journal_key()).is_err());
    }
    let report = vault.verify_journal().unwrap();
    let consistency = vault.consistency(earlier.size).unwrap();
    verify_consistency((earlier.size, &earlier.root), (size, &report.root), &consistency).unwrap();
    assert_eq!((report.records, report.runs, report.attestations, report.gaps), (size, 2, 2, 1));
    let attested = vault.attestations(run).unwrap().remove(0);
    let line = vault.journal_line(attested.seq).unwrap().line;
    let hash = crypto::digest::sha256(&attested.envelope);
    assert!(
        line.ends_with(&format!("\"kind\":\"run.attested\",\"run\":\"{run}\",\"attestation_sha256\":\"{hash}\"}}"))
    );
    assert_eq!(vault.journal_tail(2).unwrap().last().unwrap().seq, size - 1);
    assert_eq!(vault.journal_lines(0, 3).unwrap().len(), 3);
    assert_eq!(vault.journal_line(size).unwrap_err().code(), "E-VAULT-018");
    assert_eq!(vault.inclusion(size).unwrap_err().code(), "E-VAULT-018");
}

#[test]
fn an_older_store_put_back_stops_everything_until_it_is_acknowledged() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let kept = bed.finished_run(&mut vault, 1);
    drop(vault);
    let old = std::fs::read(bed.files().store).unwrap();
    let mut vault = bed.open();
    bed.finished_run(&mut vault, 2);
    drop(vault);
    std::fs::write(bed.files().store, old).unwrap();

    let mut vault = bed.open();
    let Condition::Rollback(why) = vault.condition().clone() else { panic!("it is not noticed") };
    assert!(why.contains("had 5 records") && why.contains("has 3 now"), "{why}");
    let item = vault.items(kept).unwrap()[0].record.item;
    assert_eq!(vault.begin_run(&bed.start(3)).unwrap_err().code(), "E-VAULT-016");
    assert_eq!(vault.open_item(item, Selection::All, Purpose::default()).unwrap_err().code(), "E-VAULT-016");
    assert_eq!(vault.evidence(kept, "users", None).unwrap_err().code(), "E-VAULT-016");
    assert_eq!(vault.destroy(item, None, "x".parse().unwrap()).unwrap_err().code(), "E-VAULT-016");
    assert_eq!(vault.purge_expired().unwrap_err().code(), "E-VAULT-016");
    vault.load_run(kept).unwrap();
    vault.verify_journal().unwrap();
    drop(vault);

    let mut vault = bed.open();
    vault.acknowledge_rollback("restored after disk failure".parse().unwrap()).unwrap();
    assert!(vault.acknowledge_rollback("again".parse().unwrap()).is_err());
    let line = vault.journal_tail(1).unwrap().remove(0).line;
    assert!(line.contains("\"reason\":\"rollback\"") && line.contains("restored after disk failure"), "{line}");
    drop(vault);
    let mut vault = bed.open();
    assert_eq!(*vault.condition(), Condition::Ready);
    bed.finished_run(&mut vault, 3);
    assert_eq!(vault.verify_journal().unwrap().gaps, 1);
}

#[test]
fn a_fork_a_missing_and_a_foreign_checkpoint_are_noticed() {
    let bed = Bed::new();
    let mut vault = bed.create();
    bed.finished_run(&mut vault, 1);
    drop(vault);
    let (store, checkpoint) = (bed.files().store, bed.files().checkpoint);
    let old = (std::fs::read(&store).unwrap(), std::fs::read(&checkpoint).unwrap());
    bed.finished_run(&mut bed.open(), 2);
    let newer = std::fs::read(&checkpoint).unwrap();
    // Another history of the same length from the same beginning.
    std::fs::write(&store, &old.0).unwrap();
    std::fs::write(&checkpoint, &old.1).unwrap();
    bed.finished_run(&mut bed.open(), 3);
    std::fs::write(&checkpoint, newer).unwrap();
    let Condition::Rollback(why) = bed.open().condition().clone() else { panic!("the fork is not noticed") };
    assert!(why.contains("are not those"), "{why}");

    std::fs::remove_file(&checkpoint).unwrap();
    assert!(matches!(bed.open().condition(), Condition::Rollback(why) if why.contains("missing")));
    let other = Bed::new();
    other.create();
    std::fs::copy(other.files().checkpoint, &checkpoint).unwrap();
    assert!(matches!(bed.open().condition(), Condition::Rollback(why) if why.contains("not one of this store")));
    assert!(matches!(bed.read_only().condition(), Condition::Rollback(_)));
}

#[test]
fn a_store_that_is_ahead_of_its_checkpoint_goes_on() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let behind = std::fs::read(bed.files().checkpoint).unwrap();
    bed.finished_run(&mut vault, 1);
    drop(vault);
    std::fs::write(bed.files().checkpoint, &behind).unwrap();
    let vault = bed.open();
    assert_eq!(*vault.condition(), Condition::Ready);
    assert_ne!(std::fs::read(bed.files().checkpoint).unwrap(), behind);
}

#[test]
fn without_its_checkpoint_file_the_store_does_not_go_on() {
    let bed = Bed::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = elsewhere.path().join("witness");
    std::fs::create_dir(&folder).unwrap();
    let files = Files { checkpoint: folder.join("checkpoint"), ..bed.files() };
    let entropy = crypto::SystemEntropy::new();
    let runner = ids::RunnerId::from_parts(1, [7; 10]);
    let clock = bed.clock.clone();
    let options = Options::default();
    let tenant = ids::TenantId::NIL;
    let mut vault = Vault::create(&files, &bed.provider(), tenant, runner, options, clock, entropy).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    // What is committed is committed; the next transaction is refused.
    vault.begin_run(&bed.start(1)).unwrap();
    let error = vault.end_run(bed.start(1).run, Code::Internal).unwrap_err();
    assert_eq!(error.code(), "E-VAULT-021");
    std::fs::create_dir(&folder).unwrap();
    vault.end_run(bed.start(1).run, Code::Internal).unwrap();
    assert!(String::from_utf8(std::fs::read(&files.checkpoint).unwrap()).unwrap().contains("\n3\n"));
}

#[test]
fn exceptions_are_kept_sealed_and_match_the_journal() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let id = ids::ExceptionId::from_parts(1, [4; 10]);
    let new = || NewException {
        id,
        procedure: "access-review".parse().unwrap(),
        check: "all_active".parse().unwrap(),
        check_sha256: crypto::Digest::ZERO,
        expires: bed.start(1).started.plus_ms(86_400_000),
        justification: "migration until spring".parse().unwrap(),
        body: br#"{"covers":["anna"]}"#.to_vec(),
    };
    let added = vault.add_exception(new()).unwrap();
    assert_eq!(vault.add_exception(new()).unwrap_err().code(), "E-VAULT-019");
    bed.clock.advance_ms(1000);
    let removed = vault.remove_exception(id, "migration done".parse().unwrap()).unwrap();
    assert_eq!(vault.remove_exception(id, "again".parse().unwrap()).unwrap_err().code(), "E-VAULT-019");
    let unknown = ids::ExceptionId::from_parts(2, [4; 10]);
    assert_eq!(vault.remove_exception(unknown, "x".parse().unwrap()).unwrap_err().code(), "E-VAULT-018");
    drop(vault);
    let vault = bed.read_only();
    let stored = vault.exceptions().unwrap().remove(0);
    assert_eq!((stored.seq, stored.recorded, stored.body.as_slice()), (added.seq, added.at, new().body.as_slice()));
    assert_eq!(stored.removed, Some(Removed { seq: removed.seq, at: removed.at }));
    vault.verify_journal().unwrap();
}
