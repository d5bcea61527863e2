//! Changing keys, destroying, and the end of retention.

use std::ops::ControlFlow;

use ids::RunId;
use verdict::{Code, Status};

use super::Bed;
use crate::*;

fn run_with_pieces(bed: &Bed, vault: &mut Vault, number: u8, pieces: u32) -> RunId {
    let start = bed.start(number);
    vault.begin_run(&start).unwrap();
    let records = (0..pieces).map(|position| bed.rows("hosts", Some(position), 2)).collect();
    vault.record_pieces(start.run, records).unwrap();
    start.run
}

fn readable(vault: &Vault, run: RunId, pieces: u32) {
    for position in 0..pieces {
        let value = vault.evidence(run, "hosts", Some(position)).unwrap().value().unwrap();
        assert_eq!(value["rows"][1]["name"], "user1");
    }
    assert_eq!(vault.load_run(run).unwrap().pieces.len(), pieces as usize);
}

fn on_disk(bed: &Bed, bytes: &[u8]) -> bool {
    std::fs::read_dir(bed.folder()).unwrap().any(|entry| {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[test]
fn a_rotation_that_was_cut_off_goes_on_and_everything_stays_readable() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let run = run_with_pieces(&bed, &mut vault, 1, 400);
    let name = "hr-db".parse().unwrap();
    vault.set_secret(&name, &crypto::Secret::new(b"s3cret".to_vec())).unwrap();
    let key = |vault: &Vault, table: &str, column: &str| {
        let sql = format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL LIMIT 1");
        vault.db.query_row(&sql, [], |row| row.get::<_, Vec<u8>>(0)).unwrap()
    };
    let old = [key(&vault, "kek", "wrapped"), key(&vault, "item", "wrapped"), key(&vault, "secret", "sealed")];
    assert!(old.iter().all(|old| on_disk(&bed, old)));
    let before = vault.key_status().unwrap();
    assert!(!before.rotating && before.generations.iter().all(|generation| generation.state == "active"));
    let mut seen = Vec::new();
    let finished = vault
        .rotate(|progress| {
            seen.push(progress);
            // Once in the middle of the items.
            if seen.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert!(!finished && seen[1].remaining == 300, "{seen:?}");
    readable(&vault, run, 400);
    // New evidence goes under the new generation while the old one is still there.
    let during = run_with_pieces(&bed, &mut vault, 2, 3);
    drop(vault);

    let mut vault = bed.open();
    assert!(vault.key_status().unwrap().rotating);
    readable(&vault, run, 400);
    readable(&vault, during, 3);
    assert!(vault.rotate(|_| ControlFlow::Continue(())).unwrap());
    assert!(!old.iter().any(|old| on_disk(&bed, old)));
    let after = vault.key_status().unwrap();
    assert!(!after.rotating);
    for old in after.generations.iter().filter(|g| before.generations.iter().any(|b| b.generation == g.generation)) {
        assert_eq!((old.state.as_str(), old.in_use), ("retired", 0));
    }
    readable(&vault, run, 400);
    drop(vault);
    let vault = bed.open();
    readable(&vault, run, 400);
    readable(&vault, during, 3);
    assert_eq!(vault.secret(&name).unwrap().expose(), b"s3cret");
    assert!(vault.journal_tail(1).unwrap()[0].line.contains("\"kind\":\"key.rotated\",\"key\":\"wrapping\""));
    vault.verify_journal().unwrap();
}

#[test]
fn under_a_new_root_key_the_old_one_opens_nothing() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let run = run_with_pieces(&bed, &mut vault, 1, 3);
    let header = bed.folder().join("header");
    let passphrase = || crypto::Secret::new("correct horse battery staple".to_owned());
    let next = || Provider::Passphrase { passphrase: passphrase(), header: header.clone() };
    vault.change_root(&next()).unwrap();
    assert_eq!(vault.seal_level(), SealLevel::Passphrase);
    readable(&vault, run, 3);
    bed.finished_run(&mut vault, 2);
    drop(vault);
    assert_eq!(bed.try_open().unwrap_err().code(), "E-VAULT-006");
    let (options, clock, entropy) = (Options::default(), bed.clock.clone(), crypto::SystemEntropy::new());
    let vault = Vault::open(&bed.files(), &next(), options, clock, entropy).unwrap();
    readable(&vault, run, 3);
    assert_eq!(vault.key_status().unwrap().root_generation, 2);
    let wrong = Provider::Passphrase { passphrase: crypto::Secret::new("another passphrase".into()), header };
    drop(vault);
    let (options, clock, entropy) = (Options::default(), bed.clock.clone(), crypto::SystemEntropy::new());
    let error = Vault::open(&bed.files(), &wrong, options, clock, entropy).unwrap_err();
    assert_eq!(error.code(), "E-VAULT-006");
}

#[test]
fn a_generation_wraps_only_so_much_and_the_count_is_durable_first() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let first = run_with_pieces(&bed, &mut vault, 1, 2);
    let wraps = |vault: &Vault| vault.key_status().unwrap().generations.last().unwrap().wraps;
    assert_eq!(wraps(&vault), 1024);
    drop(vault);
    // What a process reserved and did not use is never used.
    let mut vault = bed.open();
    run_with_pieces(&bed, &mut vault, 2, 2);
    assert_eq!(wraps(&vault), 2048);
    vault.db.execute("UPDATE kek SET wraps = (1 << 28) - 10", []).unwrap();
    drop(vault);
    let mut vault = bed.open();
    let third = run_with_pieces(&bed, &mut vault, 3, 2);
    let status = vault.key_status().unwrap();
    assert_eq!(status.generations.iter().filter(|g| g.state == "full").count(), 1);
    readable(&vault, first, 2);
    readable(&vault, third, 2);
}

#[test]
fn a_hold_that_was_taken_out_of_the_table_still_holds() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let run = bed.finished_run(&mut vault, 1);
    let item = vault.items(run).unwrap()[0].record.item;
    vault.hold(run, &"litigation".parse().unwrap()).unwrap();
    vault.verify_journal().unwrap();
    assert_eq!(vault.hold(run, &"again".parse().unwrap()).unwrap_err().code(), "E-VAULT-019");
    let edits = [
        ("UPDATE hold SET reason = 'other'", "UPDATE hold SET reason = 'litigation'"),
        ("UPDATE hold SET placed = placed - 1", "UPDATE hold SET placed = placed + 1"),
    ];
    for (edit, undo) in edits {
        vault.db.execute(edit, []).unwrap();
        assert_eq!(vault.verify_journal().unwrap_err().code(), "E-VAULT-014", "{edit}");
        vault.db.execute(undo, []).unwrap();
        vault.verify_journal().unwrap();
    }
    vault.db.execute("DELETE FROM hold", []).unwrap();
    let reason = "a hold is in the way".parse().unwrap();
    assert_eq!(vault.destroy(item, None, reason).unwrap_err().code(), "E-VAULT-014");
    bed.clock.advance_ms(3_000 * 86_400_000);
    assert_eq!(vault.purge_expired().unwrap_err().code(), "E-VAULT-014");
    assert_eq!(vault.items(run).unwrap()[0].destroyed, None);
}

#[test]
fn a_destroyed_item_leaves_its_commitment_and_nothing_else() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let run = bed.finished_run(&mut vault, 1);
    let before = vault.items(run).unwrap();
    let item = before[0].record.item;
    let ciphertext: Vec<u8> =
        vault.db.query_row("SELECT sealed FROM chunk ORDER BY id LIMIT 1", [], |r| r.get(0)).unwrap();
    let wrapped: Vec<u8> =
        vault.db.query_row("SELECT wrapped FROM item ORDER BY id LIMIT 1", [], |r| r.get(0)).unwrap();
    vault.hold(run, &"litigation".parse().unwrap()).unwrap();
    let reason = || "asked by the data subject".parse().unwrap();
    assert_eq!(vault.destroy(item, None, reason()).unwrap_err().code(), "E-VAULT-025");
    assert_eq!(vault.holds().unwrap()[0].0, run);
    vault.release(run, "settled".parse().unwrap()).unwrap();
    let record = vault.destroy(item, None, reason()).unwrap();
    assert_eq!(vault.destroy(item, None, reason()).unwrap_err().code(), "E-VAULT-017");
    assert_eq!(vault.evidence(run, "users", None).unwrap_err().code(), "E-VAULT-017");
    assert_eq!(vault.open_item(item, Selection::All, Purpose::default()).unwrap_err().code(), "E-VAULT-017");
    assert_eq!(vault.destroyed_items(run).unwrap(), [DestroyedItem { item, seq: record.seq }]);
    assert_eq!(vault.items(run).unwrap()[0].record, before[0].record);
    let other = before[1].record.item;
    vault.open_item(other, Selection::All, Purpose::default()).unwrap().openings().unwrap();
    vault.verify_journal().unwrap();
    assert!(!on_disk(&bed, &ciphertext[20..60]) && !on_disk(&bed, &wrapped));
    let running = bed.start(9);
    vault.begin_run(&running).unwrap();
    let item = vault.record_piece(running.run, bed.rows("users", None, 1)).unwrap()[0].item;
    assert_eq!(vault.destroy(item, None, reason()).unwrap_err().code(), "E-VAULT-019");
}

#[test]
fn what_is_kept_too_long_goes_and_its_keys_with_it() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let mut finish = |number: u8, retention: Retention| {
        let mut start = bed.start(number);
        start.retention = retention;
        vault.begin_run(&start).unwrap();
        vault.record_piece(start.run, bed.rows("users", None, 5)).unwrap();
        let manifest = bed.manifest(&vault, start.run, Status::Pass);
        vault.attest(start.run, &manifest).unwrap();
        start.run
    };
    let short = finish(1, Retention::Operational);
    let held = finish(2, Retention::Operational);
    let long = finish(3, Retention::Audit);
    let mut waiting = bed.start(4);
    waiting.retention = Retention::Operational;
    vault.begin_run(&waiting).unwrap();
    vault.hold(held, &"litigation".parse().unwrap()).unwrap();
    assert_eq!(vault.purge_expired().unwrap(), PurgeReport::default());
    bed.clock.advance_ms(91 * 86_400_000);
    let expired = vault.expired(bed.start(0).started).unwrap();
    assert_eq!(
        expired.iter().map(|run| (run.run, run.items, run.held)).collect::<Vec<_>>(),
        [(short, 2, false), (held, 2, true)]
    );
    let inputs =
        |vault: &Vault| vault.db.query_row("SELECT inputs FROM run LIMIT 1", [], |row| row.get::<_, Vec<u8>>(0));
    let sealed = inputs(&vault).unwrap();
    let report = vault.purge_expired().unwrap();
    assert_eq!((report.runs, report.items, report.generations), (vec![short], 2, 0));
    assert!(!on_disk(&bed, &sealed));
    assert!(vault.run(short).unwrap().purged);
    let error = vault.load_run(short).unwrap_err();
    assert!(error.to_string().contains("retention time is over"), "{error}");
    assert_eq!(vault.attestations(short).unwrap().len(), 1);
    vault.load_run(held).unwrap();
    vault.evidence(long, "users", None).unwrap();

    vault.release(held, "settled".parse().unwrap()).unwrap();
    vault.end_run(waiting.run, Code::Cancelled).unwrap();
    bed.clock.advance_ms(91 * 86_400_000);
    let report = vault.purge_expired().unwrap();
    assert_eq!((report.runs, report.generations), (vec![held, waiting.run], 1));
    let retired = vault.key_status().unwrap().generations;
    assert_eq!(retired.iter().filter(|generation| generation.state == "retired").count(), 1);
    drop(vault);
    let vault = bed.open();
    vault.evidence(long, "users", None).unwrap();
    let journal = vault.verify_journal().unwrap();
    assert_eq!((journal.destroyed, journal.runs), (4, 4));
}
