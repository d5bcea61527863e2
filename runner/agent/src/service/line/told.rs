//! Word about requested runs. A run is known to the control plane by its reports, so word of one waits until the records
//! that tell of it are accepted there; otherwise it would be word of a run that nobody knows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::RunProgress;

use super::Out;
use crate::fail::Fail;
use crate::wiring::runner::Runner;

/// Word that waits, at most; what is beyond is told with the next session.
const WAITING: usize = 1000;

/// Word that waits for its records.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<(u64, RunProgress)>>>);

impl Told {
    /// Tells of a run as soon as all that the journal has now is accepted.
    pub(crate) fn tell(&self, runner: &Runner, out: &Out, progress: RunProgress) {
        if out.handle().is_none() {
            return;
        }
        match self.hold_back(runner, progress) {
            Ok((size, now)) => {
                out.journal_grew(size);
                now.into_iter().for_each(|progress| out.progress(progress));
            }
            Err(fail) => tracing::error!(code = fail.code, "word of a run is told with the next session"),
        }
    }

    /// Keeps word back until its records are accepted; gives the size of the journal, and the word if they are already.
    pub(super) fn hold_back(&self, runner: &Runner, progress: RunProgress) -> Result<(u64, Option<RunProgress>), Fail> {
        let (size, accepted) = runner.store.with(|store| Ok((store.journal_size()?, store.accepted_size()?)))?;
        if accepted >= size {
            return Ok((size, Some(progress)));
        }
        let mut waiting = self.waiting();
        if waiting.len() < WAITING {
            waiting.push((size, progress));
        }
        Ok((size, None))
    }

    /// The control plane has so many records.
    pub(super) fn accepted(&self, out: &Out, accepted: u64) {
        let mut waiting = self.waiting();
        let ready: Vec<_> = waiting.extract_if(.., |(size, _)| *size <= accepted).collect();
        drop(waiting);
        ready.into_iter().for_each(|(_, progress)| out.progress(progress));
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(u64, RunProgress)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
