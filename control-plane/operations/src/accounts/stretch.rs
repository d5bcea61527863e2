//! Passwords are stretched on threads of their own, two at a time, with a short queue before them: a flood of sign-ins
//! takes neither the machine's memory nor the time of everybody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crypto::Secret;
use tokio::sync::Semaphore;

use crate::{Error, Operations};

/// At a time: each takes 32 MiB and a processor.
const AT_ONCE: usize = 2;

/// That wait, at most; whoever comes then is asked to come again.
const QUEUE: usize = 32;

pub(crate) struct Stretcher {
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    done: AtomicU64,
}

impl Default for Stretcher {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(AT_ONCE)), waiting: AtomicUsize::new(0), done: AtomicU64::new(0) }
    }
}

/// One who waits, or works.
struct InQueue<'a>(&'a AtomicUsize);

impl Drop for InQueue<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Stretcher {
    fn enter(&self) -> Result<InQueue<'_>, Error> {
        let place = self.waiting.fetch_add(1, Ordering::AcqRel);
        let entered = InQueue(&self.waiting);
        if place >= AT_ONCE + QUEUE { Err(Error::SignInBusy) } else { Ok(entered) }
    }
}

impl Operations {
    /// Does work that stretches one password, with the key for it.
    pub(super) async fn stretch<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Secret<[u8; 32]>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let stretcher = &self.0.stretcher;
        let _place = stretcher.enter()?;
        let slot = Arc::clone(&stretcher.slots).acquire_owned().await.map_err(|_| Error::SignInBusy)?;
        let operations = self.clone();
        let stretched = tokio::task::spawn_blocking(move || {
            // The slot is free when the work is done, also when nobody waits for it any more.
            let _slot = slot;
            let result = work(&operations.account_keys().passwords);
            operations.0.stretcher.done.fetch_add(1, Ordering::AcqRel);
            result
        });
        stretched.await.map_err(|_| Error::SignInBusy)
    }

    /// How many passwords this process has stretched: what an attempt costs, whoever it is about.
    pub fn passwords_stretched(&self) -> u64 {
        self.0.stretcher.done.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_bounded_and_empties_again() {
        let stretcher = Stretcher::default();
        let waiting: Vec<_> = (0..AT_ONCE + QUEUE).map(|_| stretcher.enter().unwrap()).collect();
        assert!(matches!(stretcher.enter(), Err(Error::SignInBusy)));
        drop(waiting);
        assert!(stretcher.enter().is_ok());
        assert_eq!(stretcher.waiting.load(Ordering::Acquire), 0);
    }
}
