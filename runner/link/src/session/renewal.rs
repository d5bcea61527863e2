//! When to ask for a renewed certificate, and when to go over to it.

use clock::Timestamp;

use crate::moment::Moment;

/// An answer that takes longer is lost; the same request is sent again later.
const ANSWER_MS: u64 = 60_000;
const AGAIN_MS: u64 = 300_000;
/// Answers under way may be finished before the session goes over to the new certificate.
const PATIENCE_MS: u64 = 300_000;

#[derive(Debug)]
pub(super) struct Renewal {
    at: Timestamp,
    /// Not before this, after an attempt that failed.
    again_ms: u64,
    state: State,
    asked: bool,
    /// What this session adds to pauses, so that a fleet does not ask in step.
    spread_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Preparing,
    Asked { until_ms: u64 },
    Adopting,
    Adopted { until_ms: u64 },
}

impl Renewal {
    pub(super) fn new(at: Timestamp, random: u64) -> Self {
        Self { at, again_ms: 0, state: State::Idle, asked: false, spread_ms: random % AGAIN_MS }
    }

    /// Whether to prepare a request now.
    pub(super) fn prepare(&mut self, now: Moment) -> bool {
        if let State::Asked { until_ms } = self.state
            && now.monotonic_ms >= until_ms
        {
            self.failed(now);
        }
        let due = self.state == State::Idle && now.wall >= self.at && now.monotonic_ms >= self.again_ms;
        if due {
            self.state = State::Preparing;
        }
        due
    }

    pub(super) fn sent(&mut self, now: Moment) {
        self.asked = true;
        self.state = State::Asked { until_ms: now.monotonic_ms + ANSWER_MS };
    }

    /// A certificate came. `Some(true)`: adopt it; `Some(false)`: a repetition; `None`: nobody asked for it.
    pub(super) fn came(&mut self) -> Option<bool> {
        match self.state {
            _ if !self.asked => None,
            State::Adopting | State::Adopted { .. } => Some(false),
            State::Idle | State::Preparing | State::Asked { .. } => {
                self.state = State::Adopting;
                Some(true)
            }
        }
    }

    /// A refusal came. False if nobody asked.
    pub(super) fn refused(&mut self, now: Moment) -> bool {
        if self.asked && matches!(self.state, State::Idle | State::Preparing | State::Asked { .. }) {
            self.failed(now);
        }
        self.asked
    }

    pub(super) fn failed(&mut self, now: Moment) {
        self.state = State::Idle;
        self.again_ms = now.monotonic_ms + AGAIN_MS + self.spread_ms;
    }

    pub(super) fn adopted(&mut self, now: Moment) {
        self.state = State::Adopted { until_ms: now.monotonic_ms + PATIENCE_MS };
    }

    /// Whether to end the session and open one with the new certificate.
    pub(super) fn go_over(&self, now: Moment, nothing_under_way: bool) -> bool {
        match self.state {
            State::Adopted { until_ms } => nothing_under_way || now.monotonic_ms >= until_ms,
            State::Idle | State::Preparing | State::Asked { .. } | State::Adopting => false,
        }
    }

    /// When to look again.
    pub(super) fn wake_at_ms(&self, now: Moment) -> Option<u64> {
        match self.state {
            State::Idle => {
                let wall = u64::try_from(self.at.since_ms(now.wall)).unwrap_or(0);
                Some(self.again_ms.max(now.monotonic_ms.saturating_add(wall)))
            }
            State::Asked { until_ms } | State::Adopted { until_ms } => Some(until_ms),
            State::Preparing | State::Adopting => None,
        }
    }
}
