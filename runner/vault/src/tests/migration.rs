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
    assert!(matches!(last, JournalRecord::SecretSet { .. }), "of its secret the journal says that it is kept");
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

/// The text of a store of an earlier schema, made out of one of the present: its secrets were bound to their names alone.
fn put_back(bed: &Bed, mut vault: Vault, origins: &str, schema: u32) {
    let names: Vec<String> = vault.secrets().unwrap().into_iter().map(|(name, _)| name).collect();
    let db = Connection::open(bed.files().store).unwrap();
    for name in names {
        let value = vault.secret(&name.parse().unwrap()).unwrap();
        let (entropy, epoch) = (crypto::SystemEntropy::new(), crate::keys::Epoch::system());
        vault.reserve(&epoch, 1).unwrap();
        let part = name.as_bytes();
        let sealed = vault.ring.seal_direct(&entropy, &epoch, crate::secrets::cell, part, value.expose());
        let (generation, sealed) = sealed.unwrap();
        let row = rusqlite::params![name, generation as i64, sealed];
        db.execute("UPDATE secret SET generation = ?2, sealed = ?3 WHERE name = ?1", row).unwrap();
    }
    drop(vault);
    db.execute_batch(&format!(
        "PRAGMA foreign_keys = OFF; DROP INDEX journal_secrets; DROP INDEX journal_gaps; \
         ALTER TABLE secret DROP COLUMN seq; {origins}; PRAGMA user_version = {schema}"
    ))
    .unwrap();
}

const ORIGINS: &str = "CREATE TABLE secret_origin (
    name TEXT PRIMARY KEY,
    floor INTEGER NOT NULL,
    request BLOB, person BLOB, device BLOB, seq INTEGER REFERENCES journal
) STRICT, WITHOUT ROWID;
INSERT INTO secret_origin (name, floor) VALUES ('db', 1), ('gone', 2)";

#[test]
fn stores_of_the_second_and_third_schema_keep_their_keys_and_secrets() {
    for (schema_was, origins) in [(2, "DROP TABLE secret_request"), (3, ORIGINS)] {
        let bed = Bed::new();
        let mut vault = bed.create();
        let (sealing, name) = (vault.sealing_key(), "db".parse().unwrap());
        vault.set_secret(&name, &crypto::Secret::new(b"hunter2".to_vec())).unwrap();
        put_back(&bed, vault, origins, schema_was);
        bed.clock.advance_ms(1_000);
        let mut vault = bed.open();
        assert_eq!((vault.sealing_key(), vault.condition()), (sealing, &Condition::Ready));
        assert_eq!(vault.secret(&name).unwrap().expose(), b"hunter2");
        // What was there before was set here, and nothing issued before it replaces it; nor what was removed.
        let listed = vault.listed_secrets().unwrap().remove(0);
        assert_eq!((listed.name.as_str(), listed.origin), ("db", SecretOrigin::Here));
        let now = Some(bed.start(1).started);
        assert_eq!(vault.secret_floor(&name).unwrap().issued, now);
        let gone = vault.secret_floor(&"gone".parse().unwrap()).unwrap().issued;
        assert_eq!(gone, now.filter(|_| schema_was == 3));
        vault.verify_journal().unwrap();
        // It moves with a rotation, and what follows is written after what was adopted.
        assert!(vault.rotate(|_| std::ops::ControlFlow::Continue(())).unwrap());
        vault.remove_secret(&name).unwrap();
        drop(vault);
        assert_eq!(bed.open().secret(&name).unwrap_err().code(), "E-VAULT-018");
        let fresh = Bed::new();
        drop(fresh.create());
        assert_eq!(schema(&bed.files().store), schema(&fresh.files().store));
    }
}
