//! Due times that can no longer be met.

use clock::Timestamp;

use super::{Entry, next_after};

/// So many due times of one procedure are listed one by one; more, as after years with a pattern for every minute, are
/// told as one stretch of time.
const LISTED: usize = 1000;

/// Why a due time was not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// The Runner did not run.
    Stopped,
    /// The clock was set forward over it.
    ClockMoved,
    /// Something else was being executed until the next due time came.
    StillRunning,
}

/// One or many due times of a procedure that were not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// One.
    Due {
        /// The procedure.
        procedure: String,
        /// When it was due.
        due: Timestamp,
        /// Why it was not run.
        reason: Miss,
    },
    /// All between two times, too many to list.
    Stretch {
        /// The procedure.
        procedure: String,
        /// The last due time that is told of by itself.
        after: Timestamp,
        /// The first one after them that is.
        until: Timestamp,
        /// Why they were not run.
        reason: Miss,
    },
}

/// Moves on to the newest due time that can still be met; what lies before it is missed.
pub(super) fn settle(entry: &mut Entry, now: Timestamp, reason: &impl Fn(Timestamp) -> Miss, missed: &mut Vec<Missed>) {
    let mut listed = 0;
    while let Some((due, next)) = superseded(entry, now) {
        let procedure = entry.planned.procedure.clone();
        if listed == LISTED
            && let Some(resumed) = shortly_before(entry, now).filter(|time| *time > next)
        {
            let after = entry.planned.handled;
            missed.push(Missed::Stretch { procedure, after, until: resumed, reason: reason(due) });
            entry.handle(resumed);
            continue;
        }
        missed.push(Missed::Due { procedure, due, reason: reason(due) });
        entry.handle(due);
        listed += 1;
    }
}

/// The due time that comes next and the one that follows it, if both have come.
fn superseded(entry: &Entry, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let due = entry.next.filter(|due| *due <= now)?;
    let next = next_after(&entry.planned.schedule, due).filter(|next| *next <= now)?;
    Some((due, next))
}

/// A moment right before the newest due time.
fn shortly_before(entry: &Entry, now: Timestamp) -> Option<Timestamp> {
    procedure::period(&entry.planned.schedule, now).map(|(start, _)| start.plus_ms(-1))
}
