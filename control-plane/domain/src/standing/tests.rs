use proof::manifest::ProcedureVersion;
use verdict::{Counts, Trigger};

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn run(n: u8, verdict: Status, ended: i64) -> RunSummary {
    RunSummary {
        id: RunId::from_parts(1, [n; 10]),
        runner: RunnerId::NIL,
        procedure: ProcedureVersion { id: "x".parse().unwrap(), version: u64::from(n), sha256: Digest::ZERO },
        trigger: Trigger::Schedule,
        due: None,
        started: at(ended - 1),
        ended: at(ended),
        verdict,
        score: Some(u64::from(n)),
        score_with_exceptions: None,
        counts: Counts::default(),
        partial: false,
        software: "proctor-runner 0.1.0".parse().unwrap(),
        seq: u64::from(n),
        reports: 1,
        accepted: at(ended + 1),
    }
}

#[test]
fn a_verdict_is_known_with_the_one_before_and_since_when() {
    let first = ProcedureState::after(None, &run(1, Status::Pass, 10)).unwrap();
    assert_eq!((first.verdict, first.since, first.changed_from, first.previous), (Status::Pass, at(10), None, None));
    let again = ProcedureState::after(Some(&first), &run(2, Status::Pass, 20)).unwrap();
    assert_eq!((again.since, again.changed_from, again.ended), (at(10), None, at(20)));
    assert_eq!(again.previous.map(|run| (run.run, run.score)), Some((first.run, Some(1))));
    let failed = ProcedureState::after(Some(&again), &run(3, Status::Fail, 30)).unwrap();
    assert_eq!((failed.since, failed.changed_from), (at(30), Some(Status::Pass)));
    let still = ProcedureState::after(Some(&failed), &run(4, Status::Fail, 40)).unwrap();
    assert_eq!((still.since, still.changed_from), (at(30), Some(Status::Pass)));
    assert_eq!(still.previous.map(|run| run.verdict), Some(Status::Fail));
}

#[test]
fn late_and_partial_runs_change_nothing() {
    let now = ProcedureState::after(None, &run(1, Status::Pass, 10)).unwrap();
    assert_eq!(ProcedureState::after(Some(&now), &run(2, Status::Fail, 9)), None);
    assert_eq!(ProcedureState::after(Some(&now), &RunSummary { partial: true, ..run(2, Status::Fail, 20) }), None);
}

#[test]
fn a_run_that_waited_is_not_its_own_predecessor() {
    let before = ProcedureState::after(None, &run(1, Status::Fail, 10)).unwrap();
    let waiting = ProcedureState::after(Some(&before), &run(2, Status::Pending, 20)).unwrap();
    let done = ProcedureState::after(Some(&waiting), &run(2, Status::Pass, 30)).unwrap();
    assert_eq!(done.previous.map(|run| run.run), Some(before.run));
    assert_eq!((done.since, done.changed_from), (at(30), Some(Status::Pending)));
}

#[test]
fn changes_are_first_words_and_other_words() {
    let first = ProcedureState::after(None, &run(1, Status::Pass, 10)).unwrap();
    let change = ResultChange::of_procedure(None, &first, at(11), 4).unwrap();
    assert_eq!((change.before, change.status, change.at, change.seq), (None, Status::Pass, at(11), 4));
    let same = ProcedureState::after(Some(&first), &run(2, Status::Pass, 20)).unwrap();
    assert_eq!(ResultChange::of_procedure(Some(&first), &same, at(21), 5), None);
    let other = ProcedureState::after(Some(&same), &run(3, Status::Error, 30)).unwrap();
    let change = ResultChange::of_procedure(Some(&same), &other, at(31), 6).unwrap();
    assert_eq!((change.kind, change.before, change.status), (ChangeKind::Verdict, Some(Status::Pass), Status::Error));
}

#[test]
fn a_finding_opens_and_closes_once() {
    let state = |status, failing_since: Option<i64>, ended| CheckState {
        runner: RunnerId::NIL,
        procedure: "x".parse().unwrap(),
        check: "y".parse().unwrap(),
        status,
        severity: Severity::High,
        since: at(ended),
        failing_since: failing_since.map(at),
        run: RunId::NIL,
        run_ended: at(ended),
    };
    let (failed, error, passed) =
        (state(Status::Fail, Some(5), 5), state(Status::Error, Some(5), 6), state(Status::Pass, None, 7));
    let opened = ResultChange::of_check(None, &failed, at(9), 1).unwrap();
    assert_eq!((opened.kind, opened.failing_since, opened.before), (ChangeKind::Opened, Some(at(5)), None));
    assert_eq!(ResultChange::of_check(Some(&failed), &error, at(9), 1), None, "not measured: still open");
    let closed = ResultChange::of_check(Some(&error), &passed, at(9), 1).unwrap();
    assert_eq!(
        (closed.kind, closed.failing_since, closed.before),
        (ChangeKind::Closed, Some(at(5)), Some(Status::Error))
    );
    assert_eq!(ResultChange::of_check(None, &passed, at(9), 1), None);
}

#[test]
fn counts_add_up() {
    let mut verdicts = VerdictCounts::default();
    for (status, number) in Status::ALL.iter().zip(1..) {
        verdicts = verdicts.with(*status, number);
        assert_eq!(verdicts.of(*status), if *status == Status::Skipped { 0 } else { number });
    }
    assert_eq!(verdicts.total(), (1..=6).sum::<u64>());
    let mut severities = SeverityCounts::default();
    for (severity, number) in Severity::ALL.iter().zip(1..) {
        severities = severities.with(*severity, number);
        assert_eq!(severities.of(*severity), number);
    }
    assert_eq!(severities.total(), 15);
    let day = DayTally { scored: 2, score_sum: 15_001, ..DayTally::empty(at(0)) };
    assert_eq!((day.mean_score(), DayTally::empty(at(0)).mean_score()), (Some(7_500), None));
}
