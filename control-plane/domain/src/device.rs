//! A browser, or another thing of a person's, that signs for evidence with a key of its own.

use clock::Timestamp;
use crypto::Digest;
use ids::PersonId;
use proof::text::FreeText;

/// A device that a person registered. Whether a Runner answers it is the Runner's own decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Whose it is.
    pub person: PersonId,
    /// The id of its key, as Runners' policies and logs name it.
    pub fingerprint: Digest,
    /// SubjectPublicKeyInfo of its Ed25519 key.
    pub spki: Vec<u8>,
    /// What its owner calls it.
    pub label: FreeText,
    /// When it was registered.
    pub created: Timestamp,
    /// When it was named in a request for evidence last.
    pub last_used: Option<Timestamp>,
}
