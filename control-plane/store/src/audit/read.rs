//! Reading the audit log, its roots, proofs and signatures.

use clock::Timestamp;
use control_plane_domain::audit_log::{AuditCheckpoint, AuditCosignature, AuditFilter, AuditLine};
use control_plane_domain::list::{Listed, Page};
use crypto::Digest;
use ids::RunnerId;
use proof::log::Chain;
use proof::merkle::{Node, PathError};

use super::head;
use crate::StoreError;
use crate::sql::sql;
use crate::tree::{Consistency, Found, Question, Root, SPAN, Wanted};
use crate::tx::{After, Reads};
use crate::value::{Cells, ToValue, Value, values};

impl Reads {
    /// The end of the log: size, root, and what the next record has to name.
    pub async fn audit_chain(&self) -> Result<Chain, StoreError> {
        let tail = head(self, false).await?.ok_or(StoreError::UnknownTenant)?;
        Ok(tail.chain().clone())
    }

    /// Lines, newest first.
    pub async fn audit_lines(&self, filter: &AuditFilter, page: &Page) -> Result<Listed<AuditLine>, StoreError> {
        let before = After::of(page, 1)?.number(0, i64::MAX)?;
        let from = self.first_line_at(filter.from).await?.unwrap_or_default();
        let until = self.first_line_at(filter.until).await?.to_value();
        let until = if filter.until.is_some() { until } else { Value::Int(i64::MAX) };
        let place = |line: &AuditLine| vec![line.seq.to_string()];
        let mut values: Vec<Value> = Vec::new();
        values.extend(filter.actor.map(|actor| actor.to_string().to_value()));
        values.extend(filter.action.as_ref().map(ToValue::to_value));
        values.extend([before, from.to_value(), until]);
        let sql = match (filter.actor.is_some(), filter.action.is_some()) {
            (false, false) => sql!(
                "SELECT seq, at, line FROM audit_line WHERE tenant = $1 AND seq < $2 AND seq >= $3 AND seq < $4 \
                 ORDER BY seq DESC LIMIT $5"
            ),
            (false, true) => sql!(
                "SELECT seq, at, line FROM audit_line WHERE tenant = $1 AND action = $2 AND seq < $3 AND seq >= $4 \
                 AND seq < $5 ORDER BY seq DESC LIMIT $6"
            ),
            (true, false) => sql!(
                "SELECT seq, at, line FROM audit_line WHERE tenant = $1 AND actor = $2 AND seq < $3 AND seq >= $4 \
                 AND seq < $5 ORDER BY seq DESC LIMIT $6"
            ),
            (true, true) => sql!(
                "SELECT seq, at, line FROM audit_line WHERE tenant = $1 AND actor = $2 AND action = $3 AND seq < $4 \
                 AND seq >= $5 AND seq < $6 ORDER BY seq DESC LIMIT $7"
            ),
        };
        self.list("audit_line", sql, values, page, read_line, place).await
    }

    /// The first line that is not older than this time; the log's size when there is none, and `None` when no time is
    /// given. The log's times never run back, so it is found by halving.
    async fn first_line_at(&self, time: Option<Timestamp>) -> Result<Option<u64>, StoreError> {
        let Some(time) = time else { return Ok(None) };
        let (mut low, mut high) = (0, self.audit_chain().await?.size());
        while low < high {
            let middle = low + (high - low) / 2;
            let sql = sql!("SELECT at FROM audit_line WHERE tenant = $1 AND seq = $2");
            let at: Option<Timestamp> =
                self.one("audit_line", sql, values![middle], |mut cells| cells.take("at")).await?;
            let at = at.ok_or_else(|| StoreError::inconsistent("audit_line", middle, "the line is missing"))?;
            if at < time { low = middle + 1 } else { high = middle }
        }
        Ok(Some(low))
    }

    /// Lines from a position on, oldest first; at most `limit`.
    pub async fn audit_range(&self, from: u64, limit: u32) -> Result<Vec<AuditLine>, StoreError> {
        let sql = sql!("SELECT seq, at, line FROM audit_line WHERE tenant = $1 AND seq >= $2 ORDER BY seq LIMIT $3");
        self.all("audit_line", sql, values![from, limit], read_line).await
    }

    /// The root over the first lines; `None` when there are fewer.
    pub async fn audit_root(&self, size: u64) -> Result<Option<Digest>, StoreError> {
        if size > self.audit_chain().await?.size() {
            return Ok(None);
        }
        self.audit_answer(&Root { size }).await.map(Some)
    }

    /// The proof that the tree of the first `later` lines grew from that of the first `earlier`.
    pub async fn audit_consistency(&self, earlier: u64, later: u64) -> Result<Vec<Digest>, StoreError> {
        self.audit_answer(&Consistency { earlier, later }).await
    }

    async fn audit_answer<Q: Question>(&self, question: &Q) -> Result<Q::Answer, StoreError> {
        let wanted = Wanted::by(question);
        let mut found = Found::default();
        for Node { level, index } in wanted.nodes {
            let sql = sql!("SELECT hash FROM audit_node WHERE tenant = $1 AND level = $2 AND place = $3");
            let hash = self.one("audit_node", sql, values![level, index], |mut cells| cells.take("hash")).await?;
            if let Some(hash) = hash {
                found.node(Node { level, index }, hash);
            }
        }
        for start in wanted.spans {
            let lines = self.audit_range(start, SPAN as u32).await?;
            found.lines(start, lines.iter().map(|line| line.line.as_str()));
        }
        found.answer(question).map_err(|error| unanswered("audit_node", &error))
    }

    /// The newest checkpoint.
    pub async fn audit_checkpoint(&self) -> Result<Option<AuditCheckpoint>, StoreError> {
        let sql =
            sql!("SELECT size, root, note, at FROM audit_checkpoint WHERE tenant = $1 ORDER BY size DESC LIMIT 1");
        self.one("audit_checkpoint", sql, values![], read_checkpoint).await
    }

    /// The checkpoint of this size.
    pub async fn audit_checkpoint_at(&self, size: u64) -> Result<Option<AuditCheckpoint>, StoreError> {
        let sql = sql!("SELECT size, root, note, at FROM audit_checkpoint WHERE tenant = $1 AND size = $2");
        self.one("audit_checkpoint", sql, values![size], read_checkpoint).await
    }

    /// The newest checkpoint that some Runner said it keeps.
    pub async fn audit_checkpoint_kept(&self) -> Result<Option<AuditCheckpoint>, StoreError> {
        let sql = sql!("SELECT size FROM audit_cosignature WHERE tenant = $1 ORDER BY size DESC, runner DESC LIMIT 1");
        let size: Option<u64> = self.one("audit_cosignature", sql, values![], |mut cells| cells.take("size")).await?;
        match size {
            Some(size) => self.audit_checkpoint_at(size).await,
            None => Ok(None),
        }
    }

    /// The Runners that cosigned the checkpoint of this size.
    pub async fn audit_cosigners(&self, size: u64) -> Result<Vec<RunnerId>, StoreError> {
        let sql = sql!("SELECT runner FROM audit_cosignature WHERE tenant = $1 AND size = $2 ORDER BY runner");
        self.all("audit_cosignature", sql, values![size], |mut cells| cells.take("runner")).await
    }

    /// The cosignatures of the checkpoint of this size.
    pub async fn audit_cosignatures(&self, size: u64) -> Result<Vec<AuditCosignature>, StoreError> {
        let sql = sql!(
            "SELECT runner, size, root, note, at FROM audit_cosignature WHERE tenant = $1 AND size = $2 \
             ORDER BY runner"
        );
        self.all("audit_cosignature", sql, values![size], read_cosignature).await
    }

    /// The newest checkpoint that this Runner said it keeps.
    pub async fn audit_kept_by(&self, runner: RunnerId) -> Result<Option<AuditCosignature>, StoreError> {
        let sql = sql!(
            "SELECT runner, size, root, note, at FROM audit_cosignature WHERE tenant = $1 AND runner = $2 \
             ORDER BY size DESC LIMIT 1"
        );
        self.one("audit_cosignature", sql, values![runner], read_cosignature).await
    }
}

pub(super) fn read_line(mut cells: Cells) -> Result<AuditLine, StoreError> {
    Ok(AuditLine { seq: cells.take("seq")?, at: cells.take("at")?, line: cells.take("line")? })
}

fn read_checkpoint(mut cells: Cells) -> Result<AuditCheckpoint, StoreError> {
    Ok(AuditCheckpoint {
        size: cells.take("size")?,
        root: cells.take("root")?,
        note: cells.take("note")?,
        at: cells.take("at")?,
    })
}

fn read_cosignature(mut cells: Cells) -> Result<AuditCosignature, StoreError> {
    Ok(AuditCosignature {
        runner: cells.take("runner")?,
        size: cells.take("size")?,
        root: cells.take("root")?,
        note: cells.take("note")?,
        at: cells.take("at")?,
    })
}

/// A proof that could not be made: a caller's mistake, or a hole in the log.
pub(crate) fn unanswered(table: &'static str, error: &PathError<std::convert::Infallible>) -> StoreError {
    match error {
        PathError::NoSuchLeaf { .. } | PathError::Shrinks { .. } => StoreError::Record(error.to_string()),
        PathError::Missing(leaf) => StoreError::inconsistent(table, leaf, "the hash of this line is not at hand"),
        PathError::Source(never) => match *never {},
    }
}
