//! Checking proofs (RFC 9162 §2.1.3.2 and §2.1.4.2). Both take untrusted numbers and hashes and finish in O(64).

use crypto::Digest;

use super::{empty_root, node_hash};

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The position lies beyond the tree.
    #[error("position {index} lies beyond a tree of {size} leaves")]
    Beyond {
        /// Position claimed.
        index: u64,
        /// Leaves.
        size: u64,
    },
    /// More or fewer hashes than the position and size call for.
    #[error("the proof has {found} hashes, which is not what the sizes call for")]
    Length {
        /// Hashes in the proof.
        found: usize,
    },
    /// The later tree is smaller than the earlier one.
    #[error("a tree of {later} leaves did not grow from one of {earlier}")]
    Shrinks {
        /// Leaves of the earlier tree.
        earlier: u64,
        /// Leaves of the later tree.
        later: u64,
    },
    /// The hashes lead to another root: the leaf, its position or a hash was changed.
    #[error("the proof leads to another root")]
    Root,
    /// The hashes do not lead to the root of the earlier tree.
    #[error("the proof leads to another root of the earlier tree: history was rewritten")]
    EarlierRoot,
}

/// The root that a leaf hash at `index` of `size` leaves leads to along `path`.
pub fn root_from_inclusion(leaf: Digest, index: u64, size: u64, path: &[Digest]) -> Result<Digest, ProofError> {
    if index >= size {
        return Err(ProofError::Beyond { index, size });
    }
    let (mut position, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return Err(ProofError::Length { found: path.len() });
        }
        if position & 1 == 1 || position == last {
            hash = node_hash(sibling, &hash);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    if last == 0 { Ok(hash) } else { Err(ProofError::Length { found: path.len() }) }
}

/// Checks that the leaf hash stands at `index` in the tree of `size` leaves with this root.
pub fn verify_inclusion(leaf: Digest, index: u64, size: u64, path: &[Digest], root: &Digest) -> Result<(), ProofError> {
    if root_from_inclusion(leaf, index, size, path)? == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree of `later` leaves grew from that of `earlier` without a change to what was there.
pub fn verify_consistency(
    (earlier, earlier_root): (u64, &Digest),
    (later, later_root): (u64, &Digest),
    proof: &[Digest],
) -> Result<(), ProofError> {
    let length = ProofError::Length { found: proof.len() };
    if earlier > later {
        return Err(ProofError::Shrinks { earlier, later });
    }
    if earlier == later || earlier == 0 {
        let expected = if earlier == 0 { &empty_root() } else { later_root };
        return match (proof.is_empty(), earlier_root == expected) {
            (false, _) => Err(length),
            (true, false) => Err(ProofError::EarlierRoot),
            // Both claim no leaves: then the later root is that of the empty tree too.
            (true, true) if later == 0 && later_root != expected => Err(ProofError::Root),
            (true, true) => Ok(()),
        };
    }
    let mut hashes = proof.iter();
    // A complete earlier tree is a node of the later one, and its root is not repeated in the proof.
    let first = if earlier.is_power_of_two() { earlier_root } else { hashes.next().ok_or(length)? };
    let (mut position, mut last) = (earlier - 1, later - 1);
    let climbed = position.trailing_ones();
    position >>= climbed;
    last >>= climbed;
    let (mut old, mut new) = (*first, *first);
    for hash in hashes {
        if last == 0 {
            return Err(length);
        }
        if position & 1 == 1 || position == last {
            old = node_hash(hash, &old);
            new = node_hash(hash, &new);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, hash);
        }
        position >>= 1;
        last >>= 1;
    }
    match (last == 0, old == *earlier_root, new == *later_root) {
        (false, _, _) => Err(length),
        (true, false, _) => Err(ProofError::EarlierRoot),
        (true, true, false) => Err(ProofError::Root),
        (true, true, true) => Ok(()),
    }
}
