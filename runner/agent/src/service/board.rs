//! What the service knows of itself at this moment: for `status`, for health checks, for metrics. Ids, counts, times and
//! codes; nothing that a target or a person said.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clock::Timestamp;
use contract::Condition;
use runner_link::LinkState;
use serde_json::{Value, json};

use super::metrics::Metrics;
use crate::fail::Fail;

/// Shared by all threads of the service.
pub(crate) struct Board {
    facts: Mutex<Facts>,
    /// When the thread that hands out work was last seen, in milliseconds of the monotonic clock.
    seen_ms: AtomicU64,
    /// Counters and gauges.
    pub(crate) metrics: Metrics,
}

/// What is told.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// When the service started.
    pub(crate) since: Timestamp,
    /// Whether runs may begin, and why not.
    pub(crate) condition: Condition,
    /// The line; none where this Runner is not enrolled.
    pub(crate) line: Option<LinkState>,
    /// Why there is no line, where there should be one.
    pub(crate) no_line: Option<Arc<Fail>>,
    /// Runs that are executed now.
    pub(crate) executing: usize,
    /// Run requests that wait for their turn.
    pub(crate) requested: usize,
    /// Runs that wait for a person's answer.
    pub(crate) asking: usize,
    /// When each scheduled procedure is due next.
    pub(crate) next: Vec<(String, Timestamp)>,
    /// Reports that the control plane has not acknowledged.
    pub(crate) waiting: u64,
    /// Free bytes on the disk of the store.
    pub(crate) free: Option<u64>,
    /// The report that will never be accepted, and the code that says why.
    pub(crate) refused: Option<(u64, String)>,
    /// The last thing that went wrong here: when, and its code.
    pub(crate) trouble: Option<(Timestamp, String)>,
}

/// Whether the service does its work, and what keeps it from it.
pub(crate) struct Readiness {
    /// Codes of what is wrong; none when it is ready.
    pub(crate) why: Vec<&'static str>,
}

impl Board {
    /// Of a service that starts now.
    pub(crate) fn new(since: Timestamp) -> Self {
        let facts = Facts {
            since,
            condition: Condition::Ready,
            line: None,
            no_line: None,
            executing: 0,
            requested: 0,
            asking: 0,
            next: Vec::new(),
            waiting: 0,
            free: None,
            refused: None,
            trouble: None,
        };
        Self { facts: Mutex::new(facts), seen_ms: AtomicU64::new(0), metrics: Metrics::new() }
    }

    /// What is known now.
    pub(crate) fn facts(&self) -> Facts {
        self.lock().clone()
    }

    /// Notes something.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Facts)) {
        note(&mut self.lock());
    }

    /// There is no line, and there will be none until somebody acts.
    pub(crate) fn no_line(&self, fail: Fail) {
        tracing::error!(code = fail.code, next = fail.next, "there is no line");
        self.note(|facts| (facts.line, facts.no_line) = (None, Some(Arc::new(fail))));
    }

    /// The thread that hands out work is alive.
    pub(crate) fn beat(&self, monotonic_ms: u64) {
        self.seen_ms.store(monotonic_ms, Ordering::SeqCst);
    }

    /// How long ago that was.
    pub(crate) fn silent_ms(&self, monotonic_ms: u64) -> u64 {
        monotonic_ms.saturating_sub(self.seen_ms.load(Ordering::SeqCst))
    }

    /// Whether the service does its work. An expired identity, a full disk and a store that was put back are not a state
    /// in which it does, however well the process feels.
    pub(crate) fn readiness(&self, now: Timestamp) -> Readiness {
        let facts = self.facts();
        let mut why = Vec::new();
        match facts.condition {
            Condition::Ready => {}
            Condition::Full => why.push("full"),
            Condition::Rollback => why.push("rollback"),
            Condition::ForkSeen => why.push("audit_fork_seen"),
        }
        match &facts.line {
            Some(LinkState::Stopped { .. }) => why.push("line_stopped"),
            Some(LinkState::Connected { not_after, .. }) if *not_after <= now => why.push("identity_expired"),
            Some(LinkState::Waiting { .. } | LinkState::Connecting { .. } | LinkState::Connected { .. })
            | Some(LinkState::Off)
            | None => {}
        }
        if facts.no_line.is_some() {
            why.push("line_stopped");
        }
        if self.metrics.identity_expired(now) {
            why.push("identity_expired");
        }
        if facts.refused.is_some() {
            why.push("report_refused");
        }
        why.dedup();
        Readiness { why }
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        // Each note is one assignment: what is there is whole whatever happened to the thread that held it.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The word of a condition.
pub(crate) fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::Ready => "ready",
        Condition::Full => "full",
        Condition::Rollback => "rollback",
        Condition::ForkSeen => "audit_fork_seen",
    }
}

/// The state of the line, for people and for programs.
pub(crate) fn line(state: &LinkState) -> (String, Value) {
    match state {
        LinkState::Connecting { attempt } => {
            (format!("connecting, attempt {attempt}"), json!({"state": "connecting", "attempt": attempt}))
        }
        LinkState::Connected { since, accepted, waiting, clock_ahead_ms, generation, not_after, trouble } => (
            format!("connected since {since}; {accepted} records accepted, {waiting} under way"),
            json!({
                "state": "connected", "since": since, "accepted": accepted, "waiting": waiting,
                "clock_ahead_ms": clock_ahead_ms, "generation": generation, "not_after": not_after,
                "trouble": trouble.as_ref().map(|why| json!({"code": why.code, "message": why.text, "next": why.next})),
            }),
        ),
        LinkState::Waiting { until, why } => (
            format!("tries again at {until}: {} {}", why.code, why.text),
            json!({"state": "waiting", "until": until, "code": why.code, "message": why.text, "next": why.next}),
        ),
        LinkState::Stopped { why } => (
            format!("stopped: {} {}", why.code, why.text),
            json!({"state": "stopped", "code": why.code, "message": why.text, "next": why.next}),
        ),
        LinkState::Off => ("off".to_owned(), json!({"state": "off"})),
    }
}
