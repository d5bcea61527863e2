//! How things stand now and what changed: what is kept up with every report, so that no page has to count.

use std::str::FromStr;

use clock::Timestamp;
use crypto::Digest;
use ids::{RunId, RunnerId};
use proof::text::Name;
use verdict::{Severity, Status};

use crate::check_state::CheckState;
use crate::run::{RunSummary, RunTally};
use crate::vocabulary;

/// The word of a procedure's newest complete run at a Runner. A partial run says nothing of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureState {
    /// Where.
    pub runner: RunnerId,
    /// The procedure.
    pub procedure: Name,
    /// The version that ran.
    pub version: u64,
    /// Its digest.
    pub digest: Digest,
    /// The run that says so.
    pub run: RunId,
    /// When that run began.
    pub started: Timestamp,
    /// When it ended, or was reported waiting.
    pub ended: Timestamp,
    /// Its verdict.
    pub verdict: Status,
    /// Basis points.
    pub score: Option<u64>,
    /// Basis points, with excepted items left out.
    pub score_with_exceptions: Option<u64>,
    /// Since when it is this verdict.
    pub since: Timestamp,
    /// The verdict before the last change; `None` while it has not changed.
    pub changed_from: Option<Status>,
    /// The run before.
    pub previous: Option<PreviousRun>,
}

/// The run before the newest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviousRun {
    /// The run.
    pub run: RunId,
    /// Its verdict.
    pub verdict: Status,
    /// Basis points.
    pub score: Option<u64>,
    /// When it ended.
    pub ended: Timestamp,
}

impl ProcedureState {
    /// The state after a report, given the one before. `None` when the report says nothing new: the run is partial, or
    /// older than the newest.
    pub fn after(before: Option<&Self>, run: &RunSummary) -> Option<Self> {
        if run.partial || before.is_some_and(|before| before.run != run.id && before.ended > run.ended) {
            return None;
        }
        let same = before.filter(|before| before.verdict == run.verdict);
        let changed_from = match (same, before) {
            (Some(same), _) => same.changed_from,
            (None, before) => before.map(|before| before.verdict),
        };
        let previous = before.and_then(|before| {
            // A run that waited for people is reported again, and is not its own predecessor.
            if before.run == run.id { before.previous } else { Some(before.as_previous()) }
        });
        Some(Self {
            runner: run.runner,
            procedure: run.procedure.id.clone(),
            version: run.procedure.version,
            digest: run.procedure.sha256,
            run: run.id,
            started: run.started,
            ended: run.ended,
            verdict: run.verdict,
            score: run.score,
            score_with_exceptions: run.score_with_exceptions,
            since: same.map_or(run.ended, |same| same.since),
            changed_from,
            previous,
        })
    }

    fn as_previous(&self) -> PreviousRun {
        PreviousRun { run: self.run, verdict: self.verdict, score: self.score, ended: self.ended }
    }
}

vocabulary! {
    /// What changed.
    ChangeKind, "kind of change" {
        /// A procedure's verdict at a Runner.
        Verdict = "verdict",
        /// A check began to fail.
        Opened = "opened",
        /// A check that failed holds again.
        Closed = "closed",
    }
}

/// Something is not as it was before a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultChange {
    /// When the control plane heard of it.
    pub at: Timestamp,
    /// Where.
    pub runner: RunnerId,
    /// The journal record of the report.
    pub seq: u64,
    /// Its place among the changes of that report.
    pub place: u64,
    /// What changed.
    pub kind: ChangeKind,
    /// The procedure.
    pub procedure: Name,
    /// The check; `None` for a verdict.
    pub check: Option<Name>,
    /// How much the check weighs.
    pub severity: Option<Severity>,
    /// What it was; `None` when nothing was known.
    pub before: Option<Status>,
    /// What it is.
    pub status: Status,
    /// Since when the check fails, or failed.
    pub failing_since: Option<Timestamp>,
    /// The run that says so.
    pub run: RunId,
    /// When that run ended.
    pub run_ended: Timestamp,
}

impl ResultChange {
    /// The change of a check's state, if a finding begins or ends with it.
    pub fn of_check(before: Option<&CheckState>, after: &CheckState, at: Timestamp, seq: u64) -> Option<Self> {
        let open = before.and_then(|before| before.failing_since);
        let (kind, failing_since) = match (open, after.failing_since) {
            (None, Some(since)) => (ChangeKind::Opened, since),
            (Some(since), None) => (ChangeKind::Closed, since),
            (None, None) | (Some(_), Some(_)) => return None,
        };
        Some(Self {
            at,
            runner: after.runner,
            seq,
            place: 0,
            kind,
            procedure: after.procedure.clone(),
            check: Some(after.check.clone()),
            severity: Some(after.severity),
            before: before.map(|before| before.status),
            status: after.status,
            failing_since: Some(failing_since),
            run: after.run,
            run_ended: after.run_ended,
        })
    }

    /// The change of a procedure's verdict, if it is another one or the first.
    pub fn of_procedure(
        before: Option<&ProcedureState>,
        after: &ProcedureState,
        at: Timestamp,
        seq: u64,
    ) -> Option<Self> {
        if before.is_some_and(|before| before.verdict == after.verdict) {
            return None;
        }
        Some(Self {
            at,
            runner: after.runner,
            seq,
            place: 0,
            kind: ChangeKind::Verdict,
            procedure: after.procedure.clone(),
            check: None,
            severity: None,
            before: before.map(|before| before.verdict),
            status: after.verdict,
            failing_since: None,
            run: after.run,
            run_ended: after.ended,
        })
    }
}

/// How many there are of each verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerdictCounts {
    /// Passed.
    pub pass: u64,
    /// Failed.
    pub fail: u64,
    /// Could not be measured.
    pub error: u64,
    /// Wait for people.
    pub pending: u64,
    /// Do not apply.
    pub not_applicable: u64,
    /// Fail under an approved exception.
    pub excepted: u64,
}

impl VerdictCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        Status::ALL.iter().map(|status| self.of(*status)).sum()
    }

    /// How many have this status. A check that was skipped says nothing, so none of these is.
    pub fn of(&self, status: Status) -> u64 {
        match status {
            Status::Pass => self.pass,
            Status::Fail => self.fail,
            Status::Error => self.error,
            Status::Pending => self.pending,
            Status::NotApplicable => self.not_applicable,
            Status::Excepted => self.excepted,
            Status::Skipped => 0,
        }
    }

    /// The same with so many of this status.
    #[must_use]
    pub fn with(mut self, status: Status, number: u64) -> Self {
        match status {
            Status::Pass => self.pass = number,
            Status::Fail => self.fail = number,
            Status::Error => self.error = number,
            Status::Pending => self.pending = number,
            Status::NotApplicable => self.not_applicable = number,
            Status::Excepted => self.excepted = number,
            Status::Skipped => {}
        }
        self
    }
}

/// How many there are of each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeverityCounts {
    /// Weight 10.
    pub critical: u64,
    /// Weight 5.
    pub high: u64,
    /// Weight 3.
    pub medium: u64,
    /// Weight 1.
    pub low: u64,
    /// Weight 0.
    pub info: u64,
}

impl SeverityCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        Severity::ALL.iter().map(|severity| self.of(*severity)).sum()
    }

    /// How many have this severity.
    pub fn of(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
        }
    }

    /// The same with so many of this severity.
    #[must_use]
    pub fn with(mut self, severity: Severity, number: u64) -> Self {
        match severity {
            Severity::Critical => self.critical = number,
            Severity::High => self.high = number,
            Severity::Medium => self.medium = number,
            Severity::Low => self.low = number,
            Severity::Info => self.info = number,
        }
        self
    }
}

/// How things stand: the newest verdict of each procedure at each Runner, and what fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StandingCounts {
    /// Procedures at Runners, by verdict.
    pub verdicts: VerdictCounts,
    /// Open findings, by severity.
    pub findings: SeverityCounts,
}

/// How the runs of a day ended, of one procedure or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTally {
    /// The day: its first millisecond, UTC.
    pub day: Timestamp,
    /// Runs that began on it.
    pub runs: u64,
    /// Of them, by verdict of the newest report.
    pub verdicts: VerdictCounts,
    /// Runs that have a score.
    pub scored: u64,
    /// Sum of their scores, basis points.
    pub score_sum: u64,
}

impl DayTally {
    /// A day without runs.
    pub fn empty(day: Timestamp) -> Self {
        Self { day, runs: 0, verdicts: VerdictCounts::default(), scored: 0, score_sum: 0 }
    }

    /// The mean of the scores, basis points; `None` when no run has one.
    pub fn mean_score(&self) -> Option<u64> {
        self.score_sum.checked_div(self.scored)
    }
}

impl From<RunTally> for DayTally {
    fn from(tally: RunTally) -> Self {
        let RunTally { day, runs, pass, fail, error, pending, excepted, not_applicable, scored, score_sum, .. } = tally;
        let verdicts = VerdictCounts { pass, fail, error, pending, not_applicable, excepted };
        Self { day, runs, verdicts, scored, score_sum }
    }
}

/// How one check stands at all Runners that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckSummary {
    /// The procedure.
    pub procedure: Name,
    /// The check.
    pub check: Name,
    /// Runners, by the check's present status there.
    pub runners: VerdictCounts,
    /// The newest word on it.
    pub last: Option<Word>,
    /// The newest word that it holds.
    pub last_pass: Option<Word>,
}

/// What a run said of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// The run.
    pub run: RunId,
    /// Where.
    pub runner: RunnerId,
    /// What it said.
    pub status: Status,
    /// When it ended.
    pub at: Timestamp,
}

/// In which order findings are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FindingOrder {
    /// The weightiest first, and of equals the one that has failed longest.
    #[default]
    Severity,
    /// The one that has failed longest first.
    Age,
}

/// A word that names no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an order of findings: severity or age")]
pub struct UnknownOrder;

impl FindingOrder {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Age => "age",
        }
    }
}

impl FromStr for FindingOrder {
    type Err = UnknownOrder;

    fn from_str(text: &str) -> Result<Self, UnknownOrder> {
        match text {
            "severity" => Ok(Self::Severity),
            "age" => Ok(Self::Age),
            _ => Err(UnknownOrder),
        }
    }
}

/// Which findings are wanted; all given conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FindingFilter {
    /// At this Runner.
    pub runner: Option<RunnerId>,
    /// Of this procedure.
    pub procedure: Option<Name>,
    /// Of this severity.
    pub severity: Option<Severity>,
    /// Failing since before this time.
    pub failing_before: Option<Timestamp>,
    /// Failing since this time or later.
    pub failing_from: Option<Timestamp>,
    /// In which order.
    pub order: FindingOrder,
}

#[cfg(test)]
mod tests;
