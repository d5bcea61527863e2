//! A run begins, or goes on from what the store kept of it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use clock::Timestamp;
use ids::{RequestId, RunId};
use procedure::{Procedure, RunContext};
use proof::log::journal::MissReason;
use runner_engine::{Machine, Plan};
use runner_vault::{RunStart, StoredRun, VaultError};
use serde_json::{Map, Value};
use verdict::Trigger;

use crate::config::MetricsPolicy;
use crate::fail::Fail;
use crate::wiring::execute::Execution;
use crate::wiring::restore;
use crate::wiring::runner::{Runner, SOFTWARE, vault};

/// What is settled when a run begins and must be the same whenever it is evaluated again, here or elsewhere; sealed with
/// the run.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fixed {
    /// The bound inputs.
    inputs: Map<String, Value>,
    /// The folder that the run could write into, as expressions see it.
    scratch: String,
    /// Which numbers may leave.
    pub(crate) metrics: MetricsPolicy,
}

impl Fixed {
    /// Of a stored run.
    pub(crate) fn of(stored: &StoredRun) -> Result<Self, Fail> {
        serde_json::from_value(stored.start.inputs.clone()).map_err(|error| {
            let message = format!("what was settled when run {} began does not read: {error}", stored.start.run);
            Fail::fault("E-RUN-012", message, "see `proctor-runner doctor`")
        })
    }

    fn to_value(&self) -> Result<Value, Fail> {
        let unwritable = |error| Fail::fault("E-RUN-032", error, "this is a fault of the Runner; please report it");
        serde_json::to_value(self).map_err(unwritable)
    }
}

/// What sets a run off.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cause {
    /// The operator, at the command line.
    Operator,
    /// It was due then.
    Due(Timestamp),
    /// Somebody asked for it over the line.
    Request(RequestId),
}

impl Cause {
    fn trigger(self) -> Trigger {
        match self {
            Self::Operator => Trigger::Local,
            Self::Due(_) => Trigger::Schedule,
            Self::Request(_) => Trigger::Request,
        }
    }

    fn due(self) -> Option<Timestamp> {
        match self {
            Self::Due(due) => Some(due),
            Self::Operator | Self::Request(_) => None,
        }
    }
}

/// Nothing began.
#[derive(Debug)]
pub(crate) struct NotBegun {
    /// Why, in the journal's word for a due time that is not met.
    pub(crate) reason: MissReason,
    /// Why, for a person.
    pub(crate) fail: Fail,
}

impl From<NotBegun> for Fail {
    fn from(not_begun: NotBegun) -> Self {
        not_begun.fail
    }
}

/// The journal's word for what kept the store from beginning a run.
fn reason(error: &VaultError) -> MissReason {
    match error {
        VaultError::OutboxFull { .. } => MissReason::QueueFull,
        VaultError::Rollback(_) => MissReason::Rollback,
        // Whatever else it is, the store could not take the run in.
        _ => MissReason::Storage,
    }
}

/// Begins a run: it is in the store and in the journal before anything is collected.
pub(crate) fn begin<'a>(
    runner: &'a Runner,
    procedure: &'a Procedure,
    inputs: Map<String, Value>,
    only: Option<&BTreeSet<String>>,
    cause: Cause,
) -> Result<Execution<'a>, NotBegun> {
    let because = |reason| move |fail| NotBegun { reason, fail };
    let connections = runner.connections(procedure).map_err(because(MissReason::NotConfigured))?;
    let connectors = runner.connectors().map_err(because(MissReason::NotConfigured))?;
    let of_store = because(MissReason::Storage);
    let run = runner.new_run();
    let claim = Some(runner.claims.take(run).map_err(of_store)?);
    let started = runner.clock.now();
    let scratch = runner.scratch(run);
    let fixed = Fixed { inputs, scratch: scratch.display().to_string(), metrics: runner.config.metrics };
    let period = procedure.schedule.as_ref().and_then(|schedule| procedure::period(schedule, started));
    let start = RunStart {
        run,
        procedure: restore::source(procedure).map_err(of_store)?,
        inputs: fixed.to_value().map_err(of_store)?,
        trigger: cause.trigger(),
        due: cause.due(),
        started,
        period,
        only: only.map(|only| only.iter().cloned().collect()),
        software: SOFTWARE.to_owned(),
        retention: restore::retention(procedure),
    };
    let begun = runner.store.lock().map_err(of_store).map(|mut store| match cause {
        Cause::Request(request) => store.begin_requested_run(&start, request),
        Cause::Operator | Cause::Due(_) => store.begin_run(&start),
    });
    begun?.map_err(|error| NotBegun { reason: reason(&error), fail: vault(error) })?;
    make_scratch(&scratch).map_err(of_store)?;
    let context = context(run, started, period, &fixed.scratch);
    let plan = Plan { inputs: fixed.inputs, run: context, skipped: skipped(procedure, only) };
    let machine = Machine::new(procedure, plan, BTreeMap::new());
    Ok(Execution { runner, procedure, run, began: started, machine, connections, connectors, claim })
}

/// Goes on with a run that the store holds and that the caller has claimed.
pub(crate) fn go_on<'a>(
    runner: &'a Runner,
    procedure: &'a Procedure,
    stored: &StoredRun,
) -> Result<Execution<'a>, Fail> {
    let connections = runner.connections(procedure)?;
    let connectors = runner.connectors()?;
    make_scratch(&runner.scratch(stored.start.run))?;
    let machine = rebuild(runner, procedure, stored)?;
    let claim = None;
    let (run, began) = (stored.start.run, stored.start.started);
    Ok(Execution { runner, procedure, run, began, machine, connections, connectors, claim })
}

/// The engine's state of a run that the store holds; touches no target.
pub(crate) fn rebuild<'a>(runner: &Runner, procedure: &'a Procedure, stored: &StoredRun) -> Result<Machine<'a>, Fail> {
    let start = &stored.start;
    let fixed = Fixed::of(stored)?;
    let only = start.only.as_ref().map(|only| only.iter().cloned().collect());
    let context = context(start.run, start.started, start.period, &fixed.scratch);
    let plan = Plan { inputs: fixed.inputs, run: context, skipped: skipped(procedure, only.as_ref()) };
    Ok(Machine::new(procedure, plan, restore::pieces(runner, stored)?))
}

fn context(run: RunId, at: Timestamp, period: Option<(Timestamp, Timestamp)>, scratch: &str) -> RunContext {
    let (period_start, period_end) = period.unzip();
    RunContext { id: run.to_string(), at, period_start, period_end, scratch: Some(scratch.to_owned()) }
}

fn skipped(procedure: &Procedure, only: Option<&BTreeSet<String>>) -> BTreeSet<String> {
    only.map(|only| runner_engine::steps_not_needed(procedure, only)).unwrap_or_default()
}

/// Makes the folder that the run may write into.
fn make_scratch(path: &Path) -> Result<(), Fail> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        let message = format!("{}: {error}", path.display());
        Fail::fault("E-RUN-013", message, "the Runner's folder must be writable for its account")
    })
}
