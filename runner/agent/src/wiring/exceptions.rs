//! Exceptions as the store keeps them: a sealed record for each, which a run reads as the language's own exceptions.

use std::collections::BTreeSet;

use clock::Timestamp;
use crypto::Digest;
use crypto::digest::sha256_parts;
use ids::{ExceptionId, PersonId};
use procedure::{Covers, Exception, Procedure};
use proof::text::FreeText;
use runner_vault::{StoredException, VaultError};

use crate::fail::Fail;
use crate::wiring::runner::{Runner, vault};

/// What the store seals. Keys of items and people's names stand nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    /// Layout of this record.
    pub(crate) v: u8,
    /// The procedure's id.
    pub(crate) procedure: String,
    /// The check's id.
    pub(crate) check: String,
    /// Digest of the check's `assert`, `when` and `severity`; another one and the exception lapses.
    pub(crate) check_sha256: Digest,
    /// The keys that it covers; none for all items of the check.
    pub(crate) items: Option<BTreeSet<String>>,
    /// Who asked for it.
    pub(crate) requested_by: FreeText,
    /// Who answers for it; somebody else.
    pub(crate) approved_by: FreeText,
    /// When it was recorded.
    pub(crate) approved: Timestamp,
    /// It covers nothing from here on.
    pub(crate) expires: Timestamp,
    /// Why.
    pub(crate) justification: FreeText,
}

/// The layout that this version writes.
pub(crate) const LAYOUT: u8 = 1;

/// The longest that an exception may last.
pub(crate) const LONGEST_MS: i64 = 365 * DAY_MS;
/// A day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// The exceptions of a procedure as they stood at `at`: recorded by then and not removed by then. A run that is
/// evaluated again later meets the same ones. Whether one covers anything is the language's to decide.
pub(crate) fn for_procedure(runner: &Runner, procedure: &Procedure, at: Timestamp) -> Result<Vec<Exception>, Fail> {
    let mut exceptions = Vec::new();
    for stored in runner.store.with(|store| store.exceptions())? {
        let removed_by_then = stored.removed.is_some_and(|removed| removed.at <= at);
        let body = body(&stored)?;
        if removed_by_then || body.approved > at || body.procedure != procedure.id {
            continue;
        }
        exceptions.push(Exception {
            id: stored.id,
            check: body.check,
            covers: body.items.map_or(Covers::WholeCheck, Covers::Items),
            check_digest: body.check_sha256,
            requester: person(&body.requested_by),
            approver: person(&body.approved_by),
            approved: body.approved,
            expires: body.expires,
        });
    }
    Ok(exceptions)
}

/// Reads a sealed record.
pub(crate) fn body(stored: &StoredException) -> Result<Body, Fail> {
    let wrong = |what: String| vault(VaultError::Inconsistent { table: "exception", key: stored.id.to_string(), what });
    let body: Body = serde_json::from_slice(&stored.body).map_err(|error| wrong(error.to_string()))?;
    match body.v {
        LAYOUT => Ok(body),
        other => Err(wrong(format!("layout {other}, this version knows {LAYOUT}"))),
    }
}

/// Whom a text names: a person's id as it stands, or else an id that the same name always gives. Spelling with other
/// capitals or spaces does not make another person.
pub(crate) fn person(text: &FreeText) -> PersonId {
    let name = text.as_str().split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    name.parse().unwrap_or_else(|_| {
        let digest = sha256_parts(&[b"proctor/v1/person-by-name\0", name.as_bytes()]);
        PersonId::from_bytes(digest.as_bytes().first_chunk().copied().unwrap_or_default())
    })
}

/// Where an exception stands at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It covers what fails.
    Active,
    /// Its time is over.
    Expired,
    /// It was removed.
    Removed,
}

impl Standing {
    /// The standing of a stored exception.
    pub(crate) fn of(stored: &StoredException, body: &Body, now: Timestamp) -> Self {
        match stored.removed {
            Some(_) => Self::Removed,
            None if body.expires <= now => Self::Expired,
            None => Self::Active,
        }
    }

    /// Its word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Removed => "removed",
        }
    }
}

/// A fresh id.
pub(crate) fn fresh_id(now: Timestamp, entropy: &dyn crypto::Entropy) -> ExceptionId {
    ExceptionId::from_parts(u64::try_from(now.as_millis()).unwrap_or(0), crypto::entropy::random_bytes(entropy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_the_same_in_every_spelling() {
        let person = |text: &str| person(&text.parse().unwrap());
        assert_eq!(person("Ada Lovelace"), person("  ada   LOVELACE "));
        assert_ne!(person("Ada Lovelace"), person("Ada Byron"));
        let id = "019aa7f0-0000-7000-8000-000000000003";
        assert_eq!(person(id), id.parse().unwrap());
    }
}
