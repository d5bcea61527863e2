//! An editor of the database file: whatever is swapped, moved, cut off or changed is refused, with the right reason.

use ids::RunId;
use rusqlite::Connection;
use verdict::Code;

use super::Bed;
use crate::*;

/// A store with two runs, to be copied and edited.
fn original() -> Bed {
    let bed = Bed::new();
    let mut vault = bed.create();
    for number in 1..=2 {
        let start = bed.start(number);
        vault.begin_run(&start).unwrap();
        vault.record_piece(start.run, bed.rows("users", None, 200)).unwrap();
        vault.record_piece(start.run, bed.rows("hosts", Some(0), 3_000)).unwrap();
        vault.record_piece(start.run, bed.rows("hosts", Some(1), 3_000)).unwrap();
        let outcome = Outcome::Failed { code: Code::Refused, detail: "refused".into(), provenance: None };
        vault.record_piece(start.run, bed.piece("hosts", Some(2), outcome)).unwrap();
        let manifest = bed.manifest(&vault, start.run, verdict::Status::Fail);
        vault.attest(start.run, &manifest).unwrap();
    }
    for name in ["one", "two"] {
        vault.set_secret(&name.parse().unwrap(), &crypto::Secret::new(name.as_bytes().to_vec())).unwrap();
    }
    read_all(&vault).unwrap();
    bed
}

/// Applies the SQL to a copy behind the vault's back, and reads everything.
fn after(original: &Bed, sql: &str) -> VaultError {
    let bed = Bed::new();
    for entry in std::fs::read_dir(original.folder()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, bed.folder().join(path.file_name().unwrap())).unwrap();
    }
    let db = Connection::open(bed.files().store).unwrap();
    db.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF").unwrap();
    db.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert!(db.total_changes() > 0, "nothing was changed by {sql}");
    drop(db);
    match bed.try_open() {
        Ok(vault) => read_all(&vault).expect_err(sql),
        Err(error) => error,
    }
}

fn read_all(vault: &Vault) -> Result<(), VaultError> {
    for run in vault.runs(&RunFilter::default(), None, 100)? {
        read_run(vault, run.run)?;
    }
    for (name, _) in vault.secrets()? {
        let value = vault.secret(&name.parse().unwrap())?;
        assert_eq!(value.expose(), name.as_bytes(), "a secret under another name");
    }
    vault.verify_journal()?;
    Ok(())
}

fn read_run(vault: &Vault, run: RunId) -> Result<(), VaultError> {
    for piece in vault.load_run(run)?.pieces {
        if piece.state == PieceState::Collected {
            vault.evidence(run, &piece.step, piece.position)?;
        }
    }
    Ok(())
}

#[test]
fn sealed_values_do_not_open_anywhere_else_or_beside_other_columns() {
    let original = original();
    let swap = |table: &str, columns: &str, one: &str, other: &str| {
        let list: Vec<&str> = columns.split(',').collect();
        let sets: Vec<_> = list.iter().map(|c| format!("{c} = (SELECT {c} FROM t WHERE k != {table}.rowid)")).collect();
        format!(
            "CREATE TEMP TABLE t AS SELECT rowid AS k, {columns} FROM {table} WHERE rowid IN ({one}, {other});
             UPDATE {table} SET {} WHERE rowid IN ({one}, {other})",
            sets.join(", ")
        )
    };
    let item = |n: u32| format!("(SELECT id FROM item ORDER BY id LIMIT 1 OFFSET {n})");
    let chunk = |n: u32| format!("(SELECT id FROM chunk WHERE rows > 1 ORDER BY id LIMIT 1 OFFSET {n})");
    for (sql, code) in [
        // The third and the fifth item are tables of the same shape.
        (swap("item", "wrapped,head", &item(2), &item(4)), "E-VAULT-013"),
        (swap("item", "head", &item(2), &item(4)), "E-VAULT-013"),
        (swap("item", "wrapped,head,root,nodes", &item(2), &item(4)), "E-VAULT-013"),
        (swap("item", "root", &item(2), &item(4)), "E-VAULT-013"),
        (swap("chunk", "sealed,rows,last", &chunk(1), &chunk(2)), "E-VAULT-014"),
        (swap("chunk", "sealed", &chunk(1), &chunk(2)), "E-VAULT-013"),
        (swap("chunk", "sealed,rows,last", &chunk(1), &chunk(3)), "E-VAULT-013"),
        (swap("run", "inputs", "1", "2"), "E-VAULT-013"),
        (swap("run", "wrapped,inputs", "1", "2"), "E-VAULT-013"),
        (swap("piece", "key", "2", "3"), "E-VAULT-013"),
        ("UPDATE item SET class = 'public'".into(), "E-VAULT-013"),
        ("UPDATE item SET collected = collected + 1".into(), "E-VAULT-013"),
        ("UPDATE item SET rows = rows - 1 WHERE rows = 3000".into(), "E-VAULT-013"),
        ("UPDATE item SET generation = 1".into(), "E-VAULT-013"),
        ("UPDATE run SET retention = 'operational'".into(), "E-VAULT-013"),
        ("UPDATE run SET software = 'other 1'".into(), "E-VAULT-013"),
        ("UPDATE piece SET code = 'timeout' WHERE code = 'refused'".into(), "E-VAULT-013"),
        ("UPDATE piece SET ended = ended + 1".into(), "E-VAULT-013"),
        ("UPDATE piece SET state = 'skipped', code = NULL WHERE code = 'refused'".into(), "E-VAULT-013"),
        ("UPDATE piece SET position = 7 WHERE position = 1".into(), "E-VAULT-013"),
        ("UPDATE secret SET sealed = (SELECT sealed FROM secret WHERE name = 'two')".into(), "E-VAULT-013"),
        ("UPDATE kek SET epoch = '2030-01/audit', state = 'full' WHERE epoch != 'system'".into(), "E-VAULT-013"),
        ("UPDATE signing_key SET sealed = zeroblob(length(sealed))".into(), "E-VAULT-013"),
        ("UPDATE chunk SET sealed = substr(sealed, 1, length(sealed) - 1)".into(), "E-VAULT-013"),
    ] {
        let error = after(&original, &sql);
        assert_eq!(error.code(), code, "{sql}\n{error}");
    }
}

#[test]
fn what_is_cut_off_or_added_is_noticed() {
    let original = original();
    for (sql, code, text) in [
        ("DELETE FROM chunk WHERE last = 1 AND (id & 4294967295) > 0", "E-VAULT-014", "chunks do not cover"),
        ("DELETE FROM chunk WHERE last = 0", "E-VAULT-014", "chunk is missing"),
        ("DELETE FROM chunk", "E-VAULT-014", "chunk is missing"),
        ("DELETE FROM item WHERE id % 4 = 0", "E-VAULT-014", "not those that were stored"),
        ("DELETE FROM item", "E-VAULT-014", "not those that were stored"),
        ("DELETE FROM item WHERE id >> 2 = 2; DELETE FROM piece WHERE id = 2", "E-VAULT-023", "attested evidence item"),
        ("UPDATE piece SET number = 2 WHERE id = 2", "E-VAULT-014", "state 1 is missing"),
        ("UPDATE piece SET sealed = NULL", "E-VAULT-014", "sealed part is missing"),
        ("UPDATE item SET wrapped = NULL, head = NULL", "E-VAULT-014", "nobody destroyed it"),
        ("UPDATE item SET destroyed = 2", "E-VAULT-017", "destroyed"),
        ("DELETE FROM procedure", "E-VAULT-014", "procedure is missing"),
        (
            "DELETE FROM run WHERE id = 2; DELETE FROM attestation WHERE run = 2",
            "E-VAULT-023",
            "is missing in the store",
        ),
        ("DELETE FROM attestation WHERE run = 2", "E-VAULT-023", "missing in the store"),
        ("UPDATE run SET state = 'running', ended = NULL", "E-VAULT-014", "`running`"),
        ("UPDATE run SET verdict = 'pass'", "E-VAULT-014", "attested"),
        ("UPDATE run SET score = 9000", "E-VAULT-014", "attested"),
        (
            "UPDATE attestation SET manifest = CAST(replace(manifest, 'high', 'info') AS BLOB)",
            "E-VAULT-023",
            "not the attested",
        ),
        (
            "UPDATE attestation SET envelope = CAST(replace(envelope, 'sig', 'sit') AS BLOB)",
            "E-VAULT-023",
            "another attestation",
        ),
        ("DELETE FROM store", "E-VAULT-014", "row is missing"),
        ("DELETE FROM kek WHERE epoch != 'system'", "E-VAULT-014", "the generation is not there"),
    ] {
        let error = after(&original, sql);
        assert_eq!(error.code(), code, "{sql}\n{error}");
        assert!(error.to_string().contains(text), "{sql}\n{error}");
    }
}

#[test]
fn an_edited_journal_is_refused() {
    let original = original();
    for (sql, code, text) in [
        ("DELETE FROM journal WHERE seq = 3", "E-VAULT-023", "was expected"),
        ("DELETE FROM journal WHERE seq = 4", "E-VAULT-023", "journal"),
        ("UPDATE journal SET line = replace(line, 'run.begun', 'run.ended') WHERE seq = 1", "E-VAULT-023", ""),
        ("UPDATE journal SET line = line || ' ' WHERE seq = 1", "E-VAULT-023", ""),
        (
            "UPDATE journal_node SET hash = zeroblob(32) WHERE level = 0 AND place = 1",
            "E-VAULT-023",
            "differs at level 0",
        ),
        ("UPDATE journal_node SET hash = zeroblob(32) WHERE level = 2 AND place = 0", "E-VAULT-016", ""),
        ("DELETE FROM journal_node WHERE level = 0 AND place = 2", "E-VAULT-023", "differs at level 0"),
        ("UPDATE journal_node SET place = 7 WHERE level = 1 AND place = 1", "E-VAULT-023", "differs at level 1"),
        ("INSERT INTO journal_node VALUES (0, 99, zeroblob(32))", "E-VAULT-023", "over no record at level 0"),
        ("INSERT INTO journal_node VALUES (9, 0, zeroblob(32))", "E-VAULT-023", "over no record at level 9"),
        ("DELETE FROM journal_head", "E-VAULT-014", "missing"),
        ("UPDATE journal_head SET frontier = zeroblob(length(frontier))", "E-VAULT-014", ""),
        ("UPDATE journal_head SET prev = zeroblob(32)", "E-VAULT-023", "head says"),
        (
            "UPDATE journal_head SET note = replace(note, char(10) || '7' || char(10), char(10) || '8' || char(10))",
            "E-VAULT-014",
            "",
        ),
    ] {
        let error = after(&original, sql);
        assert_eq!(error.code(), code, "{sql}\n{error}");
        assert!(error.to_string().contains(text), "{sql}\n{error}");
    }
}
