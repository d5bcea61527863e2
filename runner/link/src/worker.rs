//! The thread on which the duties are called: one at a time, in order, away from the threads that serve the network.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;

use clock::Clock;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::duties::Duties;
use crate::error::{DutyError, LinkError};
use crate::keyring::Keyring;
use crate::work::{Done, Work, perform};

type Job = Box<dyn FnOnce(&dyn Duties, &Keyring) + Send>;

/// A handle to the thread; it ends with the last of them.
pub(crate) struct Worker {
    jobs: mpsc::Sender<Job>,
    clock: Arc<dyn Clock>,
}

impl Worker {
    pub(crate) fn start(
        duties: Arc<dyn Duties>,
        keyring: Arc<Keyring>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LinkError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let run = move || {
            for job in queue {
                // A fault in one duty fails the session that asked for it, not the service.
                let _ = catch_unwind(AssertUnwindSafe(|| job(&*duties, &keyring)));
            }
        };
        let thread = std::thread::Builder::new().name("link-duties".to_owned()).spawn(run);
        thread.map_err(|error| DutyError::new("E-LINK-092", format!("no thread can be started: {error}")))?;
        Ok(Self { jobs, clock })
    }

    /// Does a piece of work; what came of it goes to `done`.
    pub(crate) fn perform(&self, work: Work, done: &UnboundedSender<Done>) {
        let clock = Arc::clone(&self.clock);
        let reply = Reply { done: done.clone(), result: None };
        // A job that cannot be handed over is dropped, and its reply says so.
        let _ = self.jobs.send(Box::new(move |duties: &dyn Duties, keyring: &Keyring| {
            reply.give(perform(work, duties, keyring, clock.now()));
        }));
    }

    /// Calls the duties and waits for the answer.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Duties, &Keyring) -> Result<T, LinkError> + Send + 'static,
    ) -> Result<T, LinkError> {
        let (reply, answer) = oneshot::channel();
        let job = move |duties: &dyn Duties, keyring: &Keyring| {
            let _ = reply.send(job(duties, keyring));
        };
        self.jobs.send(Box::new(job)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Answers when it is dropped, so that every piece of work has exactly one answer, also when its job panicked.
struct Reply {
    done: UnboundedSender<Done>,
    result: Option<Done>,
}

impl Reply {
    fn give(mut self, result: Done) {
        self.result = Some(result);
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let result = self.result.take().unwrap_or_else(|| Done::Failed(gone()));
        // Nobody listens any more after the end of a session.
        let _ = self.done.send(result);
    }
}

fn gone() -> DutyError {
    DutyError::new("E-LINK-092", "the Runner's own side stopped answering the link")
}
