//! Lists of runs: each order has its index, each page begins where the one before ended.

use clock::Timestamp;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::run::{RunFilter, RunSummary};
use ids::RunId;

use super::read_run;
use crate::StoreError;
use crate::sql::{Sql, sql};
use crate::tx::{After, Reads};
use crate::value::{ToValue, values};

/// A run, by its id.
pub(super) const ONE_RUN: Sql = sql!(
    "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
             score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
             reports, accepted FROM run WHERE tenant = $1 AND run = $2"
);

impl Reads {
    /// A run.
    pub async fn run(&self, id: RunId) -> Result<Option<RunSummary>, StoreError> {
        self.one("run", ONE_RUN, values![id], read_run).await
    }

    /// Runs, those that began last first.
    pub async fn runs(&self, filter: &RunFilter, page: &Page) -> Result<Listed<RunSummary>, StoreError> {
        let after = After::of(page, 2)?;
        let place = |run: &RunSummary| vec![run.started.as_millis().to_string(), run.id.to_string()];
        let from = filter.from.map_or(i64::MIN, Timestamp::as_millis);
        let until = filter.until.map_or(i64::MAX, Timestamp::as_millis);
        // An empty text stands for every verdict, and for every procedure where the Runner decides the order.
        let verdict = filter.verdict.map_or("", |verdict| verdict.as_str());
        let procedure = filter.procedure.as_ref().map_or("", |procedure| procedure.as_str());
        let mut values = values![after.number(0, i64::MAX)?, after.text_down(1), from, until, verdict, procedure];
        let sql = match (filter.runner, &filter.procedure) {
            (Some(runner), _) => {
                values.push(runner.to_value());
                sql!(
                    "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, \
                     verdict, score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, \
                     partial, software, seq, reports, accepted FROM run \
                     WHERE tenant = $1 AND runner = $8 AND (started, run) < ($2, $3) AND started >= $4 AND started < $5 \
                     AND ($6 = '' OR verdict = $6) AND ($7 = '' OR procedure_id = $7) \
                     ORDER BY started DESC, run DESC LIMIT $9"
                )
            }
            (None, Some(_)) => sql!(
                "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, \
                 verdict, score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, \
                 software, seq, reports, accepted FROM run \
                 WHERE tenant = $1 AND procedure_id = $7 AND (started, run) < ($2, $3) AND started >= $4 \
                 AND started < $5 AND ($6 = '' OR verdict = $6) ORDER BY started DESC, run DESC LIMIT $8"
            ),
            (None, None) if filter.verdict.is_some() => {
                values.pop();
                sql!(
                    "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, \
                     verdict, score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, \
                     partial, software, seq, reports, accepted FROM run \
                     WHERE tenant = $1 AND verdict = $6 AND (started, run) < ($2, $3) AND started >= $4 AND started < $5 \
                     ORDER BY started DESC, run DESC LIMIT $7"
                )
            }
            (None, None) => {
                values.truncate(4);
                sql!(
                    "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, \
                     verdict, score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, \
                     partial, software, seq, reports, accepted FROM run \
                     WHERE tenant = $1 AND (started, run) < ($2, $3) AND started >= $4 AND started < $5 \
                     ORDER BY started DESC, run DESC LIMIT $6"
                )
            }
        };
        self.list("run", sql, values, page, read_run, place).await
    }
}
