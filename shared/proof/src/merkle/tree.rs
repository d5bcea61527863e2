//! A tree with all of its hashes in memory: every path costs O(log n) after one linear build.

use std::convert::Infallible;

use crypto::Digest;

use super::{Node, PathError, consistency_proof, inclusion_path, node_hash, root_of};

/// All complete subtrees over a list of leaf hashes; about 64 bytes a leaf.
#[derive(Debug, Clone)]
pub struct Tree {
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// Builds the tree over these leaf hashes.
    pub fn new(leaves: Vec<Digest>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let (pairs, _) = below.as_chunks::<2>();
            let level = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
            levels.push(level);
        }
        Self { levels }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// The root.
    pub fn root(&self) -> Digest {
        root_of(self.size(), |node| self.stored(node)).expect("a tree holds all of its own leaves")
    }

    /// The inclusion path of a leaf, its sibling first.
    pub fn inclusion_path(&self, index: u64) -> Result<Vec<Digest>, PathError<Infallible>> {
        inclusion_path(index, self.size(), |node| self.stored(node))
    }

    /// The proof that this tree grew from the one of its first `earlier` leaves.
    pub fn consistency_proof(&self, earlier: u64) -> Result<Vec<Digest>, PathError<Infallible>> {
        consistency_proof(earlier, self.size(), |node| self.stored(node))
    }

    fn stored(&self, node: Node) -> Result<Option<Digest>, Infallible> {
        let index = usize::try_from(node.index).ok();
        Ok(self.levels.get(usize::from(node.level)).zip(index).and_then(|(level, index)| level.get(index)).copied())
    }
}
