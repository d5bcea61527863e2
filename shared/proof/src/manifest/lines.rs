//! The lines of a manifest. The order of the fields is the order of the format; serialising writes it.

use clock::Timestamp;
use crypto::Digest;
use ids::{ExceptionId, ItemId, RunId, RunnerId, TenantId};
use serde::{Deserialize, Serialize};
use verdict::{Code, Counts, EvidenceClass, EvidenceForm, Severity, Status, StepStatus, Trigger};

use crate::commitment::Commitment;
use crate::text::{Name, Software};

/// A run's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The run.
    pub run: RunLine,
    /// Every step of the procedure, those of `finally` last, in its order.
    pub steps: Vec<StepLine>,
    /// The evidence, in the order of the steps.
    pub items: Vec<ItemLine>,
    /// Every check of the procedure, in its order.
    pub checks: Vec<CheckLine>,
    /// The metrics that were measured, in the procedure's order.
    pub metrics: Vec<MetricLine>,
}

/// A version of a procedure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcedureVersion {
    /// Its id.
    pub id: Name,
    /// Its version number.
    pub version: u64,
    /// The digest of its model: what it really is identified by.
    pub sha256: Digest,
}

/// The run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunLine {
    /// Its id, fixed before anything was collected.
    pub run: RunId,
    /// The tenant; nil before enrolment.
    pub tenant: TenantId,
    /// The Runner.
    pub runner: RunnerId,
    /// What was run.
    pub procedure: ProcedureVersion,
    /// What set it off.
    pub trigger: Trigger,
    /// When it was due, if a schedule set it off.
    pub due: Option<Timestamp>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended, or when this report of a waiting run was made.
    pub ended: Timestamp,
    /// The first status that any check has.
    pub verdict: Status,
    /// As measured, in basis points.
    pub score: Option<u64>,
    /// With excepted items left out, in basis points.
    pub score_with_exceptions: Option<u64>,
    /// Sum over the checks.
    pub counts: Counts,
    /// Whether checks were left out on request.
    pub partial: bool,
    /// The program that ran it.
    pub software: Software,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepLine {
    /// Its id in the procedure.
    pub step: Name,
    /// What became of it.
    pub status: StepStatus,
    /// Why, if it is an error; else `null`.
    pub code: Option<Code>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
}

/// An evidence item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemLine {
    /// Its id.
    pub item: ItemId,
    /// The step that collected it.
    pub step: Name,
    /// Its shape.
    pub form: EvidenceForm,
    /// How confidential it is.
    pub class: EvidenceClass,
    /// When it was collected.
    pub collected: Timestamp,
    /// Number of rows.
    pub rows: u64,
    /// Root over the salted rows.
    pub root: Digest,
}

impl ItemLine {
    /// The commitment that the line carries.
    pub fn commitment(&self) -> Commitment {
        Commitment { rows: self.rows, root: self.root }
    }
}

/// A check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckLine {
    /// Its id in the procedure.
    pub check: Name,
    /// Its status.
    pub status: Status,
    /// Its weight, as the procedure says.
    pub severity: Severity,
    /// Its items by measured status.
    pub counts: Counts,
    /// The exceptions that cover its failing items.
    pub exceptions: Vec<ExceptionId>,
}

/// A metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricLine {
    /// Its name in the procedure.
    pub metric: Name,
    /// Its value.
    pub value: i32,
}
