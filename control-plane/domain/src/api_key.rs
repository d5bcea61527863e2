//! A person's key to the API: everything but the key.

use clock::Timestamp;
use crypto::Digest;
use ids::{ApiKeyId, PersonId};
use proof::text::FreeText;

use crate::policy::Scopes;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name.
    pub id: ApiKeyId,
    /// Who acts when it is used.
    pub person: PersonId,
    /// What its owner calls it.
    pub label: FreeText,
    /// What it may be used for, at most.
    pub scopes: Scopes,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When it was used last, to the minute.
    pub last_used: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

/// A key with what a presented secret is compared with, and who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredApiKey {
    /// The key.
    pub key: ApiKey,
    /// The hash of its secret.
    pub digest: Digest,
    /// Who made it, and held its text for a moment; `None` for the operator, or when it is not known any more.
    pub created_by: Option<PersonId>,
}
