//! Time as a parameter: the [`Timestamp`] that every format uses, the [`Clock`] that code is given, the only real
//! clock, and a manual one for tests. Nothing else in the workspace may ask the machine for the time.

mod timestamp;

use std::sync::atomic::{AtomicI64, Ordering};

pub use timestamp::{Timestamp, TimestampError};

/// Where code gets the time from.
pub trait Clock: Send + Sync {
    /// The time of day, UTC, to the millisecond.
    fn now(&self) -> Timestamp;

    /// Milliseconds since an arbitrary start, never going backwards; for measuring how long something took.
    fn monotonic_ms(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    started: std::time::Instant,
}

impl SystemClock {
    /// The machine's clock, with its monotonic zero set to now.
    #[expect(clippy::disallowed_methods, reason = "the only real clock of the workspace")]
    #[expect(clippy::new_without_default, reason = "reading a clock is not a default value")]
    pub fn new() -> Self {
        Self { started: std::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only real clock of the workspace")]
    fn now(&self) -> Timestamp {
        // A machine set before 1970 reads as the epoch: every comparison then says "too early", which is the truth.
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A clock that moves only when a test says so.
#[derive(Debug)]
pub struct ManualClock {
    now_ms: AtomicI64,
    start_ms: i64,
}

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn at(start: Timestamp) -> Self {
        Self { now_ms: AtomicI64::new(start.as_millis()), start_ms: start.as_millis() }
    }

    /// Moves the clock forward by this many milliseconds.
    pub fn advance_ms(&self, milliseconds: i64) {
        self.now_ms.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// Puts the clock at another time, also an earlier one.
    pub fn set(&self, now: Timestamp) {
        self.now_ms.store(now.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.now_ms.load(Ordering::SeqCst) - self.start_ms).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::at("2026-11-21T20:11:36.097Z".parse().unwrap());
        assert_eq!(clock.now(), clock.now());
        clock.advance_ms(1_003);
        assert_eq!(clock.now().to_string(), "2026-11-21T20:11:37.100Z");
        assert_eq!(clock.monotonic_ms(), 1_003);
    }

    #[test]
    fn the_system_clock_is_after_this_code_was_written() {
        let written: Timestamp = "2026-11-01T00:00:00.000Z".parse().unwrap();
        assert!(SystemClock::new().now() > written);
    }
}
