//! A point in time as the machines of this room are told it.

use clock::{Clock, Timestamp};

/// The time of day, for what is written down and for what expires; and a count of milliseconds that never goes back, for
/// what is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub wall: Timestamp,
    pub monotonic_ms: u64,
}

impl Moment {
    pub fn of(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), monotonic_ms: clock.monotonic_ms() }
    }
}
