//! Which procedures are due. Pure: time is passed in, and every due time leaves here exactly once, as one to run or as
//! one that was missed with the reason.
//!
//! A due time can be met until the next one of its procedure comes. While the slot is taken, or the run before it is
//! still being executed, it waits; when the next one comes first, it is missed.

mod missed;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use clock::Timestamp;
use procedure::Schedule;

pub use missed::{Miss, Missed};

/// A clock that moved this much more than the time that passed was set, not corrected.
const SET_MS: i64 = 5 * 60 * 1000;

/// A procedure that runs by itself.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Its id.
    pub procedure: String,
    /// When it is due.
    pub schedule: Schedule,
    /// Due times up to this one have a run or a reason; before the first, the time of its approval.
    pub handled: Timestamp,
}

/// What a look at the clock brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// Due times that can no longer be met, oldest first in each procedure.
    pub missed: Vec<Missed>,
    /// Procedures whose due times begin anew from now, because the clock was set back to before the last handled one.
    pub set_back: Vec<String>,
}

/// When each procedure is due, and what has been handled.
#[derive(Debug)]
pub struct Agenda {
    entries: BTreeMap<String, Entry>,
    fresh: bool,
    seen: Timestamp,
    seen_monotonic_ms: u64,
}

/// A procedure and the due time that comes next for it; reading a pattern for every look at the clock would be waste.
#[derive(Debug)]
struct Entry {
    planned: Planned,
    next: Option<Timestamp>,
}

impl Entry {
    fn new(planned: Planned) -> Self {
        let next = next_after(&planned.schedule, planned.handled);
        Self { planned, next }
    }

    fn handle(&mut self, until: Timestamp) {
        self.planned.handled = until;
        self.next = next_after(&self.planned.schedule, until);
    }
}

/// Strictly later, whatever a pattern does on the days on which clocks change.
fn next_after(schedule: &Schedule, after: Timestamp) -> Option<Timestamp> {
    procedure::next_due(schedule, after).filter(|due| *due > after)
}

impl Agenda {
    /// An agenda of a Runner that starts now.
    pub fn new(now: Timestamp, monotonic_ms: u64) -> Self {
        Self { entries: BTreeMap::new(), fresh: true, seen: now, seen_monotonic_ms: monotonic_ms }
    }

    /// The procedures that run by themselves from now on, in the place of those before.
    pub fn plan(&mut self, planned: impl IntoIterator<Item = Planned>) {
        self.entries = planned.into_iter().map(|one| (one.procedure.clone(), Entry::new(one))).collect();
    }

    /// Looks at the clock: what can no longer be met is missed. Call it before [`Self::due`].
    pub fn tick(&mut self, now: Timestamp, monotonic_ms: u64) -> Tick {
        let passed = i64::try_from(monotonic_ms.saturating_sub(self.seen_monotonic_ms)).unwrap_or(i64::MAX);
        let expected = self.seen.plus_ms(passed);
        let moved = now.since_ms(expected);
        let mut tick = Tick::default();
        // Over what lies between, the clock was set forward: it never was that time here.
        let skipped_from = (moved > SET_MS).then_some(expected);
        let fresh = std::mem::take(&mut self.fresh);
        let reason = |due: Timestamp| {
            if fresh {
                Miss::Stopped
            } else if skipped_from.is_some_and(|from| due > from) {
                Miss::ClockMoved
            } else {
                Miss::StillRunning
            }
        };
        for entry in self.entries.values_mut() {
            // A corrected clock waits until it is that time again; one that was set back starts anew from there.
            if entry.planned.handled.since_ms(now) > SET_MS {
                entry.handle(now);
                tick.set_back.push(entry.planned.procedure.clone());
            }
            missed::settle(entry, now, &reason, &mut tick.missed);
        }
        (self.seen, self.seen_monotonic_ms) = (now, monotonic_ms);
        tick
    }

    /// What is due now and not handled, the longest waiting first: the procedure and the time.
    pub fn due(&self, now: Timestamp) -> Vec<(String, Timestamp)> {
        let mut due = self.next();
        due.retain(|(_, due)| *due <= now);
        due.sort_by(|(a, at_a), (b, at_b)| at_a.cmp(at_b).then_with(|| a.cmp(b)));
        due
    }

    /// The due time has a run, or a reason that stands in the journal.
    pub fn handled(&mut self, procedure: &str, due: Timestamp) {
        if let Some(entry) = self.entries.get_mut(procedure)
            && due > entry.planned.handled
        {
            entry.handle(due);
        }
    }

    /// When each procedure is due next; one that waits is due since then.
    pub fn next(&self) -> Vec<(String, Timestamp)> {
        self.entries.iter().filter_map(|(procedure, entry)| Some((procedure.clone(), entry.next?))).collect()
    }
}
