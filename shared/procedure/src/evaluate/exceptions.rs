//! Exceptions: an approved overlay on failing items.

use std::collections::BTreeSet;

use clock::Timestamp;
use crypto::Digest;
use crypto::digest::sha256_parts;
use ids::{ExceptionId, PersonId};
use serde_json::json;

use crate::model::Check;

/// The longest that an exception may be valid.
const MAX_MS: i64 = 365 * 86_400_000;

/// An approved exception. It never changes what was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Its id.
    pub id: ExceptionId,
    /// The check.
    pub check: String,
    /// Which of its items.
    pub covers: Covers,
    /// [`check_digest`] of the check that was approved.
    pub check_digest: Digest,
    /// Who asked for it.
    pub requester: PersonId,
    /// Who approved it.
    pub approver: PersonId,
    /// From when it counts.
    pub approved: Timestamp,
    /// From when it does not count any more; at most 365 days later.
    pub expires: Timestamp,
}

/// Which items of a check an exception covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Covers {
    /// All that fail.
    WholeCheck,
    /// Those with these keys.
    Items(BTreeSet<String>),
}

/// Why an exception covers nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lapse {
    /// The check's `assert`, `when` or `severity` is another than the approved one.
    #[error("the check has changed since the exception was approved")]
    CheckChanged,
    /// The run was before the approval.
    #[error("the exception is not valid yet")]
    NotYet,
    /// The run was after the expiry.
    #[error("the exception has expired")]
    Expired,
    /// It is valid for more than 365 days.
    #[error("the exception is valid for more than 365 days")]
    TooLong,
    /// The same person asked for it and approved it.
    #[error("the exception was approved by the person who asked for it")]
    SelfApproved,
}

/// What an exception is bound to: SHA-256 of `"check/v1"`, a zero byte and the RFC 8785 form of the check's `assert`,
/// `when` (if any) and `severity` as written.
pub fn check_digest(check: &Check) -> Digest {
    let mut bound = json!({"assert": check.assert.source(), "severity": check.severity.as_str()});
    if let (Some(when), Some(bound)) = (&check.when, bound.as_object_mut()) {
        bound.insert("when".to_owned(), json!(when.source()));
    }
    let canonical = serde_json_canonicalizer::to_vec(&bound).expect("three texts have a canonical form");
    sha256_parts(&[b"check/v1", &[0], &canonical])
}

impl Exception {
    /// Whether the exception counts for this check at this time.
    pub(super) fn standing(&self, digest: Digest, at: Timestamp) -> Result<(), Lapse> {
        if self.check_digest != digest {
            Err(Lapse::CheckChanged)
        } else if self.requester == self.approver {
            Err(Lapse::SelfApproved)
        } else if self.expires.since_ms(self.approved) > MAX_MS {
            Err(Lapse::TooLong)
        } else if at < self.approved {
            Err(Lapse::NotYet)
        } else if at >= self.expires {
            Err(Lapse::Expired)
        } else {
            Ok(())
        }
    }

    pub(super) fn covers(&self, key: Option<&str>) -> bool {
        match (&self.covers, key) {
            (Covers::WholeCheck, _) => true,
            (Covers::Items(keys), Some(key)) => keys.contains(key),
            (Covers::Items(_), None) => false,
        }
    }
}
