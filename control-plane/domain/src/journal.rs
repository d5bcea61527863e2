//! What the control plane keeps of a Runner's journal.

use clock::Timestamp;
use crypto::Digest;
use ids::RunnerId;

/// A checkpoint of a Runner's journal that was found right and cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalCheckpoint {
    /// Whose journal.
    pub runner: RunnerId,
    /// Records.
    pub size: u64,
    /// Root over them.
    pub root: Digest,
    /// The note, with the Runner's signature and the control plane's cosignature.
    pub note: String,
    /// When it was cosigned.
    pub at: Timestamp,
}

/// A line of a Runner's journal, as accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalLine {
    /// Its position.
    pub seq: u64,
    /// The line, without a newline.
    pub line: String,
}
