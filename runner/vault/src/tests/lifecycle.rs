//! Runs from their beginning to their end, and what is read back of them.

use std::collections::BTreeSet;

use proof::commitment::ItemOpening;
use runner_evidence::{Parse, RawEvidence};
use serde_json::{Map, json};
use verdict::{Code, EvidenceClass, Status};

use super::{Bed, object};
use crate::*;

#[test]
fn a_run_is_read_back_as_it_was_recorded_also_after_a_restart() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let mut start = bed.start(1);
    start.period = Some((bed.start(1).started.plus_ms(-1000), start.started));
    vault.begin_run(&start).unwrap();
    assert_eq!(vault.begin_run(&start).unwrap_err().code(), "E-VAULT-019");
    let table = vault.record_piece(start.run, bed.rows("users", None, 3)).unwrap();
    assert_eq!((table.len(), table[0].commitment.rows), (2, 3));
    let failed = FailedAttempt {
        started: start.started,
        ended: start.started.plus_ms(5),
        code: Code::Refused,
        detail: "connect: refused by 10.0.0.1".into(),
    };
    let detail = "no such column".to_owned();
    let outcome = Outcome::Failed { code: Code::BadOutput, detail, provenance: Some(bed.provenance("hosts")) };
    let mut piece = bed.piece("hosts", Some(2), outcome);
    piece.failed = vec![failed];
    vault.record_pieces(start.run, vec![piece, bed.piece("none", None, Outcome::Empty)]).unwrap();
    drop(vault);

    let vault = bed.open();
    let stored = vault.load_run(start.run).unwrap();
    assert_eq!(stored.start, start);
    assert_eq!(stored.state, RunState::Running);
    assert_eq!(vault.unfinished_runs().unwrap(), [start.run]);
    let [users, hosts, none] = stored.pieces.as_slice() else { panic!("three pieces: {:?}", stored.pieces) };
    assert_eq!((users.state.clone(), users.attempts, users.items.clone()), (PieceState::Collected, 1, table));
    assert_eq!((hosts.position, hosts.key.as_deref(), hosts.attempts), (Some(2), Some("host2"), 2));
    assert_eq!(hosts.started, start.started);
    assert!(
        matches!(&hosts.state, PieceState::Failed { code: Code::BadOutput, detail, provenance: Some(_) } if detail == "no such column")
    );
    assert!(matches!(&hosts.history[0].state, PieceState::Failed { code: Code::Refused, .. }));
    assert_eq!((none.state.clone(), none.position), (PieceState::Empty, None));
    let value = vault.evidence(start.run, "users", None).unwrap().value().unwrap();
    assert_eq!(value["rows"][2], json!({"index": 2, "name": "user2"}));
    assert_eq!(value["count"], 3);
    assert_eq!(vault.evidence(start.run, "hosts", Some(2)).unwrap_err().code(), "E-VAULT-018");
}

#[test]
fn what_waits_is_followed_by_what_came_of_it_and_nothing_else_is_replaced() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let run = bed.start(1).run;
    vault.begin_run(&bed.start(1)).unwrap();
    let deadline = Some(bed.start(1).started.plus_ms(86_400_000));
    let question = json!({"question": "Is this list right?", "show": ["anna"]});
    let ask = || Outcome::Pending { question: question.clone(), deadline, who: "carla@example.org".into() };
    vault.record_piece(run, bed.piece("review", None, ask())).unwrap();
    let pending = bed.manifest(&vault, run, Status::Pending);
    assert!(!vault.attest(run, &pending).unwrap().is_final);
    drop(vault);

    bed.clock.advance_ms(3_600_000);
    let mut vault = bed.open();
    assert!(
        matches!(&vault.load_run(run).unwrap().pieces[0].state, PieceState::Pending { who, .. } if who == "carla@example.org")
    );
    let answer = RawEvidence::object(object(json!({"answer": "yes", "by": "carla@example.org"})));
    vault.record_piece(run, bed.collected("review", None, answer)).unwrap();
    let again = RawEvidence::object(object(json!({"answer": "no"})));
    let error = vault.record_piece(run, bed.collected("review", None, again)).unwrap_err();
    assert!(error.to_string().contains("recorded as collected"), "{error}");
    let piece = vault.load_run(run).unwrap().pieces.remove(0);
    assert_eq!((piece.attempts, piece.history.len()), (1, 1));
    assert!(matches!(&piece.history[0].state, PieceState::Pending { question: asked, .. } if *asked == question));
    assert_eq!(vault.evidence(run, "review", None).unwrap().value().unwrap()["answer"], "yes");

    let attested = vault.attest(run, &bed.manifest(&vault, run, Status::Pass)).unwrap();
    assert!(attested.is_final);
    assert_eq!(vault.attestations(run).unwrap().iter().map(|a| a.is_final).collect::<Vec<_>>(), [false, true]);
    let late = bed.rows("late", None, 1);
    assert_eq!(vault.record_piece(run, late).unwrap_err().code(), "E-VAULT-019");
    assert_eq!(vault.attest(run, &pending).unwrap_err().code(), "E-VAULT-019");
    let reports = vault.reports(0, 100, u64::MAX).unwrap();
    let attested_at: Vec<_> = reports.iter().filter(|report| report.attested.is_some()).map(|r| r.seq).collect();
    assert_eq!(attested_at, vault.attestations(run).unwrap().iter().map(|a| a.seq).collect::<Vec<_>>());
    vault.verify_journal().unwrap();
}

#[test]
fn one_transaction_holds_all_of_its_pieces_or_none() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let run = bed.start(1).run;
    vault.begin_run(&bed.start(1)).unwrap();
    let records = vec![bed.rows("a", None, 2), bed.rows("a", None, 2)];
    vault.record_pieces(run, records).unwrap_err();
    assert!(vault.load_run(run).unwrap().pieces.is_empty());
    assert!(vault.items(run).unwrap().is_empty());
}

#[test]
fn a_manifest_that_says_something_else_than_the_store_is_not_attested() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let run = bed.start(1).run;
    vault.begin_run(&bed.start(1)).unwrap();
    vault.record_piece(run, bed.rows("users", None, 3)).unwrap();
    let good = String::from_utf8(bed.manifest(&vault, run, Status::Fail)).unwrap();
    let without_items: String =
        good.lines().filter(|line| !line.contains("\"t\":\"item\"")).map(|line| format!("{line}\n")).collect();
    for (other, what) in [
        (without_items, "evidence items"),
        (good.replace("\"rows\":3", "\"rows\":4"), "evidence items"),
        (good.replace("\"trigger\":\"local\"", "\"trigger\":\"schedule\""), "trigger"),
        (good.replace("\"version\":3", "\"version\":4"), "procedure"),
        (good.replace("proctor-runner 0.1.0", "proctor-runner 0.2.0"), "software"),
        (format!("{good}x"), "manifest"),
    ] {
        let error = vault.attest(run, other.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "E-VAULT-024");
        assert!(error.to_string().contains(what), "{error}");
    }
    assert_eq!(vault.journal_size().unwrap(), 2);
    vault.attest(run, good.as_bytes()).unwrap();
    let state = vault.run(run).unwrap().state;
    assert!(matches!(state, RunState::Final { verdict: Status::Fail, score: Some(0), .. }));
}

#[test]
fn findings_remember_since_when_a_check_fails() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let mut attest = |number: u8, status| {
        bed.clock.advance_ms(86_400_000);
        let start = bed.start(number);
        vault.begin_run(&start).unwrap();
        vault.record_piece(start.run, bed.rows("users", None, 1)).unwrap();
        let manifest = bed.manifest(&vault, start.run, status);
        vault.attest(start.run, &manifest).unwrap();
        (start.started, vault.findings().unwrap(), vault.check_states("access-review").unwrap())
    };
    assert!(attest(1, Status::Pass).1.is_empty());
    let (first, findings, _) = attest(2, Status::Fail);
    assert_eq!((findings.len(), findings[0].failing_since), (1, Some(first)));
    attest(3, Status::Error);
    let (_, findings, _) = attest(4, Status::Fail);
    assert_eq!(findings[0].failing_since, Some(first));
    assert_ne!(findings[0].since, first);
    let (fixed, findings, states) = attest(5, Status::Pass);
    assert_eq!((findings.len(), states[0].since, states[0].failing_since), (0, fixed, None));
}

#[test]
fn lists_of_runs_come_a_page_at_a_time() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let runs: Vec<_> = (1..=5).map(|number| bed.finished_run(&mut vault, number)).collect();
    vault.begin_run(&bed.start(6)).unwrap();
    vault.end_run(bed.start(6).run, Code::Cancelled).unwrap();
    let all = RunFilter::default();
    let first = vault.runs(&all, None, 4).unwrap();
    assert!(matches!(first[0].state, RunState::Ended { code: Code::Cancelled, .. }));
    assert_eq!(first.iter().map(|run| run.run).collect::<Vec<_>>(), [bed.start(6).run, runs[4], runs[3], runs[2]]);
    let second = vault.runs(&all, Some(first[3].run), 4).unwrap();
    assert_eq!(second.iter().map(|run| run.run).collect::<Vec<_>>(), [runs[1], runs[0]]);
    let passed = RunFilter { verdict: Some(Status::Pass), procedure: Some("access-review".into()), unfinished: false };
    assert_eq!(vault.runs(&passed, None, 10).unwrap().len(), 5);
    assert!(vault.runs(&RunFilter { unfinished: true, ..RunFilter::default() }, None, 10).unwrap().is_empty());
    assert!(
        vault
            .runs(&RunFilter { procedure: Some("other".into()), ..RunFilter::default() }, None, 10)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn opened_rows_verify_against_the_commitment_and_are_journalled_first() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let run = bed.start(1).run;
    vault.begin_run(&bed.start(1)).unwrap();
    for count in [0, 1, 15, 16, 17, 100, 400] {
        let step = format!("s{count}");
        let item = vault.record_piece(run, bed.rows(&step, None, count)).unwrap()[0].clone();
        let before = vault.journal_size().unwrap();
        let purpose = Purpose { by: None, request: None, purpose: Some("yearly audit".parse().unwrap()) };
        let opened = vault.open_item(item.item, Selection::All, purpose.clone()).unwrap();
        assert_eq!(opened.journal_seq(), before);
        let openings = opened.openings().unwrap();
        assert_eq!(openings.len(), count);
        openings.iter().for_each(|opening| opening.verify(&item.commitment).unwrap());
        let secret = proof::commitment::ItemSecret::from_bytes(*opened.secret().unwrap().expose());
        let rows = openings.into_iter().map(|opening| opening.row).collect();
        ItemOpening { secret, rows }.verify(&item.commitment).unwrap();
        assert_eq!(opened.provenance().connector, "sql");
        let line = vault.journal_line(before).unwrap().line;
        assert!(line.contains("evidence.opened") && line.contains("yearly audit"), "{line}");
        if count > 16 {
            let some = BTreeSet::from([3, 16, count as u64 - 1]);
            let opened = vault.open_item(item.item, Selection::Rows(some.clone()), purpose).unwrap();
            for opening in opened.openings().unwrap() {
                opening.verify(&item.commitment).unwrap();
                assert_eq!(*opened.row(opening.index).unwrap(), opening.row);
            }
            assert!(opened.secret().is_none());
            assert_eq!(opened.row(4).unwrap_err().code(), "E-VAULT-019");
        }
        let beyond = Selection::Rows(BTreeSet::from([count as u64]));
        assert_eq!(vault.open_item(item.item, beyond, Purpose::default()).unwrap_err().code(), "E-VAULT-018");
    }
}

#[test]
fn blobs_and_long_rows_come_back_byte_for_byte() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let run = bed.start(1).run;
    vault.begin_run(&bed.start(1)).unwrap();
    let text: String = (0..40_000).map(|line| format!("line {line}\n")).collect();
    let blob = RawEvidence::document(Map::new(), "out", Parse::Text, text.clone().into_bytes()).unwrap();
    vault.record_piece(run, bed.collected("blob", None, blob)).unwrap();
    assert_eq!(vault.evidence(run, "blob", None).unwrap().value().unwrap()["out"], text);
    let rows = vec![json!("a"), json!("x".repeat(300_000)), json!("b"), json!("y".repeat(70_000))];
    let table = RawEvidence::table(Map::new(), "rows", rows.clone()).unwrap();
    let item = vault.record_piece(run, bed.collected("long", None, table)).unwrap()[0].clone();
    assert_eq!(vault.evidence(run, "long", None).unwrap().value().unwrap()["rows"], json!(rows));
    let opened = vault.open_item(item.item, Selection::All, Purpose::default()).unwrap();
    opened.openings().unwrap().iter().for_each(|opening| opening.verify(&item.commitment).unwrap());
    let class = vault.item(item.item).unwrap().record.class;
    assert_eq!(class, EvidenceClass::Internal);
}

#[test]
fn procedures_and_secrets_are_kept() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let seq = vault.approve_procedure(&super::procedure(), None).unwrap();
    let known = vault.procedure(&super::procedure().digest).unwrap().unwrap();
    assert_eq!((known.approved, known.withdrawn, known.procedure), (Some(seq), None, super::procedure()));
    let withdrawn = vault.withdraw_procedure(&super::procedure().digest, None).unwrap();
    assert_eq!(vault.procedures().unwrap()[0].withdrawn, Some(withdrawn));

    let name: proof::text::Name = "hr-db".parse().unwrap();
    assert_eq!(vault.secret(&name).unwrap_err().code(), "E-VAULT-018");
    vault.set_secret(&name, &crypto::Secret::new(b"one".to_vec())).unwrap();
    vault.set_secret(&name, &crypto::Secret::new(b"two".to_vec())).unwrap();
    assert_eq!(vault.secret(&name).unwrap().expose(), b"two");
    assert_eq!(vault.secrets().unwrap()[0].0, "hr-db");
    vault.remove_secret(&name).unwrap();
    assert_eq!(vault.remove_secret(&name).unwrap_err().code(), "E-VAULT-018");
}

#[test]
fn when_the_outbox_is_full_no_run_begins_and_the_gap_is_journalled_once() {
    let mut bed = Bed::enrolled();
    bed.options.outbox_limit = 5;
    let mut vault = bed.create();
    bed.finished_run(&mut vault, 1);
    bed.finished_run(&mut vault, 2);
    for _ in 0..2 {
        assert_eq!(vault.begin_run(&bed.start(3)).unwrap_err().code(), "E-VAULT-020");
    }
    assert_eq!(vault.verify_journal().unwrap().gaps, 1);
    let size = vault.journal_size().unwrap();
    assert_eq!(vault.accepted(size, None).unwrap(), Acceptance::Kept);
    vault.begin_run(&bed.start(3)).unwrap();
    vault.end_run(bed.start(3).run, Code::Cancelled).unwrap();
    // Bytes count as well.
    drop(vault);
    bed.options.outbox_bytes = 10;
    let mut vault = bed.open();
    assert_eq!(vault.begin_run(&bed.start(4)).unwrap_err().code(), "E-VAULT-020");
    assert_eq!(vault.verify_journal().unwrap().gaps, 2);
}

#[test]
fn every_file_is_private_to_the_account() {
    use std::os::unix::fs::MetadataExt;
    let bed = Bed::new();
    let mut vault = bed.create();
    bed.finished_run(&mut vault, 1);
    let reader = bed.read_only();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(bed.folder()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    let expected = ["journal.checkpoint", "root.key", "store.db", "store.db-shm", "store.db-wal", "store.lock"];
    assert_eq!(names, expected);
    drop(reader);
}

#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    let bed = Bed::new();
    let mut vault = bed.create();
    assert_eq!(bed.try_open().unwrap_err().code(), "E-VAULT-003");
    let run = bed.finished_run(&mut vault, 1);
    let mut reader = bed.read_only();
    assert_eq!(reader.load_run(run).unwrap().pieces.len(), 1);
    assert_eq!(reader.evidence(run, "users", None).unwrap().value().unwrap()["count"], 40);
    assert_eq!(reader.verify_journal().unwrap().runs, 1);
    assert_eq!(reader.begin_run(&bed.start(2)).unwrap_err().code(), "E-VAULT-011");
    let item = reader.items(run).unwrap()[0].record.item;
    assert_eq!(reader.open_item(item, Selection::All, Purpose::default()).unwrap_err().code(), "E-VAULT-011");
    drop(vault);
    bed.open();
    let other = Bed::new();
    assert_eq!(other.try_open().unwrap_err().code(), "E-VAULT-001");
}

#[test]
fn a_reader_beside_a_writer_sees_whole_runs_and_no_rollback() {
    let bed = Bed::new();
    let mut vault = bed.create();
    bed.finished_run(&mut vault, 0);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=12 {
                bed.finished_run(&mut vault, number);
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut rounds = 0;
        while !done.load(std::sync::atomic::Ordering::SeqCst) || rounds == 0 {
            let reader = bed.read_only();
            assert_eq!(*reader.condition(), Condition::Ready);
            reader.verify_journal().unwrap();
            for run in reader.runs(&RunFilter::default(), None, 100).unwrap() {
                for piece in reader.load_run(run.run).unwrap().pieces {
                    reader.evidence(run.run, &piece.step, piece.position).unwrap();
                }
            }
            rounds += 1;
        }
    });
}
