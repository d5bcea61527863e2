//! Which sessions this process has, and how fast logs grow: what is known in memory alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use contract::{Epoch, Mark};
use ids::{RunnerId, TenantId};

/// Takeovers of one identity within [`TAKEOVER_MS`] that can still be a bad network.
const TAKEOVERS: usize = 3;
const TAKEOVER_MS: u64 = 60_000;

/// The live session of each Runner. A newer one replaces the older; who keeps being replaced has a twin. A Runner that
/// names the mark of the session it replaces is the same process behind a bad network, and no twin: only that process and
/// this one know the mark. A copy of its disk does not, and a copy of its memory knows only marks from before it was made,
/// of which none is that of the live session once the two have replaced one another.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    live: HashMap<(TenantId, RunnerId), Live>,
}

#[derive(Debug)]
struct Live {
    session: u64,
    ended: bool,
    /// What its successor names, if it is of the same process.
    mark: Option<Mark>,
    /// Its nonce, if it takes secrets that name it.
    takes_secrets: Option<Epoch>,
    takeovers: Vec<u64>,
}

/// What a session brings to show that it is of the same process as the one before.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Marks<'a> {
    /// Its own mark.
    pub(crate) own: Option<Mark>,
    /// Those of its predecessors.
    pub(crate) before: &'a [Mark],
}

/// What a new session finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// It is the live one now.
    Opened(u64),
    /// One too many in too short a time.
    Contended,
}

impl Sessions {
    /// Makes a session the live one.
    pub(crate) fn open(&self, tenant: TenantId, runner: RunnerId, marks: Marks<'_>, now_ms: u64) -> Entrance {
        let mut state = self.lock();
        state.next += 1;
        let session = state.next;
        let fresh = Live { session, ended: true, mark: None, takes_secrets: None, takeovers: Vec::new() };
        let live = state.live.entry((tenant, runner)).or_insert(fresh);
        live.takeovers.retain(|at| at + TAKEOVER_MS > now_ms);
        let continued = live.mark.is_some_and(|live| marks.before.iter().any(|known| known.is(&live)));
        if !live.ended && !continued {
            live.takeovers.push(now_ms);
        }
        (live.session, live.ended, live.mark, live.takes_secrets) = (session, false, marks.own, None);
        if live.takeovers.len() > TAKEOVERS {
            live.takeovers.clear();
            return Entrance::Contended;
        }
        Entrance::Opened(session)
    }

    /// How many Runners have a session, or had one a moment ago.
    pub(crate) fn count(&self) -> usize {
        self.lock().live.len()
    }

    /// Whether this session is the live one.
    pub(crate) fn is_live(&self, tenant: TenantId, runner: RunnerId, session: u64) -> bool {
        self.lock().live.get(&(tenant, runner)).is_some_and(|live| live.session == session)
    }

    /// The session takes secrets, if they name its nonce.
    pub(crate) fn takes_secrets(&self, tenant: TenantId, runner: RunnerId, session: u64, epoch: Epoch) {
        if let Some(live) = self.lock().live.get_mut(&(tenant, runner)).filter(|live| live.session == session) {
            live.takes_secrets = Some(epoch);
        }
    }

    /// The nonce of the Runner's session, if it has one here that takes secrets.
    pub(crate) fn epoch_for_secrets(&self, tenant: TenantId, runner: RunnerId) -> Option<Epoch> {
        self.lock().live.get(&(tenant, runner)).filter(|live| !live.ended)?.takes_secrets
    }

    /// Ends a session; says whether it was the live one.
    pub(crate) fn close(&self, tenant: TenantId, runner: RunnerId, session: u64, now_ms: u64) -> bool {
        let mut state = self.lock();
        let Some(live) = state.live.get_mut(&(tenant, runner)) else { return false };
        if live.session != session {
            return false;
        }
        (live.ended, live.takes_secrets) = (true, None);
        // Takeovers are remembered as long as they count; a Runner without any leaves nothing behind.
        live.takeovers.retain(|at| at + TAKEOVER_MS > now_ms);
        if live.takeovers.is_empty() {
            state.live.remove(&(tenant, runner));
        }
        true
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long each tenant's audit log is, as of a moment ago. Whatever a session could have to be told went with an audit
/// record, so a log that has not grown means that there is nothing new; one look serves all sessions of the tenant.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    tenants: Mutex<HashMap<TenantId, (u64, u64)>>,
}

/// For how long a look at the log's size serves.
const LOOK_MS: u64 = 1_000;

impl Growth {
    /// The size that was seen within the last second.
    pub(crate) fn seen(&self, tenant: TenantId, now_ms: u64) -> Option<u64> {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.get(&tenant).filter(|(_, at)| now_ms < at + LOOK_MS).map(|(size, _)| *size)
    }

    /// Keeps a size that was just seen; a log never shrinks, so an older look that comes late changes nothing.
    pub(crate) fn saw(&self, tenant: TenantId, size: u64, now_ms: u64) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = tenants.entry(tenant).or_insert((size, now_ms));
        *entry = (entry.0.max(size), entry.1.max(now_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: TenantId = TenantId::NIL;
    const R: RunnerId = RunnerId::NIL;

    fn opened(sessions: &Sessions, now_ms: u64) -> u64 {
        match sessions.open(T, R, Marks::default(), now_ms) {
            Entrance::Opened(session) => session,
            Entrance::Contended => panic!("contended at {now_ms}"),
        }
    }

    #[test]
    fn a_newer_session_replaces_the_older() {
        let sessions = Sessions::default();
        let first = opened(&sessions, 0);
        let second = opened(&sessions, 1);
        assert!(!sessions.is_live(T, R, first) && sessions.is_live(T, R, second));
        assert!(!sessions.close(T, R, first, 2), "it was replaced before it ended");
        assert!(sessions.is_live(T, R, second));
        assert!(sessions.close(T, R, second, 3));
    }

    #[test]
    fn sessions_that_keep_replacing_one_another_are_two_holders() {
        let sessions = Sessions::default();
        let mut now = 0;
        opened(&sessions, now);
        for _ in 0..3 {
            now += 1_000;
            opened(&sessions, now);
        }
        assert_eq!(sessions.open(T, R, Marks::default(), now + 1_000), Entrance::Contended);
    }

    /// A process as its Hellos show it: the mark of its next session, and those before.
    #[derive(Clone)]
    struct Process {
        name: u8,
        sessions: u8,
        marks: Vec<Mark>,
    }

    impl Process {
        fn new(name: u8) -> Self {
            Self { name, sessions: 0, marks: Vec::new() }
        }

        fn open(&mut self, sessions: &Sessions, now_ms: u64) -> Entrance {
            let mark = Mark::from_bytes([[self.name; 8], [self.sessions; 8]].concat().try_into().unwrap());
            self.sessions += 1;
            let entrance = sessions.open(T, R, Marks { own: Some(mark), before: &self.marks }, now_ms);
            self.marks = vec![mark];
            entrance
        }
    }

    #[test]
    fn a_network_that_cuts_silently_makes_no_second_holder() {
        let sessions = Sessions::default();
        let mut runner = Process::new(1);
        for now in 0..100 {
            assert!(matches!(runner.open(&sessions, now), Entrance::Opened(_)), "{now}");
        }
        // A restart, which forgets the marks, counts once each time.
        for restart in 2..5 {
            assert!(matches!(Process::new(restart).open(&sessions, 100), Entrance::Opened(_)));
        }
        assert_eq!(Process::new(5).open(&sessions, 101), Entrance::Contended);
    }

    #[test]
    fn a_copy_of_the_disk_and_a_copy_of_the_memory_are_second_holders() {
        for memory in [false, true] {
            let sessions = Sessions::default();
            let mut runner = Process::new(1);
            runner.open(&sessions, 0);
            let mut copy = if memory { Process { name: 2, ..runner.clone() } } else { Process::new(2) };
            let contended = (1..10).find(|now| {
                let turn = if now % 2 == 1 { &mut copy } else { &mut runner };
                turn.open(&sessions, *now) == Entrance::Contended
            });
            assert!(contended.is_some_and(|after| after <= 5), "memory: {memory}, {contended:?}");
        }
    }

    #[test]
    fn reconnecting_after_an_end_is_no_takeover_and_slow_ones_are_forgotten() {
        let sessions = Sessions::default();
        for now in 0..100 {
            let session = opened(&sessions, now);
            sessions.close(T, R, session, now);
        }
        assert!(sessions.lock().live.is_empty());
        for n in 0..100 {
            opened(&sessions, 1_000 + n * 20_001);
        }
    }
}
