//! A vault on the disk of the build folder, and things to put into it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clock::{Clock, SystemClock};
use crypto::entropy::random_bytes;
use crypto::{Digest, SystemEntropy};
use ids::{RunId, RunnerId, TenantId};
use proof::manifest::{CheckLine, ItemLine, Manifest, ProcedureVersion, RunLine, StepLine};
use runner_evidence::{ItemRecord, Provenance, RawEvidence};
use runner_vault::{
    Files, Notation, Options, Outcome as PieceOutcome, PieceRecord, ProcedureSource, Provider, Retention, RunStart,
    SameDisk, Vault,
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use verdict::{Counts, EvidenceClass, Severity, Status, StepStatus, Trigger};

use super::Outcome;

const SOFTWARE: &str = "proctor-runner 0.1.0";

/// A folder with an empty vault.
pub(crate) struct Bed {
    folder: TempDir,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) vault: Vault,
}

impl Bed {
    pub(crate) fn new() -> Outcome<Self> {
        // The build folder: a temporary one may lie in memory, where nothing is durable and everything is fast.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let provider = Provider::KeyFile { path: folder.path().join("root.key"), same_disk: SameDisk::Accept };
        let files = Files::in_folder(folder.path());
        let runner = RunnerId::from_parts(1, [7; 10]);
        let (options, entropy) = (Options::default(), SystemEntropy::new());
        let vault = Vault::create(&files, &provider, TenantId::NIL, runner, options, Arc::clone(&clock), entropy)?;
        Ok(Self { folder, clock, vault })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// Bytes of the database and its log.
    pub(crate) fn size(&self) -> u64 {
        let size = |name: &str| self.folder.path().join(name).metadata().map_or(0, |meta| meta.len());
        size("store.db") + size("store.db-wal")
    }

    /// A run that has begun.
    pub(crate) fn run(&mut self) -> Outcome<RunId> {
        self.run_of(ProcedureSource {
            id: "bench".parse()?,
            version: 1,
            digest: Digest::from_bytes([9; 32]),
            notation: Notation::Yaml,
            source: b"schema: procedure/v1\nid: bench\n".to_vec(),
        })
    }

    /// A run of this procedure that has begun.
    pub(crate) fn run_of(&mut self, procedure: ProcedureSource) -> Outcome<RunId> {
        let milliseconds = u64::try_from(self.clock.now().as_millis())?;
        let run = RunId::from_parts(milliseconds, random_bytes(&SystemEntropy::new()));
        self.vault.begin_run(&RunStart {
            run,
            procedure,
            inputs: json!({}),
            trigger: Trigger::Local,
            due: None,
            started: self.clock.now(),
            period: None,
            only: None,
            software: SOFTWARE.to_owned(),
            retention: Retention::Operational,
        })?;
        Ok(run)
    }

    /// A piece of the step `collect` with these rows, where the connector says as little as it can.
    pub(crate) fn piece(&self, position: usize, records: Vec<Value>) -> Outcome<PieceRecord> {
        let evidence = RawEvidence::table(Map::new(), "rows", records)?;
        let now = self.clock.now();
        let provenance = Provenance {
            step: "collect".to_owned(),
            attempt: 1,
            started: now,
            ended: now,
            connector: "sql".to_owned(),
            connector_version: "0.1.0".to_owned(),
            connection: Some("erp".to_owned()),
            request: json!({"query": "select * from accounts"}),
            source: json!({"system": "7312"}),
            operator: "proctor".to_owned(),
            bytes: evidence.size(),
            class: EvidenceClass::Internal,
            dropped: Vec::new(),
            complete: Some(true),
        };
        Ok(PieceRecord {
            step: "collect".to_owned(),
            position: Some(u32::try_from(position)?),
            key: None,
            failed: Vec::new(),
            started: now,
            ended: now,
            outcome: PieceOutcome::Collected { evidence, provenance, class: EvidenceClass::Internal },
        })
    }

    /// Ends the run with a manifest of these items and its attestation.
    pub(crate) fn attest(&mut self, run: RunId, items: &[ItemRecord]) -> Outcome<()> {
        let identity = self.vault.identity();
        let start = self.vault.load_run(run)?.start;
        let one = Counts { pass: 1, ..Counts::default() };
        let ended = self.clock.now();
        let step = StepLine {
            step: "collect".parse()?,
            status: StepStatus::Ok,
            code: None,
            attempts: 1,
            started: start.started,
            ended,
        };
        let item = |item: &ItemRecord| ItemLine {
            item: item.item,
            step: step.step.clone(),
            form: item.form,
            class: item.class,
            collected: item.collected,
            rows: item.commitment.rows,
            root: item.commitment.root,
        };
        let procedure = start.procedure;
        let manifest = Manifest {
            run: RunLine {
                run,
                tenant: identity.tenant,
                runner: identity.runner,
                procedure: ProcedureVersion { id: procedure.id, version: procedure.version, sha256: procedure.digest },
                trigger: start.trigger,
                due: start.due,
                started: start.started,
                ended,
                verdict: Status::Pass,
                score: Some(10_000),
                score_with_exceptions: Some(10_000),
                counts: one,
                partial: false,
                software: SOFTWARE.parse()?,
            },
            items: items.iter().map(item).collect(),
            checks: vec![CheckLine {
                check: "holds".parse()?,
                status: Status::Pass,
                severity: Severity::High,
                counts: one,
                exceptions: Vec::new(),
            }],
            metrics: Vec::new(),
            steps: vec![step],
        };
        self.vault.attest(run, &manifest.to_bytes()?)?;
        Ok(())
    }
}

/// `count` records, each of which is `size` bytes as a canonical row, no two alike.
pub(crate) fn records(count: usize, size: usize) -> Vec<Value> {
    (0..count).map(|number| record(number, size)).collect()
}

/// One record of this size.
pub(crate) fn one_row(number: usize, size: usize) -> Vec<Value> {
    vec![record(number, size)]
}

/// The canonical rows of the same records.
pub(crate) fn rows_of(records: &[Value]) -> Outcome<Vec<Vec<u8>>> {
    Ok(records.iter().map(proof::commitment::canonical_row).collect::<Result<_, _>>()?)
}

fn record(number: usize, size: usize) -> Value {
    let number = format!("{number:010}");
    let frame = json!({"data": "", "number": number}).to_string().len();
    // Text that does not repeat within a row.
    let mut data = String::with_capacity(size + 64);
    let mut digest = crypto::digest::sha256(number.as_bytes());
    while data.len() < size {
        data.push_str(&digest.to_string());
        digest = crypto::digest::sha256(digest.as_bytes());
    }
    data.truncate(size.saturating_sub(frame));
    json!({"data": data, "number": number})
}
