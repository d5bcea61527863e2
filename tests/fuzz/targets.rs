//! What each fuzz target does with the bytes it is given, and what must hold whatever they are.
//!
//! The same code runs under libFuzzer (`fuzz_targets/`) and in the replay of the committed corpora (`tests/replay`), so
//! an input that a fuzzer finds fails the replay too once it lies in the corpus.

mod archive;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::digest::sha256;
use crypto::p256;
use procedure::{Notation, Procedure, RunContext, World};
use proof::bundle::names;
use proof::dsse::{Envelope, MAX_ENVELOPE, PublicKey, Role};
use proof::log::Line;
use proof::log::journal::JournalRecord;
use proof::merkle::leaf_hash;
use proof::note::VerifierKey;
use proof::verification::{StepId, Trust, Verdict};
use runner_evidence::{Parse, RawEvidence};
use serde_json::{Map, Value};

pub use archive::pack;

/// Test keys and golden documents. Whatever the corpora's bundles and envelopes are signed with stands there.
const VECTORS: &str = include_str!("../fixtures/vectors/formats-v1.json");

/// SHA-256 of each manifest that the test key of the Runner ever attested, one a line.
const GENUINE: &str = include_str!("genuine.txt");

/// The bundle of which [`bundle_file`] replaces one file.
const BASE: &[u8] = include_bytes!("corpus/bundle/tls-endpoint.proof.zip");

/// Bytes of a procedure file, at most.
const MAX_PROCEDURE: usize = 256 * 1024;

/// A target: the name of its corpus, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("procedure_yaml", procedure_yaml),
    ("procedure_markdown", procedure_markdown),
    ("bundle", bundle),
    ("bundle_file", bundle_file),
    ("dsse", dsse),
    ("manifest", manifest),
    ("note", note),
    ("tlog_proof", tlog_proof),
    ("journal_line", journal_line),
    ("evidence", evidence),
];

/// A procedure in YAML.
pub fn procedure_yaml(bytes: &[u8]) {
    read_procedure(bytes, Notation::Yaml);
}

/// A procedure in Markdown.
pub fn procedure_markdown(bytes: &[u8]) {
    read_procedure(bytes, Notation::Markdown);
}

/// What is refused is refused with a place. What reads has the same digest in both notations and can be judged, here
/// with no evidence at all, without anything passing.
fn read_procedure(bytes: &[u8], notation: Notation) {
    let procedure = match procedure::read(bytes, notation) {
        Ok(procedure) => procedure,
        Err(faults) => {
            assert!(!faults.0.is_empty(), "refused without a reason");
            for fault in &faults.0 {
                assert!(fault.line >= 1 && fault.column >= 1, "a fault without a place: {fault}");
                assert!(!fault.to_string().is_empty());
            }
            return;
        }
    };
    for warning in procedure::lint(&procedure) {
        assert!(!warning.to_string().is_empty());
    }
    for other in [Notation::Yaml, Notation::Markdown] {
        let text = procedure::format(&procedure, other);
        // Written out, a file close to the limit may be longer than it.
        if text.len() > MAX_PROCEDURE {
            continue;
        }
        match procedure::read(text.as_bytes(), other) {
            Ok(again) => assert_eq!(again.digest(), procedure.digest(), "formatted as {other:?}:\n{text}"),
            Err(faults) => unreadable(&text, &faults.to_string()),
        }
    }
    judge_nothing(&procedure);
}

fn unreadable(text: &str, why: &str) {
    assert!(text.is_empty() && why.is_empty(), "what was formatted does not read back: {why}\n{text}");
}

fn judge_nothing(procedure: &Procedure) {
    // Inputs without a default are missing; that is refused before a run, and nothing to judge.
    let Ok(inputs) = procedure::bind_inputs(procedure, &Map::new()) else { return };
    let at = "2026-11-21T20:11:36.097Z".parse().expect("the time is written as times are");
    let run = RunContext { id: "run".to_owned(), at, period_start: None, period_end: None, scratch: None };
    let world = World { inputs, run, steps: BTreeMap::new() };
    let Ok(assessment) = procedure::assess(procedure, &world, &[], None) else { return };
    assert_eq!(assessment.checks.len(), procedure.checks.len(), "every check has a result");
}

/// A proof bundle. Without trusted keys nothing is verified; under the test keys only what they attested.
pub fn bundle(bytes: &[u8]) {
    let report = verify::verify(bytes, &Trust::default());
    assert_ne!(report.verdict, Verdict::Verified, "verified although nobody is trusted");
    assert_eq!(report.steps.len(), StepId::ALL.len(), "every step is listed");
    assert!(!verify::lines(&report).is_empty());
    // Showing a bundle is for any bytes.
    let _ = verify::show(bytes);
    if verify::verify(bytes, trust()).verdict == Verdict::Verified {
        let manifest = proof::bundle::read(bytes).ok().and_then(|bundle| bundle.file(names::MANIFEST));
        let digest = manifest.map(|manifest| sha256(manifest).to_string()).unwrap_or_default();
        assert!(genuine().contains(digest.as_str()), "verified with a manifest that nobody attested");
    }
}

/// The name of a file, a newline, and what to put there: in a genuine bundle, packed anew so that every checksum fits.
/// The bundle may stay verified only if neither the manifest nor an opened row is another.
pub fn bundle_file(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let (Some(Ok(name)), Some(content)) = (parts.next().map(std::str::from_utf8), parts.next()) else { return };
    let base = proof::bundle::read(BASE).expect("the base is a bundle");
    let mut files: BTreeMap<&str, &[u8]> = base.files().collect();
    files.insert(name, content);
    let packed = pack(&files);
    bundle(&packed);
    if verify::verify(&packed, trust()).verdict == Verdict::Verified {
        let bound = name == names::MANIFEST || name == names::ATTESTATION || name.starts_with(names::OPENED);
        assert!(!bound || base.file(name) == Some(content), "{name} was changed and the bundle is still verified");
    }
}

/// A DSSE envelope: kept byte for byte; verified under the test key only if that key signed it.
pub fn dsse(bytes: &[u8]) {
    let Ok(envelope) = Envelope::parse(bytes, MAX_ENVELOPE) else { return };
    assert_eq!(envelope.bytes(), bytes);
    assert!(envelope.pae().ends_with(envelope.unverified_payload()));
    let keys = [PublicKey::P256(runner_key())];
    let role = Role { name: "runner", keys: &keys };
    let nobody = Role { name: "runner", keys: &[] };
    assert!(envelope.verify(proof::attestation::PAYLOAD_TYPE, &[nobody]).is_err(), "verified under no key");
    if let Ok(payload) = envelope.verify(proof::attestation::PAYLOAD_TYPE, &[role]) {
        let attested = proof::attestation::open(&envelope, &[runner_key()]);
        let genuine = attested.is_ok_and(|statement| genuine().contains(statement.manifest.to_string().as_str()));
        assert!(genuine, "nobody signed this payload: {}", String::from_utf8_lossy(payload));
    }
}

/// A manifest: only what would be written exactly so is read.
pub fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = proof::manifest::parse(bytes) {
        assert_eq!(manifest.to_bytes().as_deref(), Ok(bytes), "a manifest has one spelling");
    }
}

/// A signed note, and a checkpoint in it.
pub fn note(bytes: &[u8]) {
    let Ok(note) = proof::note::parse(bytes) else { return };
    assert_eq!(note.to_text().as_bytes(), bytes, "a note is kept byte for byte");
    if note.verify(&log_key()).is_ok() {
        let golden = proof::note::parse(vector("/log/checkpoint").as_bytes()).expect("the golden note reads");
        assert_eq!(note.text(), golden.text(), "nobody signed this text");
    }
}

/// A transparency log proof for the fourth golden record.
pub fn tlog_proof(bytes: &[u8]) {
    let Ok(proof) = proof::tlog_proof::parse(bytes) else { return };
    assert_eq!(proof.to_text().as_bytes(), bytes, "a proof is kept byte for byte");
    let leaf = leaf_hash(vector("/log/lines/3").as_bytes());
    if proof.verify(leaf, &log_key()).is_ok() {
        assert_eq!(proof.index, 3, "the record stands in one place");
    }
    assert!(proof.verify(leaf_hash(b"{}"), &log_key()).is_err(), "this record was never written");
}

/// A line of a log: read whole or not at all; a journal's record is written back to the same bytes.
pub fn journal_line(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(line) = Line::parse(text) else { return };
    assert_eq!(line.text(), text);
    if let Ok(record) = JournalRecord::read(&line) {
        let again = proof::log::build_line(&line.head(), &record).expect("what was read can be written");
        assert_eq!(again, text, "a record has one spelling");
    }
}

/// What a target sent: one byte for the format, and the output. What is taken in reads back to the same value from the
/// rows that are stored.
pub fn evidence(bytes: &[u8]) {
    const FORMATS: [&str; 7] = ["text", "json", "yaml", "csv", "lines", "kv", "sha256sums"];
    let Some((first, output)) = bytes.split_first() else { return };
    let format = FORMATS.iter().cycle().nth(usize::from(*first)).and_then(|name| Parse::from_name(name));
    let parse = format.expect("the formats are those that procedures name");
    let Ok(piece) = RawEvidence::document(Map::new(), "content", parse, output.to_vec()) else { return };
    let value = piece.value().expect("what was taken in has a value");
    let items = piece.into_items().expect("what was taken in can be stored");
    let again = RawEvidence::from_items(items).expect("stored rows form a piece");
    assert_eq!(again.value().ok(), Some(value), "the stored rows say something else");
}

/// The test keys: the Runner's, and the log's as that of its journal.
pub fn trust() -> &'static Trust {
    static TRUST: OnceLock<Trust> = OnceLock::new();
    TRUST.get_or_init(|| {
        let journals = GENUINE.lines().filter_map(|line| line.strip_prefix("journal "));
        Trust {
            runner_keys: vec![runner_key()],
            journal_keys: journals.map(|key| key.parse().expect("the list names keys")).collect(),
            ..Trust::default()
        }
    })
}

fn genuine() -> BTreeSet<&'static str> {
    GENUINE.lines().collect()
}

/// A text of the golden values.
pub fn vector(pointer: &str) -> &'static str {
    static READ: OnceLock<Value> = OnceLock::new();
    let vectors = READ.get_or_init(|| serde_json::from_str(VECTORS).expect("the golden values are JSON"));
    vectors.pointer(pointer).and_then(Value::as_str).expect("the golden value is there and is a text")
}

fn runner_key() -> p256::VerifyingKey {
    let spki = STANDARD.decode(vector("/keys/runner/spki_der")).expect("the golden key is base64");
    p256::VerifyingKey::from_spki(&spki).expect("the golden key is a P-256 key")
}

fn log_key() -> VerifierKey {
    vector("/log/verifier_key").parse().expect("the golden key is a verifier key")
}
