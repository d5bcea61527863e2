//! A run begins, or goes on from what the store kept of it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use clock::Timestamp;
use ids::RunId;
use procedure::{Procedure, RunContext};
use runner_engine::{Machine, Plan};
use runner_vault::{RunStart, StoredRun};
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

/// Begins a run: it is in the store and in the journal before anything is collected.
pub(crate) fn begin<'a>(
    runner: &'a mut Runner,
    procedure: &'a Procedure,
    inputs: Map<String, Value>,
    only: Option<&BTreeSet<String>>,
) -> Result<Execution<'a>, Fail> {
    let connections = runner.connections(procedure)?;
    let connectors = runner.connectors()?;
    let run = runner.new_run();
    let started = runner.clock.now();
    let scratch = runner.scratch(run);
    let fixed = Fixed { inputs, scratch: scratch.display().to_string(), metrics: runner.config.metrics };
    let period = procedure.schedule.as_ref().and_then(|schedule| procedure::period(schedule, started));
    runner
        .vault
        .begin_run(&RunStart {
            run,
            procedure: restore::source(procedure)?,
            inputs: fixed.to_value()?,
            trigger: Trigger::Local,
            due: None,
            started,
            period,
            only: only.map(|only| only.iter().cloned().collect()),
            software: SOFTWARE.to_owned(),
            retention: restore::retention(procedure),
        })
        .map_err(vault)?;
    make_scratch(&scratch)?;
    let context = context(run, started, period, &fixed.scratch);
    let plan = Plan { inputs: fixed.inputs, run: context, skipped: skipped(procedure, only) };
    let machine = Machine::new(procedure, plan, BTreeMap::new());
    Ok(Execution { runner, procedure, run, machine, connections, connectors })
}

/// Goes on with a run that the store holds.
pub(crate) fn go_on<'a>(
    runner: &'a mut Runner,
    procedure: &'a Procedure,
    stored: &StoredRun,
) -> Result<Execution<'a>, Fail> {
    let connections = runner.connections(procedure)?;
    let connectors = runner.connectors()?;
    make_scratch(&runner.scratch(stored.start.run))?;
    let machine = rebuild(runner, procedure, stored)?;
    Ok(Execution { runner, procedure, run: stored.start.run, machine, connections, connectors })
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
