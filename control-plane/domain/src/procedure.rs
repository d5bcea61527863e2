//! Procedures as a Runner says that they are installed, and when they are due there.

use clock::Timestamp;
use crypto::Digest;
use ids::RunnerId;
use proof::text::{FreeText, Name};

/// A procedure that is installed at a Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledProcedure {
    /// Where.
    pub runner: RunnerId,
    /// Its id.
    pub id: Name,
    /// Its version.
    pub version: u64,
    /// What it is identified by.
    pub digest: Digest,
    /// Its title.
    pub title: FreeText,
    /// What its file is written in.
    pub notation: Name,
    /// When the Runner's operator approved it.
    pub approved: Timestamp,
    /// Cron expression, as written; `None` when it runs on request alone.
    pub schedule: Option<FreeText>,
    /// Time zone of the schedule.
    pub time_zone: Option<FreeText>,
    /// Whether its source was sent too.
    pub has_source: bool,
    /// When the Runner said so.
    pub reported: Timestamp,
}

/// A procedure as a Runner says it, with its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedProcedure {
    /// The procedure; `has_source` is what `source` says.
    pub installed: InstalledProcedure,
    /// The file as approved; `None` when the Runner's operator withholds it.
    pub source: Option<Vec<u8>>,
}

/// When a procedure is due next at a Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleDue {
    /// Where.
    pub runner: RunnerId,
    /// What.
    pub procedure: Name,
    /// When.
    pub next_due: Timestamp,
    /// When the Runner said so.
    pub reported: Timestamp,
    /// Since when it is overdue: due, and neither run nor accounted for.
    pub overdue_since: Option<Timestamp>,
}

/// A due time at which a Runner did not run, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedDue {
    /// Where.
    pub runner: RunnerId,
    /// What.
    pub procedure: Name,
    /// When it was due.
    pub due: Timestamp,
    /// Why it was not run: a word of the journal's vocabulary.
    pub reason: Name,
    /// The journal record that says so.
    pub seq: u64,
}

/// Where the file of a procedure is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPlace {
    /// The Runner that sent it.
    pub runner: RunnerId,
    /// What it is written in.
    pub notation: Name,
    /// Whether it is not installed there any more.
    pub is_past: bool,
    /// Its size.
    pub bytes: u64,
}
