use std::collections::BTreeMap;

use clock::Timestamp;
use crypto::digest::sha256;
use proptest::prelude::*;
use verdict::Severity;

use super::*;
use crate::attestation::attest;
use crate::bundle::{BundleContents, DestroyedItem, OpenedItem, names};
use crate::checkpoint::{Checkpoint, audit_origin, journal_origin, runner_witness};
use crate::commitment::{Committer, ItemSecret, RowOpening};
use crate::cosignature::Witness;
use crate::dsse::{Envelope, Signer};
use crate::log::Chain;
use crate::log::journal::JournalRecord;
use crate::manifest::{self, Manifest};
use crate::merkle::{Tree, leaf_hash};
use crate::note::SignedNote;
use crate::tlog_proof::TlogProof;
use crate::vectors;

const PROCEDURE: &[u8] = b"schema: procedure/v1\nid: demo\n";

/// Stands for the language: knows one procedure, the one that the golden manifest names.
fn read_procedure(notation: Notation, bytes: &[u8]) -> Result<ProcedureOutline, String> {
    if notation != Notation::Yaml || !bytes.starts_with(b"schema: procedure/v1\n") {
        return Err("not a procedure".to_owned());
    }
    let golden = bytes == PROCEDURE;
    let manifest = golden_manifest();
    let digest = if golden { manifest.run.procedure.sha256 } else { sha256(bytes) };
    Ok(ProcedureOutline {
        id: "demo".into(),
        version: 1,
        digest,
        steps: vec!["users".into()],
        checks: vec![("active".into(), Severity::High), ("setting".into(), Severity::Low)],
        metrics: vec!["first".into(), "users".into()],
    })
}

fn golden_manifest() -> Manifest {
    manifest::parse(vectors::load()["manifest"].as_str().unwrap().as_bytes()).unwrap()
}

/// What a Runner has at hand when it writes a bundle; a test changes some of it.
struct Maker {
    manifest: Manifest,
    bytes: Vec<u8>,
    envelope: Option<Envelope>,
    record: Option<JournalRecord>,
    rows_of: &'static str,
    opened: Vec<u64>,
    destroyed: Vec<DestroyedItem>,
    witness: bool,
    audit: bool,
    chain: Option<String>,
}

impl Maker {
    fn golden() -> Self {
        let manifest = golden_manifest();
        Self {
            bytes: manifest.to_bytes().unwrap(),
            manifest,
            envelope: None,
            record: None,
            rows_of: "seven",
            opened: vec![1, 4],
            destroyed: vec![DestroyedItem { item: "019aa7f0-0000-7000-8000-000000000005".parse().unwrap(), seq: 4 }],
            witness: false,
            audit: false,
            chain: None,
        }
    }

    fn opened_item(&self) -> OpenedItem {
        let vectors = vectors::load();
        let vector = vectors["commitments"].as_array().unwrap().iter().find(|v| v["name"] == self.rows_of).unwrap();
        let decode = |value: &serde_json::Value| hex::decode(value.as_str().unwrap()).unwrap();
        let secret = ItemSecret::from_bytes(decode(&vector["secret"]).try_into().unwrap());
        let rows: Vec<Vec<u8>> = vector["rows"].as_array().unwrap().iter().map(decode).collect();
        let mut committer = Committer::new(&secret);
        let leaves: Vec<Digest> = rows.iter().map(|row| committer.push(row)).collect();
        let open = |i: &u64| RowOpening::from_leaves(&secret, &leaves, *i, rows[*i as usize].clone()).unwrap();
        OpenedItem {
            item: self.manifest.items[0].item,
            commitment: committer.commitment(),
            rows: self.opened.iter().map(open).collect(),
        }
    }

    fn bundle(&self) -> Vec<u8> {
        let (runner, log) = (vectors::p256_key("runner"), vectors::ed25519_key("log"));
        let envelope = self.envelope.clone().unwrap_or_else(|| attest(&self.manifest, &self.bytes, &runner));
        let run = &self.manifest.run;
        let record = self
            .record
            .clone()
            .unwrap_or(JournalRecord::RunAttested { run: run.run, attestation_sha256: envelope.sha256() });
        let now: Timestamp = "2026-11-21T20:11:38.000Z".parse().unwrap();
        let mut chain = Chain::new();
        let filler = JournalRecord::RunEnded { run: run.run, code: verdict::Code::Cancelled };
        let lines: Vec<String> = [&filler, &filler, &record, &filler, &filler]
            .iter()
            .map(|record| chain.append(now, record).unwrap().line)
            .collect();
        let tree = Tree::new(lines.iter().map(|line| leaf_hash(line.as_bytes())).collect());
        let origin = journal_origin(run.tenant, run.runner);
        let checkpoint = Checkpoint { origin, size: chain.size(), root: chain.root() };
        let mut note = checkpoint.sign(&log).unwrap();
        if self.witness {
            let name = "witness.example/w1".parse().unwrap();
            note.add(Witness { name: &name, key: &vectors::ed25519_key("device") }.cosign(&note, now));
        }
        let mut audit = Checkpoint { origin: audit_origin(run.tenant), ..checkpoint.clone() }.sign(&log).unwrap();
        let name = runner_witness(run.tenant, run.runner);
        audit.add(Witness { name: &name, key: &vectors::ed25519_key("device") }.cosign(&audit, now));
        let proof = TlogProof { extra: None, index: 2, path: tree.inclusion_path(2).unwrap(), checkpoint: note };
        let contents = BundleContents {
            manifest: &self.bytes,
            attestation: envelope.bytes(),
            procedure: (Notation::Yaml, PROCEDURE),
            runner_key: &runner.verifying_key(),
            runner_chain: self.chain.as_deref(),
            journal_line: &lines[2],
            journal_proof: &proof,
            journal_key: &checkpoint.verifier_key(&log),
            audit_checkpoint: if self.audit { Some(&audit) } else { None },
            opened: vec![self.opened_item()],
            destroyed: self.destroyed.clone(),
        };
        contents.to_bytes().unwrap()
    }
}

fn trust() -> Trust {
    let run = golden_manifest().run;
    let log = vectors::ed25519_key("log");
    let key = |origin| Checkpoint { origin, size: 0, root: Digest::ZERO }.verifier_key(&log);
    Trust {
        runner_keys: vec![
            vectors::p256_key("control-plane").verifying_key(),
            vectors::p256_key("runner").verifying_key(),
        ],
        journal_keys: vec![key(journal_origin(run.tenant, run.runner))],
        witness_keys: vec![],
        audit_keys: vec![key(audit_origin(run.tenant))],
    }
}

fn judge(bundle: &[u8]) -> Report {
    static TRUST: std::sync::OnceLock<Trust> = std::sync::OnceLock::new();
    verify_bundle(bundle, TRUST.get_or_init(trust), &read_procedure)
}

fn red(report: &Report) -> Vec<&'static str> {
    report.steps.iter().filter(|step| step.outcome == Outcome::Red).map(|step| step.id.code()).collect()
}

/// The bundle with some of its files replaced, in a correct archive.
fn with_files(bundle: &[u8], change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Vec<u8> {
    let mut files: BTreeMap<String, Vec<u8>> =
        bundle::read(bundle).unwrap().files().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
    change(&mut files);
    let files = files.into_iter().map(|(name, bytes)| (name, bytes.into())).collect();
    bundle::write_for_tests(&files)
}

fn replaced(bundle: &[u8], file: &str, from: &str, to: &str) -> Vec<u8> {
    with_files(bundle, |files| {
        let text = String::from_utf8(files[file].clone()).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        files.insert(file.to_owned(), text.replacen(from, to, 1).into_bytes());
    })
}

#[test]
fn an_honest_bundle_is_verified_and_every_step_is_green() {
    let bundle = Maker::golden().bundle();
    let report = judge(&bundle);
    assert_eq!(report.steps.len(), StepId::ALL.len());
    for step in &report.steps {
        assert_eq!(step.outcome, Outcome::Green, "{step:?}");
    }
    assert_eq!(report.verdict, Verdict::Verified);
    assert!(report.step(StepId::Openings).unwrap().detail.contains("2 rows of 1 of 2 items"));
    assert!(report.sentence().starts_with("Verified"));
}

#[test]
fn the_same_contents_give_the_same_bytes() {
    let golden = Maker::golden();
    let envelope = Some(attest(&golden.manifest, &golden.bytes, &vectors::p256_key("runner")));
    let [one, other] = [[1, 4], [4, 1]]
        .map(|rows| Maker { envelope: envelope.clone(), opened: rows.to_vec(), ..Maker::golden() }.bundle());
    assert_eq!(one, other);
}

#[test]
fn without_keys_from_outside_it_is_no_pass() {
    let bundle = Maker::golden().bundle();
    let report = verify_bundle(&bundle, &Trust::default(), &read_procedure);
    assert_eq!(report.verdict, Verdict::Unvouched);
    assert!(report.sentence().contains("consistent, but nobody vouches for the key"));
    let unvouched: Vec<_> = report.steps.iter().filter(|s| s.outcome == Outcome::Unvouched).map(|s| s.id).collect();
    assert_eq!(unvouched, [StepId::RunnerKey, StepId::JournalKey]);
    // The journal's key alone does not vouch for the attestation; the Runner's alone does, and says what it leaves open.
    let journal = Trust { runner_keys: vec![], ..trust() };
    assert_eq!(verify_bundle(&bundle, &journal, &read_procedure).verdict, Verdict::Unvouched);
    let runner = Trust { journal_keys: vec![], ..trust() };
    let report = verify_bundle(&bundle, &runner, &read_procedure);
    assert_eq!(report.verdict, Verdict::Verified);
    assert!(report.sentence().contains("For the journal's key nobody vouches"));
}

#[test]
fn keys_that_are_not_trusted_are_red() {
    let bundle = Maker::golden().bundle();
    let other = Trust { runner_keys: vec![vectors::p256_key("control-plane").verifying_key()], ..trust() };
    let report = verify_bundle(&bundle, &other, &read_procedure);
    assert_eq!((report.verdict, red(&report)), (Verdict::Refused, vec!["runner.key"]));
    let other = Trust { journal_keys: trust().audit_keys, ..trust() };
    assert_eq!(red(&verify_bundle(&bundle, &other, &read_procedure)), ["journal.key"]);
}

#[test]
fn no_flipped_byte_of_a_bundle_gets_through() {
    let bundle = Maker::golden().bundle();
    for at in 0..bundle.len() {
        let mut changed = bundle.clone();
        changed[at] ^= 1;
        assert_eq!(judge(&changed).verdict, Verdict::Refused, "byte {at}");
    }
}

/// Each row changes one text of one file and repairs the archive around it: checksums alone must not be what catches it.
#[test]
fn a_repaired_archive_is_refused_at_the_right_step() {
    let bundle = Maker { witness: true, audit: true, ..Maker::golden() }.bundle();
    let opening = "opened/019aa7f0-0000-7000-8000-000000000004/opening.json";
    let row = "opened/019aa7f0-0000-7000-8000-000000000004/4.row";
    for (file, from, to, expected) in [
        (names::MANIFEST, "\"verdict\":\"fail\"", "\"verdict\":\"pass\"", "manifest"),
        (names::MANIFEST, "20:11:36.097Z", "20:11:36.098Z", "attestation.statement"),
        (names::MANIFEST, "\"attempts\":1", "\"attempts\":2", "attestation.statement"),
        (names::MANIFEST, "\"version\":1", "\"version\":2", "procedure.digest"),
        (names::MANIFEST, "\"rows\":7", "\"rows\":8", "evidence.opened"),
        (names::MANIFEST, "-000000000003\",\"tenant", "-000000000013\",\"tenant", "journal.record"),
        (names::MANIFEST, "-000000000001\",\"runner", "-000000000011\",\"runner", "journal.origin"),
        (names::MANIFEST, "\"check\":\"active\"", "\"check\":\"aktive\"", "procedure.contents"),
        (names::MANIFEST, "\"metric\":\"users\"", "\"metric\":\"losers\"", "procedure.contents"),
        (names::ATTESTATION, "\"payload\":\"eyJf", "\"payload\":\"eyJg", "attestation.signature"),
        (names::ATTESTATION, "vnd.in-toto+json", "vnd.in-toto+jsom", "attestation.signature"),
        (names::ATTESTATION, "\"sig\":\"M", "\"sig\":\"N", "attestation.signature"),
        (names::ATTESTATION, "\"keyid\":\"4", "\"keyid\":\"5", "journal.record"),
        (names::PROCEDURE_YAML, "id: demo", "id: demp", "procedure.digest"),
        (names::PROCEDURE_YAML, "schema: ", "schemb: ", "procedure.digest"),
        (names::RUNNER_KEY, "-----BEGIN", "------BEGIN", "runner.key"),
        (names::RUNNER_KEY, "-----\n", "-----\n\n", "runner.key"),
        (names::JOURNAL_LINE, "\"kind\"", "\"Kind\"", "journal.record"),
        (names::JOURNAL_LINE, "\"at\":\"2026", "\"at\":\"2027", "journal.inclusion"),
        (names::JOURNAL_LINE, "\"seq\":2", "\"seq\":3", "journal.inclusion"),
        (names::JOURNAL_LINE, "}", "}\n\n", "journal.record"),
        (names::JOURNAL_LINE, "}", "}\r\n", "journal.record"),
        (names::JOURNAL_LINE, ",\"kind\"", ", \"kind\"", "journal.record"),
        (names::JOURNAL_LINE, "run.attested", "run.attestex", "journal.record"),
        (names::JOURNAL_PROOF, "index 2", "index 3", "journal.inclusion"),
        (names::JOURNAL_PROOF, "index 2", "extra AAAA\nindex 2", "journal.inclusion"),
        (names::JOURNAL_PROOF, "\n5\n", "\n6\n", "journal.checkpoint"),
        (names::JOURNAL_PROOF, "\n\nproctor/", "\n\nproctop/", "journal.origin"),
        (names::JOURNAL_KEY, "proctor/", "proctop/", "journal.key"),
        (names::JOURNAL_KEY, "\n", "\r\n", "journal.key"),
        (names::JOURNAL_KEY, "\n", "\n\n", "journal.key"),
        (names::RUNNER_KEY, "KEY-----\n", "KEY-----\r\n", "runner.key"),
        (names::AUDIT_CHECKPOINT, "\n5\n", "\n6\n", "audit.checkpoint"),
        (names::AUDIT_CHECKPOINT, "/audit\n5", "/audit\n\n5", "audit.checkpoint"),
        (names::AUDIT_CHECKPOINT, "proctor/019aa7f0", "proctor/119aa7f0", "audit.checkpoint"),
        (opening, "\"rows\":7", "\"rows\":6", "evidence.opened"),
        (opening, "\"i\":1", "\"i\":2", "evidence.opened"),
        (opening, "\"salt\":\"O", "\"salt\":\"P", "evidence.opened"),
        (opening, "\"path\":[\"6", "\"path\":[\"7", "evidence.opened"),
        (row, "true", "fals", "evidence.opened"),
        (names::DESTROYED, "-000000000005", "-000000000006", "evidence.destroyed"),
        (names::DESTROYED, "-000000000005", "-000000000004", "evidence.destroyed"),
        (names::DESTROYED, "\"seq\":4", "\"seq\":4,\"seq\":4", "evidence.destroyed"),
        (names::DESTROYED, "\"seq\":4", "\"seq\":4,\"why\":4", "evidence.destroyed"),
    ] {
        let report = judge(&replaced(&bundle, file, from, to));
        assert_eq!(report.verdict, Verdict::Refused, "{file}: {from} -> {to}");
        assert!(red(&report).contains(&expected), "{file}: {from} -> {to}: {:?}", red(&report));
        assert_eq!(report.step(StepId::Container).unwrap().outcome, Outcome::Green);
    }
}

#[test]
fn files_dropped_added_or_swapped_are_refused() {
    let bundle = Maker::golden().bundle();
    let all: Vec<String> = bundle::read(&bundle).unwrap().files().map(|(name, _)| name.to_owned()).collect();
    let advice = [names::GUIDE.to_owned(), names::DESTROYED.to_owned()];
    for name in all.iter().filter(|name| !advice.contains(name)) {
        let report = judge(&with_files(&bundle, |files| drop(files.remove(name))));
        let step = if name.starts_with(names::OPENED) { "evidence.opened" } else { "files" };
        assert_eq!((report.verdict, red(&report)), (Verdict::Refused, vec![step]), "{name} dropped");
    }
    for (name, step) in [
        ("note.txt", "files"),
        (names::PROCEDURE_MARKDOWN, "files"),
        (names::RUNNER_CHAIN, "runner.chain"),
        ("opened/x", "evidence.opened"),
        ("opened/019aa7f0-0000-7000-8000-000000000004/2.row", "evidence.opened"),
        ("opened/019aa7f0-0000-7000-8000-000000000005/opening.json", "evidence.opened"),
        ("opened/019aa7f0-0000-7000-8000-000000000099/opening.json", "evidence.opened"),
    ] {
        let report = judge(&with_files(&bundle, |files| drop(files.insert(name.to_owned(), b"{}".to_vec()))));
        assert!(red(&report).contains(&step), "{name} added: {:?}", red(&report));
    }
    let rows = [1, 4].map(|row| format!("opened/019aa7f0-0000-7000-8000-000000000004/{row}.row"));
    let report = judge(&with_files(&bundle, |files| {
        let (one, other) = (files[&rows[0]].clone(), files[&rows[1]].clone());
        files.extend([(rows[0].clone(), other), (rows[1].clone(), one)]);
    }));
    assert_eq!(red(&report), ["evidence.opened"]);
}

/// What other writers do differently and nothing binds.
#[test]
fn honest_differences_are_verified() {
    let bundle = Maker::golden().bundle();
    let opening = "opened/019aa7f0-0000-7000-8000-000000000004/opening.json";
    for (file, from, to) in [
        (names::JOURNAL_LINE, "}", "}\n"),
        (names::JOURNAL_KEY, "\n", ""),
        (names::RUNNER_KEY, "END PUBLIC KEY-----\n", "END PUBLIC KEY-----"),
        (names::DESTROYED, "\"seq\":4", "\"seq\" : 4"),
        (opening, "\"rows\":7", " \"rows\": 7"),
    ] {
        assert_eq!(judge(&replaced(&bundle, file, from, to)).verdict, Verdict::Verified, "{file}: {from} -> {to}");
    }
    let without = judge(&with_files(&bundle, |files| drop(files.remove(names::DESTROYED))));
    assert_eq!(without.verdict, Verdict::Verified);
    assert_eq!(without.step(StepId::Destroyed).unwrap().outcome, Outcome::Green);
    for other in [
        replaced(&bundle, names::GUIDE, "Verified OK", "Verified Ok"),
        with_files(&bundle, |files| drop(files.remove(names::GUIDE))),
    ] {
        let report = judge(&other);
        assert_eq!(report.verdict, Verdict::Verified);
        let guide = report.step(StepId::Guide).unwrap();
        assert_eq!(guide.outcome, Outcome::Noted);
        assert!(guide.detail.contains("advice, not part of the proof"), "{}", guide.detail);
    }
}

#[test]
fn a_record_or_signature_of_something_else_is_refused() {
    let golden = Maker::golden();
    let runner = vectors::p256_key("runner");
    let statement = crate::attestation::Statement::of(&golden.manifest, &golden.bytes).to_bytes();
    let cases = [
        (Envelope::sign("text/plain", &statement, &[Signer::P256(&runner)]), "attestation.signature"),
        (attest(&golden.manifest, &golden.bytes, &vectors::p256_key("control-plane")), "attestation.signature"),
        (attest(&golden.manifest, b"another manifest", &runner), "attestation.statement"),
    ];
    for (envelope, step) in cases {
        let maker = Maker { envelope: Some(envelope), ..Maker::golden() };
        assert_eq!(red(&judge(&maker.bundle())), [step]);
    }
    let run = golden.manifest.run.run;
    for record in [
        JournalRecord::RunAttested { run, attestation_sha256: Digest::ZERO },
        JournalRecord::RunAttested { run: ids::RunId::NIL, attestation_sha256: Digest::ZERO },
        JournalRecord::RunEnded { run, code: verdict::Code::Internal },
    ] {
        let maker = Maker { record: Some(record), ..Maker::golden() };
        assert_eq!(red(&judge(&maker.bundle())), ["journal.record"]);
    }
}

/// The attestation is right and signed, but what it attests is not all of the procedure.
#[test]
fn what_is_left_out_of_a_manifest_is_noticed() {
    let text = String::from_utf8(Maker::golden().bytes).unwrap();
    let without_failing = text
        .replace(text.lines().nth(5).unwrap(), "")
        .replace("\n\n", "\n")
        .replacen("\"fail\":1", "\"fail\":0", 1)
        .replace(
            "\"verdict\":\"fail\",\"score\":8333,\"score_with_exceptions\":8333",
            "\"verdict\":\"pass\",\"score\":10000,\"score_with_exceptions\":10000",
        );
    for (changed, why) in [
        (without_failing, "the checks are not those of the procedure"),
        (
            text.replacen("\"severity\":\"low\"", "\"severity\":\"info\"", 1).replace("8333", "10000"),
            "is low in the procedure",
        ),
        (text.replace("\"step\":\"users\"", "\"step\":\"people\""), "the steps are not those"),
    ] {
        let manifest = manifest::parse(changed.as_bytes()).unwrap();
        let report = judge(&Maker { bytes: changed.into_bytes(), manifest, ..Maker::golden() }.bundle());
        assert_eq!(red(&report), ["procedure.contents"]);
        let detail = &report.step(StepId::ProcedureContents).unwrap().detail;
        assert!(detail.contains(why), "{detail}");
    }
}

#[test]
fn witnesses_are_believed_only_if_named() {
    let seen = Maker { witness: true, ..Maker::golden() }.bundle();
    let unseen = Maker::golden().bundle();
    let name = "witness.example/w1".parse().unwrap();
    let witness_keys = vec![Witness { name: &name, key: &vectors::ed25519_key("device") }.verifier_key()];
    let naming = Trust { witness_keys, ..trust() };
    let outcome = |bundle: &[u8], trust: &Trust| {
        let report = verify_bundle(bundle, trust, &read_procedure);
        (report.step(StepId::Witnesses).unwrap().outcome, report.verdict)
    };
    assert_eq!(outcome(&seen, &naming), (Outcome::Green, Verdict::Verified));
    assert_eq!(outcome(&seen, &trust()), (Outcome::Unvouched, Verdict::Verified));
    assert_eq!(outcome(&unseen, &trust()), (Outcome::Green, Verdict::Verified));
    assert_eq!(outcome(&unseen, &naming), (Outcome::Red, Verdict::Refused));
    // The cosignature of another checkpoint, pasted in under the right name.
    let forged = with_files(&seen, |files| {
        let proof = TlogProof::parse(std::str::from_utf8(&files[names::JOURNAL_PROOF]).unwrap()).unwrap();
        let mut bytes = proof.checkpoint.signatures()[1].clone();
        bytes.bytes[20] ^= 1;
        let mut note = SignedNote::parse(&proof.checkpoint.to_text()).unwrap();
        note.add(bytes);
        let text = TlogProof { checkpoint: note, ..proof }.to_text();
        files.insert(names::JOURNAL_PROOF.to_owned(), text.into_bytes());
    });
    assert_eq!(outcome(&forged, &naming), (Outcome::Red, Verdict::Refused));
}

/// A log that lies about its middle: the checkpoint is signed and the record stands in a tree, but another one.
#[test]
fn a_log_that_lies_about_its_middle_is_refused() {
    let bundle = Maker::golden().bundle();
    let changed = with_files(&bundle, |files| {
        let text = String::from_utf8(files[names::JOURNAL_PROOF].clone()).unwrap();
        let mut proof = TlogProof::parse(&text).unwrap();
        proof.path[1] = leaf_hash(b"another middle");
        files.insert(names::JOURNAL_PROOF.to_owned(), proof.to_text().into_bytes());
    });
    assert_eq!(red(&judge(&changed)), ["journal.inclusion"]);
}

#[test]
fn the_audit_checkpoint_needs_a_key_from_outside() {
    let bundle = Maker { audit: true, ..Maker::golden() }.bundle();
    assert_eq!(judge(&bundle).step(StepId::AuditCheckpoint).unwrap().outcome, Outcome::Green);
    let without = Trust { audit_keys: vec![], ..trust() };
    let report = verify_bundle(&bundle, &without, &read_procedure);
    assert_eq!(report.step(StepId::AuditCheckpoint).unwrap().outcome, Outcome::Unvouched);
    let wrong = Trust { audit_keys: trust().journal_keys, ..trust() };
    assert_eq!(red(&verify_bundle(&bundle, &wrong, &read_procedure)), ["audit.checkpoint"]);
}

#[test]
fn the_audit_checkpoint_carries_the_cosignature_of_this_runner() {
    let bundle = Maker { audit: true, ..Maker::golden() }.bundle();
    let run = golden_manifest().run;
    let name = runner_witness(run.tenant, run.runner);
    let named = |key: &str| Trust {
        witness_keys: vec![Witness { name: &name, key: &vectors::ed25519_key(key) }.verifier_key()],
        ..trust()
    };
    let outcome = |bundle: &[u8], trust: &Trust| {
        let report = verify_bundle(bundle, trust, &read_procedure);
        (report.step(StepId::AuditWitness).unwrap().outcome, report.verdict)
    };
    assert_eq!(outcome(&bundle, &trust()), (Outcome::Unvouched, Verdict::Verified));
    assert_eq!(outcome(&bundle, &named("device")), (Outcome::Green, Verdict::Verified));
    assert_eq!(outcome(&bundle, &named("log")), (Outcome::Red, Verdict::Refused));
    let alone = with_files(&bundle, |files| {
        let text = String::from_utf8(files[names::AUDIT_CHECKPOINT].clone()).unwrap();
        let end = text.trim_end().rfind('\n').unwrap() + 1;
        files.insert(names::AUDIT_CHECKPOINT.to_owned(), text.as_bytes()[..end].to_vec());
    });
    assert_eq!(outcome(&alone, &trust()), (Outcome::Red, Verdict::Refused));
    assert_eq!(outcome(&Maker::golden().bundle(), &named("device")), (Outcome::Green, Verdict::Verified));
}

#[test]
fn a_certificate_chain_is_noted_and_only_its_form_is_judged() {
    let certificate = crypto::pem::encode("CERTIFICATE", &[&[0x30, 0x82, 1, 44], [7; 300].as_slice()].concat());
    let with = |chain: &str| judge(&Maker { chain: Some(chain.to_owned()), ..Maker::golden() }.bundle());
    let report = with(&format!("{certificate}{certificate}"));
    assert_eq!(report.verdict, Verdict::Verified);
    let step = report.step(StepId::RunnerChain).unwrap();
    assert_eq!(step.outcome, Outcome::Noted);
    assert!(step.detail.starts_with("2 certificates") && step.detail.contains("not checked"), "{}", step.detail);
    let short = crypto::pem::encode("CERTIFICATE", &[0x30, 0x82, 1, 44, 0]);
    for bad in ["", "rubbish", &certificate.replace("CERTIFICATE", "PUBLIC KEY"), &short, &format!("{certificate}x")] {
        assert_eq!(red(&with(bad)), ["runner.chain"], "{bad}");
    }
}

#[test]
fn a_trust_file_reads_back_and_is_strict() {
    let name = "w".parse().unwrap();
    let witness_keys = vec![Witness { name: &name, key: &vectors::ed25519_key("device") }.verifier_key()];
    let trust = Trust { witness_keys, ..trust() };
    let text = trust.to_json();
    assert_eq!(Trust::from_json(text.as_bytes()), Ok(trust));
    assert_eq!(Trust::from_json(b"{\"v\":1}"), Ok(Trust::default()));
    for (from, to) in [
        ("\"v\": 1", "\"v\": 2"),
        ("\"v\": 1", "\"w\": 1"),
        ("\"runner_keys\"", "\"runner_key\""),
        ("\"journal_keys\"", "\"witness_keys\""),
        ("PUBLIC KEY", "PRIVATE KEY"),
    ] {
        assert!(text.contains(from));
        assert!(Trust::from_json(text.replacen(from, to, 1).as_bytes()).is_err(), "{from} -> {to}");
    }
    let swapped =
        text.replace("journal_keys", "x").replace("witness_keys", "journal_keys").replace("\"x\"", "\"witness_keys\"");
    assert!(matches!(Trust::from_json(swapped.as_bytes()), Err(TrustError::Kind { .. })));
}

#[test]
fn every_step_is_listed_even_for_rubbish() {
    let report = judge(b"rubbish");
    assert_eq!(report.steps.len(), StepId::ALL.len());
    assert_eq!(red(&report), ["container"]);
    assert!(report.steps[1..].iter().all(|step| step.outcome == Outcome::NotJudged));
    assert_eq!(report.verdict, Verdict::Refused);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Any file replaced by anything, in a correct archive: never a panic, and no pass unless nothing changed.
    #[test]
    fn no_replaced_file_gets_through(which: prop::sample::Index, at: prop::sample::Index, byte: u8, cut: bool) {
        let bundle = Maker::golden().bundle();
        let mut same = false;
        let changed = with_files(&bundle, |files| {
            let name = which.get(&files.keys().cloned().collect::<Vec<_>>()).clone();
            let mut bytes = files[&name].clone();
            let at = at.index(bytes.len());
            let before = bytes.clone();
            bytes[at] = byte;
            if cut { bytes.truncate(at); }
            same = before == bytes || before.strip_suffix(b"\n") == Some(&bytes);
            // The position of a destroyed item's record is the one number that a bundle does not prove; its guide is
            // advice.
            same |= [names::DESTROYED, names::GUIDE].contains(&name.as_str());
            files.insert(name, bytes);
        });
        let report = judge(&changed);
        prop_assert!(same || report.verdict == Verdict::Refused);
    }
}
