//! `pending`: what waits for a person.

use ids::RunId;
use serde_json::{Value, json};

use crate::fail::{Exit, Fail};
use crate::output::printable;
use crate::place::Place;
use crate::wiring::runner::{Mode, Runner};
use crate::wiring::{find, questions};

/// Lists the questions that runs wait for, with what is needed to answer them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner pending
  proctor-runner pending last --json

Answer with `proctor-runner answer RUN STEP [KEY] --answer …`, or `--choices …` for a quiz.")]
pub(crate) struct Args {
    /// Only this run: its id, or `last`.
    #[arg(value_name = "RUN")]
    run: Option<String>,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let runs: Vec<RunId> = match &args.run {
        Some(run) => vec![find::run(&runner, run)?],
        None => runner.store.with(|store| store.unfinished_runs())?,
    };
    let mut values = Vec::new();
    for run in runs {
        for question in questions::open(&runner, run, |_| true)? {
            let deadline = question.deadline.map_or("no deadline".to_owned(), |deadline| format!("until {deadline}"));
            place.out.line(format_args!(
                "run {run}  step {}  {}  asked: {}  {deadline}",
                question.step,
                printable(question.key.as_deref().unwrap_or("-")),
                printable(&question.who),
            ));
            for line in question.lines() {
                place.out.line(format_args!("    {}", printable(&line)));
            }
            values.push(json!({
                "run": run, "step": question.step, "key": question.key, "who": question.who,
                "deadline": question.deadline, "question": question.as_json(),
            }));
        }
    }
    if values.is_empty() {
        place.out.line("nothing waits for a person");
    }
    place.out.json(&Value::Array(values));
    Ok(Exit::Pass)
}
