//! The store as a whole, on real files.

mod canary;
mod drilldown;
mod faults;
mod journal;
mod lifecycle;
mod line;
mod migration;
mod readers;
mod rotation;
mod tampering;

use std::path::PathBuf;
use std::sync::Arc;

use clock::{Clock, ManualClock, Timestamp};
use crypto::{Digest, SystemEntropy};
use ids::{RunId, RunnerId, TenantId};
use proof::manifest::{CheckLine, ItemLine, Manifest, ProcedureVersion, RunLine, StepLine};
use runner_evidence::{Provenance, RawEvidence};
use serde_json::{Map, Value, json};
use verdict::{Counts, EvidenceClass, Severity, Status, StepStatus, Trigger};

use crate::{
    Files, Notation, Options, Outcome, PieceRecord, ProcedureSource, Provider, Retention, RunStart, SameDisk, Vault,
};

/// A folder with a store, its clock, and the ids of its runs.
pub(crate) struct Bed {
    folder: PathBuf,
    /// Removes the folder in the end; none where another process owns it.
    _owned: Option<tempfile::TempDir>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) options: Options,
    pub(crate) tenant: TenantId,
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Bed {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bed = Self::at(folder.path());
        Self { _owned: Some(folder), ..bed }
    }

    /// A bed whose store is made for a tenant.
    pub(crate) fn enrolled() -> Self {
        Self { tenant: TenantId::from_parts(1, [8; 10]), ..Self::new() }
    }

    /// A bed in a folder that belongs to another process; its clock goes on from the newest record.
    pub(crate) fn at(folder: impl Into<PathBuf>) -> Self {
        let clock = Arc::new(ManualClock::at(time("2026-11-21T20:00:00.000Z")));
        Self { folder: folder.into(), _owned: None, clock, options: Options::default(), tenant: TenantId::NIL }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.clone()
    }

    pub(crate) fn files(&self) -> Files {
        Files::in_folder(&self.folder)
    }

    pub(crate) fn provider(&self) -> Provider {
        Provider::KeyFile { path: self.folder.join("root.key"), same_disk: SameDisk::Accept }
    }

    pub(crate) fn create(&self) -> Vault {
        let runner = RunnerId::from_parts(1, [7; 10]);
        let (options, clock) = (self.options.clone(), self.clock.clone());
        let entropy = SystemEntropy::new();
        Vault::create(&self.files(), &self.provider(), self.tenant, runner, options, clock, entropy).unwrap()
    }

    pub(crate) fn open(&self) -> Vault {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open(&self) -> Result<Vault, crate::VaultError> {
        let (options, clock) = (self.options.clone(), self.clock.clone());
        Vault::open(&self.files(), &self.provider(), options, clock, SystemEntropy::new())
    }

    pub(crate) fn read_only(&self) -> Vault {
        let (options, clock) = (self.options.clone(), self.clock.clone());
        Vault::open_read_only(&self.files(), &self.provider(), options, clock, SystemEntropy::new()).unwrap()
    }

    pub(crate) fn start(&self, number: u8) -> RunStart {
        RunStart {
            run: RunId::from_parts(u64::try_from(self.clock.now().as_millis()).unwrap(), [number; 10]),
            procedure: procedure(),
            inputs: json!({"hosts": ["db1.example"]}),
            trigger: Trigger::Local,
            due: None,
            started: self.clock.now(),
            period: None,
            only: None,
            software: "proctor-runner 0.1.0".into(),
            retention: Retention::Audit,
        }
    }

    /// Begins a run, records one piece with rows, attests it.
    pub(crate) fn finished_run(&self, vault: &mut Vault, number: u8) -> RunId {
        let start = self.start(number);
        vault.begin_run(&start).unwrap();
        vault.record_piece(start.run, self.rows("users", None, 40)).unwrap();
        let manifest = self.manifest(vault, start.run, Status::Pass);
        vault.attest(start.run, &manifest).unwrap();
        start.run
    }

    pub(crate) fn rows(&self, step: &str, position: Option<u32>, count: usize) -> PieceRecord {
        let records = (0..count).map(|index| json!({"index": index, "name": format!("user{index}")})).collect();
        let evidence = RawEvidence::table(object(json!({"count": count})), "rows", records).unwrap();
        self.collected(step, position, evidence)
    }

    pub(crate) fn collected(&self, step: &str, position: Option<u32>, evidence: RawEvidence) -> PieceRecord {
        let provenance = self.provenance(step);
        let outcome = Outcome::Collected { evidence, provenance, class: EvidenceClass::Internal };
        self.piece(step, position, outcome)
    }

    pub(crate) fn piece(&self, step: &str, position: Option<u32>, outcome: Outcome) -> PieceRecord {
        let key = position.map(|position| format!("host{position}"));
        let (started, ended) = (self.clock.now(), self.clock.now().plus_ms(20));
        PieceRecord { step: step.into(), position, key, failed: Vec::new(), started, ended, outcome }
    }

    pub(crate) fn provenance(&self, step: &str) -> Provenance {
        Provenance {
            step: step.into(),
            attempt: 1,
            started: self.clock.now(),
            ended: self.clock.now().plus_ms(20),
            connector: "sql".into(),
            connector_version: "0.1.0".into(),
            connection: Some("hr".into()),
            request: json!({"query": "select * from users"}),
            source: json!({"system": "7312"}),
            operator: "proctor".into(),
            bytes: 120,
            class: EvidenceClass::Internal,
            dropped: vec!["password".into()],
            complete: Some(true),
        }
    }

    /// A manifest of everything that the store holds of the run, with one check of this status.
    pub(crate) fn manifest(&self, vault: &Vault, run: RunId, status: Status) -> Vec<u8> {
        let stored = vault.load_run(run).unwrap();
        let identity = vault.identity();
        let mut counts = Counts::default();
        match status {
            Status::Pass => counts.pass = 1,
            Status::Fail => counts.fail = 1,
            Status::Error => counts.error = 1,
            Status::Pending => counts.pending = 1,
            _ => unreachable!("tests attest the other four"),
        }
        let score = match status {
            Status::Pass => Some(10_000),
            Status::Fail | Status::Error => Some(0),
            _ => None,
        };
        let procedure = &stored.start.procedure;
        let mut steps: Vec<StepLine> = Vec::new();
        let mut items: Vec<ItemLine> = Vec::new();
        for piece in &stored.pieces {
            if steps.iter().all(|step| step.step.as_str() != piece.step) {
                steps.push(StepLine {
                    step: piece.step.parse().unwrap(),
                    status: if status == Status::Pending { StepStatus::Pending } else { StepStatus::Ok },
                    code: None,
                    attempts: piece.attempts,
                    started: piece.started,
                    ended: piece.ended,
                });
            }
            items.extend(piece.items.iter().map(|item| ItemLine {
                item: item.item,
                step: piece.step.parse().unwrap(),
                form: item.form,
                class: item.class,
                collected: item.collected,
                rows: item.commitment.rows,
                root: item.commitment.root,
            }));
        }
        let manifest = Manifest {
            run: RunLine {
                run,
                tenant: identity.tenant,
                runner: identity.runner,
                procedure: ProcedureVersion {
                    id: procedure.id.clone(),
                    version: procedure.version,
                    sha256: procedure.digest,
                },
                trigger: stored.start.trigger,
                due: stored.start.due,
                started: stored.start.started,
                ended: self.clock.now().plus_ms(50),
                verdict: status,
                score,
                score_with_exceptions: score,
                counts,
                partial: false,
                software: stored.start.software.parse().unwrap(),
            },
            steps,
            items,
            checks: vec![CheckLine {
                check: "all_active".parse().unwrap(),
                status,
                severity: Severity::High,
                counts,
                exceptions: Vec::new(),
            }],
            metrics: Vec::new(),
        };
        manifest.to_bytes().unwrap()
    }
}

pub(crate) fn procedure() -> ProcedureSource {
    ProcedureSource {
        id: "access-review".parse().unwrap(),
        version: 3,
        digest: Digest::from_bytes([9; 32]),
        notation: Notation::Yaml,
        source: b"schema: procedure/v1\nid: access-review\n".to_vec(),
    }
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => unreachable!("tests pass objects"),
    }
}
