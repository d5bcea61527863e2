//! How often something happened within a minute, so that what a peer sends cannot fill the store with refusals.

use clock::Timestamp;

/// Refusals that are journalled within a minute. A peer that sends more of them gets silence; the last record says so.
pub const REFUSALS_A_MINUTE: u32 = 30;

const MINUTE_MS: i64 = 60_000;

/// Counts within a minute, which begins with what is counted first.
#[derive(Debug, Clone, Copy)]
pub struct Minute {
    began: Timestamp,
    count: u32,
}

impl Minute {
    /// Nothing has happened yet.
    pub fn starting(now: Timestamp) -> Self {
        Self { began: now, count: 0 }
    }

    /// It happened; gives how often within this minute.
    pub fn count(&mut self, now: Timestamp) -> u32 {
        if !(0..MINUTE_MS).contains(&now.since_ms(self.began)) {
            *self = Self::starting(now);
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}
