//! The stored tree, read beside the records that it is over.

use crypto::Digest;
use proof::merkle::Node;
use rusqlite::{Connection, Rows, Statement};

use crate::VaultError;

/// Reads the nodes of each level in their order, once. This is a little faster than looking each of them up, and it
/// notices nodes that are over no record.
pub(super) struct StoredTree<'s> {
    levels: Vec<Rows<'s>>,
}

/// One statement for each level that the store has, to be read by a [`StoredTree`].
pub(super) fn levels(db: &Connection) -> Result<Vec<Statement<'_>>, VaultError> {
    let highest: Option<u8> = db.query_row("SELECT max(level) FROM journal_node", [], |row| row.get(0))?;
    let count = highest.map_or(0, |highest| usize::from(highest) + 1);
    let sql = "SELECT place, hash FROM journal_node WHERE level = ?1 ORDER BY place";
    (0..count).map(|_| Ok(db.prepare(sql)?)).collect()
}

impl<'s> StoredTree<'s> {
    pub(super) fn new(levels: &'s mut [Statement<'_>]) -> Result<Self, VaultError> {
        let query = |(level, statement): (usize, &'s mut Statement<'_>)| Ok(statement.query([level as i64])?);
        Ok(Self { levels: levels.iter_mut().enumerate().map(query).collect::<Result<_, VaultError>>()? })
    }

    /// Whether the next node of this level is this one. Nodes of a level are asked for in their order.
    pub(super) fn next_is(&mut self, node: Node, hash: &Digest) -> Result<bool, VaultError> {
        let Some(level) = self.levels.get_mut(usize::from(node.level)) else { return Ok(false) };
        let Some(row) = level.next()? else { return Ok(false) };
        let stored = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        Ok(row.get::<_, i64>(0)? == node.index as i64 && stored == hash.as_bytes())
    }

    /// The level of a node that is over no record, if there is one.
    pub(super) fn stray(&mut self) -> Result<Option<usize>, VaultError> {
        for (level, rows) in self.levels.iter_mut().enumerate() {
            if rows.next()?.is_some() {
                return Ok(Some(level));
            }
        }
        Ok(None)
    }
}
