//! Who looks on while a run is executed: a bar on a terminal, or the service, which tells the line. They see where it is and
//! nothing of what was collected.

use clock::Timestamp;
use ids::RunId;
use indicatif::ProgressBar;
use procedure::{Procedure, Step};

/// Where a run is.
pub(crate) struct At<'a> {
    /// The run.
    pub(crate) run: RunId,
    /// What is executed.
    pub(crate) procedure: &'a Procedure,
    /// When it began.
    pub(crate) began: Timestamp,
    /// The step that is being carried out; none before the first.
    pub(crate) step: Option<&'a Step>,
    /// Pieces of it that are collected at once.
    pub(crate) pieces: usize,
    /// Steps that are over.
    pub(crate) done: usize,
}

/// Somebody who looks on.
pub(crate) trait Watch {
    /// It is here now.
    fn at(&self, at: &At<'_>);

    /// It waits a moment by itself.
    fn waits(&self, seconds: u64);
}

impl Watch for ProgressBar {
    fn at(&self, at: &At<'_>) {
        let Some(step) = at.step else { return };
        let title = crate::output::printable(&step.title);
        self.set_message(match step.for_each {
            Some(_) => format!("{title} ({} at once)", at.pieces),
            None => title,
        });
    }

    fn waits(&self, seconds: u64) {
        self.set_message(format!("waiting {seconds} s"));
    }
}
