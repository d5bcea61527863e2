//! Which forms were sent: a secret that is shown once is made once, also if its page is loaded again.
//!
//! Kept in memory and bounded, for each session by itself: what somebody else sends makes nobody's be forgotten. Behind
//! several replicas a form may be sent once to each.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crypto::Digest;
use ids::SessionId;

/// Forms of one session that are remembered.
const PER_SESSION: usize = 64;

/// Sessions of which forms are remembered. When there are more, the one is forgotten that has sent none for longest.
const SESSIONS: usize = 4_096;

/// The forms that were sent.
#[derive(Default)]
pub(crate) struct Once(Mutex<Sent>);

#[derive(Default)]
struct Sent {
    forms: u64,
    by_session: HashMap<SessionId, OfSession>,
}

#[derive(Default)]
struct OfSession {
    last: u64,
    oldest_first: VecDeque<Digest>,
}

impl Once {
    /// Whether this session sends this form for the first time.
    pub(crate) fn first(&self, session: SessionId, form: Digest) -> bool {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.forms += 1;
        let last = sent.forms;
        let of_session = sent.by_session.entry(session).or_default();
        if of_session.oldest_first.contains(&form) {
            return false;
        }
        of_session.last = last;
        of_session.oldest_first.push_back(form);
        if of_session.oldest_first.len() > PER_SESSION {
            of_session.oldest_first.pop_front();
        }
        if sent.by_session.len() > SESSIONS {
            let longest_ago = sent.by_session.iter().min_by_key(|(_, of_session)| of_session.last);
            let longest_ago = longest_ago.map(|(session, _)| *session);
            longest_ago.and_then(|session| sent.by_session.remove(&session));
        }
        true
    }

    /// Nothing came of this form: it may be sent again.
    pub(crate) fn forget(&self, session: SessionId, form: Digest) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_session) = sent.by_session.get_mut(&session) {
            of_session.oldest_first.retain(|known| *known != form);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::digest::sha256;

    fn session(number: u64) -> SessionId {
        SessionId::from_parts(number, [3; 10])
    }

    fn form(number: usize) -> Digest {
        sha256(&number.to_be_bytes())
    }

    #[test]
    fn a_form_is_sent_once_whatever_others_send() {
        let once = Once::default();
        assert!(once.first(session(1), form(1)));
        for number in 0..20_000 {
            once.first(session(2), form(number));
        }
        assert!(!once.first(session(1), form(1)), "somebody else's forms made it be forgotten");
        assert!(once.first(session(3), form(1)), "another session has its own");
        once.forget(session(1), form(1));
        assert!(once.first(session(1), form(1)), "nothing came of it");
    }

    #[test]
    fn memory_is_bounded() {
        let once = Once::default();
        for number in 0..PER_SESSION + 10 {
            assert!(once.first(session(0), form(number)));
        }
        for number in 0..u64::try_from(SESSIONS).unwrap() + 10 {
            assert!(once.first(session(number + 1), form(0)));
        }
        let sent = once.0.lock().unwrap();
        assert_eq!(sent.by_session.len(), SESSIONS);
        assert!(sent.by_session.values().all(|of_session| of_session.oldest_first.len() <= PER_SESSION));
        assert!(!sent.by_session.contains_key(&session(0)), "it sent none for longest");
    }
}
