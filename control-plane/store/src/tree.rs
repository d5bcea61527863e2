//! The Merkle trees of the logs, as they are kept: nodes from level 4 up. What lies below is at most sixteen lines away,
//! and a log whose every node is stored costs two rows more for each line.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use crypto::Digest;
use proof::merkle::{Node, PathError, leaf_hash, node_hash};

use crate::value::{ToValue, Value};

/// The lowest level of which nodes are kept.
pub(crate) const LOWEST: u8 = 4;

/// Lines under a node of that level.
pub(crate) const SPAN: u64 = 1 << LOWEST;

/// Nodes that a log completed while it grew.
#[derive(Debug, Clone, Default)]
pub(crate) struct Completed(Vec<(Node, Digest)>);

impl Completed {
    pub(crate) fn take(&mut self, node: Node, hash: Digest) {
        if node.level >= LOWEST {
            self.0.push((node, hash));
        }
    }

    /// Each as `level, place, hash`, after the values that name the log.
    pub(crate) fn rows(&self, log: &[Value]) -> Vec<Vec<Value>> {
        let row = |(node, hash): &(Node, Digest)| {
            log.iter().cloned().chain([node.level.to_value(), node.index.to_value(), hash.to_value()]).collect()
        };
        self.0.iter().map(row).collect()
    }
}

/// What has to be read to compute something over a tree: nodes, and spans of sixteen lines.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) nodes: BTreeSet<Node>,
    /// The first line of each span.
    pub(crate) spans: BTreeSet<u64>,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Found {
    hashes: BTreeMap<Node, Digest>,
}

/// Something over a tree, such as a root or a proof, asked twice: first to learn which hashes it takes.
pub(crate) trait Question {
    type Answer;

    fn ask(
        &self,
        source: &mut dyn FnMut(Node) -> Result<Option<Digest>, Infallible>,
    ) -> Result<Self::Answer, PathError<Infallible>>;
}

impl Wanted {
    pub(crate) fn by(question: &impl Question) -> Self {
        let mut wanted = Self::default();
        // What is asked for does not depend on the hashes.
        let answered = question.ask(&mut |node| {
            if node.level >= LOWEST {
                wanted.nodes.insert(node);
            } else {
                wanted.spans.insert(((node.index << node.level) >> LOWEST) << LOWEST);
            }
            Ok(Some(Digest::ZERO))
        });
        drop(answered);
        wanted
    }
}

impl Found {
    pub(crate) fn node(&mut self, node: Node, hash: Digest) {
        self.hashes.insert(node, hash);
    }

    /// Lines from the start of a span, in order: every complete subtree under them is found.
    pub(crate) fn lines<'a>(&mut self, start: u64, lines: impl Iterator<Item = &'a str>) {
        let mut level: Vec<_> = lines.map(|line| leaf_hash(line.as_bytes())).collect();
        for height in 0..LOWEST {
            for (index, hash) in level.iter().zip(start >> height..).map(|(hash, index)| (index, *hash)) {
                self.hashes.insert(Node { level: height, index }, hash);
            }
            let (pairs, _) = level.as_chunks::<2>();
            level = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
        }
    }

    pub(crate) fn answer<Q: Question>(&self, question: &Q) -> Result<Q::Answer, PathError<Infallible>> {
        question.ask(&mut |node| Ok(self.hashes.get(&node).copied()))
    }
}

/// The root over the first lines of a log.
pub(crate) struct Root {
    pub(crate) size: u64,
}

impl Question for Root {
    type Answer = Digest;

    fn ask(
        &self,
        source: &mut dyn FnMut(Node) -> Result<Option<Digest>, Infallible>,
    ) -> Result<Digest, PathError<Infallible>> {
        proof::merkle::root_of(self.size, source)
    }
}

/// The proof that one tree grew from another.
pub(crate) struct Consistency {
    pub(crate) earlier: u64,
    pub(crate) later: u64,
}

impl Question for Consistency {
    type Answer = Vec<Digest>;

    fn ask(
        &self,
        source: &mut dyn FnMut(Node) -> Result<Option<Digest>, Infallible>,
    ) -> Result<Vec<Digest>, PathError<Infallible>> {
        proof::merkle::consistency_proof(self.earlier, self.later, source)
    }
}

/// The path from a line to the root over the first lines.
pub(crate) struct Inclusion {
    pub(crate) index: u64,
    pub(crate) size: u64,
}

impl Question for Inclusion {
    type Answer = Vec<Digest>;

    fn ask(
        &self,
        source: &mut dyn FnMut(Node) -> Result<Option<Digest>, Infallible>,
    ) -> Result<Vec<Digest>, PathError<Infallible>> {
        proof::merkle::inclusion_path(self.index, self.size, source)
    }
}

#[cfg(test)]
mod tests {
    use proof::merkle::{Frontier, Tree};

    use super::*;

    #[test]
    fn roots_and_proofs_come_from_few_nodes_and_lines() {
        let lines: Vec<_> = (0..77_u32).map(|n| format!("line {n}")).collect();
        let (mut frontier, mut completed) = (Frontier::new(), Completed::default());
        lines.iter().for_each(|line| frontier.push_reporting(leaf_hash(line.as_bytes()), |n, h| completed.take(n, h)));
        assert_eq!(completed.0.len(), 4 + 2 + 1);
        let find = |wanted: &Wanted| {
            let mut found = Found::default();
            for (node, hash) in &completed.0 {
                if wanted.nodes.contains(node) {
                    found.node(*node, *hash);
                }
            }
            for start in &wanted.spans {
                let span = lines.iter().skip(*start as usize).take(SPAN as usize);
                found.lines(*start, span.map(String::as_str));
            }
            found
        };
        let hashes = |size: usize| lines[..size].iter().map(|line| leaf_hash(line.as_bytes())).collect::<Vec<_>>();
        for size in 1..=77_u64 {
            let root = Root { size };
            let wanted = Wanted::by(&root);
            assert!(wanted.spans.len() <= 1, "{wanted:?}");
            assert_eq!(find(&wanted).answer(&root).unwrap(), Tree::new(hashes(size as usize)).root());
            for earlier in 0..=size {
                let proof = Consistency { earlier, later: size };
                let wanted = Wanted::by(&proof);
                assert!(wanted.spans.len() <= 2, "{wanted:?}");
                let expected = Tree::new(hashes(size as usize)).consistency_proof(earlier).unwrap();
                assert_eq!(find(&wanted).answer(&proof).unwrap(), expected, "{earlier} {size}");
            }
            for index in 0..size {
                let path = Inclusion { index, size };
                let wanted = Wanted::by(&path);
                assert!(wanted.spans.len() <= 2, "{wanted:?}");
                let expected = Tree::new(hashes(size as usize)).inclusion_path(index).unwrap();
                assert_eq!(find(&wanted).answer(&path).unwrap(), expected, "{index} {size}");
            }
        }
    }
}
