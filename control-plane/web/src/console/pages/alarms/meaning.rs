//! What each kind of alarm means, and what to do about it, in plain words.

use control_plane_domain::alarm::AlarmKind;
use control_plane_domain::runner::LockReason;

use crate::console::kit::Tone;

/// What happened, in a few words.
pub(crate) const fn title(kind: AlarmKind) -> &'static str {
    match kind {
        AlarmKind::JournalForked => "a Runner's journal has two histories",
        AlarmKind::JournalRolledBack => "a Runner's journal was restored from a copy",
        AlarmKind::CheckpointDiffers => "a checkpoint contradicts the journal",
        AlarmKind::GenerationReused => "an old certificate was used again",
        AlarmKind::RenewalConflict => "a certificate was renewed twice",
        AlarmKind::TakenOver => "two sessions of one Runner",
        AlarmKind::AuditForkSeen => "a Runner saw the audit log fork",
        AlarmKind::AuditCosignatureDiffers => "a Runner countersigned another audit log",
        AlarmKind::ReportRefused => "a report can never be accepted",
        AlarmKind::Overdue => "a procedure is overdue",
        AlarmKind::Gap => "a Runner recorded less than it should",
        AlarmKind::RunnerFull => "a Runner is full",
        AlarmKind::ReceiptDiffers => "a receipt does not fit its request",
    }
}

/// What that means.
pub(crate) const fn meaning(kind: AlarmKind) -> &'static str {
    match kind {
        AlarmKind::JournalForked => {
            "The Runner showed a journal that is not a continuation of the one that was accepted: there is a second copy of \
             its store, or somebody rewrote it."
        }
        AlarmKind::JournalRolledBack => {
            "The Runner showed a journal that is shorter than the one that was accepted: an older copy of its disk or store \
             was restored from a copy."
        }
        AlarmKind::CheckpointDiffers => {
            "The Runner signed a checkpoint with another root than the records that it reported: its journal here and its \
             journal there say different things."
        }
        AlarmKind::GenerationReused => {
            "A certificate was used after its successor had been used. Only a copy of the Runner's identity, or a store that \
             was restored from a copy, does that."
        }
        AlarmKind::RenewalConflict => {
            "Somebody asked for a new certificate in a way that does not follow from the one in use: there may be a second \
             holder of the Runner's identity."
        }
        AlarmKind::TakenOver => {
            "Two live sessions with the same certificate kept replacing one another: the Runner runs twice, or somebody has a \
             copy of its keys."
        }
        AlarmKind::AuditForkSeen => {
            "A Runner was shown an audit log that does not grow from the one it keeps a checkpoint of. The log was restored from a copy \
             from a backup, or somebody rewrote it. The Runner opens no evidence until its operator acknowledges it there."
        }
        AlarmKind::AuditCosignatureDiffers => {
            "A Runner countersigned a checkpoint with another root than this audit log has: it was shown another log."
        }
        AlarmKind::ReportRefused => {
            "A record of the Runner's journal is not one that the control plane can ever accept. What comes after it is still \
             accepted; what it said is missing here."
        }
        AlarmKind::Overdue => {
            "A due time passed more than 15 minutes ago, and neither a run nor a reason for none has come from the Runner."
        }
        AlarmKind::Gap => "The Runner's own journal says that it could not record everything that it should have.",
        AlarmKind::RunnerFull => {
            "The Runner's disk or its queue is full. Nothing that is there is lost, and no new run begins before there is room."
        }
        AlarmKind::ReceiptDiffers => {
            "A Runner signed a receipt for a drill-down that is not the one that was asked for, or that nobody asked for."
        }
    }
}

/// What to do.
pub(crate) const fn next_step(kind: AlarmKind) -> &'static str {
    match kind {
        AlarmKind::JournalForked | AlarmKind::JournalRolledBack => {
            "Ask the Runner's operator what was copied or restored. The Runner is locked and cannot go on from there: start \
             it in a fresh folder with a new token. Its old bundles keep verifying."
        }
        AlarmKind::CheckpointDiffers => {
            "Keep the evidence of this alarm, look at the Runner's host with its operator, and treat results since the last \
             countersigned checkpoint as unproven."
        }
        AlarmKind::GenerationReused | AlarmKind::RenewalConflict | AlarmKind::TakenOver => {
            "Find out with the Runner's operator whether a disk image, snapshot or folder was copied. Unlock the Runner when \
             the copy is known and gone; otherwise revoke it and enrol it again with a new token."
        }
        AlarmKind::AuditForkSeen => {
            "Ask the operator of the control plane whether the database was restored. Verify the audit log, and compare an \
             earlier export with it. After a restore that you know of, the Runner's operator acknowledges it at its host."
        }
        AlarmKind::AuditCosignatureDiffers => {
            "Verify the audit log, compare an earlier export with it, and ask the operator of the control plane who could \
             have shown this Runner another log."
        }
        AlarmKind::ReportRefused => {
            "The code says why. Usually the control plane is older than the Runner: upgrade it. If the code stays, report it \
             with its number."
        }
        AlarmKind::Overdue => {
            "See whether the Runner is connected and what its condition is. Start its service again, or ask its operator; \
             when a run comes, the procedure is no longer overdue."
        }
        AlarmKind::Gap => {
            "Look at the Runner's disk and clock with its operator, and repeat the runs that fall into the gap."
        }
        AlarmKind::RunnerFull => {
            "Let the Runner's operator make room or shorten the retention of evidence there; then runs begin again by \
             themselves."
        }
        AlarmKind::ReceiptDiffers => {
            "Compare the audit log with the Runner's journal at the time of the alarm. If nobody can explain it, revoke the \
             Runner."
        }
    }
}

/// The command that somebody gives at the Runner's host, where that is what is left to do.
pub(crate) const fn command(kind: AlarmKind) -> Option<&'static str> {
    match kind {
        AlarmKind::AuditForkSeen => {
            Some("proctor-runner journal acknowledge-fork --reason 'the database was restored'")
        }
        AlarmKind::JournalForked
        | AlarmKind::JournalRolledBack
        | AlarmKind::CheckpointDiffers
        | AlarmKind::GenerationReused
        | AlarmKind::RenewalConflict
        | AlarmKind::TakenOver
        | AlarmKind::AuditCosignatureDiffers
        | AlarmKind::ReportRefused
        | AlarmKind::Overdue
        | AlarmKind::Gap
        | AlarmKind::RunnerFull
        | AlarmKind::ReceiptDiffers => None,
    }
}

/// How much it matters: what casts doubt on proof or identity comes before what only needs a hand.
pub(crate) const fn tone(kind: AlarmKind) -> Tone {
    match kind {
        AlarmKind::JournalForked
        | AlarmKind::JournalRolledBack
        | AlarmKind::CheckpointDiffers
        | AlarmKind::GenerationReused
        | AlarmKind::RenewalConflict
        | AlarmKind::TakenOver
        | AlarmKind::AuditForkSeen
        | AlarmKind::AuditCosignatureDiffers
        | AlarmKind::ReceiptDiffers => Tone::Bad,
        AlarmKind::ReportRefused | AlarmKind::Overdue | AlarmKind::Gap | AlarmKind::RunnerFull => Tone::Warn,
    }
}

/// Why a Runner was locked, after "because".
pub(crate) const fn lock_reason(reason: LockReason) -> &'static str {
    match reason {
        LockReason::GenerationReused => "a certificate was used again after its successor",
        LockReason::RenewalConflict => "its certificate was renewed in two ways",
        LockReason::TakenOver => "two sessions of its certificate kept replacing one another",
        LockReason::JournalForked => "its journal does not continue the one that was accepted",
        LockReason::JournalRolledBack => "its journal is shorter than the one that was accepted",
    }
}
