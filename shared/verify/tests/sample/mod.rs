//! A bundle as a Runner would write it: a real procedure, evidence with opened rows, a journal with records around it.

use std::path::PathBuf;

use clock::Timestamp;
use crypto::{Digest, SystemEntropy, ed25519, p256};
use ids::{ItemId, RunId, RunnerId, TenantId};
use proof::bundle::{BundleContents, Notation, OpenedItem};
use proof::checkpoint::{Checkpoint, journal_origin};
use proof::commitment::{Committer, ItemSecret, RowOpening};
use proof::log::Chain;
use proof::log::journal::JournalRecord;
use proof::manifest::{CheckLine, ItemLine, Manifest, MetricLine, ProcedureVersion, RunLine, StepLine};
use proof::merkle::{Tree, leaf_hash};
use proof::tlog_proof::TlogProof;
use proof::verification::Trust;
use verdict::{
    CheckTally, Counts, EvidenceClass, EvidenceForm, Status, StepStatus, Trigger, score, score_with_exceptions,
};

/// A row that tries to clear the screen and to turn the reading order around.
pub(crate) const HOSTILE_ROW: &str = "{\"name\":\"\u{1b}[2J\u{202e}evil\"}";

/// A bundle, its parts that tests ask for, and the keys that made it.
pub(crate) struct Sample {
    pub(crate) bundle: Vec<u8>,
    pub(crate) runner: p256::VerifyingKey,
    pub(crate) trust: Trust,
    pub(crate) run: RunId,
}

pub(crate) fn examples() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/examples"))
}

/// The bundle of a run of this example in which every check passed.
pub(crate) fn of_example(name: &str) -> Sample {
    let source = std::fs::read(examples().join(name)).unwrap();
    let markdown = name.ends_with(".md");
    let notation = if markdown { procedure::Notation::Markdown } else { procedure::Notation::Yaml };
    let procedure = procedure::read(&source, notation).unwrap();
    let entropy = SystemEntropy::new();
    let (runner, log) = (p256::SigningKey::generate(&entropy), ed25519::SigningKey::generate(&entropy));
    let secret = ItemSecret::random(&entropy);
    let rows = ["{\"n\":1}", HOSTILE_ROW, "{\"n\":3}"];
    let mut committer = Committer::new(&secret);
    let leaves: Vec<Digest> = rows.iter().map(|row| committer.push(row.as_bytes())).collect();
    let commitment = committer.commitment();
    let manifest = manifest(&procedure, commitment);
    let bytes = manifest.to_bytes().unwrap();
    let envelope = proof::attestation::attest(&manifest, &bytes, &runner);
    let run = &manifest.run;
    let mut chain = Chain::new();
    let other = JournalRecord::RunEnded { run: RunId::NIL, code: verdict::Code::Cancelled };
    let attested = JournalRecord::RunAttested { run: run.run, attestation_sha256: envelope.sha256() };
    let lines: Vec<String> = [&other, &other, &other, &attested, &other, &other]
        .iter()
        .map(|record| chain.append(run.ended, record).unwrap().line)
        .collect();
    let tree = Tree::new(lines.iter().map(|line| leaf_hash(line.as_bytes())).collect());
    let checkpoint =
        Checkpoint { origin: journal_origin(run.tenant, run.runner), size: chain.size(), root: chain.root() };
    let proof = TlogProof {
        extra: None,
        index: 3,
        path: tree.inclusion_path(3).unwrap(),
        checkpoint: checkpoint.sign(&log).unwrap(),
    };
    let open = |i: u64, row: &str| RowOpening::from_leaves(&secret, &leaves, i, row.into()).unwrap();
    let contents = BundleContents {
        manifest: &bytes,
        attestation: envelope.bytes(),
        procedure: (if markdown { Notation::Markdown } else { Notation::Yaml }, &source),
        runner_key: &runner.verifying_key(),
        runner_chain: None,
        journal_line: &lines[3],
        journal_proof: &proof,
        journal_key: &checkpoint.verifier_key(&log),
        audit_checkpoint: None,
        opened: vec![OpenedItem {
            item: manifest.items[0].item,
            commitment,
            rows: vec![open(0, rows[0]), open(1, rows[1])],
        }],
        destroyed: Vec::new(),
    };
    let trust = Trust {
        runner_keys: vec![runner.verifying_key()],
        journal_keys: vec![checkpoint.verifier_key(&log)],
        ..Trust::default()
    };
    Sample { bundle: contents.to_bytes().unwrap(), runner: runner.verifying_key(), trust, run: run.run }
}

fn manifest(procedure: &procedure::Procedure, commitment: proof::commitment::Commitment) -> Manifest {
    let at: Timestamp = "2026-11-21T20:11:36.097Z".parse().unwrap();
    let steps: Vec<StepLine> = procedure
        .all_steps()
        .map(|step| StepLine {
            step: step.id.parse().unwrap(),
            status: StepStatus::Ok,
            code: None,
            attempts: 1,
            started: at,
            ended: at.plus_ms(40),
        })
        .collect();
    let one = Counts { pass: 1, ..Counts::default() };
    let tallies: Vec<CheckTally> =
        procedure.checks.iter().map(|check| CheckTally { severity: check.severity, counts: one }).collect();
    let mut counts = Counts::default();
    tallies.iter().for_each(|tally| counts.add(&tally.counts));
    let run = RunLine {
        run: RunId::from_parts(1_795_291_896_097, [3; 10]),
        tenant: TenantId::NIL,
        runner: RunnerId::from_parts(1_795_291_896_097, [2; 10]),
        procedure: ProcedureVersion {
            id: procedure.id.parse().unwrap(),
            version: procedure.version,
            sha256: procedure.digest(),
        },
        trigger: Trigger::Local,
        due: None,
        started: at,
        ended: at.plus_ms(1_003),
        verdict: Status::Pass,
        score: score(&tallies),
        score_with_exceptions: score_with_exceptions(&tallies),
        counts,
        partial: false,
        software: "proctor-runner 0.1.0".parse().unwrap(),
    };
    let check = |check: &procedure::Check| CheckLine {
        check: check.id.parse().unwrap(),
        status: Status::Pass,
        severity: check.severity,
        counts: one,
        exceptions: Vec::new(),
    };
    let metric = |metric: &procedure::Metric| MetricLine { metric: metric.name.parse().unwrap(), value: 7 };
    let item = ItemLine {
        item: ItemId::from_parts(1_795_291_896_097, [4; 10]),
        step: steps[0].step.clone(),
        form: EvidenceForm::Rows,
        class: EvidenceClass::Internal,
        collected: at,
        rows: commitment.rows,
        root: commitment.root,
    };
    Manifest {
        run,
        steps,
        items: vec![item],
        checks: procedure.checks.iter().map(check).collect(),
        metrics: procedure.metrics.iter().map(metric).collect(),
    }
}
