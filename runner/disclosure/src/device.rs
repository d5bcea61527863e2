//! The device that signed a request: which keys may have, and whether the one that did counts.

use clock::Timestamp;
use crypto::{Digest, ed25519};
use ids::PersonId;
use proof::drilldown::Person;
use runner_vault::Reader;

use crate::policy::Policy;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Why a device does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    NotApproved,
    Revoked,
    Expired,
    /// It was approved for somebody else.
    Person,
}

/// Every key that may have signed as a device: its standing is a check of its own.
pub(crate) fn candidates(readers: &[Reader], claimed: Option<&ed25519::VerifyingKey>) -> Vec<ed25519::VerifyingKey> {
    let mut keys: Vec<_> = readers.iter().filter_map(|reader| reader.key).collect();
    keys.extend(claimed.filter(|key| !keys.contains(key)));
    keys
}

/// Whose device it is, by the word of this Runner's own operator.
pub(crate) fn owner(readers: &[Reader], device: &Digest) -> Option<PersonId> {
    readers.iter().find(|reader| reader.device == *device).map(|reader| reader.person)
}

/// Whether the device that signed counts for this person, now.
pub(crate) fn standing(person: &Person, readers: &[Reader], policy: &Policy, now: Timestamp) -> Result<(), Unfit> {
    let reader = readers.iter().find(|reader| reader.device == person.device).ok_or(Unfit::NotApproved)?;
    let counts_until = reader.approved.plus_ms(i64::from(policy.reader_days).saturating_mul(DAY_MS));
    if reader.revoked.is_some() {
        Err(Unfit::Revoked)
    } else if now >= reader.expires || now >= counts_until {
        Err(Unfit::Expired)
    } else if reader.person != person.id {
        Err(Unfit::Person)
    } else {
        Ok(())
    }
}
