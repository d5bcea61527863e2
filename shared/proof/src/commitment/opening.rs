//! Opening a commitment: single rows with their salts and paths, or a whole item with its secret.

use crypto::Digest;

use super::{Commitment, ItemSecret, Salt, Salts, commit};
use crate::merkle::{PathError, ProofError, inclusion_path, leaf_hash_of_parts, verify_inclusion};

/// Why an opening does not match its commitment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// One row does not lead to the committed root.
    #[error("row {index} is not what was committed to: {source}")]
    Row {
        /// Its position.
        index: u64,
        /// What is wrong with it.
        source: ProofError,
    },
    /// The item has another number of rows.
    #[error("the commitment is to {committed} rows, {given} were given")]
    Count {
        /// Rows committed to.
        committed: u64,
        /// Rows given.
        given: u64,
    },
    /// All rows together lead to another root.
    #[error("the rows are not those that were committed to, or not in that order")]
    Root,
}

/// One opened row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowOpening {
    /// Position in the item, from 0.
    pub index: u64,
    /// Its salt.
    pub salt: Salt,
    /// Its bytes.
    pub row: Vec<u8>,
    /// Inclusion path, sibling first (RFC 9162 §2.1.3.1).
    pub path: Vec<Digest>,
}

impl RowOpening {
    /// Opens the row at `index`, of an item whose leaf hashes are `leaves`. O(n) a row: to open many rows, make the paths
    /// from a [`Tree`](crate::merkle::Tree) over the leaves.
    pub fn from_leaves(
        secret: &ItemSecret,
        leaves: &[Digest],
        index: u64,
        row: Vec<u8>,
    ) -> Result<Self, PathError<std::convert::Infallible>> {
        let path = inclusion_path(index, leaves.len() as u64, |node| {
            let leaf = usize::try_from(node.index).ok().filter(|_| node.level == 0);
            Ok(leaf.and_then(|leaf| leaves.get(leaf)).copied())
        })?;
        Ok(Self { index, salt: Salts::new(secret).of(index), row, path })
    }

    /// Checks that this row, at this position, was committed to.
    pub fn verify(&self, commitment: &Commitment) -> Result<(), OpeningError> {
        verify_row(commitment, self.index, &self.salt, &self.row, &self.path)
    }
}

/// Checks that a row with this salt, at this position, was committed to.
pub fn verify_row(
    commitment: &Commitment,
    index: u64,
    salt: &Salt,
    row: &[u8],
    path: &[Digest],
) -> Result<(), OpeningError> {
    let leaf = leaf_hash_of_parts(salt.as_bytes(), row);
    verify_inclusion(leaf, index, commitment.rows, path, &commitment.root)
        .map_err(|source| OpeningError::Row { index, source })
}

/// A whole item, opened by its secret.
#[derive(Debug)]
pub struct ItemOpening {
    /// The item's secret `k`.
    pub secret: ItemSecret,
    /// All rows in order.
    pub rows: Vec<Vec<u8>>,
}

impl ItemOpening {
    /// Checks that exactly these rows, in this order, were committed to.
    pub fn verify(&self, commitment: &Commitment) -> Result<(), OpeningError> {
        let given = commit(&self.secret, &self.rows);
        if given.rows != commitment.rows {
            return Err(OpeningError::Count { committed: commitment.rows, given: given.rows });
        }
        if given.root == commitment.root { Ok(()) } else { Err(OpeningError::Root) }
    }
}
