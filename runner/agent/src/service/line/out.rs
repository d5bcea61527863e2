//! The way from the other threads to the line. Where there is no line nothing is said to anybody.

use std::sync::{Arc, OnceLock};

use contract::{Condition, RunProgress};
use runner_link::Handle;

/// Knows the line as soon as there is one.
#[derive(Clone, Default)]
pub(crate) struct Out(Arc<OnceLock<Handle>>);

impl Out {
    /// There is a line now.
    pub(crate) fn connect(&self, handle: Handle) {
        // A service has one line for its whole life.
        let _ = self.0.set(handle);
    }

    /// The line, if there is one.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.0.get()
    }

    pub(crate) fn journal_grew(&self, size: u64) {
        self.tell(|handle| handle.journal_grew(size));
    }

    pub(crate) fn checkpoint_made(&self) {
        self.tell(Handle::checkpoint_made);
    }

    pub(crate) fn catalogue_changed(&self) {
        self.tell(Handle::catalogue_changed);
    }

    pub(crate) fn schedule_changed(&self) {
        self.tell(Handle::schedule_changed);
    }

    pub(crate) fn under_way_changed(&self) {
        self.tell(Handle::under_way_changed);
    }

    pub(crate) fn condition(&self, condition: Condition) {
        self.tell(|handle| handle.condition_changed(condition));
    }

    pub(crate) fn progress(&self, progress: RunProgress) {
        self.tell(|handle| handle.progress(progress));
    }

    fn tell(&self, tell: impl FnOnce(&Handle)) {
        if let Some(handle) = self.handle() {
            tell(handle);
        }
    }
}
