//! Lists of runs: each order has its index, each page begins where the one before ended.
//!
//! Runner and procedure choose the index. Verdict and cause stand in it before the time, and of each there are a few words:
//! a list that names one of the two reads the lists of the other's words side by side and merges them.

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use control_plane_domain::list::{Cursor, Listed, Page};
use control_plane_domain::run::{RunFilter, RunSummary};
use ids::{RunId, RunnerId};
use proof::text::Name;
use verdict::{Status, Trigger};

use super::read_run;
use crate::StoreError;
use crate::sql::{Sql, sql};
use crate::tx::{After, Reads};
use crate::value::{Cells, ToValue, Value, values};

/// A run, by its id.
pub(super) const ONE_RUN: Sql = sql!(
    "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
             score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
             reports, accepted FROM run WHERE tenant = $1 AND run = $2"
);

/// The statement for what a filter names: Runner, procedure, and whether verdict or cause. Each takes the values of these
/// in this order, then the end of the list, its begin and the limit.
fn statement(filter: &RunFilter) -> Sql {
    let by_outcome = filter.verdict.is_some() || filter.trigger.is_some();
    match (filter.runner.is_some(), filter.procedure.is_some(), by_outcome) {
        (false, false, false) => sql!(
            "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
             score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
             reports, accepted FROM run \
             WHERE tenant = $1 AND (started, run) < ($2, $3) AND started >= $4 ORDER BY started DESC, run DESC LIMIT $5"
        ),
        (false, false, true) => sql!(
            "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
             score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
             reports, accepted FROM run \
             WHERE tenant = $1 AND verdict = $2 AND cause = $3 AND (started, run) < ($4, $5) AND started >= $6 \
             ORDER BY started DESC, run DESC LIMIT $7"
        ),
        (true, false, false) => sql!(
            "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
             score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
             reports, accepted FROM run \
             WHERE tenant = $1 AND runner = $2 AND (started, run) < ($3, $4) AND started >= $5 \
             ORDER BY started DESC, run DESC LIMIT $6"
        ),
        (true, false, true) => sql!(
            "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
             score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
             reports, accepted FROM run \
             WHERE tenant = $1 AND runner = $2 AND verdict = $3 AND cause = $4 AND (started, run) < ($5, $6) \
             AND started >= $7 ORDER BY started DESC, run DESC LIMIT $8"
        ),
        (false, true, false) => sql!(
            "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
             score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
             reports, accepted FROM run \
             WHERE tenant = $1 AND procedure_id = $2 AND (started, run) < ($3, $4) AND started >= $5 \
             ORDER BY started DESC, run DESC LIMIT $6"
        ),
        (false, true, true) => sql!(
            "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
             score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
             reports, accepted FROM run \
             WHERE tenant = $1 AND procedure_id = $2 AND verdict = $3 AND cause = $4 AND (started, run) < ($5, $6) \
             AND started >= $7 ORDER BY started DESC, run DESC LIMIT $8"
        ),
        (true, true, false) => sql!(
            "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
             score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
             reports, accepted FROM run \
             WHERE tenant = $1 AND runner = $2 AND procedure_id = $3 AND (started, run) < ($4, $5) AND started >= $6 \
             ORDER BY started DESC, run DESC LIMIT $7"
        ),
        (true, true, true) => sql!(
            "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
             score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
             reports, accepted FROM run \
             WHERE tenant = $1 AND runner = $2 AND procedure_id = $3 AND verdict = $4 AND cause = $5 \
             AND (started, run) < ($6, $7) AND started >= $8 ORDER BY started DESC, run DESC LIMIT $9"
        ),
    }
}

impl Reads {
    /// A run.
    pub async fn run(&self, id: RunId) -> Result<Option<RunSummary>, StoreError> {
        self.one("run", ONE_RUN, values![id], read_run).await
    }

    /// Runs, those that began last first.
    pub async fn runs(&self, filter: &RunFilter, page: &Page) -> Result<Listed<RunSummary>, StoreError> {
        let before = end(filter, page)?;
        let from = filter.from.map_or(i64::MIN, Timestamp::as_millis);
        let one_more = u64::from(page.limit()).saturating_add(1);
        let each: Vec<Vec<Value>> = outcomes(filter)
            .into_iter()
            .map(|outcome| {
                let mut values = Vec::new();
                values.extend(filter.runner.map(|runner| runner.to_value()));
                values.extend(filter.procedure.as_ref().map(ToValue::to_value));
                values.extend(outcome.into_iter().flat_map(|(verdict, cause)| values![verdict, cause]));
                values.extend(before.clone());
                values.extend(values![from, one_more]);
                values
            })
            .collect();
        let lists = each.len();
        let mut items = self.all_of_each("run", statement(filter), each, read_run).await?;
        if lists > 1 {
            items.sort_by_key(|run| std::cmp::Reverse((run.started, run.id)));
        }
        let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let place = |run: &RunSummary| Cursor::at([run.started.as_millis().to_string(), run.id.to_string()]);
        let next = items.last().filter(|_| more).map(place);
        Ok(Listed { items, next })
    }

    /// Which of these runs were reported, and with which verdict.
    pub async fn reported_runs(&self, runs: &BTreeSet<RunId>) -> Result<BTreeMap<RunId, Status>, StoreError> {
        let sql = sql!("SELECT run, verdict FROM run WHERE tenant = $1 AND run = $2");
        let each = runs.iter().map(|run| values![run]).collect();
        let read = |mut cells: Cells| Ok((cells.take("run")?, cells.take("verdict")?));
        Ok(self.all_of_each("run", sql, each, read).await?.into_iter().collect())
    }

    /// The newest runs of each of these procedures at these Runners, newest first.
    pub async fn newest_runs(&self, places: &[(RunnerId, Name)], limit: u32) -> Result<Vec<RunSummary>, StoreError> {
        let sql = sql!(
            "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
             score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
             reports, accepted FROM run WHERE tenant = $1 AND runner = $2 AND procedure_id = $3 \
             ORDER BY started DESC, run DESC LIMIT $4"
        );
        let each = places.iter().map(|(runner, procedure)| values![runner, procedure, limit]).collect();
        self.all_of_each("run", sql, each, read_run).await
    }

    /// The runs of the same procedure at the same Runner right before and right after this one.
    pub async fn neighbours(&self, run: &RunSummary) -> Result<(Option<RunSummary>, Option<RunSummary>), StoreError> {
        let values = || values![run.runner, run.procedure.id, run.started, run.id];
        let sql = sql!(
            "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
             score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
             reports, accepted FROM run WHERE tenant = $1 AND runner = $2 AND procedure_id = $3 \
             AND (started, run) < ($4, $5) ORDER BY started DESC, run DESC LIMIT 1"
        );
        let before = self.one("run", sql, values(), read_run).await?;
        let sql = sql!(
            "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
             score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
             reports, accepted FROM run WHERE tenant = $1 AND runner = $2 AND procedure_id = $3 \
             AND (started, run) > ($4, $5) ORDER BY started, run LIMIT 1"
        );
        Ok((before, self.one("run", sql, values(), read_run).await?))
    }
}

/// The end of the list as one pair: the cursor, or the filter's end if that is earlier. Of two bounds a database would
/// enter its index by one and pass over the rows between them.
pub(super) fn end(filter: &RunFilter, page: &Page) -> Result<Vec<Value>, StoreError> {
    let after = After::of(page, 2)?;
    let (started, run) = (after.number(0, i64::MAX)?, after.text_down(1));
    let until = filter.until.map(Timestamp::as_millis);
    Ok(match (until, &started) {
        // Before every run of that moment.
        (Some(until), Value::Int(started)) if until <= *started => values![until, ""],
        _ => vec![started, run],
    })
}

/// The pairs of verdict and cause that a filter lets through; one without a pair if it names neither.
fn outcomes(filter: &RunFilter) -> Vec<Option<(Status, Trigger)>> {
    if filter.verdict.is_none() && filter.trigger.is_none() {
        return vec![None];
    }
    let causes = Trigger::ALL.iter().filter(|cause| filter.trigger.is_none_or(|wanted| wanted == **cause));
    // No run is as a whole skipped.
    let verdicts = Status::ALL.iter().filter(|status| **status != Status::Skipped);
    let verdicts = verdicts.filter(|status| filter.verdict.is_none_or(|wanted| wanted == **status));
    verdicts.flat_map(|verdict| causes.clone().map(|cause| Some((*verdict, *cause)))).collect()
}
