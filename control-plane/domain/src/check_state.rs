//! A check's present status at a Runner, since when, and since when it fails.

use clock::Timestamp;
use ids::{RunId, RunnerId};
use proof::text::Name;
use verdict::{Severity, Status};

/// The state of a check of a procedure at a Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckState {
    /// Where.
    pub runner: RunnerId,
    /// The procedure.
    pub procedure: Name,
    /// The check.
    pub check: Name,
    /// As of the newest complete run.
    pub status: Status,
    /// How much it weighs.
    pub severity: Severity,
    /// Since when it has that status.
    pub since: Timestamp,
    /// Since when it was not seen to hold: a check that could not be measured does not end a finding.
    pub failing_since: Option<Timestamp>,
    /// The run that says so.
    pub run: RunId,
    /// When that run ended.
    pub run_ended: Timestamp,
}

impl CheckState {
    /// The state after a run, given the one before. `now` carries the run's word in `status`, `severity`, `run` and
    /// `run_ended`; its `since` and `failing_since` are not looked at. `None` when the run says nothing new: it is older
    /// than the newest, or the check was skipped in it.
    pub fn after(previous: Option<&Self>, now: Self) -> Option<Self> {
        if now.status == Status::Skipped || previous.is_some_and(|previous| previous.run_ended > now.run_ended) {
            return None;
        }
        let since = previous.filter(|previous| previous.status == now.status).map_or(now.run_ended, |p| p.since);
        let open = previous.and_then(|previous| previous.failing_since);
        let failing_since = match now.status {
            Status::Fail | Status::Excepted => Some(open.unwrap_or(now.run_ended)),
            Status::Error | Status::Pending | Status::Skipped => open,
            Status::Pass | Status::NotApplicable => None,
        };
        Some(Self { since, failing_since, ..now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: Status, ended: i64) -> CheckState {
        let name: Name = "x".parse().unwrap();
        CheckState {
            runner: RunnerId::NIL,
            procedure: name.clone(),
            check: name,
            status,
            severity: Severity::High,
            since: Timestamp::EPOCH,
            failing_since: None,
            run: RunId::NIL,
            run_ended: Timestamp::from_millis(ended),
        }
    }

    #[test]
    fn a_finding_lasts_until_the_check_is_seen_to_hold() {
        let at = Timestamp::from_millis;
        let mut now = CheckState::after(None, state(Status::Pass, 1)).unwrap();
        assert_eq!((now.since, now.failing_since), (at(1), None));
        now = CheckState::after(Some(&now), state(Status::Fail, 2)).unwrap();
        assert_eq!((now.since, now.failing_since), (at(2), Some(at(2))));
        now = CheckState::after(Some(&now), state(Status::Error, 3)).unwrap();
        assert_eq!((now.since, now.failing_since), (at(3), Some(at(2))));
        now = CheckState::after(Some(&now), state(Status::Fail, 4)).unwrap();
        assert_eq!((now.since, now.failing_since), (at(4), Some(at(2))));
        assert_eq!(CheckState::after(Some(&now), state(Status::Pass, 3)), None);
        assert_eq!(CheckState::after(Some(&now), state(Status::Skipped, 5)), None);
        now = CheckState::after(Some(&now), state(Status::Pass, 5)).unwrap();
        assert_eq!((now.since, now.failing_since), (at(5), None));
    }
}
