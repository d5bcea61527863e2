//! Results for the samples of pages: ordinary ones, none, and such as a Runner would make that means no good.

use std::time::Duration;

use clock::Timestamp;
use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit_log::AuditRef;
use control_plane_domain::check_state::CheckState;
use control_plane_domain::procedure::{InstalledProcedure, MissedDue, ScheduleDue};
use control_plane_domain::run::RunSummary;
use control_plane_domain::run_request::{RunRequest, RunRequestState};
use control_plane_domain::standing::{
    ChangeKind, DayTally, PreviousRun, ProcedureState, ResultChange, SeverityCounts, VerdictCounts,
};
use control_plane_operations::console::*;
use crypto::Digest;
use ids::{AlarmId, PersonId, RequestId, RunId, RunnerId};
use proof::manifest::ProcedureVersion;
use proof::text::{FreeText, Name};
use verdict::{Counts, EvidenceClass, Severity, Status, Trigger};

use crate::console::sample::{HOSTILE, hostile_text};

const NOW: i64 = 1_795_000_000_000;

/// A time before or after now.
pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(NOW + ms)
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn text(text: &str) -> FreeText {
    text.parse().unwrap()
}

/// A word without a place to break it, longer than any screen is wide.
pub(crate) fn long_word() -> String {
    "w".repeat(400)
}

pub(crate) fn run_id(number: u8) -> RunId {
    RunId::from_parts(NOW as u64, [number; 10])
}

pub(crate) fn runner() -> AtRunner {
    AtRunner { id: RunnerId::from_parts(NOW as u64, [1; 10]), label: text("warehouse") }
}

pub(crate) fn hostile_runner() -> AtRunner {
    AtRunner { label: hostile_text(), ..runner() }
}

pub(crate) fn person() -> PersonRef {
    PersonRef { id: PersonId::from_parts(NOW as u64, [3; 10]), name: Some(hostile_text()) }
}

pub(crate) fn digest() -> Digest {
    Digest::from_bytes([4; 32])
}

pub(crate) fn severities() -> SeverityCounts {
    SeverityCounts { critical: 1, high: 2, medium: 0, low: 1, info: 0 }
}

pub(crate) fn choices() -> Choices {
    Choices {
        runners: vec![runner(), hostile_runner()],
        more_runners: true,
        procedures: vec![ProcedureChoice { id: name("access-review"), title: hostile_text() }],
        more_procedures: false,
    }
}

pub(crate) fn controls() -> Vec<ControlRef> {
    let control = |framework: &str, control: &str| ControlRef { framework: framework.into(), control: control.into() };
    vec![control("iso-27001-2022", "A.5.15"), control("nist-800-53-r5", "AC-2(3)")]
}

pub(crate) fn hostile_controls() -> Vec<ControlRef> {
    vec![ControlRef { framework: HOSTILE.to_owned(), control: long_word() }]
}

pub(crate) fn counts() -> Counts {
    Counts { pass: 12, fail: 3, error: 1, pending: 0, not_applicable: 2, excepted: 1 }
}

pub(crate) fn summary(number: u8, verdict: Status) -> RunSummary {
    RunSummary {
        id: run_id(number),
        runner: runner().id,
        procedure: ProcedureVersion { id: name("access-review"), version: 3, sha256: digest() },
        trigger: Trigger::Schedule,
        due: Some(at(-4_000_000)),
        started: at(-3_600_000),
        ended: at(-3_500_000),
        verdict,
        score: (verdict != Status::Pending).then_some(7_500),
        score_with_exceptions: (verdict != Status::Pending).then_some(8_000),
        counts: counts(),
        partial: false,
        software: "proctor-runner 0.1.0".parse().unwrap(),
        seq: 17,
        reports: 1,
        accepted: at(-3_400_000),
    }
}

pub(crate) fn run_rows() -> Vec<RunRow> {
    let row = |(number, verdict): (u8, &Status)| RunRow {
        run: RunSummary { partial: number == 2, ..summary(number, *verdict) },
        runner: runner(),
        title: (number != 3).then(|| text("Quarterly access review")),
    };
    (1..).zip(Status::ALL).map(row).collect()
}

pub(crate) fn hostile_run_rows() -> Vec<RunRow> {
    let software = "<script>alert(1)</script>".parse().unwrap();
    let procedure = ProcedureVersion { id: name(&"w".repeat(64)), version: u64::MAX, sha256: digest() };
    let counts = Counts { pass: u64::MAX, ..counts() };
    let run = RunSummary { software, procedure, counts, score: Some(u64::MAX), ..summary(1, Status::Fail) };
    vec![RunRow { run, runner: hostile_runner(), title: Some(hostile_text()) }]
}

pub(crate) fn request() -> RunRequest {
    RunRequest {
        id: RequestId::from_parts(NOW as u64, [6; 10]),
        runner: runner().id,
        procedure: digest(),
        person: person().id,
        requested: at(-60_000),
        expires: at(3_540_000),
        audit: AuditRef { seq: 40, hash: Digest::ZERO },
        state: RunRequestState::Waiting,
    }
}

pub(crate) fn step_now() -> StepNow {
    StepNow {
        began: at(-90_000),
        step: Some(name("fetch")),
        title: Some("<b>Fetch</b>".into()),
        done: 2,
        steps: 7,
        heard: at(-1),
    }
}

/// A run that was due and is worked at.
pub(crate) fn working(step: Option<StepNow>) -> RunningRow {
    let choice = ProcedureChoice { id: name("access-review"), title: text("Quarterly access review") };
    let stage = RunningStage::Working { run: run_id(8), step };
    RunningRow { stage, runner: runner(), digest: digest(), procedure: Some(choice), request: None }
}

pub(crate) fn running() -> Vec<RunningRow> {
    let choice = ProcedureChoice { id: name("access-review"), title: hostile_text() };
    let begun = RunRequest { state: RunRequestState::Begun { run: run_id(9), at: at(-1) }, ..request() };
    let nobody = PersonRef { name: None, ..person() };
    vec![
        working(Some(step_now())),
        RunningRow {
            stage: RunningStage::Waiting,
            runner: runner(),
            digest: digest(),
            procedure: Some(choice),
            request: Some((request(), person())),
        },
        RunningRow {
            stage: RunningStage::Asking { run: run_id(9) },
            runner: hostile_runner(),
            digest: digest(),
            procedure: None,
            request: Some((begun, nobody)),
        },
    ]
}

pub(crate) fn installed() -> InstalledProcedure {
    InstalledProcedure {
        runner: runner().id,
        id: name("access-review"),
        version: 3,
        digest: digest(),
        title: text("Quarterly access review"),
        notation: name("md"),
        approved: at(-86_400_000),
        schedule: Some(text("quarter")),
        time_zone: Some(text("UTC")),
        has_source: true,
        reported: at(-60_000),
    }
}

pub(crate) fn state() -> ProcedureState {
    let previous = PreviousRun { run: run_id(8), verdict: Status::Pass, score: Some(10_000), ended: at(-90_000_000) };
    ProcedureState {
        runner: runner().id,
        procedure: name("access-review"),
        version: 3,
        digest: digest(),
        run: run_id(1),
        started: at(-3_600_000),
        ended: at(-3_500_000),
        verdict: Status::Fail,
        score: Some(7_500),
        score_with_exceptions: Some(8_000),
        since: at(-3_500_000),
        changed_from: Some(Status::Pass),
        previous: Some(previous),
    }
}

pub(crate) fn due() -> ScheduleDue {
    ScheduleDue {
        runner: runner().id,
        procedure: name("access-review"),
        next_due: at(86_400_000),
        reported: at(-60_000),
        overdue_since: Some(at(-7_200_000)),
    }
}

pub(crate) fn missed() -> Vec<MissedDue> {
    let missed = |reason: &str| MissedDue {
        runner: runner().id,
        procedure: name("access-review"),
        due: at(-7_000_000),
        reason: name(reason),
        seq: 12,
    };
    vec![missed("stopped"), missed("something-new")]
}

pub(crate) fn procedure_rows() -> Vec<ProcedureRow> {
    let recent: Vec<PreviousRun> = Status::ALL
        .iter()
        .map(|verdict| PreviousRun { run: run_id(8), verdict: *verdict, score: Some(9_000), ended: at(-90_000_000) })
        .collect();
    let row = ProcedureRow { installed: installed(), runner: runner(), last: Some(state()), due: Some(due()), recent };
    let unscheduled = InstalledProcedure { schedule: None, time_zone: None, ..installed() };
    let new = ProcedureRow { installed: unscheduled, runner: runner(), last: None, due: None, recent: Vec::new() };
    vec![row, new]
}

pub(crate) fn hostile_procedure_rows() -> Vec<ProcedureRow> {
    let installed = InstalledProcedure {
        title: hostile_text(),
        schedule: Some(hostile_text()),
        time_zone: Some(hostile_text()),
        id: name(&"w".repeat(64)),
        ..installed()
    };
    let mut rows = procedure_rows();
    rows.truncate(1);
    rows.into_iter().map(|row| ProcedureRow { installed: installed.clone(), runner: hostile_runner(), ..row }).collect()
}

pub(crate) fn days() -> Vec<DayTally> {
    let day = |back: i64| DayTally {
        day: Timestamp::from_millis((NOW / 86_400_000 - back) * 86_400_000),
        runs: if back % 5 == 0 { 0 } else { 4 },
        verdicts: VerdictCounts { pass: 3, fail: 1, ..VerdictCounts::default() },
        scored: if back % 5 == 0 { 0 } else { 4 },
        score_sum: 36_000 - u64::try_from(back).unwrap() * 300,
    };
    (0..30).rev().map(day).collect()
}

pub(crate) fn check_state() -> CheckState {
    CheckState {
        runner: runner().id,
        procedure: name("access-review"),
        check: name("belongs_to_somebody"),
        status: Status::Fail,
        severity: Severity::Critical,
        since: at(-3_500_000),
        failing_since: Some(at(-900_000_000)),
        run: run_id(1),
        run_ended: at(-3_500_000),
    }
}

pub(crate) fn sop() -> Sop {
    let question = SopQuestion {
        ask: Some("application-owner".into()),
        questions: vec!["Does this person still need this access?".into()],
        answers: vec!["keep".into(), "revoke".into()],
        due: Some("14d".into()),
    };
    let step = SopStep {
        id: "review".into(),
        title: "The application's owner keeps or revokes the access".into(),
        description: Some("Nobody decides about their own account.\n\nSecond paragraph.".into()),
        connector: "attest",
        via: Some("app".into()),
        changes: Some("removes a test account".into()),
        repeats_over: Some("sample.accounts".into()),
        timeout: Duration::from_secs(60),
        retry: 3,
        wait: Some(Duration::from_secs(604_800)),
        class: EvidenceClass::Personal,
        drops: vec!["salary".into(), "iban".into()],
        is_finally: true,
        question: Some(question),
        arguments: "{\n  \"ask\": \"application-owner\"\n}".into(),
    };
    let check = SopCheck {
        id: "belongs_to_somebody".into(),
        title: "The account belongs to a person whom HR lists as active".into(),
        severity: Severity::Critical,
        assertion: "lower(item.userName) in facts.active_people".into(),
        repeats_over: Some("population.accounts".into()),
        when: Some("item.active".into()),
        not_applicable: Some("the account is closed".into()),
        fix: Some("Disable the account today.".into()),
        controls: controls(),
        now: Some(check_state()),
    };
    Sop {
        id: "access-review".into(),
        version: 3,
        title: "Quarterly access review".into(),
        purpose: "Shows that every active account belongs to somebody.".into(),
        owner: "application-owners".into(),
        controls: vec![FrameworkControls { framework: "iso-27001-2022".into(), controls: vec!["A.5.15".into()] }],
        schedule: Some(SopSchedule {
            every: "quarter".into(),
            time_zone: None,
            due: Some(Duration::from_secs(2_592_000)),
        }),
        retention: "audit",
        retention_days: 1_095,
        inputs: vec![SopInput {
            name: "people_csv".into(),
            kind: "path".into(),
            default: Some("3".into()),
            question: Some("HR's export".into()),
        }],
        connections: vec![SopConnection {
            name: "app".into(),
            kind: "http".into(),
            changes: false,
            purpose: Some("SCIM".into()),
        }],
        steps: vec![step.clone(), SopStep { question: None, changes: None, is_finally: false, ..step }],
        populations: vec![SopPopulation {
            name: "accounts".into(),
            title: "Every active account".into(),
            from: "steps.users.body.Resources".into(),
            proven_by: vec!["size(a) == b".into()],
            sample: Some(25),
            always: Some("has(item.groups)".into()),
        }],
        checks: vec![check.clone(), SopCheck { now: None, fix: None, ..check }],
        metrics: vec![SopMetric { name: "accounts".into(), value: "size(population.accounts)".into() }],
        notes: Some("A note.".into()),
        source: b"schema: procedure/v1\n".to_vec(),
        notation: "yaml",
    }
}

pub(crate) fn procedure_page() -> ProcedurePage {
    ProcedurePage {
        installed: Some(installed()),
        runner: runner(),
        digest: digest(),
        id: Some(name("access-review")),
        last: Some(state()),
        due: Some(due()),
        missed: missed(),
        recent: run_rows().into_iter().map(|row| row.run).collect(),
        trend: days(),
        elsewhere: vec![InstalledElsewhere { runner: hostile_runner(), version: 2, digest: digest(), is_same: false }],
        text: SopText::Readable(Box::new(sop())),
        can_request: true,
    }
}

pub(crate) fn hostile_procedure_page() -> ProcedurePage {
    let bad = || format!("{HOSTILE} {}", long_word());
    let mut sop = sop();
    (sop.title, sop.purpose, sop.owner, sop.notes) = (bad(), bad(), bad(), Some(bad()));
    sop.controls = vec![FrameworkControls { framework: bad(), controls: vec![bad(), bad()] }];
    for step in &mut sop.steps {
        (step.id, step.title, step.arguments) = (bad(), bad(), bad());
        (step.description, step.via, step.changes, step.repeats_over) =
            (Some(bad()), Some(bad()), Some(bad()), Some(bad()));
        step.drops = vec![bad()];
        step.question =
            Some(SopQuestion { ask: Some(bad()), questions: vec![bad()], answers: vec![bad()], due: Some(bad()) });
    }
    for check in &mut sop.checks {
        (check.id, check.title, check.assertion) = (bad(), bad(), bad());
        (check.fix, check.when, check.not_applicable) = (Some(bad()), Some(bad()), Some(bad()));
        check.controls = hostile_controls();
    }
    for population in &mut sop.populations {
        (population.title, population.from, population.proven_by) = (bad(), bad(), vec![bad()]);
    }
    (sop.inputs[0].question, sop.inputs[0].default, sop.connections[0].purpose) =
        (Some(bad()), Some(bad()), Some(bad()));
    sop.metrics = vec![SopMetric { name: bad(), value: bad() }];
    sop.source = [HOSTILE.as_bytes(), &vec![b'<'; 300 * 1024]].concat();
    let installed = InstalledProcedure { title: hostile_text(), schedule: Some(hostile_text()), ..installed() };
    let text = SopText::Readable(Box::new(sop));
    ProcedurePage { installed: Some(installed), runner: hostile_runner(), text, ..procedure_page() }
}

pub(crate) fn changes() -> Vec<ChangeRow> {
    let change = ResultChange {
        at: at(-3_400_000),
        runner: runner().id,
        seq: 17,
        place: 0,
        kind: ChangeKind::Verdict,
        procedure: name("access-review"),
        check: None,
        severity: None,
        before: None,
        status: Status::Fail,
        failing_since: None,
        run: run_id(1),
        run_ended: at(-3_500_000),
    };
    let opened = ResultChange {
        kind: ChangeKind::Opened,
        check: Some(name("belongs_to_somebody")),
        severity: Some(Severity::Critical),
        before: Some(Status::Pass),
        failing_since: Some(at(-3_500_000)),
        ..change.clone()
    };
    let closed = ResultChange { kind: ChangeKind::Closed, status: Status::Pass, ..opened.clone() };
    let row = |change: ResultChange, runner| ChangeRow {
        check_title: change.check.as_ref().map(|_| "The account belongs to a person".to_owned()),
        change,
        runner,
        title: Some(hostile_text()),
        digest: Some(digest()),
    };
    vec![row(change, runner()), row(opened, hostile_runner()), row(closed, runner())]
}

pub(crate) fn alarm() -> AlarmRow {
    AlarmRow { title: Some("Quarterly access review".parse().unwrap()), digest: Some(digest()), alarm: bare_alarm() }
}

pub(crate) fn bare_alarm() -> Alarm {
    Alarm {
        id: AlarmId::from_parts(NOW as u64, [7; 10]),
        kind: AlarmKind::Overdue,
        runner: Some(runner().id),
        subject: Some(name("access-review")),
        opened: at(-3_000_000),
        evidence: None,
        acknowledged: None,
    }
}

pub(crate) fn finding_rows() -> Vec<FindingRow> {
    let row = FindingRow {
        state: check_state(),
        runner: runner(),
        procedure_title: Some("Quarterly access review".to_owned()),
        digest: Some(digest()),
        title: Some("The account belongs to a person whom HR lists as active".to_owned()),
        fix: Some("Disable the account today.".to_owned()),
        controls: controls(),
        own: Vec::new(),
    };
    let bare =
        FindingRow { procedure_title: None, digest: None, title: None, fix: None, controls: Vec::new(), ..row.clone() };
    vec![row, bare]
}

pub(crate) fn hostile_finding_rows() -> Vec<FindingRow> {
    let row = FindingRow {
        runner: hostile_runner(),
        procedure_title: Some(HOSTILE.to_owned()),
        title: Some(HOSTILE.to_owned()),
        fix: Some(format!("{HOSTILE} {}", long_word())),
        controls: hostile_controls(),
        ..finding_rows().remove(0)
    };
    vec![row]
}

pub(crate) use super::sample_overview::*;
pub(crate) use super::sample_run::*;
