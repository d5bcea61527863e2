//! How long to wait before the next attempt: full jitter, so that a fleet that was cut off together does not come back
//! together.

use crypto::Entropy;
use crypto::entropy::random_bytes;

const BASE_MS: u64 = 500;
const CAP_MS: u64 = 60_000;
/// A session this long was no accident: the count of failures starts anew after it.
const STABLE_MS: u64 = 60_000;
/// However long the control plane asks to stay away, it cannot strand a Runner.
const LONGEST_WISH_MS: u64 = 3_600_000;

/// Counts failures in a row.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    pub fn new() -> Self {
        Self::default()
    }

    /// How many attempts failed in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// A session ended after this long.
    pub fn session_lasted(&mut self, milliseconds: u64) {
        if milliseconds >= STABLE_MS {
            self.failures = 0;
        }
    }

    /// Milliseconds to wait after one more failure: anything from 0 to a bound that doubles with each failure.
    pub fn after_failure(&mut self, entropy: &dyn Entropy) -> u64 {
        let bound = BASE_MS.saturating_mul(1 << self.failures.min(16)).min(CAP_MS);
        self.failures = self.failures.saturating_add(1);
        jitter(entropy, bound)
    }

    /// Milliseconds to wait when the control plane said how long: at least that, and spread over as much again (a
    /// minute at most). Its wish is no failure.
    pub fn as_wished(&self, seconds: u32, entropy: &dyn Entropy) -> u64 {
        let wish = (u64::from(seconds) * 1000).clamp(BASE_MS, LONGEST_WISH_MS);
        wish + jitter(entropy, wish.min(CAP_MS))
    }

    /// As [`after_failure`](Self::after_failure), but never shorter than this.
    pub fn at_least(&mut self, floor_ms: u64, entropy: &dyn Entropy) -> u64 {
        floor_ms + self.after_failure(entropy)
    }
}

/// A number from 0 to `bound`, both included.
pub(crate) fn jitter(entropy: &dyn Entropy, bound: u64) -> u64 {
    let random = u64::from_be_bytes(random_bytes(entropy));
    // The bias of a remainder is below 2^-40 for bounds of hours.
    random % (bound + 1)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// The same sequence for the same seed (SplitMix64).
    #[derive(Debug)]
    pub(crate) struct Seeded(AtomicU64);

    impl Seeded {
        pub(crate) fn new(seed: u64) -> Self {
            Self(AtomicU64::new(seed))
        }
    }

    impl Entropy for Seeded {
        fn fill(&self, buffer: &mut [u8]) {
            for chunk in buffer.chunks_mut(8) {
                let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
                let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes()[..chunk.len()]);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn stays_below_a_doubling_bound(seed: u64, failures in 0_u32..100) {
            let entropy = Seeded::new(seed);
            let mut backoff = Backoff::new();
            for before in 0..failures {
                let bound = (500_u64 << before.min(20)).min(60_000);
                proptest::prop_assert!(backoff.after_failure(&entropy) <= bound);
            }
            proptest::prop_assert_eq!(backoff.failures(), failures);
        }

        #[test]
        fn a_wish_is_kept_and_bounded(seed: u64, seconds: u32) {
            let wait = Backoff::new().as_wished(seconds, &Seeded::new(seed));
            let asked = (u64::from(seconds) * 1000).min(LONGEST_WISH_MS);
            proptest::prop_assert!(wait >= asked && wait <= LONGEST_WISH_MS + CAP_MS);
        }
    }

    #[test]
    fn waits_are_spread_over_the_whole_range() {
        let entropy = Seeded::new(7);
        let waits: Vec<u64> = (0..1000).map(|_| jitter(&entropy, 59_999) / 6_000).collect();
        for tenth in 0..10 {
            let hits = waits.iter().filter(|&&wait| wait == tenth).count();
            assert!((60..=140).contains(&hits), "tenth {tenth}: {hits} of 1000");
        }
    }

    #[test]
    fn a_stable_minute_forgets_the_failures() {
        let entropy = Seeded::new(1);
        let mut backoff = Backoff::new();
        (0..9).for_each(|_| assert!(backoff.after_failure(&entropy) <= CAP_MS));
        backoff.session_lasted(STABLE_MS - 1);
        assert_eq!(backoff.failures(), 9);
        backoff.session_lasted(STABLE_MS);
        assert_eq!(backoff.failures(), 0);
        assert!(backoff.after_failure(&entropy) <= BASE_MS);
    }
}
