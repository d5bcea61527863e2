//! Runs as their manifests tell of them.

use clock::Timestamp;
use crypto::Digest;
use ids::{ItemId, PersonId, RunId, RunnerId};
use proof::manifest::{CheckLine, ItemLine, Manifest, MetricLine, ProcedureVersion, RunLine, StepLine};
use proof::text::{Name, Software};
use verdict::{Counts, Severity, Status, Trigger};

/// A run that a Runner works at, as it said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunUnderWay {
    /// The run.
    pub run: RunId,
    /// Where.
    pub runner: RunnerId,
    /// The procedure's id.
    pub procedure: Name,
    /// What it is identified by.
    pub digest: Digest,
    /// When it began.
    pub began: Timestamp,
    /// The step that is being carried out; none before the first.
    pub step: Option<Name>,
    /// Steps that are over.
    pub done: u32,
    /// All its steps.
    pub steps: u32,
    /// When the Runner said so.
    pub heard: Timestamp,
}

/// A run, as its newest report says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub id: RunId,
    /// Where.
    pub runner: RunnerId,
    /// What.
    pub procedure: ProcedureVersion,
    /// What set it off.
    pub trigger: Trigger,
    /// When it was due.
    pub due: Option<Timestamp>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended, or was reported waiting.
    pub ended: Timestamp,
    /// Its verdict; [`Status::Pending`] while it waits for people.
    pub verdict: Status,
    /// Basis points.
    pub score: Option<u64>,
    /// Basis points, with excepted items left out.
    pub score_with_exceptions: Option<u64>,
    /// Items by status.
    pub counts: Counts,
    /// Whether checks were left out on request.
    pub partial: bool,
    /// The program that ran it.
    pub software: Software,
    /// The journal record of its newest report.
    pub seq: u64,
    /// How often it was reported.
    pub reports: u64,
    /// When the newest report was accepted.
    pub accepted: Timestamp,
}

impl RunSummary {
    /// What a run's newest report says.
    pub fn new(line: &RunLine, seq: u64, reports: u64, accepted: Timestamp) -> Self {
        Self {
            id: line.run,
            runner: line.runner,
            procedure: line.procedure.clone(),
            trigger: line.trigger,
            due: line.due,
            started: line.started,
            ended: line.ended,
            verdict: line.verdict,
            score: line.score,
            score_with_exceptions: line.score_with_exceptions,
            counts: line.counts,
            partial: line.partial,
            software: line.software.clone(),
            seq,
            reports,
            accepted,
        }
    }

    /// Whether no further report can follow.
    pub fn is_final(&self) -> bool {
        self.verdict != Status::Pending
    }
}

/// A report that was found right and is to be kept.
#[derive(Debug, Clone)]
pub struct AcceptedReport<'a> {
    /// The journal record that attests it.
    pub seq: u64,
    /// What it says.
    pub manifest: &'a Manifest,
    /// Its exact bytes.
    pub manifest_bytes: &'a [u8],
    /// The attestation, exact bytes.
    pub attestation: &'a [u8],
    /// When.
    pub at: Timestamp,
}

/// A report, exact bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunReport {
    /// The run.
    pub run: RunId,
    /// The journal record that attests it.
    pub seq: u64,
    /// When it was accepted.
    pub at: Timestamp,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The attestation.
    pub attestation: Vec<u8>,
}

/// A run with everything that its newest report says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDetail {
    /// The run.
    pub summary: RunSummary,
    /// Its steps, in the procedure's order.
    pub steps: Vec<StepLine>,
    /// Its evidence.
    pub items: Vec<ItemLine>,
    /// Its checks.
    pub checks: Vec<CheckLine>,
    /// Its metrics.
    pub metrics: Vec<MetricLine>,
    /// Its reports: the journal records and when they were accepted.
    pub reports: Vec<(u64, Timestamp)>,
}

/// An evidence item, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunItem {
    /// The run that collected it.
    pub run: RunId,
    /// The Runner that has it.
    pub runner: RunnerId,
    /// What the manifest says of it.
    pub line: ItemLine,
}

impl RunItem {
    /// Its id.
    pub fn id(&self) -> ItemId {
        self.line.item
    }
}

/// Which runs are wanted; all given conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    /// Of this Runner.
    pub runner: Option<RunnerId>,
    /// Of this procedure.
    pub procedure: Option<Name>,
    /// With this verdict.
    pub verdict: Option<Status>,
    /// Set off by this.
    pub trigger: Option<Trigger>,
    /// Begun at or after.
    pub from: Option<Timestamp>,
    /// Begun before.
    pub until: Option<Timestamp>,
    /// That this person asked for.
    pub asked_by: Option<PersonId>,
    /// Of exactly this procedure.
    pub digest: Option<Digest>,
    /// Of this version of a procedure.
    pub version: Option<u64>,
    /// With checks left out on request, or without.
    pub partial: Option<bool>,
    /// In which this check of the procedure failed; the procedure is to be named too.
    pub failing_check: Option<Name>,
    /// In which a check at least so severe failed.
    pub failing: Option<Severity>,
    /// With at least this score, basis points.
    pub score_from: Option<u64>,
    /// With at most this score, basis points.
    pub score_to: Option<u64>,
}

impl RunFilter {
    /// Whether it names Runner, procedure, verdict, cause and time alone: of these every combination has its index.
    pub fn is_plain(&self) -> bool {
        let Self { runner, procedure, verdict, trigger, from, until, .. } = self.clone();
        *self == Self { runner, procedure, verdict, trigger, from, until, ..Self::default() }
    }
}

/// Which check states are wanted; all given conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckFilter {
    /// At this Runner.
    pub runner: Option<RunnerId>,
    /// Of this procedure.
    pub procedure: Option<Name>,
    /// With this status.
    pub status: Option<Status>,
}

/// How the runs of a procedure on one day ended; kept up with each report, so that a trend needs no counting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTally {
    /// The procedure.
    pub procedure: Name,
    /// The day: its first millisecond, UTC.
    pub day: Timestamp,
    /// Runs that began on it.
    pub runs: u64,
    /// Of them, by verdict of the newest report.
    pub pass: u64,
    /// Of them.
    pub fail: u64,
    /// Of them.
    pub error: u64,
    /// Of them: still waiting for people.
    pub pending: u64,
    /// Of them.
    pub excepted: u64,
    /// Of them.
    pub not_applicable: u64,
    /// Runs that have a score.
    pub scored: u64,
    /// Sum of their scores, basis points.
    pub score_sum: u64,
}
