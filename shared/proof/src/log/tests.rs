use clock::Timestamp;
use crypto::Digest;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::journal::*;
use super::*;
use crate::manifest::ProcedureVersion;
use crate::merkle::{Frontier, Tree, verify_consistency};
use crate::vectors;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn follow(chain: &mut Chain, lines: &[String]) {
    for line in lines {
        chain.check(line).unwrap();
    }
}

#[test]
fn golden_lines_hashes_roots_and_proofs() {
    let log = &vectors::load()["log"];
    let (lines, hashes, roots) = (texts(&log["lines"]), texts(&log["line_sha256"]), texts(&log["roots"]));
    let mut chain = Chain::new();
    let mut leaves = Vec::new();
    for (index, text) in lines.iter().enumerate() {
        assert_eq!(chain.root().to_string(), roots[index]);
        // Written again from its parts, the line has the same bytes.
        let line = Line::parse(text).unwrap();
        let fields: serde_json::Map<String, Value> = serde_json::from_str(&format!("{{{}", line.rest())).unwrap();
        #[derive(serde::Serialize)]
        struct Audit<'a> {
            actor: &'a Value,
            action: &'a Value,
            object: &'a Value,
            outcome: &'a Value,
        }
        let record = Audit {
            actor: &fields["actor"],
            action: &fields["action"],
            object: &fields["object"],
            outcome: &fields["outcome"],
        };
        assert_eq!(chain.clone().append(line.head().at, &record).unwrap().line, *text);
        let line = chain.check(text).unwrap();
        assert_eq!(line.hash().to_string(), hashes[index]);
        leaves.push(line.leaf());
    }
    assert_eq!(chain.root().to_string(), roots[5]);
    let tree = Tree::new(leaves);
    let shown = |proof: Vec<Digest>| json!(proof.iter().map(Digest::to_string).collect::<Vec<_>>());
    assert_eq!(shown(tree.inclusion_path(3).unwrap()), log["inclusion_3_of_5"]);
    for earlier in [2_u64, 3] {
        let proof = tree.consistency_proof(earlier).unwrap();
        assert_eq!(shown(proof.clone()), log[format!("consistency_{earlier}_to_5")]);
        let old: Digest = roots[earlier as usize].parse().unwrap();
        assert_eq!(verify_consistency((earlier, &old), (5, &chain.root()), &proof), Ok(()));
    }
}

#[test]
fn what_does_not_follow_is_refused_with_the_reason() {
    let lines = texts(&vectors::load()["log"]["lines"]);
    let check = |order: &[&str]| {
        let mut chain = Chain::new();
        order.iter().try_for_each(|line| chain.check(line).map(|_| ())).unwrap_err()
    };
    let [a, b, c] = [&*lines[0], &*lines[1], &*lines[2]];
    assert_eq!(check(&[a, c]), ChainError::Sequence { expected: 1, found: 2 });
    assert_eq!(check(&[a, a]), ChainError::Sequence { expected: 1, found: 0 });
    assert_eq!(check(&[&a.replace("ok", "no"), b]), ChainError::Previous { seq: 1 });
    assert_eq!(check(&[&a.replace("000000", "000001")]), ChainError::Previous { seq: 0 });
    let early = b.replace("20:12:01", "20:11:59");
    assert!(matches!(check(&[a, &early]), ChainError::TimeRunsBack { seq: 1, .. }));
    // Renumbering does not help: the hash of the line before is another.
    assert_eq!(check(&[a, &c.replace("\"seq\":2", "\"seq\":1")]), ChainError::Previous { seq: 1 });
    assert!(matches!(check(&[a, "{}"]), ChainError::Malformed { expected: 1, .. }));
}

#[test]
fn malformed_lines_are_refused() {
    let good = texts(&vectors::load()["log"]["lines"])[1].clone();
    assert!(Line::parse(&good).is_ok());
    for bad in [
        good.replacen("\"seq\":1", "\"seq\":01", 1),
        good.replacen("\"seq\":1", "\"seq\":+1", 1),
        good.replacen("\"seq\":1", "\"seq\": 1", 1),
        good.replacen("\"seq\":1", "\"seq\":18446744073709551616", 1),
        good.replacen("cba9", "CBA9", 1),
        good.replacen(".000Z", "Z", 1),
        good.replacen("\"outcome\"", "\"action\"", 1),
        good.replacen("\"outcome\"", "\"seq\"", 1),
        good.replacen("\"outcome\":\"ok\"", "\"outcome\":[[[[[[[[1]]]]]]]]", 1),
        good.replacen("\"outcome\":", "\"outcome\":\n", 1),
        format!("{good} "),
        format!("{good}\n").repeat(2),
        format!(" {good}"),
        good[..good.len() - 1].to_owned(),
        good.replacen("\"ok\"", &format!("\"{}\"", "o".repeat(MAX_LINE)), 1),
    ] {
        assert!(Line::parse(&bad).is_err(), "{bad}");
    }
    let head = Head { seq: 0, prev: Digest::ZERO, at: Timestamp::EPOCH };
    assert_eq!(build_line(&head, &json!({})), Err(LineError::NotAnObject));
    assert_eq!(build_line(&head, &json!([1])), Err(LineError::NotAnObject));
    assert!(matches!(build_line(&head, &json!({"seq": 1})), Err(LineError::Json(_))));
}

#[test]
fn a_clock_that_is_set_back_does_not_break_the_log() {
    let mut chain = Chain::new();
    let first = chain.append(time("2026-11-21T20:00:00.000Z"), &json!({"kind": "a"})).unwrap();
    let second = chain.append(time("2026-11-21T19:00:00.000Z"), &json!({"kind": "b"})).unwrap();
    assert_eq!(second.at, first.at);
    let mut reader = Chain::new();
    reader.check(&first.line).unwrap();
    reader.check(&second.line).unwrap();
    assert_eq!(reader, chain);
}

#[test]
fn what_remains_after_a_purge_still_verifies() {
    let lines = texts(&vectors::load()["log"]["lines"]);
    let mut whole = Chain::new();
    follow(&mut whole, &lines);
    let mut kept = Chain::new();
    follow(&mut kept, &lines[..3]);
    let frontier = Frontier::from_bytes(&kept.frontier().to_bytes()).unwrap();
    let mut resumed = Chain::resume(kept.prev(), frontier, None);
    assert!(resumed.check(&lines[4]).is_err());
    follow(&mut resumed, &lines[3..]);
    assert_eq!(resumed, whole);
}

fn records() -> Vec<JournalRecord> {
    let item = "019aa7f0-0000-7000-8000-000000000004".parse().unwrap();
    let run = "019aa7f0-0000-7000-8000-000000000003".parse().unwrap();
    let by = Some("019aa7f0-0000-7000-8000-000000000007".parse().unwrap());
    let request = Some("019aa7f0-0000-7000-8000-000000000006".parse().unwrap());
    let at = time("2026-11-21T20:11:36.097Z");
    let justification = Some("Asked for by the \"works council\" – §12".parse().unwrap());
    let head = TreeHead { size: 3, root: Digest::ZERO };
    let procedure = ProcedureVersion { id: "demo".parse().unwrap(), version: 1, sha256: Digest::ZERO };
    vec![
        JournalRecord::Started {
            store: ids::StoreId::NIL,
            tenant: ids::TenantId::NIL,
            runner: "019aa7f0-0000-7000-8000-000000000002".parse().unwrap(),
            runner_key: Digest::ZERO,
        },
        JournalRecord::RunAttested { run, attestation_sha256: Digest::ZERO },
        JournalRecord::RunBegun { run, procedure_sha256: Digest::ZERO },
        JournalRecord::RunEnded { run, code: verdict::Code::Internal },
        JournalRecord::DueMissed { procedure: "demo".parse().unwrap(), due: at, reason: MissReason::StillRunning },
        JournalRecord::Gap {
            from: None,
            until: at,
            reason: GapReason::Rollback,
            by,
            justification: justification.clone(),
        },
        JournalRecord::ProcedureApproved { procedure: procedure.clone(), by: None },
        JournalRecord::ProcedureWithdrawn { procedure, by },
        JournalRecord::EvidenceOpened { item, rows: 7, by, request, purpose: justification.clone() },
        JournalRecord::EvidenceRefused { item: None, by, request, code: "replayed".parse().unwrap() },
        JournalRecord::ItemDestroyed { item, by: None, cause: DestroyCause::Request, justification },
        JournalRecord::ExceptionRecorded {
            exception: ids::ExceptionId::NIL,
            procedure: "demo".parse().unwrap(),
            check: "active".parse().unwrap(),
            check_sha256: Digest::ZERO,
            expires: at,
            justification: "until the new directory is live".parse().unwrap(),
        },
        JournalRecord::ExceptionRemoved {
            exception: ids::ExceptionId::NIL,
            justification: "it is live".parse().unwrap(),
        },
        JournalRecord::KeyRotated { key: RotatedKey::Wrapping, generation: 2, public: None },
        JournalRecord::AuditForkSeen { kept: head, shown: head },
        JournalRecord::AuditForkAcknowledged {
            kept: head,
            adopted: head,
            by: None,
            justification: "restored from the backup of Friday".parse().unwrap(),
        },
        JournalRecord::ReaderApproved { device: Digest::ZERO, person: ids::PersonId::NIL, expires: at, by: None },
        JournalRecord::ReaderRevoked { device: Digest::ZERO, by },
        JournalRecord::EvidenceConfirmed {
            request: ids::RequestId::NIL,
            asked_sha256: Digest::ZERO,
            by: None,
            justification: "agreed by telephone".parse().unwrap(),
        },
        JournalRecord::EvidenceReceipted { request: ids::RequestId::NIL, receipt_sha256: Digest::ZERO },
        JournalRecord::StoreImported { from: ids::StoreId::NIL, journal: head, procedures: 2, secrets: 1 },
        JournalRecord::Purged {
            before: 3,
            last: Digest::ZERO,
            frontier: vec![Digest::ZERO; 2],
            export_sha256: Digest::ZERO,
            by: None,
        },
    ]
}

#[test]
fn every_journal_record_round_trips_in_its_exact_bytes() {
    let mut chain = Chain::new();
    for record in records() {
        let appended = chain.append(time("2026-11-21T20:11:36.097Z"), &record).unwrap();
        let line = Line::parse(&appended.line).unwrap();
        assert_eq!(JournalRecord::read(&line).unwrap(), record);
        let spaced = appended.line.replacen("\"kind\":", "\"kind\": ", 1);
        let error = JournalRecord::read(&Line::parse(&spaced).unwrap()).unwrap_err();
        assert_eq!(error, RecordError::Spelling { seq: appended.seq });
        let more = appended.line.replacen("\"kind\":", "\"more\":1,\"kind\":", 1);
        assert!(matches!(JournalRecord::read(&Line::parse(&more).unwrap()), Err(RecordError::Unknown { .. })));
    }
}

#[test]
fn the_attestation_record_is_exactly_as_published() {
    let head = Head { seq: 9, prev: Digest::ZERO, at: time("2026-11-21T20:11:36.097Z") };
    let line = build_line(&head, &records()[1]).unwrap();
    let zeros = Digest::ZERO;
    let expected = format!(
        "{{\"seq\":9,\"prev\":\"{zeros}\",\"at\":\"2026-11-21T20:11:36.097Z\",\"kind\":\"run.attested\",\
         \"run\":\"019aa7f0-0000-7000-8000-000000000003\",\"attestation_sha256\":\"{zeros}\"}}"
    );
    assert_eq!(line, expected);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*", tail in ".{0,80}") {
        let _ = Line::parse(&text);
        let zeros = Digest::ZERO;
        let text = format!("{{\"seq\":1,\"prev\":\"{zeros}\",\"at\":\"2026-11-21T20:11:36.097Z\",{tail}");
        if let Ok(line) = Line::parse(&text) {
            let _ = JournalRecord::read(&line);
        }
    }
}
