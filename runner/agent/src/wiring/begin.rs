//! A run begins, or goes on from what the store kept of it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use clock::Timestamp;
use ids::RunId;
use procedure::{Procedure, RunContext};
use runner_engine::{Machine, Plan};
use runner_vault::{RunStart, StoredRun};
use serde_json::{Map, Value, json};
use verdict::Trigger;

use crate::fail::Fail;
use crate::wiring::execute::Execution;
use crate::wiring::restore;
use crate::wiring::runner::{Runner, SOFTWARE, vault};

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
    let period = procedure.schedule.as_ref().and_then(|schedule| procedure::period(schedule, started));
    runner
        .vault
        .begin_run(&RunStart {
            run,
            procedure: restore::source(procedure)?,
            inputs: json!({"inputs": inputs, "scratch": scratch}),
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
    let context = context(run, started, period, &scratch.display().to_string());
    let plan = Plan { inputs, run: context, skipped: skipped(procedure, only) };
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
    let (Some(Value::Object(inputs)), Some(Value::String(scratch))) =
        (start.inputs.get("inputs"), start.inputs.get("scratch"))
    else {
        return Err(Fail::fault("E-RUN-012", "the stored inputs are not an object", "see `proctor-runner doctor`"));
    };
    let only = start.only.as_ref().map(|only| only.iter().cloned().collect());
    let context = context(start.run, start.started, start.period, scratch);
    let plan = Plan { inputs: inputs.clone(), run: context, skipped: skipped(procedure, only.as_ref()) };
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
