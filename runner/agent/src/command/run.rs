//! `run`: executes a procedure now.

use std::collections::BTreeSet;
use std::path::PathBuf;

use procedure::Procedure;
use serde_json::{Map, Value};

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::runner::{Mode, Runner};
use crate::wiring::{begin, files, inputs, procedures, report, unfinished};

/// Executes a procedure now: collects evidence through the connectors, evaluates the checks over what was stored, signs
/// the manifest and journals it. Only what config.toml allows is touched.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner run tls-endpoints.yaml
  proctor-runner run access-review.md --inputs inputs.json --json
  proctor-runner run ssh-hardening.yaml --input max_auth_tries=3 --check auth_tries

Inputs come from [procedures.ID] of config.toml, then --inputs, then --input; the later one wins.
With --check the run is partial: the other checks are skipped and there is no score.")]
pub(crate) struct Args {
    /// Procedure file, .yaml or .md.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// An input as NAME=VALUE; the value is JSON, or else text.
    #[arg(long = "input", value_name = "NAME=VALUE")]
    input: Vec<String>,
    /// A file of inputs, JSON or TOML (.toml).
    #[arg(long, value_name = "FILE")]
    inputs: Option<PathBuf>,
    /// Evaluate only this check, and collect only what it needs; may be given more than once.
    #[arg(long = "check", value_name = "ID")]
    checks: Vec<String>,
    /// Do not first go on with runs that were interrupted.
    #[arg(long)]
    no_resume: bool,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    let procedure = procedures::load(&args.file)?;
    let runner = Runner::open(place, Mode::Write)?;
    let given = given_inputs(&runner, &procedure, &args)?;
    let inputs = inputs::bind(&procedure, &given)?;
    let only = selected(&procedure, &args.checks)?;
    if !args.no_resume {
        unfinished::go_on_with_all(&runner)?;
    }
    let progress = runner.out.progress(&procedure.title);
    let mut execution = begin::begin(&runner, &procedure, inputs, only.as_ref(), begin::Cause::Operator)?;
    let run = execution.run;
    let reached = execution.drive(&progress)?;
    let judged = report::report(&runner, &procedure, run, reached)?;
    progress.finish_and_clear();
    report::print(&runner, &judged)
}

fn given_inputs(runner: &Runner, procedure: &Procedure, args: &Args) -> Result<Map<String, Value>, Fail> {
    let mut given = runner.config.binding(&procedure.id).map(|binding| binding.inputs.clone()).unwrap_or_default();
    if let Some(file) = &args.inputs {
        given.extend(inputs::from_file(file, &files::given(file, files::SMALL)?)?);
    }
    for pair in &args.input {
        let (name, value) = inputs::from_argument(procedure, pair)?;
        given.insert(name, value);
    }
    Ok(given)
}

fn selected(procedure: &Procedure, checks: &[String]) -> Result<Option<BTreeSet<String>>, Fail> {
    if let Some(unknown) = checks.iter().find(|check| procedure.check(check).is_none()) {
        let known: Vec<_> = procedure.checks.iter().map(|check| check.id.as_str()).collect();
        let message = format!("{} has no check `{unknown}`", procedure.id);
        return Err(Fail::input("E-RUN-003", message, format!("its checks are: {}", known.join(", "))));
    }
    Ok((!checks.is_empty()).then(|| checks.iter().cloned().collect()))
}
