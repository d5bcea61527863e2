//! How the runs of a day ended, kept up with each report: a trend reads one row a day and procedure.

use std::collections::BTreeMap;

use clock::Timestamp;
use control_plane_domain::run::{RunSummary, RunTally};
use proof::text::Name;
use verdict::Status;

use crate::StoreError;
use crate::sql::sql;
use crate::sqlite::Step;
use crate::tx::Reads;
use crate::value::{Cells, ToValue, Value, values};

const DAY_MS: i64 = 86_400_000;

/// What a batch of reports adds to the tallies, and takes from them where a run was tallied before.
#[derive(Default)]
pub(super) struct Tallies(BTreeMap<(Name, Timestamp), Change>);

#[derive(Default, PartialEq, Eq)]
struct Change {
    runs: i64,
    verdicts: [i64; 6],
    scored: i64,
    score_sum: i64,
}

impl Tallies {
    pub(super) fn add(&mut self, run: &RunSummary) {
        self.count(run, 1);
    }

    pub(super) fn take_back(&mut self, run: &RunSummary) {
        self.count(run, -1);
    }

    fn count(&mut self, run: &RunSummary, by: i64) {
        let started = run.started.as_millis();
        let day = Timestamp::from_millis(started - started.rem_euclid(DAY_MS));
        let change = self.0.entry((run.procedure.id.clone(), day)).or_default();
        change.runs += by;
        let place = match run.verdict {
            Status::Pass => 0,
            Status::Fail => 1,
            // A run's verdict is never `skipped`; a check that was skipped leaves the run unmeasured there.
            Status::Error | Status::Skipped => 2,
            Status::Pending => 3,
            Status::Excepted => 4,
            Status::NotApplicable => 5,
        };
        if let Some(verdict) = change.verdicts.get_mut(place) {
            *verdict += by;
        }
        if let Some(score) = run.score.and_then(|score| i64::try_from(score).ok()) {
            change.scored += by;
            change.score_sum = change.score_sum.saturating_add(by.saturating_mul(score));
        }
    }

    pub(super) fn steps(self) -> [Step; 2] {
        let mut days: BTreeMap<Timestamp, Change> = BTreeMap::new();
        for ((_, day), change) in &self.0 {
            days.entry(*day).or_default().take(change);
        }
        let of_all = sql!(
            "INSERT INTO day_tally (tenant, day, runs, pass, fail, error, pending, excepted, not_applicable, scored, \
             score_sum) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (tenant, day) DO UPDATE SET runs = day_tally.runs + excluded.runs, \
             pass = day_tally.pass + excluded.pass, fail = day_tally.fail + excluded.fail, \
             error = day_tally.error + excluded.error, pending = day_tally.pending + excluded.pending, \
             excepted = day_tally.excepted + excluded.excepted, \
             not_applicable = day_tally.not_applicable + excluded.not_applicable, \
             scored = day_tally.scored + excluded.scored, score_sum = day_tally.score_sum + excluded.score_sum"
        );
        let of_one = sql!(
            "INSERT INTO run_tally (tenant, procedure_id, day, runs, pass, fail, error, pending, excepted, \
             not_applicable, scored, score_sum) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT (tenant, procedure_id, day) DO UPDATE SET runs = run_tally.runs + excluded.runs, \
             pass = run_tally.pass + excluded.pass, fail = run_tally.fail + excluded.fail, \
             error = run_tally.error + excluded.error, pending = run_tally.pending + excluded.pending, \
             excepted = run_tally.excepted + excluded.excepted, \
             not_applicable = run_tally.not_applicable + excluded.not_applicable, \
             scored = run_tally.scored + excluded.scored, score_sum = run_tally.score_sum + excluded.score_sum"
        );
        let changed = |change: &Change| *change != Change::default();
        let procedures = self.0.iter().filter(|(_, change)| changed(change));
        let procedures = procedures.map(|((id, day), change)| row(values![id, day], change)).collect();
        let days = days.iter().filter(|(_, change)| changed(change));
        [(of_one, procedures), (of_all, days.map(|(day, change)| row(values![day], change)).collect())]
    }
}

impl Change {
    fn take(&mut self, other: &Self) {
        self.runs += other.runs;
        for (mine, theirs) in self.verdicts.iter_mut().zip(other.verdicts) {
            *mine += theirs;
        }
        self.scored += other.scored;
        self.score_sum = self.score_sum.saturating_add(other.score_sum);
    }
}

fn row(key: Vec<Value>, change: &Change) -> Vec<Value> {
    let Change { runs, verdicts, scored, score_sum } = change;
    let mut row = key;
    row.push(runs.to_value());
    row.extend(verdicts.iter().map(ToValue::to_value));
    row.extend(values![scored, score_sum]);
    row
}

impl Reads {
    /// Tallies of the days from `from` on and before `until`, of one procedure or of all.
    pub async fn run_tallies(
        &self,
        procedure: Option<&Name>,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<RunTally>, StoreError> {
        let Some(procedure) = procedure else {
            let sql = sql!(
                "SELECT procedure_id, day, runs, pass, fail, error, pending, excepted, not_applicable, scored, score_sum \
                 FROM run_tally WHERE tenant = $1 AND day >= $2 AND day < $3 ORDER BY day, procedure_id"
            );
            return self.all("run_tally", sql, values![from, until], read).await;
        };
        let sql = sql!(
            "SELECT procedure_id, day, runs, pass, fail, error, pending, excepted, not_applicable, scored, score_sum \
             FROM run_tally WHERE tenant = $1 AND procedure_id = $2 AND day >= $3 AND day < $4 ORDER BY day"
        );
        self.all("run_tally", sql, values![procedure, from, until], read).await
    }
}

fn read(mut cells: Cells) -> Result<RunTally, StoreError> {
    Ok(RunTally {
        procedure: cells.take("procedure_id")?,
        day: cells.take("day")?,
        runs: cells.take("runs")?,
        pass: cells.take("pass")?,
        fail: cells.take("fail")?,
        error: cells.take("error")?,
        pending: cells.take("pending")?,
        excepted: cells.take("excepted")?,
        not_applicable: cells.take("not_applicable")?,
        scored: cells.take("scored")?,
        score_sum: cells.take("score_sum")?,
    })
}
