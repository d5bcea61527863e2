//! What changed, as it is kept and listed.

use clock::Timestamp;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::standing::{ChangeKind, ResultChange};

use crate::StoreError;
use crate::sql::{Sql, sql};
use crate::tx::{After, Reads};
use crate::value::{Cells, Value, values};

pub(super) const CHANGE: Sql = sql!(
    "INSERT INTO result_change (tenant, at, runner, seq, place, kind, procedure_id, check_id, severity, was, status, \
     failing_since, run, run_ended) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
);

pub(super) fn change_row(change: &ResultChange) -> Vec<Value> {
    values![
        change.at,
        change.runner,
        change.seq,
        change.place,
        change.kind,
        change.procedure,
        change.check,
        change.severity,
        change.before,
        change.status,
        change.failing_since,
        change.run,
        change.run_ended,
    ]
}

impl Reads {
    /// What changed at this time or later, newest first.
    pub async fn changes(&self, since: Timestamp, page: &Page) -> Result<Listed<ResultChange>, StoreError> {
        let after = After::of(page, 4)?;
        let values = values![
            after.number(0, i64::MAX)?,
            after.text_down(1),
            after.number(2, i64::MAX)?,
            after.number(3, i64::MAX)?,
            since,
        ];
        let sql = sql!(
            "SELECT at, runner, seq, place, kind, procedure_id, check_id, severity, was, status, failing_since, run, \
             run_ended FROM result_change WHERE tenant = $1 AND (at, runner, seq, place) < ($2, $3, $4, $5) AND at >= $6 \
             ORDER BY at DESC, runner DESC, seq DESC, place DESC LIMIT $7"
        );
        let place = |change: &ResultChange| {
            let ResultChange { at, runner, seq, place, .. } = change;
            vec![at.as_millis().to_string(), runner.to_string(), seq.to_string(), place.to_string()]
        };
        self.list("result_change", sql, values, page, read, place).await
    }

    /// The newest changes of each of these kinds at this time or later.
    pub async fn changes_of(
        &self,
        kinds: &[ChangeKind],
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ResultChange>, StoreError> {
        let sql = sql!(
            "SELECT at, runner, seq, place, kind, procedure_id, check_id, severity, was, status, failing_since, run, \
             run_ended FROM result_change WHERE tenant = $1 AND kind = $2 AND at >= $3 \
             ORDER BY at DESC, runner DESC, seq DESC, place DESC LIMIT $4"
        );
        let each = kinds.iter().map(|kind| values![kind, since, limit]).collect();
        self.all_of_each("result_change", sql, each, read).await
    }
}

fn read(mut cells: Cells) -> Result<ResultChange, StoreError> {
    Ok(ResultChange {
        at: cells.take("at")?,
        runner: cells.take("runner")?,
        seq: cells.take("seq")?,
        place: cells.take("place")?,
        kind: cells.take("kind")?,
        procedure: cells.take("procedure_id")?,
        check: cells.take("check_id")?,
        severity: cells.take("severity")?,
        before: cells.take("was")?,
        status: cells.take("status")?,
        failing_since: cells.take("failing_since")?,
        run: cells.take("run")?,
        run_ended: cells.take("run_ended")?,
    })
}
