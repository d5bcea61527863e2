//! `cancel`: ends a run that is not finished.

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::runner::{Mode, Runner};
use crate::wiring::{find, report, unfinished};

/// Ends a run that waits or was interrupted. What is open becomes error(cancelled), the steps of `finally` run, and the
/// run is attested like any other: nothing disappears.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  proctor-runner cancel 019aa7f0-0000-7000-8000-000000000003")]
pub(crate) struct Args {
    /// The run: its id, or `last`.
    #[arg(value_name = "RUN")]
    run: String,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let run = find::run(&runner, &args.run)?;
    let judged = unfinished::cancel(&runner, run)?;
    report::print(&runner, &judged)?;
    Ok(Exit::Pass)
}
