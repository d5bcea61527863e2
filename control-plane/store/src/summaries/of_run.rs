//! What stands beside a run: who asked for it, who opened evidence of it, what of that was destroyed, and which signed
//! checkpoints its record is under.

use clock::Timestamp;
use control_plane_domain::drilldown::DrillDownWord;
use control_plane_domain::run_request::RunRequest;
use crypto::Digest;
use ids::{ItemId, PersonId, RequestId, RunId, RunnerId};

use crate::StoreError;
use crate::audit::unanswered;
use crate::run_requests::read_run_request;
use crate::sql::sql;
use crate::tree::{Found, Inclusion, SPAN, Wanted};
use crate::tx::{Reads, Writes};
use crate::value::{Cells, values};

/// A drill-down into a run, in one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The drill-down.
    pub request: RequestId,
    /// Who asked.
    pub person: PersonId,
    /// When.
    pub requested: Timestamp,
    /// Where it stands.
    pub state: DrillDownWord,
}

impl Reads {
    /// The request that a run answers; of several the newest.
    pub async fn run_request_of(&self, run: RunId) -> Result<Option<RunRequest>, StoreError> {
        let sql = sql!(
            "SELECT request, runner, procedure_digest, person, requested, expires, audit_seq, audit_hash, state, changed, \
             run, code FROM run_request WHERE tenant = $1 AND run = $2 ORDER BY request DESC LIMIT 1"
        );
        self.one("run_request", sql, values![run], read_run_request).await
    }

    /// Requests to run that wait or are being run, newest first.
    pub async fn open_run_requests(&self, limit: u32) -> Result<Vec<RunRequest>, StoreError> {
        let sql = sql!(
            "SELECT request, runner, procedure_digest, person, requested, expires, audit_seq, audit_hash, state, changed, \
             run, code FROM run_request WHERE tenant = $1 AND state IN ('waiting', 'begun') \
             ORDER BY request DESC LIMIT $2"
        );
        self.all("run_request", sql, values![limit], read_run_request).await
    }

    /// Drill-downs into a run, newest first.
    pub async fn drilldowns_into(&self, run: RunId, limit: u32) -> Result<Vec<Opened>, StoreError> {
        let sql = sql!(
            "SELECT request, person, requested, state FROM drilldown WHERE tenant = $1 AND run = $2 \
             ORDER BY request DESC LIMIT $3"
        );
        let read = |mut cells: Cells| {
            Ok(Opened {
                request: cells.take("request")?,
                person: cells.take("person")?,
                requested: cells.take("requested")?,
                state: cells.take("state")?,
            })
        };
        self.all("drilldown", sql, values![run, limit], read).await
    }

    /// Which of a Runner's evidence items were destroyed, with the journal records that say so.
    pub async fn destroyed(&self, runner: RunnerId, items: &[ItemId]) -> Result<Vec<(ItemId, u64)>, StoreError> {
        let sql = sql!(
            "SELECT item, seq FROM item_destroyed WHERE tenant = $1 AND item = $2 AND runner = $3 ORDER BY seq LIMIT 1"
        );
        let each = items.iter().map(|item| values![item, runner]).collect();
        let read = |mut cells: Cells| Ok((cells.take("item")?, cells.take("seq")?));
        self.all_of_each("item_destroyed", sql, each, read).await
    }

    /// The path from a record of a Runner's journal to the root over its first `size` records, sibling first.
    pub async fn journal_inclusion(&self, runner: RunnerId, seq: u64, size: u64) -> Result<Vec<Digest>, StoreError> {
        let kept = self.journal(runner).await?.kept();
        if size > kept {
            return Err(StoreError::Record(format!("{size} records were asked for, and {kept} are kept")));
        }
        let question = Inclusion { index: seq, size };
        let wanted = Wanted::by(&question);
        let mut found = Found::default();
        let sql = sql!(
            "SELECT level, place, hash FROM journal_node \
             WHERE tenant = $1 AND runner = $2 AND level = $3 AND place = $4"
        );
        let each = wanted.nodes.iter().map(|node| values![runner, node.level, node.index]).collect();
        let read = |mut cells: Cells| {
            let node = proof::merkle::Node { level: cells.take("level")?, index: cells.take("place")? };
            Ok((node, cells.take("hash")?))
        };
        for (node, hash) in self.all_of_each("journal_node", sql, each, read).await? {
            found.node(node, hash);
        }
        for start in wanted.spans {
            let lines = self.journal_lines(runner, start, SPAN as u32).await?;
            found.lines(start, lines.iter().map(|line| line.line.as_str()));
        }
        found.answer(&question).map_err(|error| unanswered("journal_node", &error))
    }
}

impl Writes {
    /// Evidence items that a Runner's journal says were destroyed, each with the record that says so.
    pub async fn add_destroyed(&self, runner: RunnerId, items: &[(ItemId, u64)]) -> Result<(), StoreError> {
        let sql = sql!("INSERT INTO item_destroyed (tenant, runner, seq, item) VALUES ($1, $2, $3, $4)");
        let rows = items.iter().map(|(item, seq)| values![runner, seq, item]).collect();
        self.each("item_destroyed", runner, sql, rows).await
    }
}
