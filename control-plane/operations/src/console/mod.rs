//! What the pages of the console read: one file a page, each of them permit → one reading transaction → a typed answer.
//!
//! Nothing here counts rows or skips them, but for the items of one run: what a page shows was kept up when a report was
//! accepted, or is a page of a list.
//! Titles and texts come out of the files of procedures, which Runners sent: they are data, whatever is written in them.
//! Knows the store and the language of procedures; must never know HTML, and opens no evidence.

mod alarms;
mod bundle;
mod changes;
mod compare;
mod controls;
mod coverage;
mod evidence;
mod findings;
mod health;
mod names;
mod narrowed;
mod overview;
mod procedure;
mod procedures;
mod pulse;
mod refs;
mod run;
mod runner;
mod runs;
mod sop;
mod texts;
mod under_way;
mod witness;

pub use alarms::AlarmRow;
pub use bundle::RunBundle;
pub use changes::{ChangeRow, Changes, GoneRunner};
pub use compare::{CheckDifference, Comparison, Difference, DifferenceCounts, MetricDifference};
pub use controls::ControlRef;
pub use coverage::{
    ControlCoverage, Coverage, CoverageCheck, CoverageCounts, CoverageState, CoverageSummary, FrameworkCoverage,
    FrameworkSummary, Scope, ScopeOf, Unread, UnreadText,
};
pub use evidence::{AskedEvidence, EvidenceAsked, EvidenceItem, EvidencePage};
pub use findings::{FindingRow, FindingsPage};
pub use health::{RunnerHealth, Trouble, TroubledRunner};
pub use names::{Names, ProcedureTitles};
pub use narrowed::{AlarmsPage, DrillDownsPage, SecretsPage, Whom};
pub use overview::{MissedPage, MissedRow, OverdueRow, Overview, Started};
pub use procedure::{InstalledElsewhere, ProcedurePage, SopText};
pub use procedures::{ProcedureFilter, ProcedureRow, ProceduresPage};
pub use refs::{AtRunner, Choices, PersonRef, ProcedureChoice};
pub use run::{
    Destroyed, DrillDownLine, ItemsPart, Neighbour, ReportLine, RequestedBy, RunCheck, RunEvidence, RunPage, RunStep,
    SourceRef,
};
pub use runner::{RunnerPage, RunnerRow};
pub use runs::{Comparable, RunRow, RunsPage};
pub use sop::{
    FrameworkControls, Sop, SopCheck, SopConnection, SopInput, SopMetric, SopPopulation, SopQuestion, SopSchedule,
    SopStep,
};
pub use under_way::{Awaited, RunningRow, RunningStage, StepNow};
pub use witness::{CoveredBy, JournalRef, KeptAudit, RunProof, WitnessState};

pub(crate) use pulse::Pulses;
pub(crate) use runs::check as check_runs;
pub(crate) use texts::Texts;
