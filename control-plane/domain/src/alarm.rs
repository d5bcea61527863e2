//! Something that an administrator has to look at.

use clock::Timestamp;
use ids::{AlarmId, PersonId, RunnerId};
use proof::text::Name;

use crate::vocabulary;

vocabulary! {
    /// What happened.
    AlarmKind, "kind of alarm" {
        /// A Runner's journal is not a continuation of what was accepted.
        JournalForked = "journal_forked",
        /// A Runner's journal is shorter than what was accepted.
        JournalRolledBack = "journal_rolled_back",
        /// A checkpoint of a journal has another root than the accepted lines.
        CheckpointDiffers = "checkpoint_differs",
        /// A certificate of an earlier generation was used again.
        GenerationReused = "generation_reused",
        /// A renewal does not follow from the generation in use.
        RenewalConflict = "renewal_conflict",
        /// Two sessions of one certificate kept replacing one another.
        TakenOver = "taken_over",
        /// A Runner saw the audit log fork, or shrink.
        AuditForkSeen = "audit_fork_seen",
        /// A cosignature of a Runner is over another tree than this audit log.
        AuditCosignatureDiffers = "audit_cosignature_differs",
        /// A report can never be accepted.
        ReportRefused = "report_refused",
        /// A due time passed with neither a run nor a reason.
        Overdue = "overdue",
        /// A Runner recorded less than it should have, and says so.
        Gap = "gap",
        /// A Runner says that it can begin no new runs.
        RunnerFull = "runner_full",
        /// A receipt of a drill-down does not fit its request.
        ReceiptDiffers = "receipt_differs",
    }
}

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Its id.
    pub id: AlarmId,
    /// What happened.
    pub kind: AlarmKind,
    /// Which Runner it is about.
    pub runner: Option<RunnerId>,
    /// What of it: a procedure, a code. At most one open alarm has the same kind, Runner and subject.
    pub subject: Option<Name>,
    /// When.
    pub opened: Timestamp,
    /// What proves it, such as the notes of a fork; at most 64 KiB.
    pub evidence: Option<Vec<u8>>,
    /// Who looked at it.
    pub acknowledged: Option<Acknowledged>,
}

impl Alarm {
    /// The procedure that it is about, and the Runner where it is.
    pub fn procedure(&self) -> Option<(RunnerId, &Name)> {
        match self.kind {
            AlarmKind::Overdue => self.runner.zip(self.subject.as_ref()),
            AlarmKind::JournalForked
            | AlarmKind::JournalRolledBack
            | AlarmKind::CheckpointDiffers
            | AlarmKind::GenerationReused
            | AlarmKind::RenewalConflict
            | AlarmKind::TakenOver
            | AlarmKind::AuditForkSeen
            | AlarmKind::AuditCosignatureDiffers
            | AlarmKind::ReportRefused
            | AlarmKind::Gap
            | AlarmKind::RunnerFull
            | AlarmKind::ReceiptDiffers => None,
        }
    }
}

/// Which alarms a list shows. What is not named is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlarmFilter {
    /// Only those that nobody has looked at.
    pub open_only: bool,
    /// Of this kind.
    pub kind: Option<AlarmKind>,
    /// About this Runner.
    pub runner: Option<RunnerId>,
    /// Opened then or later.
    pub from: Option<Timestamp>,
    /// Opened before.
    pub until: Option<Timestamp>,
}

/// Somebody looked at an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// Who.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
}
