//! Runs that have not ended: what was cut off, and what waits for a person or a time.

use ids::RunId;
use runner_vault::{PieceRecord, PieceState, StoredRun};
use verdict::Code;

use crate::fail::Fail;
use crate::wiring::execute::Execution;
use crate::wiring::report::{self, Judged};
use crate::wiring::runner::Runner;
use crate::wiring::watch::Watch;
use crate::wiring::{begin, claims, interrupt, restore};

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
pub(crate) fn go_on_with_all(runner: &Runner) -> Result<WentOn, Fail> {
    let mut went_on = WentOn::default();
    for run in runner.store.with(|store| store.unfinished_runs())? {
        match go_on(runner, run) {
            Ok(judged) => went_on.reports.extend(judged),
            Err(fail) if fail.code == interrupt::CODE => return Err(fail),
            // Another thread of the service is at it.
            Err(fail) if fail.code == claims::CODE => {}
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
pub(crate) fn go_on(runner: &Runner, run: RunId) -> Result<Option<Judged>, Fail> {
    let bar = runner.out.progress(&format!("going on with run {run}"));
    let judged = settle(runner, run, &bar)?;
    bar.finish_and_clear();
    Ok(judged.is_news.then_some(judged))
}

/// Goes on with one run as far as it goes.
pub(crate) fn settle(runner: &Runner, run: RunId, watch: &dyn Watch) -> Result<Judged, Fail> {
    carry_on(runner, run, watch, |_| {})
}

/// Ends a run: what is open becomes `error(cancelled)`, and `finally` runs.
pub(crate) fn cancel(runner: &Runner, run: RunId) -> Result<Judged, Fail> {
    let bar = runner.out.progress(&format!("ending run {run}"));
    let judged = carry_on(runner, run, &bar, |execution| execution.machine.cancel())?;
    bar.finish_and_clear();
    Ok(judged)
}

fn carry_on(
    runner: &Runner,
    run: RunId,
    watch: &dyn Watch,
    first: impl FnOnce(&mut Execution<'_>),
) -> Result<Judged, Fail> {
    let _claim = runner.claims.take(run)?;
    let stored = settle_cut_off_changes(runner, run)?;
    let procedure = restore::procedure(&stored.start.procedure)?;
    let mut execution = begin::go_on(runner, &procedure, &stored)?;
    first(&mut execution);
    let reached = execution.drive(watch)?;
    report::report(runner, &procedure, run, reached)
}

/// A change that was announced and of which nothing more is known was cut off. It is not made again; it is an error.
fn settle_cut_off_changes(runner: &Runner, run: RunId) -> Result<StoredRun, Fail> {
    let stored = runner.store.with(|store| store.load_run(run))?;
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
    runner.store.with(|store| store.record_pieces(run, records))?;
    runner.store.with(|store| store.load_run(run))
}
