//! What happened here, in numbers that the server shows to its operator.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Counters of one gateway. Refusals are counted by code; codes are constants of the program, so there are few.
#[derive(Debug, Default)]
pub struct Counters {
    connections: AtomicI64,
    sessions: AtomicI64,
    sessions_opened: AtomicU64,
    reports: AtomicU64,
    takeovers: AtomicU64,
    turned_away: AtomicU64,
    handshakes_failed: AtomicU64,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Connections that are open.
    pub connections: i64,
    /// Sessions that are open.
    pub sessions: i64,
    /// Sessions that were opened since the start.
    pub sessions_opened: u64,
    /// Reports that were handed on, repeated ones included.
    pub reports: u64,
    /// Sessions that a newer one of the same Runner replaced.
    pub takeovers: u64,
    /// Connections that were closed before their handshake because there were too many.
    pub turned_away: u64,
    /// TLS handshakes that failed or took too long.
    pub handshakes_failed: u64,
    /// Refusals by code.
    pub refusals: BTreeMap<&'static str, u64>,
}

impl Counters {
    /// The numbers now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            connections: self.connections.load(Ordering::Relaxed),
            sessions: self.sessions.load(Ordering::Relaxed),
            sessions_opened: self.sessions_opened.load(Ordering::Relaxed),
            reports: self.reports.load(Ordering::Relaxed),
            takeovers: self.takeovers.load(Ordering::Relaxed),
            turned_away: self.turned_away.load(Ordering::Relaxed),
            handshakes_failed: self.handshakes_failed.load(Ordering::Relaxed),
            refusals: self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Counts a connection for as long as what is returned lives.
    pub(crate) fn connection(self: &Arc<Self>) -> Counted {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Counted { counters: Arc::clone(self), what: What::Connection }
    }

    /// Counts a session for as long as what is returned lives.
    pub(crate) fn session(self: &Arc<Self>) -> Counted {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        self.sessions_opened.fetch_add(1, Ordering::Relaxed);
        Counted { counters: Arc::clone(self), what: What::Session }
    }

    pub(crate) fn reports(&self, count: usize) {
        self.reports.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn taken_over(&self) {
        self.takeovers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, code: &'static str) {
        *self.refusals.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
    }
}

/// Something that is open; counted out when dropped, however it ends.
#[derive(Debug)]
pub(crate) struct Counted {
    counters: Arc<Counters>,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Connection,
    Session,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let open = match self.what {
            What::Connection => &self.counters.connections,
            What::Session => &self.counters.sessions,
        };
        open.fetch_sub(1, Ordering::Relaxed);
    }
}
