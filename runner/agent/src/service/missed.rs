//! Due times that were not met, as the journal tells them.

use clock::Timestamp;
use procedure::Schedule;
use proof::log::journal::{GapReason, MissReason};
use proof::text::Name;
use runner_engine::agenda::{Agenda, Miss, Missed, Planned};
use runner_vault::{InstalledProcedure, VaultError};

use super::condition::miss_word;
use crate::fail::Fail;
use crate::wiring::restore;
use crate::wiring::runner::Runner;

/// From when on an installed procedure is due, if it runs by itself.
pub(super) fn planned(
    runner: &Runner,
    installed: &InstalledProcedure,
    schedule: Option<Schedule>,
) -> Result<Option<Planned>, Fail> {
    let Some(schedule) = schedule else { return Ok(None) };
    let id = &installed.procedure.id;
    let handled = runner.store.with(|store| store.due_handled(id))?;
    let since = installed.approved_at.unwrap_or(installed.stored);
    let handled = handled.map_or(since, |handled| handled.max(since));
    Ok(Some(Planned { procedure: id.to_string(), schedule, handled }))
}

/// Before a version goes, what it was due for and did not do is told: nothing else will.
pub(crate) fn settle(runner: &Runner, installed: &InstalledProcedure) -> Result<(), Fail> {
    let procedure = restore::procedure(&installed.procedure)?;
    let Some(planned) = planned(runner, installed, procedure.schedule)? else { return Ok(()) };
    let now = runner.clock.now();
    let mut agenda = Agenda::new(now, runner.clock.monotonic_ms());
    agenda.plan([planned]);
    for missed in agenda.tick(now, runner.clock.monotonic_ms()).missed {
        journal(runner, &missed, None)?;
    }
    for (procedure, due) in agenda.due(now) {
        journal_due(runner, &procedure, due, MissReason::NotApproved)?;
    }
    Ok(())
}

/// Tells of due times that can no longer be met, where nothing else kept the service from them for the reason that the
/// agenda knows; gives the word of the reason.
pub(super) fn journal(runner: &Runner, missed: &Missed, kept_from: Option<MissReason>) -> Result<&'static str, Fail> {
    match missed {
        Missed::Due { procedure, due, reason } => {
            let reason = kept_from.unwrap_or_else(|| word(*reason));
            journal_due(runner, procedure, *due, reason)?;
            Ok(miss_word(reason))
        }
        Missed::Stretch { procedure, after, until, reason } => {
            let gap = match reason {
                Miss::Stopped | Miss::StillRunning => GapReason::Stopped,
                Miss::ClockMoved => GapReason::ClockMoved,
            };
            tracing::warn!(procedure, %after, %until, "too many missed due times to journal one by one");
            runner.store.with(|store| {
                store.journal_gap(Some(*after), gap, None, None)?;
                store.set_due_handled(&name(procedure)?, *until)
            })?;
            Ok(miss_word(word(*reason)))
        }
    }
}

/// Tells of one due time that was not met.
pub(super) fn journal_due(runner: &Runner, procedure: &str, due: Timestamp, reason: MissReason) -> Result<(), Fail> {
    runner.store.with(|store| store.journal_missed(name(procedure)?, due, reason).map(drop))?;
    tracing::warn!(procedure, %due, reason = miss_word(reason), "a due time was missed");
    Ok(())
}

pub(super) fn name(procedure: &str) -> Result<Name, VaultError> {
    procedure
        .parse()
        .map_err(|error| VaultError::Unstorable { what: "procedure id", why: format!("{procedure:?}: {error}") })
}

fn word(miss: Miss) -> MissReason {
    match miss {
        Miss::Stopped => MissReason::Stopped,
        Miss::ClockMoved => MissReason::ClockMoved,
        Miss::StillRunning => MissReason::StillRunning,
    }
}
