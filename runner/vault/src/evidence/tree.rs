//! Paths to single rows of a large item without hashing all of it: of the tree, the roots of every 16 rows are stored,
//! and the rest is computed.

use crypto::Digest;
use proof::commitment::Salts;
use proof::merkle::{Node, PathError, inclusion_path, leaf_hash_of_parts, node_hash};

use super::chunk::ChunkReader;
use crate::VaultError;

/// Level of the stored nodes.
pub(super) const BLOCK_LEVEL: u8 = 4;
/// Rows below one of them.
const BLOCK: u64 = 1 << BLOCK_LEVEL;

/// The tree over an item's rows, as far as it is at hand.
pub(super) struct RowTree {
    rows: u64,
    /// From [`BLOCK_LEVEL`] up.
    upper: Vec<Vec<Digest>>,
    /// Leaves of the block that was looked at last, and of the unfinished one at the end.
    block: Option<(u64, Vec<Digest>)>,
    tail: Option<Vec<Digest>>,
}

impl RowTree {
    /// `nodes` as stored: the roots of each 16 rows, 32 bytes each. `None` if they are not as many as there should be.
    pub(super) fn new(rows: u64, nodes: &[u8]) -> Option<Self> {
        let (hashes, rest) = nodes.as_chunks::<32>();
        if !rest.is_empty() || hashes.len() as u64 != rows / BLOCK {
            return None;
        }
        let mut upper = vec![hashes.iter().copied().map(Digest::from_bytes).collect::<Vec<_>>()];
        while let Some(below) = upper.last().filter(|level| level.len() > 1) {
            let (pairs, _) = below.as_chunks::<2>();
            let level = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
            upper.push(level);
        }
        Some(Self { rows, upper, block: None, tail: None })
    }

    /// The path of a row. Reads the up to 16 rows around it, and the last up to 15 once.
    pub(super) fn path(
        &mut self,
        reader: &mut ChunkReader<'_>,
        salts: &Salts,
        index: u64,
    ) -> Result<Vec<Digest>, VaultError> {
        let tail_block = self.rows / BLOCK;
        if self.tail.is_none() {
            self.tail = Some(leaves(reader, salts, tail_block * BLOCK, self.rows)?);
        }
        let block = index / BLOCK;
        if block != tail_block && self.block.as_ref().is_none_or(|(known, _)| *known != block) {
            self.block = Some((block, leaves(reader, salts, block * BLOCK, (block + 1) * BLOCK)?));
        }
        inclusion_path(index, self.rows, |node| self.stored(node)).map_err(|error| match error {
            PathError::Source(error) => error,
            other => VaultError::inconsistent("item", index, other),
        })
    }

    fn stored(&self, node: Node) -> Result<Option<Digest>, VaultError> {
        let at = |list: &[Digest], index: u64| usize::try_from(index).ok().and_then(|at| list.get(at)).copied();
        if node.level >= BLOCK_LEVEL {
            let level = self.upper.get(usize::from(node.level - BLOCK_LEVEL));
            return Ok(level.and_then(|level| at(level, node.index)));
        }
        if node.level > 0 {
            return Ok(None);
        }
        let within = node.index % BLOCK;
        if node.index / BLOCK == self.rows / BLOCK {
            return Ok(self.tail.as_deref().and_then(|tail| at(tail, within)));
        }
        let block = self.block.as_ref().filter(|(block, _)| *block == node.index / BLOCK);
        Ok(block.and_then(|(_, leaves)| at(leaves, within)))
    }
}

fn leaves(reader: &mut ChunkReader<'_>, salts: &Salts, from: u64, to: u64) -> Result<Vec<Digest>, VaultError> {
    (from..to).map(|index| reader.row(index).map(|row| leaf_hash_of_parts(salts.of(index).as_bytes(), row))).collect()
}
