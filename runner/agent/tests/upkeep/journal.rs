//! `journal`.

use serde_json::Value;

use crate::bench::{Bench, code, state, text};

#[test]
fn the_journal_is_told_exported_and_signed() {
    let (bench, _) = Bench::with_run();
    let tail = bench.json(0, &["journal", "tail", "-n", "2"]);
    let kinds: Vec<_> = tail.as_array().unwrap().iter().map(|record| record["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.last(), Some(&"run.attested"), "{tail:#}");
    let shown = bench.run(&["journal", "tail"]);
    assert!(text(&shown).contains("journal.started") && text(&shown).contains("run.begun"));

    let file = bench.folder.path().join("journal.jsonl");
    let exported = bench.json(0, &["journal", "export", "-o", file.to_str().unwrap()]);
    let lines = std::fs::read_to_string(&file).unwrap();
    let mut chain = proof::log::Chain::new();
    for line in lines.lines() {
        chain.check(line).unwrap();
    }
    assert_eq!(exported["records"], chain.size());
    assert_eq!(exported["sha256"], crypto::digest::sha256(lines.as_bytes()).to_string());
    bench.refused(2, "E-JOURNAL-002", &["journal", "export", "-o", file.to_str().unwrap()]);

    let checkpoint = bench.run(&["journal", "checkpoint"]);
    let note = proof::note::parse(&checkpoint.stdout).unwrap();
    let vkey = std::fs::read_to_string(bench.path("journal.vkey")).unwrap();
    let signed = proof::checkpoint::Checkpoint::open(&note, &vkey.trim_end().parse().unwrap()).unwrap();
    assert_eq!((signed.size, signed.root), (chain.size(), chain.root()));

    let verified = bench.json(0, &["journal", "verify"]);
    let parts: Vec<_> = verified["parts"].as_array().unwrap().iter().map(|part| part["part"].clone()).collect();
    assert_eq!(parts, ["chain", "checkpoint", "tree", "records", "outside copy"]);
    assert_eq!(verified["journal"]["attestations"], 1);
}

#[test]
fn an_older_store_is_noticed_and_acknowledged_in_the_open() {
    let (bench, _) = Bench::with_run();
    let database = bench.path("store.db");
    let old = std::fs::read(&database).unwrap();
    bench.execute();
    for name in ["store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(bench.path(name));
    }
    bench.refused(2, "E-VAULT-019", &["journal", "acknowledge", "--reason", "nothing happened"]);
    std::fs::write(&database, old).unwrap();

    let verified = bench.json(1, &["journal", "verify"]);
    let part = verified["parts"].as_array().unwrap().iter().find(|part| part["part"] == "outside copy").unwrap();
    assert!(part["says"].as_str().unwrap().contains("ROLLBACK"), "{part}");
    assert_eq!(state(&bench.json(3, &["doctor"]), "condition"), "fault");
    let refused = bench.run(&["run", bench.procedure().to_str().unwrap()]);
    assert!(text(&refused).contains("E-VAULT-016"), "{}", text(&refused));

    bench.refused(2, "required", &["journal", "acknowledge"]);
    bench.refused(2, "not a text", &["journal", "acknowledge", "--reason", "two\nlines"]);
    bench.json(0, &["journal", "acknowledge", "--reason", "restored the backup of this morning"]);
    let last = bench.json(0, &["journal", "tail", "-n", "1"]);
    assert_eq!((&last[0]["kind"], &last[0]["reason"]), (&Value::from("gap"), &Value::from("rollback")));
    assert_eq!(last[0]["justification"], "restored the backup of this morning");
    bench.json(0, &["journal", "verify"]);
    bench.execute();
}

#[test]
fn a_changed_journal_is_wrong_in_every_report() {
    let (bench, _) = Bench::with_run();
    // Whatever the database keeps of the kind's name, in the file and in its log, says something else afterwards.
    let mut changed = 0;
    for name in ["store.db", "store.db-wal"] {
        let Ok(mut bytes) = std::fs::read(bench.path(name)) else { continue };
        let found: Vec<_> =
            bytes.windows(9).enumerate().filter(|(_, w)| *w == b"run.begun").map(|(at, _)| at).collect();
        changed += found.len();
        for at in found {
            bytes[at..at + 9].copy_from_slice(b"run.becun");
        }
        std::fs::write(bench.path(name), bytes).unwrap();
    }
    assert_ne!(changed, 0);
    let verified = bench.json(1, &["journal", "verify"]);
    assert_eq!(verified["ok"], false);
    assert_eq!(code(&bench.run(&["doctor"])), 3);
}
