//! A store that the first tables were made for, as that version left it, is brought up to date in place.

use std::io::Read;

use clock::Clock;
use crypto::Digest;
use ids::{PersonId, RequestId};
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

/// A store of an earlier schema, made out of one of the present, with this secret in it: it was bound to its name alone.
fn put_back(bed: &Bed, mut vault: Vault, name: &str, origins: &str, schema: u32) {
    let (entropy, epoch) = (crypto::SystemEntropy::new(), crate::keys::Epoch::system());
    vault.reserve(&epoch, 1).unwrap();
    let sealed = vault.ring.seal_direct(&entropy, &epoch, crate::secrets::cell, name.as_bytes(), b"hunter2");
    let (generation, sealed) = sealed.unwrap();
    drop(vault);
    let db = Connection::open(bed.files().store).unwrap();
    db.execute_batch(&format!(
        "PRAGMA foreign_keys = OFF; DROP INDEX journal_secrets; DROP INDEX journal_gaps; DELETE FROM secret; \
         ALTER TABLE secret DROP COLUMN seq; {origins}; PRAGMA user_version = {schema}"
    ))
    .unwrap();
    let row = rusqlite::params![name, generation as i64, sealed, bed.clock.now().as_millis()];
    db.execute("INSERT INTO secret (name, generation, sealed, set_at) VALUES (?1, ?2, ?3, ?4)", row).unwrap();
}

/// What a program that worked with earlier tables wrote of a secret that came over the line; gives the record's place.
fn received(vault: &mut Vault, name: &str, number: u8) -> u64 {
    let record = JournalRecord::SecretReceived {
        name: name.parse().unwrap(),
        by: PersonId::from_parts(1, [4; 10]),
        device: Digest::from_bytes([5; 32]),
        request: RequestId::from_parts(1, [number; 10]),
        request_sha256: Digest::from_bytes([6; 32]),
        replaced: false,
        issued: None,
        audit: None,
    };
    vault.begin().unwrap().with_journal(&record).unwrap().seq
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
        let vault = bed.create();
        let (sealing, name) = (vault.sealing_key(), "db".parse().unwrap());
        put_back(&bed, vault, "db", origins, schema_was);
        bed.clock.advance_ms(1_000);
        let mut vault = bed.open();
        assert_eq!((vault.sealing_key(), vault.condition()), (sealing, &Condition::Ready));
        assert_eq!(vault.secret(&name).unwrap().expose(), b"hunter2");
        // What was there before was set here, and nothing issued before it replaces it; nor what was removed.
        let listed = vault.listed_secrets().unwrap().remove(0);
        assert_eq!((listed.name.as_str(), listed.origin), ("db", SecretOrigin::Here));
        let now = Some(bed.start(1).started);
        assert_eq!(vault.secret_floor(&name).unwrap().here, now);
        let gone = vault.secret_floor(&"gone".parse().unwrap()).unwrap().here;
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

/// [`ORIGINS`], with the record that says that the secret came over the line.
fn origins_at(seq: i64) -> String {
    format!("{ORIGINS}; UPDATE secret_origin SET seq = {seq} WHERE name = 'db'")
}

#[test]
fn a_secret_that_came_over_the_line_is_kept_under_the_record_that_says_so() {
    let bed = Bed::new();
    let mut vault = bed.create();
    received(&mut vault, "db", 1);
    let last = received(&mut vault, "db", 2);
    received(&mut vault, "other", 3);
    let other = received(&mut vault, "gone", 4);
    assert!(last < other);
    put_back(&bed, vault, "db", &origins_at(last as i64), 3);
    // A name that the journal knows, and of which nothing is kept, was removed under the earlier tables.
    let db = Connection::open(bed.files().store).unwrap();
    db.execute_batch("INSERT INTO secret_origin (name, floor) VALUES ('other', 1)").unwrap();
    drop(db);
    let vault = bed.open();
    assert_eq!(vault.secret(&"db".parse().unwrap()).unwrap().expose(), b"hunter2");
    let listed = vault.listed_secrets().unwrap().remove(0);
    assert!(matches!(listed.origin, SecretOrigin::Line { seq, .. } if seq == last), "{listed:?}");
    vault.verify_journal().unwrap();
}

#[test]
fn a_secret_under_a_record_that_does_not_say_so_is_not_taken_over() {
    // An earlier record of the name, one of another name, one that is no secret's, and one that is not there.
    for offset in [0, 2, -1, 100] {
        let bed = Bed::new();
        let mut vault = bed.create();
        let first = received(&mut vault, "db", 1) as i64;
        received(&mut vault, "db", 2);
        received(&mut vault, "other", 3);
        put_back(&bed, vault, "db", &origins_at(first + offset), 3);
        assert_eq!(bed.try_open().unwrap_err().code(), "E-VAULT-014");
        let db = Connection::open(bed.files().store).unwrap();
        let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, 3, "it is left as it is");
    }
}

#[test]
fn earlier_tables_beside_a_journal_of_the_present_are_not_taken_over() {
    for removed in [false, true] {
        let bed = Bed::new();
        let mut vault = bed.create();
        let name = "db".parse().unwrap();
        vault.set_secret(&name, &crypto::Secret::new(b"newer".to_vec())).unwrap();
        if removed {
            vault.remove_secret(&name).unwrap();
        }
        put_back(&bed, vault, "db", ORIGINS, 3);
        assert_eq!(bed.try_open().unwrap_err().code(), "E-VAULT-023");
    }
}
