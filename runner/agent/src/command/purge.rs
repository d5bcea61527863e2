//! `purge`: evidence whose retention has ended.

use proof::text::FreeText;
use serde_json::json;

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::find;
use crate::wiring::runner::{Mode, Runner};

/// Destroys the evidence of runs that ended longer ago than config.toml keeps evidence of their class. Manifests,
/// attestations and the journal stay and keep verifying. A run under a legal hold is left alone. Backups of the store
/// are not reached: they can be opened for as long as the root key that they were made under exists.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  proctor-runner purge --dry-run
  proctor-runner purge
  proctor-runner purge hold RUN --reason \"litigation 2026-7\"
  proctor-runner purge release RUN --reason \"settled\"
  proctor-runner purge holds"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Only say what would go.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Keep the evidence of a run, whatever its retention.
    #[command(after_help = "Example:
  proctor-runner purge hold last --reason 'litigation 2026-17'")]
    Hold {
        /// The run: its id, or `last`.
        #[arg(value_name = "RUN")]
        run: String,
        /// Why, in 1 to 500 characters.
        #[arg(long, value_name = "TEXT")]
        reason: FreeText,
    },
    /// End the hold on a run.
    #[command(after_help = "Example:
  proctor-runner purge release 019aa7f0-0000-7000-8000-000000000003 --reason 'settled'")]
    Release {
        /// The run: its id, or `last`.
        #[arg(value_name = "RUN")]
        run: String,
        /// Why, in 1 to 500 characters.
        #[arg(long, value_name = "TEXT")]
        reason: FreeText,
    },
    /// List the holds.
    #[command(after_help = "Example:
  proctor-runner purge holds")]
    Holds,
}

impl Args {
    /// Whether something is destroyed, held or released.
    pub(crate) fn writes(&self) -> bool {
        !self.dry_run && !matches!(self.action, Some(Action::Holds))
    }
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    match args.action {
        None if args.dry_run => preview(place),
        None => purge(place),
        Some(Action::Hold { run, reason }) => hold(&run, &reason, place),
        Some(Action::Release { run, reason }) => release(&run, reason, place),
        Some(Action::Holds) => holds(place),
    }
}

fn preview(place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let expired = runner.store.with(|store| store.expired(runner.clock.now()))?;
    let mut rows = Vec::with_capacity(expired.len());
    let mut listed = Vec::with_capacity(expired.len());
    for run in &expired {
        let fate = if run.held { "held" } else { "would go" };
        rows.push(vec![
            run.run.into(),
            run.procedure.as_str().into(),
            run.retention.into(),
            run.ended.into(),
            run.items.into(),
            fate.into(),
        ]);
        listed.push(json!({
            "run": run.run, "procedure": run.procedure, "retention": run.retention.as_str(), "ended": run.ended,
            "items": run.items, "held": run.held,
        }));
    }
    if expired.is_empty() {
        place.out.line("no run is past its retention");
    } else {
        place.out.table(&["run", "procedure", "retention", "ended", "items", ""], rows);
    }
    place.out.json(&json!({"expired": listed}));
    Ok(Exit::Pass)
}

fn purge(place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let progress = place.out.progress("destroying evidence past its retention");
    let report = runner.store.with(|store| store.purge_expired())?;
    progress.finish_and_clear();
    let (runs, items, generations) = (report.runs, report.items, report.generations);
    place.out.line(format_args!("{items} evidence items of {} runs destroyed", runs.len()));
    if generations > 0 {
        place.out.line(format_args!("{generations} generations of keys that nothing uses any more destroyed"));
    }
    place.out.json(&json!({"runs": runs, "items": items, "generations": generations}));
    Ok(Exit::Pass)
}

fn hold(run: &str, reason: &FreeText, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let run = find::run(&runner, run)?;
    runner.store.with(|store| store.hold(run, reason))?;
    place.out.line(format_args!(
        "run {run} is held: its evidence stays until `proctor-runner purge release {run} --reason …`"
    ));
    place.out.json(&json!({"run": run, "held": true}));
    Ok(Exit::Pass)
}

fn release(run: &str, reason: FreeText, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let run = find::run(&runner, run)?;
    runner.store.with(|store| store.release(run, reason))?;
    place.out.line(format_args!("run {run} is released: its retention decides again"));
    place.out.json(&json!({"run": run, "held": false}));
    Ok(Exit::Pass)
}

fn holds(place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let holds = runner.store.with(|store| store.holds())?;
    let rows = holds.iter().map(|(run, placed, reason)| vec![run.into(), placed.into(), reason.into()]);
    if holds.is_empty() {
        place.out.line("no run is held");
    } else {
        place.out.table(&["run", "since", "reason"], rows.collect());
    }
    let listed: Vec<_> =
        holds.iter().map(|(run, placed, reason)| json!({"run": run, "placed": placed, "reason": reason})).collect();
    place.out.json(&json!(listed));
    Ok(Exit::Pass)
}
