//! Answers: complete, cut off, and of a store that somebody touched.

use proof::commitment::Commitment;
use proof::drilldown::{AnswerReader, Decision, OpenedRow, Receipt};

use super::*;

/// What the person gets: every row, verified, and what the receipt says.
fn read(bed: &Bed, vault: &mut Vault, request: &Request, mut answer: Answer) -> (Vec<OpenedRow>, Receipt) {
    let pending = PendingRequest::new(request.clone()).unwrap();
    let attested: Vec<Commitment> =
        request.items.iter().map(|wanted| vault.item(wanted.item).unwrap().record.commitment).collect();
    let mut reader = AnswerReader::new(&pending, &bed.recipient, &answer.start().enc, &attested).unwrap();
    let mut rows = Vec::new();
    for expected in 0.. {
        let frame = answer.next(vault).unwrap();
        assert_eq!((frame.index, frame.request), (expected, request.request));
        rows.extend(reader.frame(frame.ciphertext.as_bytes(), frame.last).unwrap());
        if frame.last {
            break;
        }
    }
    assert!(matches!(answer.next(vault), Err(AnswerFault::Over)));
    let receipt = answer.finish(vault).unwrap();
    let receipt = Receipt::open(receipt.envelope.as_bytes(), &[vault.attestation_key()]).unwrap();
    let sealed_sha256 = reader.finish().unwrap().sealed_sha256;
    assert_eq!(receipt.decision, Decision::Answered { sealed_sha256 });
    (rows, receipt)
}

#[test]
fn a_person_gets_what_was_asked_for_and_can_prove_it() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let mut request = bed.request(&vault, 1);
    request.items.push(bed.item(&vault, 1, None));
    let before = vault.journal_size().unwrap();
    let answer = bed.answered(&mut vault, &request);
    // Journalled before the first frame.
    let journalled = vault.journal_lines(before, 10).unwrap();
    assert_eq!(journalled.len(), 2);
    assert!(journalled[0].contains("\"rows\":3") && journalled[0].contains("audit: sample of the quarter"));
    let (rows, receipt) = read(&bed, &mut vault, &request, answer);
    assert_eq!(receipt.journal.seq, before + 1);
    let users: Vec<_> = rows.iter().take(3).map(|row| String::from_utf8(row.row.clone()).unwrap()).collect();
    assert_eq!(users[1], "{\"index\":7,\"name\":\"user7\"}");
    let blob: Vec<u8> = rows.iter().skip(3).flat_map(|row| row.row.clone()).collect();
    assert_eq!(blob, vec![b'x'; 600_000]);
    assert!(last_line(&vault, 0).contains("\"kind\":\"evidence.receipted\""));
    // The receipt waits until the control plane has it.
    let waiting = vault.receipts_waiting(10).unwrap();
    assert_eq!(waiting.len(), 1);
    drop(vault);
    let mut vault = bed.open();
    assert_eq!(vault.receipts_waiting(10).unwrap(), waiting);
    vault.receipt_accepted(request.request, Some(&Digest::ZERO)).unwrap();
    assert_eq!(vault.receipts_waiting(10).unwrap().len(), 1);
    vault.receipt_accepted(request.request, Some(&waiting[0].sha256)).unwrap();
    assert!(vault.receipts_waiting(10).unwrap().is_empty());
    vault.verify_journal().unwrap();
}

#[test]
fn an_item_without_rows_is_answered() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let empty = RawEvidence::table(Map::new(), "rows", Vec::new()).unwrap();
    vault.record_piece(run(), bed.piece("nothing", empty, EvidenceClass::Internal)).unwrap();
    let nth = vault.items(run()).unwrap().iter().position(|item| item.record.commitment.rows == 0).unwrap();
    let mut request = bed.request(&vault, 1);
    request.items = vec![bed.item(&vault, nth, None), bed.item(&vault, 0, Some((0..40).collect()))];
    let answer = bed.answered(&mut vault, &request);
    assert_eq!(read(&bed, &mut vault, &request, answer).0.len(), 40);
}

#[test]
fn what_is_cut_off_is_receipted_as_that_also_by_the_next_process() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let mut whole = bed.request(&vault, 1);
    whole.items = vec![bed.item(&vault, 1, None)];
    let cancelled = bed.answered(&mut vault, &whole);
    let receipt = cancelled.cancel(&mut vault).unwrap();
    let cut_off = Decision::CutOff { code: DrillDownCode::CutOff.name() };
    let open = |vault: &Vault, bytes: &[u8]| Receipt::open(bytes, &[vault.attestation_key()]).unwrap().decision;
    assert_eq!(open(&vault, receipt.envelope.as_bytes()), cut_off);
    // Finished too early.
    let mut early = bed.answered(&mut vault, &Request { request: RequestId::from_parts(7, [2; 10]), ..whole.clone() });
    assert!(!early.next(&vault).unwrap().last);
    let receipt = early.finish(&mut vault).unwrap();
    assert_eq!(open(&vault, receipt.envelope.as_bytes()), cut_off);
    // The process ends: before the first frame, and in the middle.
    let third = bed.answered(&mut vault, &Request { request: RequestId::from_parts(7, [3; 10]), ..whole.clone() });
    let mut fourth = bed.answered(&mut vault, &Request { request: RequestId::from_parts(7, [4; 10]), ..whole });
    fourth.next(&vault).unwrap();
    assert_eq!(vault.receipts_waiting(10).unwrap().len(), 2);
    drop((third, fourth, vault));
    let vault = bed.open();
    let receipts = vault.receipts_waiting(10).unwrap();
    assert_eq!(receipts.len(), 4);
    assert!(receipts.iter().all(|receipt| open(&vault, &receipt.envelope) == cut_off));
    vault.verify_journal().unwrap();
    drop(vault);
    assert_eq!(bed.open().receipts_waiting(10).unwrap().len(), 4, "once");
}

#[test]
fn other_work_goes_on_while_an_answer_is_under_way() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let mut request = bed.request(&vault, 1);
    request.items = vec![bed.item(&vault, 1, None)];
    let mut answer = bed.answered(&mut vault, &request);
    let mut frames = vec![answer.next(&vault).unwrap()];
    bed.begin(&mut vault, RunId::from_parts(2, [3; 10]));
    assert!(vault.rotate(|_| std::ops::ControlFlow::Continue(())).unwrap());
    while !frames.last().unwrap().last {
        frames.push(answer.next(&vault).unwrap());
    }
    answer.finish(&mut vault).unwrap();
    // But what is destroyed meanwhile does not go out any more.
    let mut request = bed.request(&vault, 2);
    request.items = vec![bed.item(&vault, 1, None)];
    let mut answer = bed.answered(&mut vault, &request);
    vault.end_run(run(), verdict::Code::Internal).unwrap();
    vault.destroy(request.items[0].item, None, "asked for".parse().unwrap()).unwrap();
    assert!(matches!(answer.next(&vault), Err(AnswerFault::Vault(_))));
    answer.cancel(&mut vault).unwrap();
}

#[test]
fn a_reader_that_is_revoked_meanwhile_gets_no_more() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let mut request = bed.request(&vault, 1);
    request.items = vec![bed.item(&vault, 1, None)];
    let mut answer = bed.answered(&mut vault, &request);
    assert!(!answer.next(&vault).unwrap().last);
    vault.revoke_reader(&request.person.device, None).unwrap();
    assert!(matches!(answer.next(&vault), Err(AnswerFault::Withdrawn(DrillDownCode::Revoked))));
    assert!(answer.next(&vault).is_err());
    let receipt = answer.finish(&mut vault).unwrap();
    let read = Receipt::open(receipt.envelope.as_bytes(), &[vault.attestation_key()]).unwrap();
    assert_eq!(read.decision, Decision::CutOff { code: DrillDownCode::Revoked.name() });
}

/// Runs SQL behind the vault's back, then asks for all rows of the first item.
fn after(sql: &str, rows: Option<Vec<u64>>) -> Result<(), String> {
    let bed = Bed::new();
    let vault = bed.filled();
    let mut request = bed.request(&vault, 1);
    request.items[0].rows = rows;
    drop(vault);
    bed.edit(sql);
    let mut vault = bed.try_open().map_err(|error| error.code().to_owned())?;
    let begun = bed.gate().receive(&mut vault, &bed.drill_down(&request), &EPOCH, &SystemEntropy::new());
    let mut answer = match begun.map_err(|error| error.code().to_owned())? {
        Begun::Answering(answer) => answer,
        Begun::Refused(refusal) => return Err(refusal.code.to_string()),
    };
    loop {
        match answer.next(&vault) {
            Ok(frame) if frame.last => return Ok(()),
            Ok(_) => {}
            Err(fault) => {
                let receipt = answer.cancel(&mut vault).unwrap();
                let receipt = Receipt::open(receipt.envelope.as_bytes(), &[vault.attestation_key()]).unwrap();
                assert!(matches!(receipt.decision, Decision::CutOff { .. }));
                return Err(fault.to_string());
            }
        }
    }
}

#[test]
fn nothing_else_stands_behind_an_id() {
    assert_eq!(after("UPDATE run SET state = state", None), Ok(()));
    let swapped = "UPDATE item SET item = zeroblob(16) WHERE id = (SELECT min(id) FROM item); \
        UPDATE item SET item = (SELECT item FROM kept) WHERE id = (SELECT id FROM item ORDER BY id LIMIT 1 OFFSET 1)";
    let swapped = format!("CREATE TEMP TABLE kept AS SELECT item FROM item ORDER BY id LIMIT 1; {swapped}");
    assert_eq!(after(&swapped, None), Err("E-DRILL-025".into()));
    let root = "UPDATE item SET root = (SELECT root FROM item ORDER BY id DESC LIMIT 1) WHERE class = 'internal'";
    assert_eq!(after(root, None), Err("E-DRILL-025".into()));
    // Its rows are those of another item, its key too, or some of them are gone: let in, and cut off.
    let first = "(SELECT min(id) FROM item)";
    let second = "(SELECT id FROM item ORDER BY id LIMIT 1 OFFSET 1)";
    let edits = [
        format!(
            "UPDATE chunk SET sealed = (SELECT sealed FROM chunk WHERE id >> 32 = {second}) WHERE id >> 32 = {first}"
        ),
        format!("UPDATE item SET wrapped = (SELECT wrapped FROM item WHERE id = {second}) WHERE id = {first}"),
        format!("UPDATE item SET head = (SELECT head FROM item WHERE id = {second}) WHERE id = {first}"),
        format!("DELETE FROM chunk WHERE id >> 32 = {first}"),
        format!("UPDATE item SET collected = collected + 1 WHERE id = {first}"),
    ];
    for edit in edits {
        for rows in [None, Some(vec![0, 39])] {
            let refused = after(&edit, rows).expect_err(&edit);
            assert!(
                refused.contains("E-DRILL-028") || refused.contains("does not open") || refused.contains("missing"),
                "{edit}: {refused}"
            );
        }
    }
    // The stored nodes of the tree lie: the paths do not lead to the root.
    let nodes = format!("UPDATE item SET nodes = zeroblob(length(nodes)) WHERE id = {first}");
    assert_eq!(after(&nodes, Some(vec![0, 39])), Err("E-DRILL-028".into()));
    assert_eq!(after(&nodes, None), Ok(()), "all rows prove one another");
}

#[test]
fn a_store_whose_readers_were_written_to_opens_nothing() {
    assert_eq!(after("DELETE FROM reader", None), Err("E-DRILL-028".into()));
    let replaced = "UPDATE sealed_value SET sealed = zeroblob(60) WHERE name = 'control-plane.keys'";
    assert_eq!(after(replaced, None), Err("E-DRILL-028".into()));
}

/// The child of the next test: lets a request in, says so, and works until it is killed.
#[test]
#[ignore = "run by `a_process_that_is_killed_between_its_word_and_its_answer_has_given_its_word`"]
fn child() {
    let Ok(folder) = std::env::var("PROCTOR_DISCLOSURE_TEST_CHILD") else { return };
    let mut bed = Bed::at(folder.into());
    bed.read_control_plane();
    let mut vault = bed.open();
    let mut request = bed.request(&vault, 1);
    request.items = vec![bed.item(&vault, 1, None)];
    let answer = bed.answered(&mut vault, &request);
    println!("\nadmitted {}", answer.request());
    loop {
        std::thread::park();
    }
}

#[test]
fn a_process_that_is_killed_between_its_word_and_its_answer_has_given_its_word() {
    use std::io::BufRead;
    let bed = Bed::new();
    let vault = bed.filled();
    let opened = vault.journal_size().unwrap();
    let mut request = bed.request(&vault, 1);
    request.items = vec![bed.item(&vault, 1, None)];
    drop(vault);
    bed.write_control_plane();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "drilldown::tests::answers::child", "--ignored", "--nocapture"])
        .env("PROCTOR_DISCLOSURE_TEST_CHILD", bed.folder())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("admitted ")), "it lets the request in");
    child.kill().unwrap();
    child.wait().unwrap();
    let mut vault = bed.open();
    assert!(vault.journal_line(opened).unwrap().line.contains("\"kind\":\"evidence.opened\""));
    let receipt = vault.receipts_waiting(10).unwrap().remove(0);
    let receipt = Receipt::open(&receipt.envelope, &[vault.attestation_key()]).unwrap();
    assert_eq!((receipt.request, receipt.journal.seq), (request.request, opened));
    assert!(matches!(receipt.decision, Decision::CutOff { .. }));
    assert_eq!(bed.refused(&mut vault, &request), DrillDownCode::Seen);
    vault.verify_journal().unwrap();
}

#[test]
fn what_was_opened_is_nowhere_on_the_disk_afterwards() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let mut request = bed.request(&vault, 1);
    request.items = vec![bed.item(&vault, 0, None)];
    let answer = bed.answered(&mut vault, &request);
    let (rows, _) = read(&bed, &mut vault, &request, answer);
    assert!(rows.iter().any(|row| row.row.windows(6).any(|window| window == b"user17")));
    for entry in std::fs::read_dir(bed.folder()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"user17"), "{path:?}");
    }
}
