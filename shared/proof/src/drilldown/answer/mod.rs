//! The answer: opened rows, sealed frame by frame to the key that the request names.
//!
//! Writer and reader hold one row and one frame at a time, so an answer may be larger than memory. Both walk the same
//! plan, which follows from the request: no other rows, in no other order.

mod header;
mod plan;
mod reader;
mod writer;

use crypto::Digest;
use ids::ItemId;

use crate::commitment::{Commitment, OpeningError, Salt};
use crate::json::JsonError;

pub use reader::AnswerReader;
pub use writer::AnswerWriter;

/// Bytes of plaintext in one frame.
pub const FRAME: usize = 262_144;

/// Bytes of one sealed frame.
pub const MAX_CIPHERTEXT: usize = FRAME + crypto::hpke::TAG;

/// Bytes of one row: all that one step may collect.
pub const MAX_ROW: usize = 64 << 20;

/// Why an answer cannot be written, or is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// An item is not the one that was asked for at this place, or not under the root that the request names.
    #[error("item {item} is not what the request asks for: {why}")]
    Item {
        /// The item that was asked for; nil if there is none at this place.
        item: ItemId,
        /// What differs.
        why: &'static str,
    },
    /// A row that is not the next one of those that were asked for.
    #[error("row {found} comes where {} was expected: rows were added, left out or reordered", said(*expected))]
    Row {
        /// The row that comes next, if there is one.
        expected: Option<u64>,
        /// The row that came.
        found: u64,
    },
    /// A row is larger than any row may be.
    #[error("a row of {found} bytes; at most {MAX_ROW} are allowed")]
    RowTooLong {
        /// Its bytes.
        found: u64,
    },
    /// A frame is larger or smaller than any frame may be.
    #[error("frame {frame} has {found} bytes; {} to {MAX_CIPHERTEXT} are allowed", crypto::hpke::TAG)]
    FrameLength {
        /// Its position.
        frame: u64,
        /// Its bytes.
        found: usize,
    },
    /// A frame without content that is not the last one.
    #[error("frame {0} is empty and not the last one")]
    EmptyFrame(u64),
    /// The key or the encapsulated key cannot be used.
    #[error("nothing can be sealed to, or opened with, this key")]
    Key,
    /// A frame does not open.
    #[error(
        "frame {0} does not open: it was changed, left out or reordered, it is not the last one or is, or the answer was \
         sealed to another key or for another request"
    )]
    Sealed(u64),
    /// The header is not that of an answer to this request.
    #[error("the answer's header: {0}")]
    Header(#[from] JsonError),
    /// The header is longer than this answer calls for.
    #[error("the answer's header has {found} bytes; this answer calls for {limit} at most")]
    HeaderTooLong {
        /// Its bytes.
        found: u64,
        /// Bytes that suffice.
        limit: u64,
    },
    /// The header answers another request.
    #[error("the answer is to another request")]
    OtherRequest,
    /// A row, or the rows of an item together, are not what was committed to.
    #[error("item {item}: {source}")]
    Opening {
        /// The item.
        item: ItemId,
        /// What does not hold.
        source: OpeningError,
    },
    /// The answer ended before all rows that were asked for had come.
    #[error("the answer ends too early: row {expected} of item {item} is missing")]
    Truncated {
        /// The item.
        item: ItemId,
        /// The row that comes next.
        expected: u64,
    },
    /// The answer ended within its header, without its last frame, or within a row.
    #[error("the answer ends too early: {0}")]
    Incomplete(&'static str),
    /// Something came after all rows that were asked for, or after the last frame.
    #[error("the answer goes on after its end")]
    Extra,
    /// The answer was refused before.
    #[error("the answer was refused before this frame")]
    Refused,
}

fn said(expected: Option<u64>) -> String {
    expected.map_or("no row".to_owned(), |index| format!("row {index}"))
}

/// An item as the Runner answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredItem {
    /// The item.
    pub item: ItemId,
    /// What the Runner committed to.
    pub commitment: Commitment,
    /// What is opened.
    pub opened: Opened,
}

/// Which rows of an item are opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// All of them; they prove one another.
    All,
    /// These, in ascending order, each with its inclusion path, sibling first.
    Rows(Vec<(u64, Vec<Digest>)>),
}

/// A sealed frame on its way.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its position, from 0.
    pub index: u64,
    /// `ciphertext || tag`.
    pub ciphertext: Vec<u8>,
    /// Whether it is the last one.
    pub last: bool,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({}, {} bytes{})", self.index, self.ciphertext.len(), if self.last { ", last" } else { "" })
    }
}

/// A row of an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedRow {
    /// The item.
    pub item: ItemId,
    /// Position in the item.
    pub index: u64,
    /// Its salt.
    pub salt: Salt,
    /// Its bytes.
    pub row: Vec<u8>,
}

impl std::fmt::Debug for OpenedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenedRow({} of {:?}, {} bytes)", self.index, self.item, self.row.len())
    }
}

/// An answer that came whole and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerSummary {
    /// Items.
    pub items: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of all rows.
    pub bytes: u64,
    /// What the Runner's receipt must name as `sealed_sha256`.
    pub sealed_sha256: Digest,
}
