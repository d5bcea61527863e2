//! `resume`: runs that can go on, go on.

use serde_json::{Value, json};

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::runner::{Mode, Runner};
use crate::wiring::unfinished::WentOn;
use crate::wiring::{find, unfinished};

/// Goes on with runs that were interrupted, whose waiting time is over, or whose deadline has passed. Safe to run as
/// often as wanted, for example from a timer.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner resume
  proctor-runner resume last

Exit code 1: a run could not go on; it is named on standard error.")]
pub(crate) struct Args {
    /// Only this run: its id, or `last`.
    #[arg(value_name = "RUN")]
    run: Option<String>,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let WentOn { reports, stuck } = match &args.run {
        Some(run) => {
            let run = find::run(&runner, run)?;
            WentOn { reports: unfinished::go_on(&runner, run)?.into_iter().collect(), stuck: Vec::new() }
        }
        None => unfinished::go_on_with_all(&runner)?,
    };
    let went_on = reports.iter().map(|judged| json!({"run": judged.run, "verdict": judged.verdict()}));
    let left = stuck.iter().map(|run| json!({"run": run, "verdict": null}));
    let listed: Vec<Value> = went_on.chain(left).collect();
    for judged in &reports {
        place.out.line(format_args!("run {} {}", judged.run, crate::output::status(judged.verdict())));
    }
    if reports.is_empty() && stuck.is_empty() {
        place.out.line("nothing can go on now");
    }
    place.out.json(&Value::Array(listed));
    Ok(if stuck.is_empty() { Exit::Pass } else { Exit::NotPass })
}
