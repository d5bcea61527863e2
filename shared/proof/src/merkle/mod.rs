//! Merkle trees of RFC 9162 §2.1 with SHA-256: hashes, a builder in constant space, inclusion and consistency proofs.
//!
//! Knows digests and positions; must never know what the leaves stand for. Commitments and logs are built on it.

mod frontier;
mod generate;
mod tree;
mod verify;

#[cfg(test)]
mod tests;

use crypto::Digest;
use crypto::digest::{sha256, sha256_parts};

pub use frontier::{Frontier, FrontierError};
pub use generate::{PathError, consistency_proof, inclusion_path, root_of};
pub use tree::Tree;
pub use verify::{ProofError, root_from_inclusion, verify_consistency, verify_inclusion};

/// A complete subtree: the `2^level` leaves that begin at `index * 2^level`. Level 0 is a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// Height above the leaves, 0 to 63.
    pub level: u8,
    /// Position among the nodes of its level, from 0.
    pub index: u64,
}

/// The hash of an entry: `H(0x00 || entry)` (RFC 9162 §2.1.1).
pub fn leaf_hash(entry: &[u8]) -> Digest {
    sha256_parts(&[&[0], entry])
}

/// The hash of an entry that lies in two pieces, without joining them.
pub fn leaf_hash_of_parts(first: &[u8], second: &[u8]) -> Digest {
    sha256_parts(&[&[0], first, second])
}

/// The hash of an inner node: `H(0x01 || left || right)` (RFC 9162 §2.1.1).
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut bytes = [1; 65];
    let (_, children) = bytes.split_at_mut(1);
    let (first, second) = children.split_at_mut(32);
    first.copy_from_slice(left.as_bytes());
    second.copy_from_slice(right.as_bytes());
    sha256(&bytes)
}

/// The root of a tree without leaves: `H("")` (RFC 9162 §2.1.1).
pub fn empty_root() -> Digest {
    sha256(b"")
}

/// The largest power of two below `size`; where RFC 9162 splits a tree of `size ≥ 2` leaves.
fn split_point(size: u64) -> u64 {
    1 << (63 - size.saturating_sub(1).max(1).leading_zeros())
}
