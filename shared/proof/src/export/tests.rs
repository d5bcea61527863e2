use std::io::Cursor;

use clock::Timestamp;
use crypto::Digest;
use crypto::ed25519::SigningKey;
use ids::{RunnerId, TenantId};
use proptest::prelude::*;

use super::*;
use crate::checkpoint::{Checkpoint, audit_origin, runner_witness};
use crate::cosignature::Witness;
use crate::log::{Chain, witness};
use crate::merkle::Frontier;
use crate::note::{SignedNote, VerifierKey};
use crate::verification::{Outcome, Trust, Verdict};

const TENANT: &str = "019aa7f0-0000-7000-8000-000000000001";

fn tenant() -> TenantId {
    TENANT.parse().unwrap()
}

fn at() -> Timestamp {
    "2026-11-21T20:11:36.000Z".parse().unwrap()
}

struct Log {
    key: SigningKey,
    lines: Vec<String>,
    chain: Chain,
}

impl Log {
    fn new(records: u64) -> Self {
        let mut chain = Chain::new();
        let record = |i: u64| serde_json::json!({"actor": {"kind": "system"}, "action": "tried", "number": i});
        let lines = (0..records).map(|i| chain.append(at(), &record(i)).unwrap().line).collect();
        Self { key: SigningKey::from_seed([1; 32]), lines, chain }
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint { origin: audit_origin(tenant()), size: self.chain.size(), root: self.chain.root() }
    }

    fn vkey(&self) -> VerifierKey {
        self.checkpoint().verifier_key(&self.key)
    }

    fn note(&self) -> SignedNote {
        self.checkpoint().sign(&self.key).unwrap()
    }

    fn start(&self, before: usize) -> ExportStart {
        let mut chain = Chain::new();
        self.lines.iter().take(before).for_each(|line| {
            chain.check(line).unwrap();
        });
        ExportStart { last: chain.prev(), frontier: chain.frontier().clone() }
    }

    fn export(&self, from: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let start = self.start(from);
        let mut writer = ExportWriter::begin(&self.note(), &self.vkey(), Some(&start), &mut out).unwrap();
        self.lines.iter().skip(from).for_each(|line| writer.line(line, &mut out).unwrap());
        let summary = writer.finish(&mut out).unwrap();
        assert_eq!((summary.first, summary.records), (from as u64, (self.lines.len() - from) as u64));
        out
    }

    fn trust(&self) -> Trust {
        Trust { audit_keys: vec![self.vkey()], ..Trust::default() }
    }
}

fn judge(export: &[u8], trust: &Trust) -> ExportReport {
    verify(Cursor::new(export), trust)
}

fn red(report: &ExportReport) -> Vec<&'static str> {
    report.steps.iter().filter(|step| step.outcome == Outcome::Red).map(|step| step.id.code()).collect()
}

#[test]
fn an_honest_export_is_verified_and_always_the_same() {
    for records in [0, 1, 5, 300] {
        let log = Log::new(records);
        let export = log.export(0);
        assert_eq!(export, log.export(0));
        let report = judge(&export, &log.trust());
        assert!(report.steps.iter().all(|step| step.outcome == Outcome::Green), "{report:?}");
        assert_eq!(report.verdict, Verdict::Verified);
    }
    assert_eq!(file_name(tenant()), format!("{TENANT}.audit.zip"));
}

#[test]
fn other_readers_of_zip_see_the_same_files() {
    let log = Log::new(7);
    let export = log.export(3);
    let mut archive = zip::ZipArchive::new(Cursor::new(&export)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names, ["VERIFY.md", "audit.checkpoint", "audit.frontier", "audit.jsonl", "audit.vkey"]);
    let mut lines = String::new();
    std::io::Read::read_to_string(&mut archive.by_name("audit.jsonl").unwrap(), &mut lines).unwrap();
    assert_eq!(lines, log.lines[3..].iter().map(|line| format!("{line}\n")).collect::<String>());
    let plain = crate::bundle::archive::streamed::Reader::open(Cursor::new(&export)).unwrap();
    assert_eq!(plain.names(), names);
}

#[test]
fn after_a_purge_the_rest_still_verifies() {
    let log = Log::new(23);
    for from in [1, 8, 22, 23] {
        let report = judge(&log.export(from), &log.trust());
        assert_eq!(report.verdict, Verdict::Verified, "{from}: {report:?}");
        assert!(report.step(ExportStepId::Start).unwrap().detail.contains(&format!("record {from}")));
    }
    // A frontier of other records leads to another root, another `last` to no record.
    let mut out = Vec::new();
    let start = ExportStart { last: log.start(8).last, frontier: Log::new(9).start(8).frontier };
    let mut writer = ExportWriter::begin(&log.note(), &log.vkey(), Some(&start), &mut out).unwrap();
    log.lines.iter().skip(8).for_each(|line| writer.line(line, &mut out).unwrap());
    assert!(writer.finish(&mut out).is_ok());
    let peaks = vec![Digest::ZERO];
    let start = ExportStart { last: start.last, frontier: Frontier::from_parts(8, peaks).unwrap() };
    let mut writer = ExportWriter::begin(&log.note(), &log.vkey(), Some(&start), &mut out).unwrap();
    log.lines.iter().skip(8).for_each(|line| writer.line(line, &mut out).unwrap());
    assert_eq!(writer.finish(&mut out), Err(ExportError::Root));
    let start = ExportStart { last: Digest::ZERO, ..start };
    let mut writer = ExportWriter::begin(&log.note(), &log.vkey(), Some(&start), &mut out).unwrap();
    assert!(matches!(writer.line(&log.lines[8], &mut out), Err(ExportError::Chain(_))));
}

#[test]
fn what_would_not_verify_is_not_written() {
    let log = Log::new(5);
    let mut out = Vec::new();
    let begin = |out: &mut Vec<u8>| ExportWriter::begin(&log.note(), &log.vkey(), None, out).unwrap();
    let mut writer = begin(&mut out);
    assert!(matches!(writer.line(&log.lines[1], &mut out), Err(ExportError::Chain(_))));
    writer.line(&log.lines[0], &mut out).unwrap();
    assert_eq!(writer.finish(&mut out), Err(ExportError::Missing { given: 1, size: 5 }));
    let mut writer = begin(&mut out);
    log.lines.iter().for_each(|line| writer.line(line, &mut out).unwrap());
    assert_eq!(writer.line(&log.lines[4], &mut out), Err(ExportError::Beyond(5)));
    let stranger = Log { key: SigningKey::from_seed([9; 32]), ..Log::new(5) };
    assert!(matches!(
        ExportWriter::begin(&stranger.note(), &log.vkey(), None, &mut out),
        Err(ExportError::Checkpoint(_))
    ));
}

#[test]
fn no_changed_byte_gets_through() {
    let log = Log::new(6);
    let export = log.export(2);
    for at in 0..export.len() {
        let mut changed = export.clone();
        changed[at] ^= 1;
        assert_eq!(judge(&changed, &log.trust()).verdict, Verdict::Refused, "byte {at}");
    }
    for length in (0..export.len()).step_by(7) {
        assert_eq!(judge(&export[..length], &log.trust()).verdict, Verdict::Refused, "length {length}");
    }
    let more = [export.as_slice(), b"x"].concat();
    assert_eq!(judge(&more, &log.trust()).verdict, Verdict::Refused);
}

/// An export of any files: what somebody who tampers with one would make.
fn archive(files: &[(&'static str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = crate::bundle::archive::streamed::Writer::new();
    for (name, content) in files {
        writer.file(name, &mut out).unwrap();
        writer.content(content.as_bytes(), &mut out).unwrap();
    }
    writer.finish(&mut out).unwrap();
    out
}

#[test]
fn records_that_were_tampered_with_are_named() {
    let log = Log::new(6);
    let (note, key) = (log.note().to_text(), format!("{}\n", log.vkey()));
    let all: String = log.lines.iter().map(|line| format!("{line}\n")).collect();
    let with = |lines: &str| {
        let files = [("audit.checkpoint", note.as_str()), ("audit.jsonl", lines), ("audit.vkey", &key)];
        judge(&archive(&files), &log.trust())
    };
    assert_eq!(with(&all).verdict, Verdict::Verified);
    let dropped = format!("{}\n{}\n", log.lines[0], log.lines[2]);
    assert_eq!(red(&with(&dropped)), ["audit.chain"]);
    assert_eq!(red(&with(&all.replacen("tried", "denied", 1))), ["audit.chain"]);
    assert_eq!(red(&with(all.trim_end())), ["audit.chain"]);
    let last = format!("{}\n", log.lines[5]);
    assert_eq!(red(&with(all.strip_suffix(&last).unwrap())), ["audit.root"]);
    assert_eq!(red(&with(&all.replacen("\"number\":5", "\"number\":6", 1))), ["audit.root"]);
    assert_eq!(red(&with(&format!("{all}\n"))), ["audit.chain"]);
    assert_eq!(red(&with(&"x".repeat(200_000))), ["audit.chain"]);
    let files = [("audit.checkpoint", note.as_str()), ("audit.jsonl", &all), ("audit.vkey", &key), ("extra", "")];
    assert_eq!(red(&judge(&archive(&files), &log.trust())), ["files"]);
    assert_eq!(red(&judge(&archive(&files[..2]), &log.trust())), ["files", "audit.checkpoint", "audit.key"]);
    let frontier = [("audit.checkpoint", note.as_str()), ("audit.frontier", "{}"), ("audit.jsonl", &all)];
    let report = judge(&archive(&[&frontier[..], &files[2..3]].concat()), &log.trust());
    assert_eq!(red(&report), ["audit.start"]);
    assert_eq!(report.step(ExportStepId::Chain).unwrap().outcome, Outcome::NotJudged);
}

#[test]
fn keys_and_witnesses_come_from_outside() {
    let log = Log::new(4);
    let unvouched = judge(&log.export(0), &Trust::default());
    assert_eq!(unvouched.verdict, Verdict::Unvouched);
    assert!(unvouched.sentence().contains("nobody vouches"));
    let other = Log { key: SigningKey::from_seed([2; 32]), ..Log::new(4) };
    assert_eq!(red(&judge(&log.export(0), &other.trust())), ["audit.key"]);
    let name = runner_witness(tenant(), RunnerId::NIL);
    let witness_key = SigningKey::from_seed([3; 32]);
    let witness = Witness { name: &name, key: &witness_key };
    let trust = Trust { witness_keys: vec![witness.verifier_key()], ..log.trust() };
    assert_eq!(red(&judge(&log.export(0), &trust)), ["audit.witnesses"]);
    let mut note = log.note();
    witness::cosign(&mut note, &witness, at());
    let mut out = Vec::new();
    let mut writer = ExportWriter::begin(&note, &log.vkey(), None, &mut out).unwrap();
    log.lines.iter().for_each(|line| writer.line(line, &mut out).unwrap());
    writer.finish(&mut out).unwrap();
    let report = judge(&out, &trust);
    assert_eq!(report.verdict, Verdict::Verified);
    assert!(report.step(ExportStepId::Witnesses).unwrap().detail.contains("2026-11-21T20:11:36"));
    assert_eq!(judge(&out, &log.trust()).step(ExportStepId::Witnesses).unwrap().outcome, Outcome::Unvouched);
    // The journal of a Runner, signed by its key, is no audit log.
    let journal = Checkpoint { origin: crate::checkpoint::journal_origin(tenant(), RunnerId::NIL), ..log.checkpoint() };
    let journal_key = journal.verifier_key(&log.key);
    let mut out = Vec::new();
    let mut writer = ExportWriter::begin(&journal.sign(&log.key).unwrap(), &journal_key, None, &mut out).unwrap();
    log.lines.iter().for_each(|line| writer.line(line, &mut out).unwrap());
    writer.finish(&mut out).unwrap();
    let trust = Trust { audit_keys: vec![journal_key], ..Trust::default() };
    assert_eq!(red(&judge(&out, &trust)), ["audit.origin"]);
}

proptest! {
    #[test]
    fn no_bytes_make_the_judge_panic(bytes: Vec<u8>, at: usize, byte: u8) {
        let log = Log::new(3);
        let _ = judge(&bytes, &log.trust());
        let mut export = log.export(0);
        let at = at % export.len();
        let same = export[at] == byte;
        export[at] = byte;
        prop_assert_eq!(judge(&export, &log.trust()).verdict == Verdict::Verified, same);
    }
}
