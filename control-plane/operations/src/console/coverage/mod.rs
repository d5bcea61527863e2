//! From the controls of frameworks to what proves them: which checks serve a control, and what they said last.
//!
//! A control comes from the files of installed procedures, and from the lists of controls that the tenant answers for.
//! Where no check has said anything yet, and where none is there to say anything, it is shown as that.

mod read;
mod scope;
mod state;

use clock::Timestamp;
use control_plane_domain::standing::{VerdictCounts, Word};
use crypto::Digest;
use proof::text::{FreeText, Name};
use verdict::Severity;

pub use scope::{Scope, ScopeOf};
pub use state::{CoverageCounts, CoverageState};

use super::AtRunner;

/// What of which framework is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Frameworks, by name.
    pub frameworks: Vec<FrameworkCoverage>,
    /// Installed procedures whose controls are not known here.
    pub unread: Vec<UnreadText>,
    /// Whether there are more procedures, or more that cannot be read, than were looked at.
    pub more: bool,
}

/// The controls of a framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkCoverage {
    /// The framework.
    pub framework: String,
    /// Its controls, by name; the numbers in it as numbers.
    pub controls: Vec<ControlCoverage>,
    /// How many of them stand how.
    pub counts: CoverageCounts,
    /// The list of its controls that the tenant answers for, if there is one.
    pub scope: Option<ScopeOf>,
}

/// A control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlCoverage {
    /// The control.
    pub control: String,
    /// What people call it, if it is listed with a title.
    pub title: Option<FreeText>,
    /// Whether the tenant answers for it; `None` where nobody listed the controls of its framework.
    pub in_scope: Option<bool>,
    /// How it stands.
    pub state: CoverageState,
    /// The checks that serve it.
    pub checks: Vec<CoverageCheck>,
    /// When the newest word on any of them came.
    pub last: Option<Timestamp>,
}

/// What of which framework is proven, without what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageSummary {
    /// Frameworks, by name.
    pub frameworks: Vec<FrameworkSummary>,
    /// Installed procedures whose controls are not known here.
    pub unread: Vec<UnreadText>,
    /// Whether there are more procedures, or more that cannot be read, than were looked at.
    pub more: bool,
}

/// How the controls of a framework stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkSummary {
    /// The framework.
    pub framework: String,
    /// How many of them stand how.
    pub counts: CoverageCounts,
    /// The list of its controls that the tenant answers for, if there is one.
    pub scope: Option<ScopeOf>,
    /// Its controls, by name; the numbers in it as numbers.
    pub controls: Vec<(String, CoverageState)>,
}

/// A check that serves a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageCheck {
    /// The procedure.
    pub procedure: Name,
    /// Its title.
    pub procedure_title: String,
    /// The check.
    pub check: Name,
    /// What holds if it passes.
    pub title: String,
    /// How much it weighs.
    pub severity: Severity,
    /// Runners, by the check's present status there.
    pub runners: VerdictCounts,
    /// The newest word on it.
    pub last: Option<Word>,
    /// The newest word that it holds.
    pub last_pass: Option<Word>,
    /// A Runner that has the procedure.
    pub at: AtRunner,
    /// The procedure's digest there.
    pub digest: Digest,
    /// Whether what it says is too old to show anything: it is overdue somewhere, or is not scheduled and its newest word
    /// is older than a year.
    pub is_stale: bool,
}

/// A procedure whose controls are not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadText {
    /// Where.
    pub runner: AtRunner,
    /// The procedure; `None` where only its digest is known.
    pub procedure: Option<Name>,
    /// Its digest.
    pub digest: Digest,
    /// Why.
    pub why: Unread,
}

/// Why a file is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// The Runner's operator withholds it.
    Withheld,
    /// What came is not what it should be.
    Faulty,
}
