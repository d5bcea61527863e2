//! What there is to count, for whoever watches the control plane.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use http::StatusCode;

/// Counts since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    answered: [AtomicU64; 5],
    connections: AtomicI64,
    turned_away: AtomicU64,
    let_go: AtomicU64,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Answers by class of status: `1xx` to `5xx`.
    pub answered: [(&'static str, u64); 5],
    /// Connections that are open now.
    pub connections: u64,
    /// Connections that were turned away because there were too many.
    pub turned_away: u64,
    /// Answers that were let go because their readers took nothing of them.
    pub let_go: u64,
}

impl Counters {
    pub(crate) fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(count) = self.answered.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn disconnected(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn let_go(&self, many: usize) {
        self.let_go.fetch_add(u64::try_from(many).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Counts {
        let [information, success, redirection, theirs, ours] =
            self.answered.each_ref().map(|count| count.load(Ordering::Relaxed));
        Counts {
            answered: [("1xx", information), ("2xx", success), ("3xx", redirection), ("4xx", theirs), ("5xx", ours)],
            connections: u64::try_from(self.connections.load(Ordering::Relaxed)).unwrap_or(0),
            turned_away: self.turned_away.load(Ordering::Relaxed),
            let_go: self.let_go.load(Ordering::Relaxed),
        }
    }
}
