//! One virtual time for both parties, and a clock for each that may be wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use clock::{Clock, Timestamp};

/// Milliseconds since the simulation began. Only the simulation moves it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Time(Arc<AtomicU64>);

impl Time {
    pub(crate) fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, now_ms: u64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }
}

/// A party's clock: the virtual time, off by what somebody moved it.
#[derive(Debug)]
pub(crate) struct PartyClock {
    time: Time,
    start: Timestamp,
    off_ms: AtomicI64,
}

impl PartyClock {
    pub(crate) fn new(time: &Time, start: Timestamp) -> Arc<Self> {
        Arc::new(Self { time: time.clone(), start, off_ms: AtomicI64::new(0) })
    }

    /// Puts the time of day so far beside the true one. What counts milliseconds is not moved by that.
    pub(crate) fn move_to(&self, off_ms: i64) {
        self.off_ms.store(off_ms, Ordering::SeqCst);
    }
}

impl Clock for PartyClock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.time.now_ms()).unwrap();
        self.start.plus_ms(elapsed + self.off_ms.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        self.time.now_ms()
    }
}
