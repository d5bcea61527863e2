//! Answers that are given again when a request is repeated.

use clock::Timestamp;
use crypto::Digest;

/// A key that a caller sent with a request, as it is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyEntry {
    /// SHA-256 over the caller and the key it sent.
    pub key: Digest,
    /// SHA-256 of the request.
    pub request: Digest,
    /// When it came first.
    pub created: Timestamp,
    /// What became of it.
    pub outcome: IdempotencyOutcome,
}

/// What became of a request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdempotencyOutcome {
    /// It is being worked on, or was when the process ended.
    Running,
    /// It was answered with this.
    Answered(StoredResponse),
    /// It was answered with a secret, which is not kept.
    Withheld,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}
