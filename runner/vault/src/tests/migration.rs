//! A store that the first tables were made for, as that version left it, is brought up to date in place.

use std::io::Read;

use proof::log::journal::JournalRecord;
use rusqlite::Connection;

use super::Bed;
use crate::*;

/// A folder with a store of schema 1: three runs, one of them unfinished, one under a hold, one with its item destroyed;
/// a secret, an exception, an approved procedure, an acknowledged report and one that waits.
fn first_schema() -> Bed {
    let bed = Bed::new();
    let mut store = Vec::new();
    let packed = include_bytes!("fixtures/schema-1/store.db.gz");
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut store).unwrap();
    std::fs::write(bed.files().store, store).unwrap();
    std::fs::write(bed.files().checkpoint, include_bytes!("fixtures/schema-1/journal.checkpoint")).unwrap();
    std::fs::write(bed.folder().join("root.key"), include_bytes!("fixtures/schema-1/root.key")).unwrap();
    use std::os::unix::fs::PermissionsExt;
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(bed.folder().join("root.key"), private).unwrap();
    bed.clock.advance_ms(10_000);
    bed
}

fn schema(path: &std::path::Path) -> Vec<(String, String)> {
    let db = Connection::open(path).unwrap();
    let mut statement = db.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).filter(|(name, _): &(String, String)| !name.starts_with("sqlite_")).collect()
}

#[test]
fn everything_in_it_is_there_afterwards() {
    let bed = first_schema();
    let mut vault = bed.open();
    assert_eq!(*vault.condition(), Condition::Ready);
    let report = vault.verify_journal().unwrap();
    assert_eq!((report.runs, report.attestations, report.unfinished, report.destroyed), (3, 2, 1, 1));
    assert_eq!(vault.secret(&"db".parse().unwrap()).unwrap().expose(), b"hunter2-schema-1");
    assert_eq!(vault.exceptions().unwrap().len(), 1);
    let procedure = vault.procedures().unwrap().remove(0);
    assert_eq!(procedure.approved, Some(1));
    assert_eq!(procedure.approved_at.unwrap().to_string(), "2026-11-21T20:00:00.000Z");
    let run = vault.unfinished_runs().unwrap().remove(0);
    assert_eq!(vault.evidence(run, "users", None).unwrap().value().unwrap()["count"], 3);
    let manifest = bed.manifest(&vault, run, verdict::Status::Pass);
    vault.attest(run, &manifest).unwrap();
    assert_eq!(vault.accepted_size().unwrap(), 0);
    assert_eq!(vault.reports(0, 100, u64::MAX).unwrap().len() as u64, vault.journal_size().unwrap());
    // The new keys are there, stay the same, and move with a rotation.
    let (witness, sealing) = (vault.witness_key().clone(), vault.sealing_key());
    assert!(vault.rotate(|_| std::ops::ControlFlow::Continue(())).unwrap());
    drop(vault);
    let vault = bed.open();
    assert_eq!((vault.witness_key(), vault.sealing_key()), (&witness, sealing));
    vault.verify_journal().unwrap();
}

#[test]
fn its_tables_are_those_of_a_new_store() {
    let bed = first_schema();
    drop(bed.open());
    let fresh = Bed::new();
    drop(fresh.create());
    assert_eq!(schema(&bed.files().store), schema(&fresh.files().store));
}

#[test]
fn a_reader_brings_it_up_to_date_unless_somebody_has_it() {
    let bed = first_schema();
    let held = crate::files::Lock::take(&bed.files().lock).unwrap();
    let open = || {
        let clock = bed.clock.clone();
        let entropy = crypto::SystemEntropy::new();
        Vault::open_read_only(&bed.files(), &bed.provider(), Options::default(), clock, entropy)
    };
    assert_eq!(open().unwrap_err().code(), "E-VAULT-003");
    drop(held);
    let vault = open().unwrap();
    assert!(!vault.is_writable());
    let last = vault.journal_tail(1).unwrap().remove(0).record;
    assert!(matches!(last, JournalRecord::ExceptionRecorded { .. }), "bringing it up to date leaves the journal alone");
    assert_eq!(vault.runs(&RunFilter::default(), None, 10).unwrap().len(), 3);
}

#[test]
fn with_another_root_key_it_is_left_as_it_is() {
    let bed = first_schema();
    let before = std::fs::read(bed.files().store).unwrap();
    std::fs::write(bed.folder().join("root.key"), format!("{}\n", "0123456789abcdef".repeat(4))).unwrap();
    assert_eq!(bed.try_open().unwrap_err().code(), "E-VAULT-006");
    // Setting the database up for writing may touch its header; its tables are the old ones.
    let db = Connection::open(bed.files().store).unwrap();
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 1);
    assert_eq!(std::fs::metadata(bed.files().store).unwrap().len(), before.len() as u64);
}

#[test]
fn a_store_of_the_second_schema_gains_the_third_and_keeps_its_keys_and_secrets() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let sealing = vault.sealing_key();
    vault.set_secret(&"db".parse().unwrap(), &crypto::Secret::new(b"hunter2".to_vec())).unwrap();
    drop(vault);
    let db = Connection::open(bed.files().store).unwrap();
    db.execute_batch("DROP TABLE secret_origin; DROP TABLE secret_request; PRAGMA user_version = 2").unwrap();
    drop(db);
    bed.clock.advance_ms(1_000);
    let vault = bed.open();
    assert_eq!(vault.sealing_key(), sealing);
    assert_eq!(vault.secret(&"db".parse().unwrap()).unwrap().expose(), b"hunter2");
    // What was there before was set here, and nothing issued before it replaces it.
    let listed = vault.listed_secrets().unwrap().remove(0);
    assert_eq!((listed.name.as_str(), listed.origin), ("db", SecretOrigin::Here));
    assert_eq!(vault.secret_floor(&"db".parse().unwrap()).unwrap(), Some(listed.set));
    vault.verify_journal().unwrap();
    drop(vault);
    let fresh = Bed::new();
    drop(fresh.create());
    assert_eq!(schema(&bed.files().store), schema(&fresh.files().store));
}
