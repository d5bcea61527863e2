//! What the rest of the Runner holds of the link: word to it, and how it is.

use std::sync::{Arc, Mutex, PoisonError};

use clock::Timestamp;
use contract::{Condition, RunProgress};
use tokio::sync::{Notify, watch};

use crate::error::{Fault, LinkError};
use crate::session::Nudge;

/// Progress of runs that waits for the session, at most; the rest is said again in the next one.
const PROGRESS: usize = 1_024;

/// An error as it is shown to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub code: &'static str,
    pub text: String,
    pub next: &'static str,
    pub fault: Fault,
}

impl From<&LinkError> for Trouble {
    fn from(error: &LinkError) -> Self {
        Self { code: error.code(), text: error.to_string(), next: error.next_step(), fault: error.fault() }
    }
}

/// How the link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Not started yet, or shut down.
    Off,
    /// Counted from 1, in a row without a stable session.
    Connecting {
        attempt: u32,
    },
    Connected {
        since: Timestamp,
        /// Records that the control plane has.
        accepted: u64,
        /// Records that it does not have yet.
        waiting: u64,
        /// By how much this host's clock is ahead of the control plane's.
        clock_ahead_ms: i64,
        generation: u64,
        /// Until when the certificate is valid.
        not_after: Timestamp,
        /// What last went wrong that the session survived, such as a renewal that was refused.
        trouble: Option<Trouble>,
    },
    Waiting {
        until: Timestamp,
        why: Trouble,
    },
    /// The operator has to act.
    Stopped {
        why: Trouble,
    },
}

/// Word to the link. Cheap to clone; no call blocks.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    state: watch::Receiver<LinkState>,
}

impl Handle {
    /// The journal has this many records.
    pub fn journal_grew(&self, size: u64) {
        self.tell(|pending| pending.journal = pending.journal.max(Some(size)));
    }

    pub fn catalogue_changed(&self) {
        self.tell(|pending| pending.catalogue = true);
    }

    pub fn schedule_changed(&self) {
        self.tell(|pending| pending.schedule = true);
    }

    /// A run began, went on to another step, or is no longer worked at. To be said at most once a second.
    pub fn under_way_changed(&self) {
        self.tell(|pending| pending.under_way = true);
    }

    pub fn condition_changed(&self, condition: Condition) {
        self.tell(|pending| pending.condition = Some(condition));
    }

    /// A requested run went on. Lost if there is no session: [`Duties::progress`](crate::Duties::progress) says it again.
    pub fn progress(&self, progress: RunProgress) {
        self.tell(|pending| {
            if pending.progress.len() < PROGRESS {
                pending.progress.push(progress);
            }
        });
    }

    pub fn checkpoint_made(&self) {
        self.tell(|pending| pending.checkpoint = true);
    }

    /// Ends a wait for the next attempt.
    pub fn retry_now(&self) {
        self.tell(|pending| pending.retry = true);
    }

    /// Says goodbye and ends [`Link::run`](crate::Link::run).
    pub fn shut_down(&self) {
        self.tell(|pending| pending.shut_down = true);
    }

    /// How the link is now.
    pub fn current(&self) -> LinkState {
        self.state.borrow().clone()
    }

    /// How the link is, to be waited on. A value borrowed from it holds the link up until it is dropped.
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.state.clone()
    }

    fn tell(&self, change: impl FnOnce(&mut Pending)) {
        change(&mut self.shared.pending.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.changed.notify_one();
    }
}

/// The link's end of its handles.
pub(crate) struct Ear {
    shared: Arc<Shared>,
    state: watch::Sender<LinkState>,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    changed: Notify,
}

/// What was said since the link last listened; a flag says a thing once, however often it was said.
#[derive(Debug, Default)]
struct Pending {
    journal: Option<u64>,
    catalogue: bool,
    schedule: bool,
    under_way: bool,
    condition: Option<Condition>,
    progress: Vec<RunProgress>,
    checkpoint: bool,
    retry: bool,
    /// Stays set.
    shut_down: bool,
}

pub(crate) fn pair() -> (Ear, Handle) {
    let shared = Arc::new(Shared::default());
    let (state, seen) = watch::channel(LinkState::Off);
    (Ear { shared: Arc::clone(&shared), state }, Handle { shared, state: seen })
}

impl Ear {
    pub(crate) fn show(&self, state: LinkState) {
        self.state.send_if_modified(|shown| {
            let changed = *shown != state;
            *shown = state;
            changed
        });
    }

    pub(crate) fn shutting_down(&self) -> bool {
        self.pending(|pending| pending.shut_down)
    }

    /// Waits until something was said. Safe to drop and call again.
    pub(crate) async fn listen(&self) {
        self.shared.changed.notified().await;
    }

    /// What was said to the session.
    pub(crate) fn nudges(&self) -> Vec<Nudge> {
        self.pending(|pending| {
            let shut_down = pending.shut_down;
            let said = std::mem::replace(pending, Pending { shut_down, ..Pending::default() });
            let flags = [
                (said.catalogue, Nudge::CatalogueChanged),
                (said.schedule, Nudge::ScheduleChanged),
                (said.under_way, Nudge::UnderWayChanged),
                (said.checkpoint, Nudge::CheckpointMade),
            ];
            let mut nudges: Vec<_> = said.condition.map(Nudge::ConditionChanged).into_iter().collect();
            nudges.extend(said.journal.map(Nudge::JournalGrew));
            nudges.extend(said.progress.into_iter().map(Nudge::Progress));
            nudges.extend(flags.into_iter().filter_map(|(set, nudge)| set.then_some(nudge)));
            nudges.extend(shut_down.then_some(Nudge::ShutDown));
            nudges
        })
    }

    /// Waits until the wait for the next attempt is to end: the operator says so, or the Runner shuts down.
    pub(crate) async fn interrupted(&self) {
        loop {
            let ends = self.pending(|pending| pending.shut_down || std::mem::take(&mut pending.retry));
            if ends {
                return;
            }
            self.listen().await;
        }
    }

    /// Forgets what a new session asks for by itself.
    pub(crate) fn begin_session(&self) {
        self.pending(|pending| {
            let shut_down = pending.shut_down;
            *pending = Pending { shut_down, journal: pending.journal, ..Pending::default() };
        });
    }

    fn pending<T>(&self, take: impl FnOnce(&mut Pending) -> T) -> T {
        take(&mut self.shared.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn word_is_kept_until_it_is_heard_and_repeated_word_is_heard_once() {
        let (ear, handle) = pair();
        handle.journal_grew(5);
        handle.journal_grew(4);
        handle.catalogue_changed();
        handle.catalogue_changed();
        handle.condition_changed(Condition::Full);
        ear.listen().await;
        let heard = [Nudge::ConditionChanged(Condition::Full), Nudge::JournalGrew(5), Nudge::CatalogueChanged];
        assert_eq!(ear.nudges(), heard);
        assert_eq!(ear.nudges(), []);
        handle.retry_now();
        ear.interrupted().await;
        handle.clone().shut_down();
        ear.interrupted().await;
        assert!(ear.shutting_down());
        assert_eq!(ear.nudges(), [Nudge::ShutDown]);
        assert_eq!(ear.nudges(), [Nudge::ShutDown], "shutting down is never forgotten");
    }
}
