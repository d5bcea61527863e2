//! Passwords are stretched on threads of their own, two at a time, with a short queue before them: a flood of sign-ins
//! takes neither the machine's memory nor the time of everybody else.
//!
//! The queue has places of three kinds, so that nobody fills those of others: strangers, networks from which somebody of
//! the same organisation came in before, and people who are signed in or hold a link. Whoever gets no place has spent no
//! attempt.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crypto::Secret;
use tokio::sync::Semaphore;

use crate::{Error, Operations};

/// At a time: each takes 32 MiB and a processor.
const AT_ONCE: usize = 2;

/// Whose password it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Of somebody from a network of which nothing is known.
    Stranger,
    /// Of somebody from a network where a person of the organisation showed both factors.
    Known,
    /// Of somebody who has a session or a link already.
    Inside,
}

impl Lane {
    /// That wait or work, at most; whoever comes then is asked to come again.
    const fn places(self) -> usize {
        match self {
            Self::Stranger => 24,
            Self::Known | Self::Inside => 16,
        }
    }
}

pub(crate) struct Stretcher {
    slots: Arc<Semaphore>,
    strangers: AtomicUsize,
    known: AtomicUsize,
    inside: AtomicUsize,
    done: AtomicU64,
}

impl Default for Stretcher {
    fn default() -> Self {
        let [strangers, known, inside] = [0, 0, 0].map(AtomicUsize::new);
        Self { slots: Arc::new(Semaphore::new(AT_ONCE)), strangers, known, inside, done: AtomicU64::new(0) }
    }
}

/// A place in the queue, until it is dropped.
#[must_use = "without a place no password is stretched"]
pub(super) struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Stretcher {
    fn enter(&self, lane: Lane) -> Result<Place<'_>, Error> {
        let taken = match lane {
            Lane::Stranger => &self.strangers,
            Lane::Known => &self.known,
            Lane::Inside => &self.inside,
        };
        let before = taken.fetch_add(1, Ordering::AcqRel);
        let place = Place(taken);
        if before >= lane.places() { Err(Error::SignInBusy) } else { Ok(place) }
    }
}

impl Operations {
    /// A place in the queue. To be taken before an attempt is counted: being asked to come again is no attempt.
    pub(super) fn place(&self, lane: Lane) -> Result<Place<'_>, Error> {
        self.0.stretcher.enter(lane)
    }

    /// Does work that stretches one password, with the key for it.
    pub(super) async fn stretch<T: Send + 'static>(
        &self,
        place: Place<'_>,
        work: impl FnOnce(&Secret<[u8; 32]>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let stretcher = &self.0.stretcher;
        let slot = Arc::clone(&stretcher.slots).acquire_owned().await.map_err(|_| Error::SignInBusy)?;
        let operations = self.clone();
        let stretched = tokio::task::spawn_blocking(move || {
            // The slot is free when the work is done, also when nobody waits for it any more.
            let _slot = slot;
            let result = work(&operations.account_keys().passwords);
            operations.0.stretcher.done.fetch_add(1, Ordering::AcqRel);
            result
        });
        let stretched = stretched.await.map_err(|_| Error::SignInBusy);
        drop(place);
        stretched
    }

    /// How many passwords this process has stretched: what an attempt costs, whoever it is about.
    pub fn passwords_stretched(&self) -> u64 {
        self.0.stretcher.done.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Lane; 3] = [Lane::Stranger, Lane::Known, Lane::Inside];

    #[test]
    fn each_kind_has_its_own_places_and_gets_them_back() {
        for full in ALL {
            let stretcher = Stretcher::default();
            let waiting: Vec<_> = (0..full.places()).map(|_| stretcher.enter(full).unwrap()).collect();
            assert!(matches!(stretcher.enter(full), Err(Error::SignInBusy)));
            for other in ALL.into_iter().filter(|lane| *lane != full) {
                assert!(stretcher.enter(other).is_ok(), "{full:?} takes no place of {other:?}");
            }
            drop(waiting);
            assert!(stretcher.enter(full).is_ok());
            for taken in [&stretcher.strangers, &stretcher.known, &stretcher.inside] {
                assert_eq!(taken.load(Ordering::Acquire), 0);
            }
        }
    }
}
