//! Runs that have not ended: what was cut off, and what waits for a person or a time.

use ids::RunId;
use runner_vault::{PieceRecord, PieceState, StoredRun};
use verdict::Code;

use crate::fail::Fail;
use crate::wiring::execute::Execution;
use crate::wiring::report::{self, Judged};
use crate::wiring::runner::{Runner, vault};
use crate::wiring::{begin, interrupt, restore};

/// What came of going on with all runs.
#[derive(Default)]
pub(crate) struct WentOn {
    /// Runs of which something new became known.
    pub(crate) reports: Vec<Judged>,
    /// Runs that could not go on.
    pub(crate) stuck: Vec<RunId>,
}

/// Goes on with every run that can go on: one that was cut off, one whose time or deadline has come. What still waits
/// for a person is left as it is. A run that cannot go on here is named, and the others are not held up by it.
pub(crate) fn go_on_with_all(runner: &mut Runner) -> Result<WentOn, Fail> {
    let mut went_on = WentOn::default();
    for run in runner.vault.unfinished_runs().map_err(vault)? {
        match go_on(runner, run) {
            Ok(judged) => went_on.reports.extend(judged),
            Err(fail) if fail.code == interrupt::CODE => return Err(fail),
            Err(fail) => {
                runner.out.note(format_args!("run {run} cannot go on: {fail}"));
                runner.out.note(format_args!("  → {}, or end it with `proctor-runner cancel {run}`", fail.next));
                went_on.stuck.push(run);
            }
        }
    }
    Ok(went_on)
}

/// Goes on with one run; `None` if nothing new became known.
pub(crate) fn go_on(runner: &mut Runner, run: RunId) -> Result<Option<Judged>, Fail> {
    let judged = carry_on(runner, run, "going on with", |_| {})?;
    Ok(judged.is_news.then_some(judged))
}

/// Ends a run: what is open becomes `error(cancelled)`, and `finally` runs.
pub(crate) fn cancel(runner: &mut Runner, run: RunId) -> Result<Judged, Fail> {
    carry_on(runner, run, "ending", |execution| execution.machine.cancel())
}

fn carry_on(
    runner: &mut Runner,
    run: RunId,
    doing: &str,
    first: impl FnOnce(&mut Execution<'_>),
) -> Result<Judged, Fail> {
    let stored = settle_cut_off_changes(runner, run)?;
    let procedure = restore::procedure(&stored.start.procedure)?;
    let progress = runner.out.progress(&format!("{doing} run {run}"));
    let mut execution = begin::go_on(runner, &procedure, &stored)?;
    first(&mut execution);
    let reached = execution.drive(&progress)?;
    let judged = report::report(runner, &procedure, run, reached)?;
    progress.finish_and_clear();
    Ok(judged)
}

/// A change that was announced and of which nothing more is known was cut off. It is not made again; it is an error.
fn settle_cut_off_changes(runner: &mut Runner, run: RunId) -> Result<StoredRun, Fail> {
    let stored = runner.vault.load_run(run).map_err(vault)?;
    let now = runner.clock.now();
    let cut_off = stored.pieces.iter().filter(|piece| matches!(piece.state, PieceState::Waiting { .. }));
    let records: Vec<_> = cut_off
        .map(|piece| PieceRecord {
            step: piece.step.clone(),
            position: piece.position,
            key: piece.key.clone(),
            failed: Vec::new(),
            started: piece.started,
            ended: now,
            outcome: runner_vault::Outcome::Failed {
                code: Code::Cancelled,
                detail: "the Runner was cut off while this step changed something; it is not repeated".to_owned(),
                provenance: None,
            },
        })
        .collect();
    if records.is_empty() {
        return Ok(stored);
    }
    runner.vault.record_pieces(run, records).map_err(vault)?;
    runner.vault.load_run(run).map_err(vault)
}
