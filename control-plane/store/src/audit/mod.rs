//! The tenant's audit log: appending to it in the transaction of what it records, reading it, and checking all of it.
//!
//! Knows lines, hashes and the tree; must never know what an action means. Rows are only ever added.

mod read;
mod verify;

use control_plane_domain::audit::AuditRecord;
use control_plane_domain::audit_log::{AuditActor, AuditCheckpoint, AuditCosignature};
use crypto::Digest;
use proof::log::{Appended, Chain};
use proof::merkle::Frontier;

use crate::StoreError;
use crate::sql::sql;
use crate::tree::Completed;
use crate::tx::{Reads, Writes};
use crate::value::{Cells, values};

pub(crate) use read::unanswered;
pub use verify::AuditWalk;

/// The end of the log, locked for the writing transaction that holds it.
pub(crate) struct AuditTail {
    chain: Chain,
}

impl AuditTail {
    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }
}

/// The end of the tenant's log, if the tenant has one; `locked` keeps other writers of the tenant out.
pub(crate) async fn head(reads: &Reads, locked: bool) -> Result<Option<AuditTail>, StoreError> {
    let sql = reads.tx.dialect().audit_head(locked);
    let chain = reads.one("audit_head", sql, values![], read_chain).await?;
    Ok(chain.map(|chain| AuditTail { chain }))
}

/// `prev, last_at, frontier, size`, as the heads of both kinds of log are kept.
pub(crate) fn read_chain(mut cells: Cells) -> Result<Chain, StoreError> {
    let prev: Digest = cells.take("prev")?;
    let last_at = cells.take("last_at")?;
    let frontier: Vec<u8> = cells.take("frontier")?;
    let size: u64 = cells.take("size")?;
    let frontier = Frontier::from_bytes(&frontier).map_err(|error| cells.wrong(&error.to_string()))?;
    if frontier.size() != size {
        return Err(cells.wrong("its size is not that of its frontier"));
    }
    Ok(Chain::resume(prev, frontier, last_at))
}

pub(crate) async fn append(
    writes: &Writes,
    tail: &mut AuditTail,
    records: &[AuditRecord],
) -> Result<Vec<Appended>, StoreError> {
    let before = tail.chain.size();
    let mut completed = Completed::default();
    let mut appended = Vec::with_capacity(records.len());
    let mut lines = Vec::with_capacity(records.len());
    for record in records {
        let line = tail
            .chain
            .append_reporting(writes.now, record, |node, hash| completed.take(node, hash))
            .map_err(|error| StoreError::Record(error.to_string()))?;
        let actor = AuditActor::from(record.actor).to_string();
        lines.push(values![line.seq, line.at, record.action.name(), actor, line.line]);
        appended.push(line);
    }
    let chain = &tail.chain;
    let head = values![chain.size(), chain.prev(), chain.last_at(), chain.frontier().to_bytes(), before];
    let steps = vec![
        (sql!("INSERT INTO audit_line (tenant, seq, at, action, actor, line) VALUES ($1, $2, $3, $4, $5, $6)"), lines),
        (sql!("INSERT INTO audit_node (tenant, level, place, hash) VALUES ($1, $2, $3, $4)"), completed.rows(&[])),
        (
            sql!(
                "UPDATE audit_head SET size = $2, prev = $3, last_at = $4, frontier = $5 WHERE tenant = $1 AND size = $6"
            ),
            vec![head],
        ),
    ];
    writes.steps("audit_line", before, steps).await?;
    Ok(appended)
}

impl Writes {
    /// Begins the tenant's audit log.
    pub(crate) async fn begin_audit_log(&self) -> Result<(), StoreError> {
        let chain = Chain::new();
        self.change(
            "audit_head",
            "new",
            sql!("INSERT INTO audit_head (tenant, size, prev, last_at, frontier) VALUES ($1, $2, $3, $4, $5)"),
            values![chain.size(), chain.prev(), chain.last_at(), chain.frontier().to_bytes()],
        )
        .await
    }

    /// Keeps a signed checkpoint of the log.
    pub async fn add_audit_checkpoint(&self, checkpoint: &AuditCheckpoint) -> Result<(), StoreError> {
        let AuditCheckpoint { size, root, note, at } = checkpoint;
        self.change(
            "audit_checkpoint",
            size,
            sql!("INSERT INTO audit_checkpoint (tenant, size, root, note, at) VALUES ($1, $2, $3, $4, $5)"),
            values![size, root, note, at],
        )
        .await
    }

    /// Keeps a Runner's cosignature; `false` when one of this Runner over this size is kept already.
    pub async fn add_audit_cosignature(&self, cosignature: &AuditCosignature) -> Result<bool, StoreError> {
        let AuditCosignature { runner, size, root, note, at } = cosignature;
        let added = self
            .count(
                "audit_cosignature",
                runner,
                sql!(
                    "INSERT INTO audit_cosignature (tenant, runner, size, root, note, at) \
                     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, runner, size) DO NOTHING"
                ),
                values![runner, size, root, note, at],
            )
            .await?;
        Ok(added == 1)
    }
}
