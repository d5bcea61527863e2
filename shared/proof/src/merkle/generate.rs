//! Making proofs (RFC 9162 §2.1.3.1 and §2.1.4.1) from whatever hashes a store has at hand.
//!
//! Each function takes a source: asked for a complete subtree it answers with its hash, or with `None` when it does
//! not have it, and then the two halves are asked for. So a source that knows leaves alone works in O(n), and one that
//! stores every complete subtree in O(log² n).

use crypto::Digest;

use super::{Node, empty_root, node_hash, split_point};

/// Why a proof cannot be made. `E` is the source's own error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError<E> {
    /// There is no such leaf.
    #[error("the tree has {size} leaves, none at position {index}")]
    NoSuchLeaf {
        /// Position asked for.
        index: u64,
        /// Leaves.
        size: u64,
    },
    /// The earlier tree is larger than the later one.
    #[error("a tree of {later} leaves did not grow from one of {earlier}")]
    Shrinks {
        /// Leaves of the earlier tree.
        earlier: u64,
        /// Leaves of the later tree.
        later: u64,
    },
    /// The source has neither the leaf nor a subtree that covers it.
    #[error("the hash of leaf {0} is not at hand")]
    Missing(u64),
    /// The source failed.
    #[error(transparent)]
    Source(#[from] E),
}

/// The root of the first `size` leaves.
pub fn root_of<E>(
    size: u64,
    mut source: impl FnMut(Node) -> Result<Option<Digest>, E>,
) -> Result<Digest, PathError<E>> {
    if size == 0 { Ok(empty_root()) } else { range(0, size, &mut source) }
}

/// The inclusion path of the leaf at `index` in the tree of the first `size` leaves: its sibling first.
pub fn inclusion_path<E>(
    index: u64,
    size: u64,
    mut source: impl FnMut(Node) -> Result<Option<Digest>, E>,
) -> Result<Vec<Digest>, PathError<E>> {
    if index >= size {
        return Err(PathError::NoSuchLeaf { index, size });
    }
    let (mut start, mut size) = (0, size);
    let mut path = Vec::new();
    while size > 1 {
        let left = split_point(size);
        if index - start < left {
            path.push(range(start + left, size - left, &mut source)?);
            size = left;
        } else {
            path.push(range(start, left, &mut source)?);
            start += left;
            size -= left;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of the first `later` leaves grew from that of the first `earlier`. Empty if the two are the
/// same tree or the earlier one has no leaves.
pub fn consistency_proof<E>(
    earlier: u64,
    later: u64,
    mut source: impl FnMut(Node) -> Result<Option<Digest>, E>,
) -> Result<Vec<Digest>, PathError<E>> {
    if earlier > later {
        return Err(PathError::Shrinks { earlier, later });
    }
    if earlier == 0 {
        return Ok(Vec::new());
    }
    let (mut start, mut old, mut new) = (0, earlier, later);
    let mut proof = Vec::new();
    // Whether the earlier tree is, so far down, a subtree whose root the verifier knows already.
    let mut known = true;
    while old != new {
        let left = split_point(new);
        if old <= left {
            proof.push(range(start + left, new - left, &mut source)?);
            new = left;
        } else {
            proof.push(range(start, left, &mut source)?);
            known = false;
            start += left;
            old -= left;
            new -= left;
        }
    }
    if !known {
        proof.push(range(start, new, &mut source)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The hash over `size ≥ 1` leaves from `start`, a range that RFC 9162's splitting arrives at: if it is a power of two
/// long, it starts at a multiple of its length.
fn range<E>(
    start: u64,
    size: u64,
    source: &mut impl FnMut(Node) -> Result<Option<Digest>, E>,
) -> Result<Digest, PathError<E>> {
    if size.is_power_of_two() {
        let level = size.trailing_zeros();
        let node = Node { level: u8::try_from(level).unwrap_or(u8::MAX), index: start >> level };
        if let Some(hash) = source(node)? {
            return Ok(hash);
        }
        if size == 1 {
            return Err(PathError::Missing(start));
        }
    }
    let left = split_point(size);
    Ok(node_hash(&range(start, left, source)?, &range(start + left, size - left, source)?))
}
