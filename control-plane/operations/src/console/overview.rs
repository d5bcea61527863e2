//! The first page: how things stand, what changed, what is overdue, what somebody should look at.

use clock::Timestamp;
use control_plane_domain::alarm::Alarm;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::procedure::{MissedDue, ScheduleDue};
use control_plane_domain::run::RunFilter;
use control_plane_domain::standing::{DayTally, FindingFilter, SeverityCounts, StandingCounts, VerdictCounts};
use control_plane_store::Reads;
use crypto::Digest;
use ids::RunnerId;
use proof::text::FreeText;

use super::changes::{self, Beside, changes};
use super::findings::{Newest, finding_rows};
use super::procedure::every_day;
use super::refs::{Here, Labels};
use super::{AlarmRow, AtRunner, Changes, Choices, FindingRow, RunnerHealth, RunningRow};
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
    /// What has no result yet.
    pub running: Vec<RunningRow>,
    /// Alarms that nobody looked at, newest first; `None` when the caller may not see any.
    pub alarms: Option<Vec<AlarmRow>>,
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
    /// What it is called there, where it is installed still.
    pub title: Option<FreeText>,
    /// Its digest there.
    pub digest: Option<Digest>,
}

/// A due time without a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedRow {
    /// Where.
    pub runner: AtRunner,
    /// What, and why.
    pub missed: MissedDue,
    /// What it is called there, where it is installed still.
    pub title: Option<FreeText>,
    /// Its digest there.
    pub digest: Option<Digest>,
}

/// A page of due times without a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedPage {
    /// The due times, newest first.
    pub rows: Listed<MissedRow>,
    /// What the filters can choose from.
    pub choices: Choices,
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
        let upcoming = tx.due_from(now, UPCOMING).await?;
        let lines = self.runner_lines(&tx).await?;
        let worst = match caller.may(Permission::FindingsList) {
            true => tx.findings_by(&FindingFilter::default(), None, &page(WORST)?).await?.items,
            false => Vec::new(),
        };
        let alarms = match caller.may(Permission::AlarmsList) {
            true => Some(tx.alarms(true, &page(SHOWN)?).await?.items),
            false => None,
        };
        let yesterday = now.plus_ms(-DAY_MS);
        let changed = changes::newest(&tx, yesterday, SHOWN).await?;
        let places = overdue.iter().chain(&upcoming).map(|due| (due.runner, &due.procedure));
        let places = places.chain(missed.iter().map(|missed| (missed.runner, &missed.procedure)));
        let places: Vec<_> = places.chain(changed.iter().map(|change| (change.runner, &change.procedure))).collect();
        let runners = places.iter().map(|(runner, _)| *runner).chain(worst.iter().map(|state| state.runner));
        let labels = Labels::beside(&tx, &lines.lines, runners).await?;
        let places = places.into_iter().chain(alarms.iter().flatten().filter_map(Alarm::procedure));
        let here = Here::read(&tx, places).await?;
        let newest = Newest::read(&tx, &worst).await?;
        let files = changes::files_of(&here, &changed).into_iter().chain(newest.files()).collect();
        let texts = self.texts_of(&tx, files).await?;
        let beside = Beside { labels: &labels, here: &here, texts: &texts };
        let health = lines.health(now);
        Ok(Overview {
            at: now,
            started: started(&tx, &health, &counts, &trend).await?,
            verdicts: counts.verdicts,
            findings: counts.findings,
            trend,
            overdue: due_rows(&labels, &here, overdue)?,
            more_overdue,
            missed: missed_rows(&labels, &here, missed)?,
            more_missed,
            upcoming: due_rows(&labels, &here, upcoming)?,
            runners: health,
            changes: changes(&changed, &lines, (yesterday, SHOWN), &beside)?,
            worst: finding_rows(&labels, &newest, &texts, worst)?,
            running: self.running(&tx).await?,
            alarms: alarms.map(|alarms| alarms.into_iter().map(|alarm| AlarmRow::new(alarm, &here)).collect()),
        })
    }

    /// Due times without a run, with what the page of them needs beside.
    pub async fn missed_page(
        &self,
        caller: &Caller,
        runner: Option<RunnerId>,
        page: &Page,
    ) -> Result<MissedPage, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        let Listed { items, next } = tx.missed_dues(runner, page).await?;
        let labels = Labels::read(&tx, items.iter().map(|missed| missed.runner)).await?;
        let here = Here::read(&tx, items.iter().map(|missed| (missed.runner, &missed.procedure))).await?;
        let rows = Listed { items: missed_rows(&labels, &here, items)?, next };
        Ok(MissedPage { rows, choices: Choices::read(&tx).await? })
    }
}

/// Where something stands already there has been a procedure and a run; only a tenant without is asked for them.
async fn started(
    reads: &Reads,
    health: &RunnerHealth,
    counts: &StandingCounts,
    trend: &[DayTally],
) -> Result<Started, Error> {
    let has_runner = health.total > 0;
    if counts.verdicts.total() > 0 {
        return Ok(Started { has_runner, has_procedure: true, has_run: true });
    }
    Ok(Started {
        has_runner,
        has_procedure: !reads.installed_by(None, None, &page(1)?).await?.items.is_empty(),
        has_run: trend.iter().any(|day| day.runs > 0)
            || !reads.runs(&RunFilter::default(), &page(1)?).await?.items.is_empty(),
    })
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

fn due_rows(labels: &Labels, here: &Here, dues: Vec<ScheduleDue>) -> Result<Vec<OverdueRow>, Error> {
    let row = |due: ScheduleDue| {
        let (title, digest) = here.at(due.runner, &due.procedure);
        Ok(OverdueRow { runner: labels.at(due.runner)?, due, title, digest })
    };
    dues.into_iter().map(row).collect()
}

fn missed_rows(labels: &Labels, here: &Here, missed: Vec<MissedDue>) -> Result<Vec<MissedRow>, Error> {
    let row = |missed: MissedDue| {
        let (title, digest) = here.at(missed.runner, &missed.procedure);
        Ok(MissedRow { runner: labels.at(missed.runner)?, missed, title, digest })
    };
    missed.into_iter().map(row).collect()
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
