//! Proof bundles signed with the published test keys, for the corpora.

use clock::Timestamp;
use crypto::{Digest, Secret, SystemEntropy, ed25519, p256};
use ids::{ItemId, RunId, RunnerId, TenantId};
use proof::bundle::{BundleContents, DestroyedItem, Notation, OpenedItem};
use proof::checkpoint::{Checkpoint, journal_origin};
use proof::commitment::{Commitment, Committer, ItemSecret, RowOpening};
use proof::log::Chain;
use proof::log::journal::{DestroyCause, JournalRecord};
use proof::manifest::{CheckLine, ItemLine, Manifest, MetricLine, ProcedureVersion, RunLine, StepLine};
use proof::merkle::{Tree, leaf_hash};
use proof::tlog_proof::TlogProof;
use verdict::{
    CheckTally, Counts, EvidenceClass, EvidenceForm, Status, StepStatus, Trigger, score, score_with_exceptions,
};

use crate::targets::vector;

const MILLISECONDS: u64 = 1_795_291_896_097;

/// A bundle and its parts.
pub(crate) struct Sample {
    pub(crate) bundle: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
    pub(crate) attestation: Vec<u8>,
    pub(crate) journal: Vec<String>,
    pub(crate) journal_key: String,
}

/// A run of this procedure in which every check passed, with one item opened and one destroyed.
pub(crate) fn bundle(source: &[u8], notation: Notation, number: u8) -> Sample {
    let written = match notation {
        Notation::Yaml => procedure::Notation::Yaml,
        Notation::Markdown => procedure::Notation::Markdown,
    };
    let procedure = procedure::read(source, written).expect("the example is a procedure");
    let (runner, log) = (runner_key(), log_key());
    let secret = ItemSecret::from_bytes([number; 32]);
    let rows = ["{\"n\":1}", "{\"name\":\"\u{1b}[2J\u{202e}evil\"}", "{\"n\":3}"];
    let mut committer = Committer::new(&secret);
    let leaves: Vec<Digest> = rows.iter().map(|row| committer.push(row.as_bytes())).collect();
    let commitment = committer.commitment();
    let manifest = manifest(&procedure, commitment, number);
    let bytes = manifest.to_bytes().expect("the manifest agrees with itself");
    let envelope = proof::attestation::attest(&manifest, &bytes, &runner);
    let run = &manifest.run;
    let gone = item(number, 9);
    let mut chain = Chain::new();
    let journal: Vec<String> = [
        JournalRecord::RunBegun { run: run.run, procedure_sha256: procedure.digest() },
        JournalRecord::RunAttested { run: run.run, attestation_sha256: envelope.sha256() },
        JournalRecord::ItemDestroyed { item: gone, by: None, cause: DestroyCause::Request, justification: None },
        JournalRecord::RunEnded { run: RunId::NIL, code: verdict::Code::Cancelled },
    ]
    .iter()
    .map(|record| chain.append(run.ended, record).expect("the record can be written").line)
    .collect();
    let tree = Tree::new(journal.iter().map(|line| leaf_hash(line.as_bytes())).collect());
    let origin = journal_origin(run.tenant, run.runner);
    let checkpoint = Checkpoint { origin, size: chain.size(), root: chain.root() };
    let journal_proof = TlogProof {
        extra: None,
        index: 1,
        path: tree.inclusion_path(1).expect("the record is in the tree"),
        checkpoint: checkpoint.sign(&log).expect("the checkpoint can be signed"),
    };
    let open = |index: u64, row: &str| {
        RowOpening::from_leaves(&secret, &leaves, index, row.into()).expect("the row is in the tree")
    };
    let [first, second, _] = rows;
    let journal_key = checkpoint.verifier_key(&log);
    let contents = BundleContents {
        manifest: &bytes,
        attestation: envelope.bytes(),
        procedure: (notation, source),
        runner_key: &runner.verifying_key(),
        runner_chain: None,
        journal_line: journal.get(1).expect("four records were written"),
        journal_proof: &journal_proof,
        journal_key: &journal_key,
        audit_checkpoint: None,
        opened: vec![OpenedItem { item: item(number, 4), commitment, rows: vec![open(0, first), open(1, second)] }],
        destroyed: vec![DestroyedItem { item: gone, seq: 2 }],
    };
    let bundle = contents.to_bytes().expect("the contents fit into a bundle");
    let attestation = envelope.bytes().to_vec();
    Sample { bundle, manifest: bytes, attestation, journal, journal_key: journal_key.to_string() }
}

/// The test key that plays the Runner's.
fn runner_key() -> p256::SigningKey {
    let der = private("/keys/runner/private_pem");
    p256::SigningKey::from_pkcs8(Secret::new(der), &SystemEntropy::new()).expect("the golden key is a P-256 key")
}

/// The test key that plays the journal's.
fn log_key() -> ed25519::SigningKey {
    let der = private("/keys/log/private_pem");
    ed25519::SigningKey::from_seed(*der.last_chunk::<32>().expect("the seed is the last part of the document"))
}

fn private(pointer: &str) -> Vec<u8> {
    crypto::pem::decode("PRIVATE KEY", vector(pointer)).expect("the golden key is PEM")
}

fn item(run: u8, number: u8) -> ItemId {
    ItemId::from_parts(MILLISECONDS, [run, number, 0, 0, 0, 0, 0, 0, 0, 0])
}

fn manifest(procedure: &procedure::Procedure, commitment: Commitment, number: u8) -> Manifest {
    let at = Timestamp::from_millis(1_795_291_896_097);
    let name = |text: &str| text.parse().expect("ids of procedures are names");
    let steps: Vec<StepLine> = procedure
        .all_steps()
        .map(|step| StepLine {
            step: name(&step.id),
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
    let version = ProcedureVersion { id: name(&procedure.id), version: procedure.version, sha256: procedure.digest() };
    let run = RunLine {
        run: RunId::from_parts(MILLISECONDS, [number; 10]),
        tenant: TenantId::NIL,
        runner: RunnerId::from_parts(MILLISECONDS, [2; 10]),
        procedure: version,
        trigger: Trigger::Local,
        due: None,
        started: at,
        ended: at.plus_ms(1_003),
        verdict: Status::Pass,
        score: score(&tallies),
        score_with_exceptions: score_with_exceptions(&tallies),
        counts,
        partial: false,
        software: "proctor-runner 0.1.0".parse().expect("it is a name and a version"),
    };
    let check = |check: &procedure::Check| CheckLine {
        check: name(&check.id),
        status: Status::Pass,
        severity: check.severity,
        counts: one,
        exceptions: Vec::new(),
    };
    let metric = |metric: &procedure::Metric| MetricLine { metric: name(&metric.name), value: 7 };
    let first = &steps.first().expect("a procedure has a step").step;
    let line = |id: ItemId| ItemLine {
        item: id,
        step: first.clone(),
        form: EvidenceForm::Rows,
        class: EvidenceClass::Internal,
        collected: at,
        rows: commitment.rows,
        root: commitment.root,
    };
    let items = vec![line(item(number, 4)), line(item(number, 9))];
    let checks = procedure.checks.iter().map(check).collect();
    let metrics = procedure.metrics.iter().map(metric).collect();
    Manifest { run, steps, items, checks, metrics }
}
