//! A full disk, media that cannot be written, damaged pages, and a process that is killed at any moment.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::str::FromStr;

use ids::RunId;
use serde_json::{Map, json};
use verdict::Status;

use super::Bed;
use crate::*;
use runner_evidence::{Parse, RawEvidence};

fn big() -> RawEvidence {
    RawEvidence::document(Map::new(), "out", Parse::Text, vec![b'x'; 2_000_000]).unwrap()
}

#[test]
fn a_full_disk_stops_clearly_and_loses_nothing() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let kept = bed.finished_run(&mut vault, 1);
    let run = bed.start(2).run;
    vault.begin_run(&bed.start(2)).unwrap();
    let pages: i64 = vault.db.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit = |vault: &Vault, pages: i64| {
        vault.db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    };
    limit(&vault, pages + 20);
    let error = vault.record_piece(run, bed.collected("big", None, big())).unwrap_err();
    assert_eq!(error.code(), "E-VAULT-009");
    assert!(error.next_step().contains("free space"));
    assert!(vault.load_run(run).unwrap().pieces.is_empty());
    vault.verify_journal().unwrap();
    limit(&vault, 1 << 30);
    vault.record_piece(run, bed.collected("big", None, big())).unwrap();
    drop(vault);
    let vault = bed.open();
    assert_eq!(vault.evidence(run, "big", None).unwrap().value().unwrap()["out"].as_str().unwrap().len(), 2_000_000);
    vault.load_run(kept).unwrap();
    vault.verify_journal().unwrap();
}

#[test]
fn media_that_cannot_be_written_give_a_clear_error() {
    let bed = Bed::new();
    let mut vault = bed.create();
    vault.db.pragma_update(None, "query_only", true).unwrap();
    assert_eq!(vault.begin_run(&bed.start(1)).unwrap_err().code(), "E-VAULT-010");
    let error = |kind: i32| VaultError::file(&bed.files().lock, std::io::Error::from_raw_os_error(kind));
    assert_eq!(error(nix::errno::Errno::EROFS as i32).code(), "E-VAULT-010");
    assert_eq!(error(nix::errno::Errno::ENOSPC as i32).code(), "E-VAULT-009");
    assert_eq!(error(nix::errno::Errno::EACCES as i32).code(), "E-VAULT-022");
}

/// Whatever byte of the file is damaged, nothing that is read differs from what was stored.
#[test]
fn damaged_bytes_never_give_other_evidence() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let run = bed.finished_run(&mut vault, 1);
    let expected = vault.evidence(run, "users", None).unwrap().value().unwrap();
    drop(vault);
    let intact = std::fs::read(bed.files().store).unwrap();
    // Most pages of a small store are empty; damage goes where something is.
    let used: Vec<usize> = (0..intact.len()).filter(|at| intact[*at] != 0).collect();
    let mut refused = 0;
    for step in 0..80_usize {
        let at = used[(step * 7_919 + 101) % used.len()];
        let mut damaged = intact.clone();
        damaged[at] ^= 1 << (step % 8);
        std::fs::write(bed.files().store, damaged).unwrap();
        let outcome = bed.try_open().and_then(|vault| {
            vault.load_run(run)?;
            let value = vault.evidence(run, "users", None)?.value().unwrap();
            vault.verify_journal()?;
            Ok(value)
        });
        match outcome {
            Ok(value) => assert_eq!(value, expected, "byte {at}"),
            Err(error) => {
                let known = ["005", "004", "006", "012", "013", "014", "015", "016", "018", "023", "026"];
                assert!(known.iter().any(|code| error.code().ends_with(code)), "byte {at}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 20, "only {refused} of 80 damaged bytes matter");
}

/// The child of the next test: works until it is killed and says what it was told to be durable.
#[test]
#[ignore = "run by `a_killed_process_loses_nothing_that_it_reported`"]
fn child() {
    let Ok(folder) = std::env::var("PROCTOR_VAULT_TEST_CHILD") else { return };
    let bed = Bed::at(&folder);
    let mut vault = bed.open();
    // After what earlier children did.
    bed.clock.advance_ms(i64::try_from(vault.journal_size().unwrap()).unwrap() * 1_000_000);
    for number in 0_u8.. {
        bed.clock.advance_ms(1000);
        let start = bed.start(number);
        vault.begin_run(&start).unwrap();
        println!("\nbegun {}", start.run);
        for position in 0..3 {
            vault.record_piece(start.run, bed.rows("hosts", Some(position), 300)).unwrap();
            println!("\npiece {} {position}", start.run);
        }
        let manifest = bed.manifest(&vault, start.run, Status::Pass);
        vault.attest(start.run, &manifest).unwrap();
        println!("\nattested {}", start.run);
        if number % 2 == 1 {
            let item = vault.items(start.run).unwrap()[0].record.item;
            vault.destroy(item, None, "test".parse().unwrap()).unwrap();
            println!("\ndestroyed {}", start.run);
        }
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_reported() {
    let bed = Bed::new();
    drop(bed.create());
    for round in 0..6_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::faults::child", "--ignored", "--nocapture"])
            .env("PROCTOR_VAULT_TEST_CHILD", bed.folder())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = 9 + round * 5;
        let mut reported: Vec<String> = Vec::new();
        while reported.len() < wanted {
            let line = lines.next().expect("the child works until it is killed").unwrap();
            reported.extend(Some(line).filter(|line| is_report(line)));
        }
        // At whatever moment this comes for the child, between or within its transactions.
        child.kill().unwrap();
        child.wait().unwrap();
        reported.extend(lines.map_while(Result::ok).filter(|line| is_report(line)));
        check(&bed, &reported);
    }
}

fn is_report(line: &str) -> bool {
    ["begun ", "piece ", "attested ", "destroyed "].iter().any(|word| line.starts_with(word))
}

fn check(bed: &Bed, reported: &[String]) {
    let mut vault = bed.open();
    assert_eq!(*vault.condition(), Condition::Ready);
    let journal = vault.verify_journal().unwrap();
    assert_eq!(journal.unfinished, vault.unfinished_runs().unwrap().len() as u64);
    for line in reported {
        let mut words = line.split(' ');
        let (what, run) = (words.next().unwrap(), words.next().unwrap());
        let run = RunId::from_str(run).unwrap();
        match what {
            "begun" => drop(vault.load_run(run).unwrap()),
            "piece" => {
                let position: u32 = words.next().unwrap().parse().unwrap();
                match vault.evidence(run, "hosts", Some(position)) {
                    Ok(evidence) => assert_eq!(evidence.value().unwrap()["count"], json!(300)),
                    Err(error) => assert_eq!(error.code(), "E-VAULT-017", "{error}"),
                }
            }
            "attested" => assert!(vault.attestations(run).unwrap()[0].is_final),
            "destroyed" => assert_eq!(vault.destroyed_items(run).unwrap().len(), 1),
            _ => {}
        }
    }
    // What was cut off is ended or goes on; here it ends, and is accounted for.
    for run in vault.unfinished_runs().unwrap() {
        vault.end_run(run, verdict::Code::Internal).unwrap();
    }
    assert_eq!(vault.verify_journal().unwrap().unfinished, 0);
}
