//! What comes into a session, and what it wants done.

use clock::Timestamp;
use contract::{Condition, Epoch, FromControlPlane, FromRunner, Mark, RunProgress};

use crate::duties::Standing;
use crate::error::LinkError;
use crate::work::{Done, Work};

/// What a session begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    /// Fresh for each session.
    pub epoch: Epoch,
    /// Fresh for each session as well, and the marks of those before it that may still be thought to be alive.
    pub mark: Mark,
    pub marks_before: Vec<Mark>,
    /// Of the certificate that the session is opened with.
    pub generation: u64,
    pub standing: Standing,
    /// When to ask for a renewed certificate.
    pub renew_at: Timestamp,
}

/// What comes in.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Received(FromControlPlane),
    /// What came of a piece of work.
    Done(Done),
    Local(Nudge),
    /// Everything that was to be sent is on its way.
    Writable,
    /// The time that [`wake_at`](super::Session::wake_at) named has come.
    Tick,
    /// The connection ended.
    Closed(LinkError),
}

/// Word from the rest of the Runner.
#[derive(Debug, Clone, PartialEq)]
pub enum Nudge {
    /// The journal has this many records.
    JournalGrew(u64),
    CatalogueChanged,
    ScheduleChanged,
    UnderWayChanged,
    ConditionChanged(Condition),
    Progress(RunProgress),
    CheckpointMade,
    ShutDown,
}

/// What a session wants done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Send(FromRunner),
    Do(Work),
    /// Something went wrong that the session survives: for the log and for health.
    Note(LinkError),
    /// The last command of a session.
    End(Ending),
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The Runner is shutting down.
    ShutDown,
    /// There is a new certificate; connect again with it, at once.
    NewCertificate,
    Failed(LinkError),
    /// The control plane said stop, and how long to stay away (0: it does not say).
    Stopped {
        error: LinkError,
        retry_after_seconds: u32,
    },
}
