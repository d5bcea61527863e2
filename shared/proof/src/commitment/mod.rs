//! Commitments to evidence: a salted Merkle root and a row count that hide the rows and bind to them.
//!
//! Knows rows as byte strings and the 32-byte secret of an item; must never know where rows come from. The vault
//! commits and opens; every verifier checks openings.

mod canonical;
mod opening;
mod secret;

#[cfg(test)]
mod tests;

use crypto::Digest;

use crate::merkle::{Frontier, Node, leaf_hash_of_parts};

pub use canonical::{MAX_EXACT_INTEGER, RowError, canonical_row, write_canonical_row};
pub use opening::{ItemOpening, OpeningError, RowOpening, verify_row};
pub use secret::{ItemSecret, Salt, Salts};

/// Length of the rows that a blob is cut into; the last one may be shorter.
pub const BLOB_ROW: usize = 65_536;

/// What crosses the line instead of evidence: the number of rows and the root of the tree over the salted rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// Rows.
    pub rows: u64,
    /// Root over `leaf_i = H(0x00 || salt_i || row_i)` (RFC 9162 §2.1.1).
    pub root: Digest,
}

/// Commits to rows as they arrive, in O(log n) space; each byte of a row is hashed once.
pub struct Committer {
    salts: Salts,
    frontier: Frontier,
}

impl Committer {
    /// Nothing committed to yet.
    pub fn new(secret: &ItemSecret) -> Self {
        Self { salts: Salts::new(secret), frontier: Frontier::new() }
    }

    /// Adds the next row; gives its leaf hash, from which paths can be made later without the rows.
    pub fn push(&mut self, row: &[u8]) -> Digest {
        self.push_reporting(row, |_, _| {})
    }

    /// The same, and reports every subtree that the row completes, its own leaf first.
    pub fn push_reporting(&mut self, row: &[u8], completed: impl FnMut(Node, Digest)) -> Digest {
        let salt = self.salts.of(self.frontier.size());
        let leaf = leaf_hash_of_parts(salt.as_bytes(), row);
        self.frontier.push_reporting(leaf, completed);
        leaf
    }

    /// The commitment to the rows so far.
    pub fn commitment(&self) -> Commitment {
        Commitment { rows: self.frontier.size(), root: self.frontier.root() }
    }
}

/// The commitment to a list of rows.
pub fn commit<R: AsRef<[u8]>>(secret: &ItemSecret, rows: impl IntoIterator<Item = R>) -> Commitment {
    let mut committer = Committer::new(secret);
    for row in rows {
        committer.push(row.as_ref());
    }
    committer.commitment()
}

/// The rows of a file, an output or a certificate: the bytes cut into pieces of [`BLOB_ROW`]. No bytes, no rows.
pub fn blob_rows(bytes: &[u8]) -> impl ExactSizeIterator<Item = &[u8]> {
    bytes.chunks(BLOB_ROW)
}
