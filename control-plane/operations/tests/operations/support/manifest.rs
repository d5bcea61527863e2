//! A run of a small procedure: one step, one check, perhaps an evidence item.

use clock::Timestamp;
use contract::identity::RunnerName;
use crypto::Digest;
use ids::{ItemId, RunId};
use proof::manifest::{CheckLine, ItemLine, Manifest, ProcedureVersion, RunLine, StepLine};
use verdict::{Counts, EvidenceClass, EvidenceForm, Severity, Status, StepStatus, Trigger};

#[derive(Debug, Clone)]
pub(crate) struct RunSpec {
    pub(crate) run: RunId,
    pub(crate) status: Status,
    pub(crate) evidence: Vec<Evidence>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence {
    pub(crate) item: ItemId,
    pub(crate) rows: u64,
    pub(crate) root: Digest,
}

impl RunSpec {
    pub(crate) fn new(n: u8, status: Status) -> Self {
        Self { run: RunId::from_parts(1_800_000_000_000 + u64::from(n), [n; 10]), status, evidence: Vec::new() }
    }

    pub(crate) fn manifest(&self, name: RunnerName, now: Timestamp) -> Manifest {
        let one = |status| u64::from(self.status == status);
        let counts = Counts {
            pass: one(Status::Pass),
            fail: one(Status::Fail),
            error: one(Status::Error),
            pending: one(Status::Pending),
            not_applicable: 0,
            excepted: 0,
        };
        let score = match self.status {
            Status::Pass => Some(10_000),
            Status::Fail => Some(0),
            Status::Error => Some(0),
            Status::Pending | Status::Excepted | Status::NotApplicable | Status::Skipped => None,
        };
        let step = StepLine {
            step: "collect".parse().unwrap(),
            status: StepStatus::Ok,
            code: None,
            attempts: 1,
            started: now,
            ended: now,
        };
        let items = self.evidence.iter().map(|evidence| ItemLine {
            item: evidence.item,
            step: "collect".parse().unwrap(),
            form: EvidenceForm::Rows,
            class: EvidenceClass::Internal,
            collected: now,
            rows: evidence.rows,
            root: evidence.root,
        });
        let check = CheckLine {
            check: "is-set".parse().unwrap(),
            status: self.status,
            severity: Severity::High,
            counts,
            exceptions: Vec::new(),
        };
        Manifest {
            run: RunLine {
                run: self.run,
                tenant: name.tenant,
                runner: name.runner,
                procedure: ProcedureVersion {
                    id: "demo".parse().unwrap(),
                    version: 1,
                    sha256: crypto::digest::sha256(b"demo"),
                },
                trigger: Trigger::Local,
                due: None,
                started: now,
                ended: now,
                verdict: self.status,
                score,
                score_with_exceptions: score,
                counts,
                partial: false,
                software: "proctor-runner 0.1.0".parse().unwrap(),
            },
            steps: vec![step],
            items: items.collect(),
            checks: vec![check],
            metrics: Vec::new(),
        }
    }
}
