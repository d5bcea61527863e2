//! How often somebody may ask, by key and by address.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// Entries that are remembered; beyond that, whoever is new waits until some are forgotten.
const REMEMBERED: usize = 65_536;

/// Requests between two sweeps of entries that no longer matter.
const SWEEP_EVERY: u32 = 4_096;

/// How many requests per second, and how many at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second, in the long run.
    pub per_second: NonZeroU32,
    /// Requests at once.
    pub burst: NonZeroU32,
}

/// Counts requests by `K`.
pub(crate) struct Limiter<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, Ticks, NoOpMiddleware<Nanos>>,
    ticks: Ticks,
    since_sweep: AtomicU32,
}

#[derive(Clone)]
struct Ticks(Arc<dyn clock::Clock>);

impl governor::clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Duration::from_millis(self.0.monotonic_ms()).into()
    }
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    pub(crate) fn new(rate: Rate, clock: Arc<dyn clock::Clock>) -> Self {
        let ticks = Ticks(clock);
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        let limiter = RateLimiter::dashmap_with_clock(quota, ticks.clone());
        Self { limiter, ticks, since_sweep: AtomicU32::new(0) }
    }

    /// Counts one request; if it is one too many, says after how many seconds the next one is taken.
    pub(crate) fn take(&self, key: &K) -> Result<(), u32> {
        if self.since_sweep.fetch_add(1, Ordering::Relaxed) >= SWEEP_EVERY || self.limiter.len() >= REMEMBERED {
            self.since_sweep.store(0, Ordering::Relaxed);
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            if self.limiter.len() >= REMEMBERED {
                return Err(1);
            }
        }
        self.limiter.check_key(key).map_err(|early| {
            let wait = early.wait_time_from(self.ticks.now());
            u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::{ManualClock, Timestamp};

    #[test]
    fn a_burst_is_taken_and_then_a_pace() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_000_000_000)));
        let rate = Rate { per_second: NonZeroU32::new(2).unwrap(), burst: NonZeroU32::new(3).unwrap() };
        let limiter = Limiter::new(rate, Arc::clone(&clock) as Arc<dyn clock::Clock>);
        for _ in 0..3 {
            assert_eq!(limiter.take(&"a"), Ok(()));
        }
        assert_eq!(limiter.take(&"a"), Err(1));
        assert_eq!(limiter.take(&"b"), Ok(()), "another one is counted apart");
        clock.advance_ms(500);
        assert_eq!((limiter.take(&"a"), limiter.take(&"a")), (Ok(()), Err(1)));
        clock.advance_ms(60_000);
        assert_eq!(limiter.take(&"a"), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_000_000_000)));
        let rate = Rate { per_second: NonZeroU32::MIN, burst: NonZeroU32::MIN };
        let limiter = Limiter::new(rate, Arc::clone(&clock) as Arc<dyn clock::Clock>);
        let taken = (0..REMEMBERED + 1_000).filter(|key| limiter.take(key).is_ok()).count();
        assert_eq!(taken, REMEMBERED);
        clock.advance_ms(10_000);
        assert_eq!(limiter.take(&usize::MAX), Ok(()));
        assert!(limiter.limiter.len() < 10);
    }
}
