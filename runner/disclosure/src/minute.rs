//! How often somebody was refused within a minute, so that what a peer sends cannot fill the store with refusals, and so that
//! nobody's refusals keep those of others from being written down.

use std::collections::BTreeMap;

use clock::Timestamp;
use ids::PersonId;

/// Refusals that are journalled within a minute: so many for each person whose approved device signed, and so many for all
/// that no approved device signed.
pub const REFUSALS_A_MINUTE: u32 = 30;

const MINUTE_MS: i64 = 60_000;

/// What becomes of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// It is written down.
    Written,
    /// It is written down, as the last one of this minute.
    Last,
    /// It is not: whoever sends more gets silence.
    Spent,
}

/// Counts within a minute, which begins with what is counted first.
#[derive(Debug, Clone)]
pub struct Minute {
    began: Timestamp,
    counts: BTreeMap<Option<PersonId>, u32>,
}

impl Minute {
    /// Nothing has happened yet.
    pub fn starting(now: Timestamp) -> Self {
        Self { began: now, counts: BTreeMap::new() }
    }

    /// A request was refused that a device signed which was approved for this person, or nobody's.
    pub fn count(&mut self, now: Timestamp, owner: Option<PersonId>) -> Share {
        if !(0..MINUTE_MS).contains(&now.since_ms(self.began)) {
            *self = Self::starting(now);
        }
        let count = self.counts.entry(owner).or_default();
        *count = count.saturating_add(1);
        match (*count).cmp(&REFUSALS_A_MINUTE) {
            std::cmp::Ordering::Less => Share::Written,
            std::cmp::Ordering::Equal => Share::Last,
            std::cmp::Ordering::Greater => Share::Spent,
        }
    }
}
