//! A log as it grows: what the next record must begin with, and the tree over all of them.

use clock::Timestamp;
use crypto::Digest;
use serde::Serialize;

use super::{Head, Line, LineError, build_line};
use crate::merkle::{Frontier, Node};

/// Why a line does not follow the one before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Not a record at all.
    #[error("record {expected}: {source}")]
    Malformed {
        /// The position where a record was expected.
        expected: u64,
        /// What is wrong with it.
        source: LineError,
    },
    /// Another position: records were dropped, added or reordered.
    #[error("record {expected} was expected and {found} is there: records were dropped, added or reordered")]
    Sequence {
        /// The position that comes next.
        expected: u64,
        /// What the line says.
        found: u64,
    },
    /// It names another line before it: that one was changed, or this one belongs elsewhere.
    #[error("record {seq} does not name the record before it: one of the two was changed")]
    Previous {
        /// The record.
        seq: u64,
    },
    /// It is older than the record before it.
    #[error("record {seq} is of {at}, which is before the record in front of it ({before})")]
    TimeRunsBack {
        /// The record.
        seq: u64,
        /// Its time.
        at: Timestamp,
        /// The time of the record before.
        before: Timestamp,
    },
}

/// The end of a log: enough to append the next record, to check it, and to give the root. It is small, can be stored,
/// and is what remains of purged records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    prev: Digest,
    last_at: Option<Timestamp>,
    frontier: Frontier,
}

/// A record that was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Its line, without a newline.
    pub line: String,
    /// Its position.
    pub seq: u64,
    /// Its time; not before that of the record in front of it.
    pub at: Timestamp,
    /// SHA-256 of the line.
    pub hash: Digest,
}

impl Chain {
    /// A log without records.
    #[expect(clippy::new_without_default, reason = "an empty log is begun on purpose, never by default")]
    pub fn new() -> Self {
        Self { prev: Digest::ZERO, last_at: None, frontier: Frontier::new() }
    }

    /// A log that goes on after records that are gone or were checked before: the hash of the last of them, the frontier
    /// over all of them, and the time of the last one if it is known.
    pub fn resume(prev: Digest, frontier: Frontier, last_at: Option<Timestamp>) -> Self {
        Self { prev, last_at, frontier }
    }

    /// Number of records; also the position of the next one.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The hash of the last record: what the next one's `prev` must be.
    pub fn prev(&self) -> Digest {
        self.prev
    }

    /// The time of the last record.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.last_at
    }

    /// The tree's right-most frontier.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The root over all records.
    pub fn root(&self) -> Digest {
        self.frontier.root()
    }

    /// Appends a record. If the machine's clock was set back, the record takes the time of the one before it.
    pub fn append(&mut self, now: Timestamp, record: &impl Serialize) -> Result<Appended, LineError> {
        self.append_reporting(now, record, |_, _| {})
    }

    /// The same, and reports every subtree that the record completes, its own leaf first.
    pub fn append_reporting(
        &mut self,
        now: Timestamp,
        record: &impl Serialize,
        completed: impl FnMut(Node, Digest),
    ) -> Result<Appended, LineError> {
        let at = self.last_at.map_or(now, |last| last.max(now));
        let head = Head { seq: self.size(), prev: self.prev, at };
        let text = build_line(&head, record)?;
        let line = Line::parse(&text)?;
        let hash = line.hash();
        self.accept(&line, hash, completed);
        Ok(Appended { line: text, seq: head.seq, at, hash })
    }

    /// Checks that a line is the next record, and takes it in. After an error the chain stands where it stood.
    pub fn check<'a>(&mut self, text: &'a str) -> Result<Line<'a>, ChainError> {
        self.check_reporting(text, |_, _| {})
    }

    /// The same, and reports every subtree that the record completes, its own leaf first.
    pub fn check_reporting<'a>(
        &mut self,
        text: &'a str,
        completed: impl FnMut(Node, Digest),
    ) -> Result<Line<'a>, ChainError> {
        let expected = self.size();
        let line = Line::parse(text).map_err(|source| ChainError::Malformed { expected, source })?;
        let Head { seq, prev, at } = line.head();
        if seq != expected {
            return Err(ChainError::Sequence { expected, found: seq });
        }
        if prev != self.prev {
            return Err(ChainError::Previous { seq });
        }
        if let Some(before) = self.last_at.filter(|before| at < *before) {
            return Err(ChainError::TimeRunsBack { seq, at, before });
        }
        self.accept(&line, line.hash(), completed);
        Ok(line)
    }

    fn accept(&mut self, line: &Line<'_>, hash: Digest, completed: impl FnMut(Node, Digest)) {
        self.frontier.push_reporting(line.leaf(), completed);
        self.prev = hash;
        self.last_at = Some(line.head().at);
    }
}
