//! The first page: how things stand, what changed, what is overdue, what somebody should look at.

use clock::Timestamp;
use control_plane_domain::alarm::Alarm;
use control_plane_domain::list::Page;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::procedure::{MissedDue, ScheduleDue};
use control_plane_domain::run::RunFilter;
use control_plane_domain::standing::{DayTally, FindingFilter, SeverityCounts, VerdictCounts};
use control_plane_store::Reads;

use super::procedure::every_day;
use super::refs::Labels;
use super::runs::running;
use super::{AtRunner, Changes, FindingRow, RunnerHealth, RunningRow};
use crate::{Error, Operations};

pub(super) const DAY_MS: i64 = 86_400_000;

/// Days of a trend.
pub(super) const TREND_DAYS: i64 = 30;

/// Lines of each list that are shown.
const SHOWN: u32 = 10;

/// Due times that come next and are shown.
const UPCOMING: u32 = 5;

/// Findings that are shown.
const WORST: u32 = 5;

/// For how many days a due time without a run is news.
const MISSED_DAYS: i64 = 7;

/// How things stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// When this was read.
    pub at: Timestamp,
    /// What there is at all; a page without anything teaches how to begin.
    pub started: Started,
    /// The newest verdict of every procedure at every Runner.
    pub verdicts: VerdictCounts,
    /// Open findings.
    pub findings: SeverityCounts,
    /// How the runs of each of the last thirty days ended; the last one is today.
    pub trend: Vec<DayTally>,
    /// What is overdue, the longest first.
    pub overdue: Vec<OverdueRow>,
    /// Whether there is more.
    pub more_overdue: bool,
    /// Due times without a run within a week, newest first.
    pub missed: Vec<MissedRow>,
    /// Whether there are more.
    pub more_missed: bool,
    /// What is due next.
    pub upcoming: Vec<OverdueRow>,
    /// How the Runners are.
    pub runners: RunnerHealth,
    /// What changed since yesterday at this time.
    pub changes: Changes,
    /// The weightiest findings; empty when the caller may not see any.
    pub worst: Vec<FindingRow>,
    /// What was asked for and has not ended.
    pub running: Vec<RunningRow>,
    /// Alarms that nobody looked at, newest first; `None` when the caller may not see any.
    pub alarms: Option<Vec<Alarm>>,
}

/// What there is at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// A Runner.
    pub has_runner: bool,
    /// A procedure at one.
    pub has_procedure: bool,
    /// A run.
    pub has_run: bool,
}

/// A due time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverdueRow {
    /// Where.
    pub runner: AtRunner,
    /// What, and since when it is overdue if it is.
    pub due: ScheduleDue,
}

/// A due time without a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedRow {
    /// Where.
    pub runner: AtRunner,
    /// What, and why.
    pub missed: MissedDue,
}

impl Operations {
    /// How things stand.
    pub async fn overview(&self, caller: &Caller) -> Result<Overview, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let now = self.now();
        let tx = self.store().read(&permit).await?;
        let counts = tx.standing_counts().await?;
        let (from, until) = whole_days(now, TREND_DAYS);
        let trend = every_day(from, until, tx.day_tallies(from, until).await?);
        let (overdue, more_overdue) = short(tx.overdue(SHOWN + 1).await?, SHOWN);
        let missed = tx.missed_dues(None, &page(SHOWN + 1)?).await?.items.into_iter();
        let missed = missed.filter(|missed| missed.due >= now.plus_ms(-MISSED_DAYS * DAY_MS));
        let (missed, more_missed) = short(missed.collect(), SHOWN);
        let runners = self.health(&tx, now).await?;
        let worst = match caller.may(Permission::FindingsList) {
            true => tx.findings_by(&FindingFilter::default(), None, &page(WORST)?).await?.items,
            false => Vec::new(),
        };
        let alarms = match caller.may(Permission::AlarmsList) {
            true => Some(tx.alarms(true, &page(SHOWN)?).await?.items),
            false => None,
        };
        let started = Started {
            has_runner: runners.total > 0,
            has_procedure: !tx.installed_by(None, None, &page(1)?).await?.items.is_empty(),
            has_run: !tx.runs(&RunFilter::default(), &page(1)?).await?.items.is_empty(),
        };
        Ok(Overview {
            at: now,
            started,
            verdicts: counts.verdicts,
            findings: counts.findings,
            trend,
            overdue: due_rows(&tx, overdue).await?,
            more_overdue,
            missed: missed_rows(&tx, missed).await?,
            more_missed,
            upcoming: due_rows(&tx, tx.due_from(now, UPCOMING).await?).await?,
            runners,
            changes: self.changes(&tx, caller, now.plus_ms(-DAY_MS), SHOWN).await?,
            worst: self.finding_rows(&tx, worst).await?,
            running: running(&tx).await?,
            alarms,
        })
    }
}

/// So many whole days, UTC: from the first millisecond of the first to that after the last, which is the day of `now`.
pub(super) fn whole_days(now: Timestamp, days: i64) -> (Timestamp, Timestamp) {
    let today = now.plus_ms(-now.as_millis().rem_euclid(DAY_MS));
    (today.plus_ms(-(days - 1) * DAY_MS), today.plus_ms(DAY_MS))
}

fn page(limit: u32) -> Result<Page, Error> {
    Page::new(None, limit).map_err(|why| Error::invalid("limit", why))
}

fn short<T>(mut all: Vec<T>, limit: u32) -> (Vec<T>, bool) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = all.len() > limit;
    all.truncate(limit);
    (all, more)
}

async fn due_rows(reads: &Reads, dues: Vec<ScheduleDue>) -> Result<Vec<OverdueRow>, Error> {
    let labels = Labels::read(reads, dues.iter().map(|due| due.runner)).await?;
    dues.into_iter().map(|due| Ok(OverdueRow { runner: labels.at(due.runner)?, due })).collect()
}

async fn missed_rows(reads: &Reads, missed: Vec<MissedDue>) -> Result<Vec<MissedRow>, Error> {
    let labels = Labels::read(reads, missed.iter().map(|missed| missed.runner)).await?;
    missed.into_iter().map(|missed| Ok(MissedRow { runner: labels.at(missed.runner)?, missed })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_has_every_day_once() {
        let now: Timestamp = "2026-11-22T09:30:00.000Z".parse().unwrap();
        let (from, until) = whole_days(now, 30);
        assert_eq!(
            (from.to_string(), until.to_string()),
            ("2026-10-24T00:00:00.000Z".to_owned(), "2026-11-23T00:00:00.000Z".to_owned())
        );
        let known = DayTally { runs: 3, ..DayTally::empty(until.plus_ms(-2 * DAY_MS)) };
        let old = DayTally { runs: 9, ..DayTally::empty(from.plus_ms(-DAY_MS)) };
        let days = every_day(from, until, vec![old, known]);
        assert_eq!(days.len(), 30);
        assert!(days.is_sorted_by(|a, b| a.day < b.day));
        assert_eq!(days.iter().map(|day| day.runs).sum::<u64>(), 3);
        assert_eq!(days.get(28).map(|day| day.runs), Some(3));
    }
}
