//! Readers: approved, renewed, revoked; and an editor of the table who would like to be one.

use crypto::ed25519;
use ids::PersonId;
use rusqlite::Connection;

use super::Bed;
use crate::*;

fn reader(number: u8) -> NewReader {
    let key = ed25519::SigningKey::from_seed([number; 32]).verifying_key();
    NewReader {
        device: key.key_id(),
        key: Some(key),
        person: PersonId::from_parts(1, [number; 10]),
        label: "laptop of the auditor".parse().unwrap(),
        days: 90,
    }
}

#[test]
fn a_reader_is_approved_renewed_and_revoked() {
    let bed = Bed::enrolled();
    let mut vault = bed.create();
    let new = reader(1);
    vault.approve_reader(&new, None).unwrap();
    let found = vault.readers().unwrap().remove(0);
    assert_eq!((found.device, found.key, found.person), (new.device, new.key, new.person));
    assert_eq!(found.expires.since_ms(found.approved), 90 * 86_400_000);
    bed.clock.advance_ms(1000);
    let seq = vault.revoke_reader(&new.device, None).unwrap();
    assert!(vault.journal_line(seq).unwrap().line.contains("\"kind\":\"reader.revoked\""));
    assert!(vault.readers().unwrap()[0].revoked.is_some());
    assert_eq!(vault.revoke_reader(&new.device, None).unwrap_err().code(), "E-VAULT-019");
    assert_eq!(vault.revoke_reader(&crypto::Digest::ZERO, None).unwrap_err().code(), "E-VAULT-018");
    // Without the key: the fingerprint was compared, and a request brings the key.
    vault.approve_reader(&NewReader { key: None, days: 1, ..new.clone() }, None).unwrap();
    vault.approve_reader(&reader(2), Some(new.person)).unwrap();
    assert!(vault.rotate(|_| std::ops::ControlFlow::Continue(())).unwrap());
    drop(vault);
    assert_eq!(bed.read_only().readers().unwrap().len(), 2);
    let vault = bed.open();
    let readers = vault.readers().unwrap();
    assert_eq!(readers.len(), 2);
    let renewed = readers.iter().find(|reader| reader.device == new.device).unwrap();
    assert!(renewed.revoked.is_none() && renewed.key.is_none());
    vault.verify_journal().unwrap();
}

#[test]
fn approvals_are_bounded_and_of_the_key_that_was_shown() {
    let bed = Bed::enrolled();
    let mut vault = bed.create();
    for days in [0, 91] {
        assert_eq!(vault.approve_reader(&NewReader { days, ..reader(1) }, None).unwrap_err().code(), "E-VAULT-024");
    }
    let other = NewReader { device: crypto::Digest::ZERO, ..reader(1) };
    assert_eq!(vault.approve_reader(&other, None).unwrap_err().code(), "E-VAULT-024");
    assert!(vault.readers().unwrap().is_empty());
}

#[test]
fn nobody_becomes_a_reader_by_writing_to_the_table() {
    let edits = [
        "UPDATE reader SET revoked = NULL",
        "UPDATE reader SET revoked = 2 WHERE revoked IS NULL",
        "DELETE FROM reader WHERE revoked IS NULL",
        "UPDATE reader SET sealed = (SELECT sealed FROM reader AS other WHERE other.name != reader.name LIMIT 1)",
        "UPDATE reader SET name = replace(name, substr(name, 1, 4), 'abcd') WHERE revoked IS NULL",
        "UPDATE journal SET line = replace(line, 'reader.revoked', 'reader.revived')",
    ];
    for edit in edits {
        let bed = Bed::enrolled();
        let mut vault = bed.create();
        vault.approve_reader(&reader(1), None).unwrap();
        vault.approve_reader(&reader(2), None).unwrap();
        vault.revoke_reader(&reader(1).device, None).unwrap();
        drop(vault);
        let db = Connection::open(bed.files().store).unwrap();
        db.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        assert!(db.execute(edit, []).unwrap() > 0, "{edit}");
        drop(db);
        let vault = bed.open();
        let error = vault.readers().expect_err(edit);
        assert!(["E-VAULT-013", "E-VAULT-014", "E-VAULT-023"].contains(&error.code()), "{edit}: {error}");
        assert!(vault.verify_journal().is_err(), "{edit}");
    }
}

#[test]
fn an_earlier_row_put_back_is_noticed() {
    let bed = Bed::enrolled();
    let mut vault = bed.create();
    vault.approve_reader(&reader(1), None).unwrap();
    vault.db.execute_batch("CREATE TEMP TABLE kept AS SELECT * FROM reader").unwrap();
    bed.clock.advance_ms(1000);
    vault.approve_reader(&NewReader { days: 1, ..reader(1) }, None).unwrap();
    vault.db.execute_batch("DELETE FROM reader; INSERT INTO reader SELECT * FROM kept").unwrap();
    assert_eq!(vault.readers().unwrap_err().code(), "E-VAULT-014");
}

#[test]
fn the_journal_is_not_read_as_a_whole_for_its_readers() {
    let bed = Bed::enrolled();
    let vault = bed.create();
    let sql =
        "EXPLAIN QUERY PLAN SELECT seq, line FROM journal WHERE instr(line, '\"kind\":\"reader.') > 0 ORDER BY seq";
    let plan: String = vault.db.query_row(sql, [], |row| row.get(3)).unwrap();
    assert!(plan.contains("journal_readers"), "{plan}");
}
