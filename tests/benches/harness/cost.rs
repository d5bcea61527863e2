//! What something took.

use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::Outcome;

/// Seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Cost {
    /// On the clock.
    pub(crate) wall: f64,
    /// Of processors, in this process and in children that have ended.
    pub(crate) cpu: f64,
}

impl Cost {
    /// Of one of `count`.
    pub(crate) fn each(self, count: usize) -> Self {
        let count = count.max(1) as f64;
        Self { wall: self.wall / count, cpu: self.cpu / count }
    }
}

/// This moment.
#[expect(clippy::disallowed_methods, reason = "the clock of the workspace counts milliseconds; benches need less")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Does the work and says what it took.
pub(crate) fn cost<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(Cost, T)> {
    let (cpu, started) = (processor_seconds()?, now());
    let done = work()?;
    let wall = started.elapsed().as_secs_f64();
    Ok((Cost { wall, cpu: processor_seconds()? - cpu }, done))
}

fn processor_seconds() -> Outcome<f64> {
    let mut microseconds = 0;
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = getrusage(who)?;
        microseconds += usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    }
    Ok(microseconds as f64 / 1e6)
}
