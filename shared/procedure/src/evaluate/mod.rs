//! From collected values to statuses, verdict and score.
//!
//! It knows what was collected as JSON and what failed or waits; it must never know how anything was collected or where
//! it is kept. All of it is pure: time, run id and values come in with the [`World`].

mod checks;
mod exceptions;
mod inputs;
mod populations;
mod steps;
mod store;

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use crypto::Digest;
use ids::ExceptionId;
use serde_json::{Map, Value};
use verdict::{Code, Counts, Severity, Status};

use crate::expression::on_large_stack;
use crate::model::Procedure;

pub use exceptions::{Covers, Exception, Lapse, check_digest};
pub use inputs::bind_inputs;
pub use steps::{arguments, expand};

/// What was collected so far, and under which circumstances.
#[derive(Debug, Clone)]
pub struct World {
    /// Values of the inputs, as [`bind_inputs`] gives them.
    pub inputs: Map<String, Value>,
    /// The run.
    pub run: RunContext,
    /// What became of each step, by id. A step that is not here was not reached.
    pub steps: BTreeMap<String, Collected>,
}

/// What expressions see as `run`.
#[derive(Debug, Clone)]
pub struct RunContext {
    /// The run's id, fixed before anything is collected: it decides the samples.
    pub id: String,
    /// The recorded time of the run, which all time functions use.
    pub at: Timestamp,
    /// Begin of the period that the run is about.
    pub period_start: Option<Timestamp>,
    /// End of the period that the run is about.
    pub period_end: Option<Timestamp>,
    /// The run's scratch folder.
    pub scratch: Option<String>,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Collected {
    /// Of a step without `for_each`.
    One(Outcome),
    /// Of a step with `for_each`: one piece an item, in the order of the list.
    Each(Vec<Piece>),
    /// Its `for_each` or its arguments could not be evaluated.
    Failed(Code),
    /// Its `for_each` waits for an earlier step.
    Pending,
    /// The run did not get there.
    NotReached,
}

/// What became of the collection for one item.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Name of the item.
    pub key: String,
    /// The item.
    pub item: Value,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of one collection.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The value, as the connector gave it.
    Value(Value),
    /// It failed.
    Failed(Code),
    /// It waits for a person, and there is time left.
    Pending,
    /// It waited for a person until the deadline.
    Overdue,
    /// It was left out.
    Skipped,
}

/// Why something could not be evaluated. Displays as its code alone, so that evidence in its text reaches no log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}")]
pub struct Failure {
    /// What may leave the Runner.
    pub code: Code,
    /// What happened, for display at the Runner only: it can hold evidence.
    pub text: String,
}

impl Failure {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    pub(crate) fn internal(text: impl Into<String>) -> Self {
        Self::new(Code::Internal, text)
    }
}

/// Why a step cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// Something that it needs waits for a person.
    #[error("waits for an earlier step")]
    Pending,
    /// Something that it needs failed, or its own expressions did.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// An item that a step is repeated for.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its name, unique within the step.
    pub key: String,
    /// The item itself.
    pub item: Value,
    /// What the step that `for_each` goes through collected for it.
    pub out: Option<Value>,
}

/// What a run shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Every check, in the procedure's order.
    pub checks: Vec<CheckResult>,
    /// The worst of the checks, in the order that [`Status`] declares; of all skipped, `Skipped`.
    pub verdict: Status,
    /// Basis points, as measured; `None` while anything is pending, in a partial run, or if nothing weighs.
    pub score: Option<u64>,
    /// The same without the excepted items.
    pub score_with_exceptions: Option<u64>,
    /// The items of all checks.
    pub counts: Counts,
    /// Every metric, in the procedure's order.
    pub metrics: Vec<MetricResult>,
    /// Every population, in the procedure's order.
    pub populations: Vec<PopulationResult>,
    /// Whether checks were left out.
    pub partial: bool,
    /// Exceptions for checks of this procedure that cover nothing, and why.
    pub lapsed: Vec<(ExceptionId, Lapse)>,
}

/// What a check shows.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckResult {
    /// The check.
    pub id: String,
    /// How much it weighs.
    pub severity: Severity,
    /// What it shows.
    pub status: Status,
    /// Its items by status; all zero if it was skipped.
    pub counts: Counts,
    /// Its items, in the order of its list.
    pub items: Vec<ItemResult>,
    /// The exceptions that cover at least one of its items, ordered.
    pub exceptions: Vec<ExceptionId>,
}

/// What a check shows for one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemResult {
    /// The item's name; `None` for a check, or a list, as a whole.
    pub key: Option<String>,
    /// As measured: never [`Status::Excepted`].
    pub status: Status,
    /// Why it is in error or overdue.
    pub code: Option<Code>,
    /// The exception that covers it.
    pub excepted: Option<ExceptionId>,
    /// What happened, for display at the Runner only: it can hold evidence.
    pub detail: Option<String>,
}

/// A number that leaves the Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricResult {
    /// The metric.
    pub name: String,
    /// Its value, if it has one.
    pub value: MetricValue,
}

/// The value of a metric. Decimals are rounded down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricValue {
    /// The number.
    Value(i32),
    /// Waits for a person.
    Pending,
    /// It has none, for this reason.
    Failed(Failure),
}

/// What is known of a population.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PopulationResult {
    /// The population.
    pub name: String,
    /// What is known of it.
    pub state: PopulationState,
}

/// Whether a population is proven. Digests and keys are low-entropy and stay at the Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PopulationState {
    /// Complete, and every item has a name of its own.
    Proven {
        /// Number of items.
        size: usize,
        /// Digest over the sorted keys.
        digest: Digest,
        /// The part that is examined, if not all.
        sample: Option<Sampled>,
    },
    /// Waits for a person.
    Pending,
    /// Not proven, for this reason.
    Failed(Failure),
}

/// Which items of a population are examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampled {
    /// What decided it.
    pub seed: Digest,
    /// The keys of the items, in the order of the population.
    pub keys: Vec<String>,
}

/// Assesses a run: every check over what was collected, or only those named in `only`.
///
/// # Errors
///
/// [`Code::Internal`] if the machine gives no thread to evaluate on. Everything else that can go wrong is a status.
pub fn assess(
    procedure: &Procedure,
    world: &World,
    exceptions: &[Exception],
    only: Option<&BTreeSet<String>>,
) -> Result<Assessment, Failure> {
    on_large_stack(|machine| checks::assess(machine, procedure, world, exceptions, only))
}

#[cfg(test)]
mod tests;
