//! Fixed vocabularies in words that a person outside the project understands.

use std::fmt::Display;

use control_plane_domain::run_request::RunRequestState;
use control_plane_domain::standing::{ChangeKind, ResultChange};
use control_plane_operations::console::{CoverageState, Difference};
use proof::text::Name;
use verdict::{EvidenceClass, EvidenceForm, Severity, Status, Trigger};

use crate::console::kit::Tone;

/// A number with its noun.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// What set a run off.
pub(crate) const fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "on schedule",
        Trigger::Request => "asked for here",
        Trigger::Local => "started at the Runner",
    }
}

/// What a verdict or a status says.
pub(crate) const fn status(status: Status) -> &'static str {
    match status {
        Status::Pass => "Measured, and everything holds",
        Status::Fail => "Measured, and something does not hold",
        Status::Error => "Could not be measured in full; this is neither a pass nor a fail",
        Status::Pending => "Waits for a person to answer",
        Status::Excepted => "Fails, and an approved exception covers all that fails",
        Status::NotApplicable => "Does not apply here, for the reason that the procedure states",
        Status::Skipped => "Left out of a partial run",
    }
}

/// A status as it stands in a sentence.
pub(crate) const fn plain(status: Status) -> &'static str {
    match status {
        Status::NotApplicable => "not applicable",
        other => other.as_str(),
    }
}

/// How confidential evidence is.
pub(crate) const fn class(class: EvidenceClass) -> &'static str {
    match class {
        EvidenceClass::Public => "anyone may see it",
        EvidenceClass::Internal => "for the organisation",
        EvidenceClass::Confidential => "for those who need it",
        EvidenceClass::Personal => "tells of natural persons",
        EvidenceClass::Secret => "gives access to something",
    }
}

/// How many rows of what.
pub(crate) fn rows(form: EvidenceForm, rows: u64) -> String {
    match form {
        EvidenceForm::Rows => count(rows, "row", "rows"),
        EvidenceForm::Blob => format!("a file in {}", count(rows, "piece", "pieces")),
    }
}

/// How much a check weighs in the score.
pub(crate) fn weight(severity: Severity) -> String {
    match severity.weight() {
        0 => "shown, never scored".to_owned(),
        weight => format!("weight {weight} in the score"),
    }
}

/// Why a due time has no run, as the Runner's journal says it.
pub(crate) fn missed(reason: &Name) -> String {
    let words = match reason.as_str() {
        "stopped" => "the Runner was not running",
        "storage" => "the Runner's store was full or could not be written",
        "queue_full" => "too many reports waited to be accepted",
        "still_running" => "the run before it had not ended",
        "not_approved" => "this version was not approved at the Runner",
        "not_configured" => "an input or a connection was not set at the Runner",
        "rollback" => "the Runner's store was put back to an earlier state",
        "clock_moved" => "the Runner's clock was set forward over it",
        other => return format!("the Runner says “{other}”"),
    };
    words.to_owned()
}

/// What changed.
pub(crate) const fn changed(change: &ResultChange) -> &'static str {
    match (change.kind, change.before) {
        (ChangeKind::Verdict, None) => "first result",
        (ChangeKind::Verdict, Some(_)) => "verdict changed",
        (ChangeKind::Opened, _) => "began to fail",
        (ChangeKind::Closed, _) => "holds again",
    }
}

/// How a check of one run differs from the same check of another.
pub(crate) const fn difference(difference: Difference) -> (&'static str, Tone) {
    match difference {
        Difference::Worse => ("worse", Tone::Bad),
        Difference::Appeared => ("new", Tone::Info),
        Difference::Changed => ("changed", Tone::Warn),
        Difference::Better => ("better", Tone::Good),
        Difference::Gone => ("gone", Tone::Info),
        Difference::Same => ("the same", Tone::Quiet),
    }
}

/// How well a control is shown to be in place.
pub(crate) const fn coverage(state: CoverageState) -> (&'static str, Tone) {
    match state {
        CoverageState::Proven => ("proven", Tone::Good),
        CoverageState::Excepted => ("excepted", Tone::Warn),
        CoverageState::Failing => ("failing", Tone::Bad),
        CoverageState::Unproven => ("unproven", Tone::Wait),
        CoverageState::Gap => ("gap", Tone::Quiet),
    }
}

/// What that means.
pub(crate) const fn coverage_meaning(state: CoverageState) -> &'static str {
    match state {
        CoverageState::Proven => "every check of it holds or does not apply, and at least one holds",
        CoverageState::Excepted => "a check of it fails, and an approved exception covers that",
        CoverageState::Failing => "a check of it fails",
        CoverageState::Unproven => "its checks could not be measured, or wait for people, or none applies",
        CoverageState::Gap => "a procedure names it, and no run has reported on it yet",
    }
}

/// Where a request to run stands.
pub(crate) const fn request(state: &RunRequestState) -> (&'static str, Tone) {
    match state {
        RunRequestState::Waiting => ("waiting for the Runner", Tone::Wait),
        RunRequestState::Begun { .. } => ("running", Tone::Info),
        RunRequestState::Ended { code: None, .. } => ("ended", Tone::Good),
        RunRequestState::Ended { code: Some(_), .. } => ("ended without a result", Tone::Bad),
        RunRequestState::Refused { .. } => ("refused by the Runner", Tone::Bad),
        RunRequestState::Expired { .. } => ("not taken in time", Tone::Warn),
    }
}

/// A list in words, such as `a, b and c`.
pub(crate) fn listed<T: Display>(all: &[T]) -> String {
    match all {
        [] => String::new(),
        [one] => one.to_string(),
        [head @ .., last] => {
            let head: Vec<String> = head.iter().map(ToString::to_string).collect();
            format!("{} and {last}", head.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_read_well() {
        assert_eq!((count(1, "run", "runs"), count(0, "run", "runs")), ("1 run".into(), "0 runs".into()));
        assert_eq!(
            (listed::<u8>(&[]), listed(&[1]), listed(&[1, 2, 3])),
            (String::new(), "1".into(), "1, 2 and 3".into())
        );
        assert_eq!(rows(EvidenceForm::Blob, 1), "a file in 1 piece");
    }

    #[test]
    fn every_reason_of_the_journal_has_words() {
        use proof::log::journal::MissReason::*;
        for reason in [Stopped, Storage, QueueFull, StillRunning, NotApproved, NotConfigured, Rollback, ClockMoved] {
            let word = serde_json::to_value(reason).unwrap();
            let said = missed(&word.as_str().unwrap().parse().unwrap());
            assert!(!said.contains("says"), "{word} has no words");
        }
        assert_eq!(missed(&"moon".parse().unwrap()), "the Runner says “moon”");
    }
}
