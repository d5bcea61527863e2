//! `runs`: what ran, and how it ended.

use runner_vault::{RunFilter, RunState};
use serde_json::{Value, json};

use crate::fail::{Exit, Fail};
use crate::output::{Cell, score};
use crate::place::Place;
use crate::wiring::runner::{Mode, Runner};

/// Lists runs, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner runs
  proctor-runner runs --procedure tls-endpoints --limit 5 --json")]
pub(crate) struct Args {
    /// Only runs of the procedure with this id.
    #[arg(long, value_name = "ID")]
    procedure: Option<String>,
    /// Only runs that have not ended.
    #[arg(long)]
    unfinished: bool,
    /// How many, at most.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only runs before this one, for the next page.
    #[arg(long, value_name = "RUN")]
    before: Option<ids::RunId>,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let filter = RunFilter { procedure: args.procedure, unfinished: args.unfinished, ..RunFilter::default() };
    let listed = runner.store.with(|store| store.runs(&filter, args.before, args.limit))?;
    let mut rows = Vec::with_capacity(listed.len());
    let mut values = Vec::with_capacity(listed.len());
    for summary in &listed {
        let (state, points, ended) = match &summary.state {
            RunState::Running => (Cell::from("not ended"), None, None),
            RunState::Final { ended, verdict, score, .. } => (Cell::Status(*verdict), *score, Some(*ended)),
            RunState::Ended { ended, code } => (Cell::from(format_args!("ended: {code}")), None, Some(*ended)),
        };
        rows.push(vec![
            Cell::from(summary.run),
            Cell::from(&summary.procedure),
            Cell::from(summary.version),
            Cell::from(summary.started),
            state,
            Cell::from(score(points)),
        ]);
        values.push(json!({
            "run": summary.run, "procedure": summary.procedure, "version": summary.version,
            "started": summary.started, "ended": ended, "score": points,
            "verdict": match &summary.state { RunState::Final { verdict, .. } => json!(verdict), _ => Value::Null },
            "state": match &summary.state {
                RunState::Running => "running", RunState::Final { .. } => "final", RunState::Ended { .. } => "ended",
            },
        }));
    }
    if rows.is_empty() {
        place.out.line("no runs yet; execute one: proctor-runner run FILE");
    } else {
        place.out.table(&["run", "procedure", "version", "started", "verdict", "score"], rows);
    }
    place.out.json(&Value::Array(values));
    Ok(Exit::Pass)
}
