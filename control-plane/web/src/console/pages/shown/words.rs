//! Fixed vocabularies in words that a person outside the project understands.

use std::collections::BTreeMap;
use std::fmt::Display;

use control_plane_domain::run_request::RunRequestState;
use control_plane_domain::standing::{ChangeKind, ResultChange};
use control_plane_operations::console::{
    ChangeRow, ControlRef, CoverageState, Difference, RunningRow, RunningStage, StepNow,
};
use proof::text::Name;
use verdict::{EvidenceClass, EvidenceForm, Severity, Status, Trigger};

use crate::console::kit::Tone;
use crate::console::path::{self, Href};

/// A number with its noun.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// What set a run off.
pub(crate) const fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "on schedule",
        Trigger::Request => "on request",
        Trigger::Local => "at the Runner",
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
        EvidenceForm::Blob if rows == 1 => "one file".to_owned(),
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
        "rollback" => "the Runner's store was restored from an earlier copy",
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

/// Of what it changed: the check, or the procedure; by its title where one is known.
pub(crate) fn what_changed(row: &ChangeRow) -> String {
    match &row.change.check {
        Some(check) => row.check_title.clone().unwrap_or_else(|| check.to_string()),
        None => procedure_changed(row),
    }
}

/// The procedure of a change, by its title where one is known.
pub(crate) fn procedure_changed(row: &ChangeRow) -> String {
    row.title.as_ref().map_or_else(|| row.change.procedure.to_string(), ToString::to_string)
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
        CoverageState::Excepted => ("excepted", Tone::Info),
        CoverageState::Failing => ("failing", Tone::Bad),
        CoverageState::Unproven => ("unproven", Tone::Wait),
        CoverageState::Gap => ("never ran", Tone::Quiet),
        CoverageState::Stale => ("stale", Tone::Warn),
        CoverageState::Uncovered => ("not covered", Tone::Bad),
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
        CoverageState::Stale => {
            "it held when it was looked at last; since then a due time passed without a run, or, without a schedule, a year"
        }
        CoverageState::Uncovered => "it is in scope, and no installed procedure serves it",
    }
}

/// Where a request to run stands; `is_asking` says that its run waits for people.
pub(crate) const fn request(state: &RunRequestState, is_asking: bool) -> (&'static str, Tone) {
    match state {
        RunRequestState::Waiting => ("waits for the Runner", Tone::Wait),
        RunRequestState::Begun { .. } if is_asking => ("waits for people", Tone::Wait),
        RunRequestState::Begun { .. } => ("under way", Tone::Info),
        RunRequestState::Ended { code: None, .. } => ("ended", Tone::Good),
        RunRequestState::Ended { code: Some(_), .. } => ("ended without a result", Tone::Bad),
        RunRequestState::Refused { .. } => ("refused by the Runner", Tone::Bad),
        RunRequestState::Expired { .. } => ("not taken in time", Tone::Warn),
    }
}

/// Where a run stands that has no result yet.
pub(crate) const fn running(stage: &RunningStage) -> (&'static str, Tone) {
    match stage {
        RunningStage::Waiting => ("waits for the Runner", Tone::Wait),
        RunningStage::Working { .. } => ("running", Tone::Info),
        RunningStage::Asking { .. } => ("waits for people", Tone::Wait),
    }
}

/// How far it is, where its Runner said so.
pub(crate) const fn step_now(row: &RunningRow) -> Option<&StepNow> {
    match &row.stage {
        RunningStage::Working { step: Some(now), .. } => Some(now),
        RunningStage::Working { step: None, .. } | RunningStage::Waiting | RunningStage::Asking { .. } => None,
    }
}

/// The page that follows it.
pub(crate) fn running_href(row: &RunningRow) -> Href {
    match (&row.stage, &row.request) {
        (RunningStage::Waiting | RunningStage::Working { step: None, .. }, Some((request, _))) => {
            path::request(request.id)
        }
        _ => row.run().map_or_else(path::runs, path::run),
    }
}

/// A framework by the name that people know; one that is not known here goes by its id.
pub(crate) fn framework(id: &str) -> &str {
    match id {
        "cis-v8" => "CIS Controls v8",
        "iso-27001-2022" => "ISO/IEC 27001:2022",
        "nist-800-53-r5" => "NIST SP 800-53 Rev. 5",
        "nist-csf-2.0" => "NIST CSF 2.0",
        "soc2-tsc" => "SOC 2 TSC",
        other => other,
    }
}

/// Controls by framework, each told once, numbers in their order: what a reader of one framework looks for stands
/// together.
pub(crate) fn controls(all: &[ControlRef]) -> Vec<(&str, Vec<&str>)> {
    let mut by_framework: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for of in all {
        by_framework.entry(&of.framework).or_default().push(&of.control);
    }
    for controls in by_framework.values_mut() {
        controls.sort_by_key(|control| natural(control));
        controls.dedup();
    }
    by_framework.into_iter().map(|(id, controls)| (framework(id), controls)).collect()
}

/// How an id is sorted: its numbers as numbers, so that `3.10` comes after `3.9`.
pub(crate) fn natural(id: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut rest = id;
    while !rest.is_empty() {
        let word = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(word);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(digits);
        // A number that is too long for one is sorted behind all others.
        parts.push((0, text.to_owned()));
        parts.push((number.parse().unwrap_or(if number.is_empty() { 0 } else { u64::MAX }), String::new()));
        rest = after;
    }
    parts
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
        assert_eq!(
            (rows(EvidenceForm::Blob, 1), rows(EvidenceForm::Blob, 3)),
            ("one file".into(), "a file in 3 pieces".into())
        );
    }

    #[test]
    fn a_request_whose_run_waits_for_people_says_so() {
        let (run, at) = (ids::RunId::NIL, clock::Timestamp::from_millis(0));
        let begun = RunRequestState::Begun { run, at };
        assert_eq!(request(&begun, true), ("waits for people", Tone::Wait));
        assert_eq!(request(&begun, false), ("under way", Tone::Info));
        assert_eq!(request(&RunRequestState::Ended { run, at, code: None }, true), ("ended", Tone::Good));
    }

    #[test]
    fn controls_are_told_once_and_their_frameworks_by_name() {
        let all =
            ["nist-800-53-r5 AC-10", "iso-27001-2022 A.5.15", "nist-800-53-r5 AC-2", "nist-800-53-r5 AC-2", "own 1"];
        let all: Vec<ControlRef> = all
            .iter()
            .map(|text| text.split_once(' ').unwrap())
            .map(|(framework, control)| ControlRef { framework: framework.into(), control: control.into() })
            .collect();
        assert_eq!(
            controls(&all),
            [
                ("ISO/IEC 27001:2022", vec!["A.5.15"]),
                ("NIST SP 800-53 Rev. 5", vec!["AC-2", "AC-10"]),
                ("own", vec!["1"])
            ]
        );
        let mut ids = ["11.2", "3.10", "3.9", "11.10", "A.5.2", "A.5.15", "99999999999999999999999", "4.1"];
        ids.sort_by_key(|id| natural(id));
        assert_eq!(ids, ["3.9", "3.10", "4.1", "11.2", "11.10", "99999999999999999999999", "A.5.2", "A.5.15"]);
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
