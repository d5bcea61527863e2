//! Which forms were sent: a secret that is shown once is made once, also if its page is loaded again.
//!
//! Kept in memory and bounded. Behind several replicas a form may be sent once to each.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use crypto::Digest;

/// Forms that are remembered.
const REMEMBERED: usize = 16_384;

/// The forms that were sent.
#[derive(Default)]
pub(crate) struct Once(Mutex<Sent>);

#[derive(Default)]
struct Sent {
    known: HashSet<Digest>,
    oldest_first: VecDeque<Digest>,
}

impl Once {
    /// Whether this form is sent for the first time.
    pub(crate) fn first(&self, form: Digest) -> bool {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !sent.known.insert(form) {
            return false;
        }
        sent.oldest_first.push_back(form);
        if sent.oldest_first.len() > REMEMBERED
            && let Some(oldest) = sent.oldest_first.pop_front()
        {
            sent.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::digest::sha256;

    #[test]
    fn a_form_is_sent_once_and_memory_is_bounded() {
        let once = Once::default();
        assert!(once.first(sha256(b"a")));
        assert!(!once.first(sha256(b"a")));
        for number in 0..REMEMBERED {
            assert!(once.first(sha256(&number.to_be_bytes())));
        }
        let sent = once.0.lock().unwrap();
        assert_eq!((sent.known.len(), sent.oldest_first.len()), (REMEMBERED, REMEMBERED));
    }
}
