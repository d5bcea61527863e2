//! Drill-downs under way: begun one after the other, answered side by side, each frame pulled only against credit.

use std::collections::{BTreeMap, VecDeque};

use contract::DrillDown;
use ids::RequestId;

use crate::duties::MOST_ANSWERS;

/// Requests that wait for their turn, at most. They live for two minutes, so more cannot be answered in time anyway.
const WAITING: usize = 64;
/// Cancelled requests that are remembered, because they may not have begun yet.
const CANCELLED: usize = 128;
/// Frames of one answer that may be granted ahead.
const CREDIT: u64 = 4_096;

#[derive(Debug, Default)]
pub(super) struct DrillDowns {
    waiting: VecDeque<DrillDown>,
    beginning: bool,
    /// With the frames that each may still be asked for.
    open: BTreeMap<RequestId, u64>,
    cancelled: VecDeque<RequestId>,
    pulling: bool,
    /// Who was pulled last, so that all take turns.
    last: Option<RequestId>,
}

impl DrillDowns {
    /// A request came. False if there are too many.
    pub(super) fn came(&mut self, request: DrillDown) -> bool {
        let room = self.waiting.len() < WAITING;
        if room {
            self.waiting.push_back(request);
        }
        room
    }

    /// The next request to begin.
    pub(super) fn next_request(&mut self) -> Option<DrillDown> {
        if self.beginning || self.open.len() >= MOST_ANSWERS {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.beginning = true;
        Some(next)
    }

    /// A request was refused, or could not be begun.
    pub(super) fn refused(&mut self) {
        self.beginning = false;
    }

    /// An answer began. False if it was cancelled in the meantime.
    pub(super) fn began(&mut self, request: RequestId) -> bool {
        self.beginning = false;
        self.open.insert(request, 0);
        !self.cancelled.contains(&request)
    }

    /// Credit for an unknown request came late, and is no fault.
    pub(super) fn granted(&mut self, request: RequestId, frames: u32) {
        if let Some(credit) = self.open.get_mut(&request) {
            *credit = credit.saturating_add(frames.into()).min(CREDIT);
        }
    }

    /// The person left. True if there is an answer to be cancelled.
    pub(super) fn cancel(&mut self, request: RequestId) -> bool {
        self.cancelled.push_back(request);
        if self.cancelled.len() > CANCELLED {
            self.cancelled.pop_front();
        }
        self.open.remove(&request).is_some()
    }

    /// The answer to take the next frame of.
    pub(super) fn next_pull(&mut self) -> Option<RequestId> {
        if self.pulling {
            return None;
        }
        let after = |last: RequestId| self.open.range((std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded));
        let granted = |(request, credit): (&RequestId, &u64)| (*credit > 0).then_some(*request);
        let next = self.last.and_then(|last| after(last).find_map(granted));
        let next = next.or_else(|| self.open.iter().find_map(granted))?;
        if let Some(credit) = self.open.get_mut(&next) {
            *credit -= 1;
        }
        self.pulling = true;
        self.last = Some(next);
        Some(next)
    }

    /// A frame came. False if its answer was cancelled in the meantime.
    pub(super) fn pulled(&mut self, request: RequestId) -> bool {
        self.pulling = false;
        self.open.contains_key(&request)
    }

    pub(super) fn ended(&mut self, request: RequestId) {
        self.open.remove(&request);
    }

    /// Whether none is under way or waits.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.waiting.is_empty() && !self.beginning
    }

    /// Those that must be cancelled because the session ends.
    pub(super) fn abandon(&mut self) -> Vec<RequestId> {
        std::mem::take(&mut self.open).into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::samples::{drill_down, request};

    #[test]
    fn one_more_than_the_runner_answers_at_once_waits_for_its_turn() {
        let mut all = DrillDowns::default();
        for _ in 0..=MOST_ANSWERS {
            assert!(all.came(drill_down()));
        }
        for number in 0..MOST_ANSWERS {
            assert!(all.next_request().is_some());
            assert!(all.began(request(u8::try_from(number).unwrap())));
        }
        assert!(all.next_request().is_none(), "the Runner would refuse it");
        all.ended(request(0));
        assert!(all.next_request().is_some());
    }
}
