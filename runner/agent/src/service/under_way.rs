//! The runs that are worked at now, as the line is told of them: ids and numbers, no more often than once a second.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::limits::MAX_UNDER_WAY;
use contract::{RunUnderWay, UnderWay};
use ids::RunId;

use crate::wiring::watch::{At, Watch};

/// Shared by the threads that execute runs and the one that tells of them.
#[derive(Clone, Default)]
pub(crate) struct Runs(Arc<State>);

#[derive(Default)]
struct State {
    runs: Mutex<BTreeMap<RunId, RunUnderWay>>,
    changed: AtomicBool,
}

impl Runs {
    /// What there is now; of more than the line carries, those that began first.
    pub(crate) fn told(&self) -> UnderWay {
        UnderWay { runs: self.runs().values().take(MAX_UNDER_WAY).cloned().collect() }
    }

    /// Whether anything changed since this was asked last.
    pub(crate) fn take_changed(&self) -> bool {
        self.0.changed.swap(false, Ordering::SeqCst)
    }

    /// Somebody to look on while one run is executed. When it is dropped, the run is not under way any more.
    pub(crate) fn watcher(&self) -> Watcher<'_> {
        Watcher { runs: self, run: Cell::new(None) }
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<RunId, RunUnderWay>)) {
        change(&mut self.runs());
        self.0.changed.store(true, Ordering::SeqCst);
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<RunId, RunUnderWay>> {
        // Each change is one insertion or removal: what is there is whole whatever happened to the thread that held it.
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks on while one run is executed.
pub(crate) struct Watcher<'a> {
    runs: &'a Runs,
    run: Cell<Option<RunId>>,
}

impl Watch for Watcher<'_> {
    fn at(&self, at: &At<'_>) {
        match told(at) {
            Ok(now) => {
                self.run.set(Some(at.run));
                self.runs.change(|runs| {
                    runs.insert(at.run, now);
                });
            }
            Err(error) => tracing::error!(run = %at.run, %error, "how far a run is cannot be told over the line"),
        }
    }

    fn waits(&self, _seconds: u64) {}
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        if let Some(run) = self.run.get() {
            self.runs.change(|runs| {
                runs.remove(&run);
            });
        }
    }
}

fn told(at: &At<'_>) -> Result<RunUnderWay, proof::text::TextError> {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(RunUnderWay {
        run: at.run,
        procedure: at.procedure.id.parse()?,
        digest: at.procedure.digest(),
        began: at.began,
        step: at.step.map(|step| step.id.parse()).transpose()?,
        done: number(at.done),
        steps: number(at.procedure.all_steps().count()),
    })
}
