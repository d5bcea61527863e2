//! A growing tree in O(log n) space: only the roots of its complete subtrees are kept.

use crypto::Digest;

use super::{Node, empty_root, node_hash};

/// Sizes above this are refused when restoring, so that no stored number can make counting overflow.
const MAX_RESTORED: u64 = 1 << 62;

/// The right-most frontier of a tree: the roots of the complete subtrees that `size` leaves fall into, largest first.
/// It grows leaf by leaf, gives the root at any time, and can be stored and restored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Digest>,
}

/// A stored frontier that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// The number of hashes does not fit the size.
    #[error("a frontier of {size} leaves has {expected} hashes, this one has {found}")]
    Peaks {
        /// Leaves.
        size: u64,
        /// One for each bit that is set in `size`.
        expected: u32,
        /// What was given.
        found: usize,
    },
    /// More leaves than any log will ever have.
    #[error("a frontier of {0} leaves: more than 2^62")]
    TooLarge(u64),
    /// Not 8 bytes of size and whole hashes after it.
    #[error("a stored frontier is 8 bytes and 32 for each hash, this one has {0} bytes")]
    Length(usize),
}

impl Frontier {
    /// No leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// A frontier from its parts, as [`size`](Self::size) and [`peaks`](Self::peaks) gave them.
    pub fn from_parts(size: u64, peaks: Vec<Digest>) -> Result<Self, FrontierError> {
        if size > MAX_RESTORED {
            return Err(FrontierError::TooLarge(size));
        }
        let expected = size.count_ones();
        if usize::try_from(expected).ok() == Some(peaks.len()) {
            Ok(Self { size, peaks })
        } else {
            Err(FrontierError::Peaks { size, expected, found: peaks.len() })
        }
    }

    /// A frontier from what [`to_bytes`](Self::to_bytes) gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrontierError> {
        let (size, hashes) = bytes.split_first_chunk::<8>().ok_or(FrontierError::Length(bytes.len()))?;
        let (hashes, rest) = hashes.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(FrontierError::Length(bytes.len()));
        }
        Self::from_parts(u64::from_be_bytes(*size), hashes.iter().copied().map(Digest::from_bytes).collect())
    }

    /// `u64 size || hashes`, at most 2,056 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 32 * self.peaks.len());
        bytes.extend_from_slice(&self.size.to_be_bytes());
        self.peaks.iter().for_each(|peak| bytes.extend_from_slice(peak.as_bytes()));
        bytes
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, largest (left-most) first.
    pub fn peaks(&self) -> &[Digest] {
        &self.peaks
    }

    /// Adds a leaf hash.
    pub fn push(&mut self, leaf: Digest) {
        self.push_reporting(leaf, |_, _| {});
    }

    /// Adds a leaf hash and reports every subtree that it completes, itself first: what a store keeps so that proofs
    /// about a large log need O(log n) of its hashes.
    pub fn push_reporting(&mut self, leaf: Digest, mut completed: impl FnMut(Node, Digest)) {
        let mut node = Node { level: 0, index: self.size };
        let mut hash = leaf;
        completed(node, hash);
        while node.index & 1 == 1 {
            let left = self.peaks.pop().expect("an odd position has a complete subtree to its left");
            hash = node_hash(&left, &hash);
            node = Node { level: node.level + 1, index: node.index >> 1 };
            completed(node, hash);
        }
        self.peaks.push(hash);
        self.size =
            self.size.checked_add(1).expect("a restored tree has at most 2^62 leaves, and nobody pushes 2^63 more");
    }

    /// The root of the tree (RFC 9162 §2.1.1).
    pub fn root(&self) -> Digest {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return empty_root() };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }

    /// The hash of a subtree, if it is one of the [`peaks`](Self::peaks). After a purge these, with the leaves that came
    /// later, are all that proofs about the later leaves need.
    pub fn peak(&self, node: Node) -> Option<Digest> {
        let width = 1_u64.checked_shl(u32::from(node.level))?;
        if self.size & width == 0 || (self.size >> node.level).checked_sub(1) != Some(node.index) {
            return None;
        }
        // Larger subtrees, that is the higher bits of the size, come first.
        let before = (self.size & !(width | (width - 1))).count_ones();
        self.peaks.get(usize::try_from(before).ok()?).copied()
    }
}
