//! Runs for the samples of pages, their comparison, and what they say of controls.

use control_plane_domain::drilldown::DrillDownWord;
use control_plane_domain::scope::ScopedControl;
use control_plane_domain::standing::Word;
use control_plane_operations::console::*;
use crypto::Digest;
use ids::{ExceptionId, ItemId, RequestId};
use proof::manifest::{CheckLine, ItemLine, MetricLine, StepLine};
use verdict::{Code, Counts, EvidenceClass, EvidenceForm, Severity, Status, StepStatus};

use super::sample::{
    at, check_state, controls, counts, digest, hostile_controls, hostile_runner, long_word, name, person, run_id,
    runner, summary,
};
use crate::console::sample::HOSTILE;

fn check(id: &str, status: Status, severity: Severity) -> RunCheck {
    RunCheck {
        line: CheckLine {
            check: name(id),
            status,
            severity,
            counts: counts(),
            exceptions: if status == Status::Excepted { vec![ExceptionId::from_parts(1, [9; 10])] } else { Vec::new() },
        },
        title: Some(format!("What {id} says")),
        fix: Some("Disable the account today.".to_owned()),
        not_applicable: Some("nobody joined".to_owned()),
        controls: match status {
            Status::Pass => vec![ControlRef { framework: "soc2-tsc".to_owned(), control: "CC6.2".to_owned() }],
            _ => controls(),
        },
        own: vec![ControlRef { framework: "cis-v8".to_owned(), control: "5.1".to_owned() }],
        failing_since: (status == Status::Fail).then(|| at(-900_000_000)),
        now: (status == Status::Error).then(check_state),
    }
}

pub(crate) fn proof() -> RunProof {
    RunProof {
        record: JournalRef { seq: 17, hash: digest(), at: at(-3_500_000) },
        manifest_sha256: digest(),
        attestation_sha256: Digest::from_bytes([5; 32]),
        runner_key: Digest::from_bytes([6; 32]),
        fingerprint: Digest::from_bytes([7; 32]),
        witness: WitnessState::Covered(CoveredBy {
            size: 20,
            root: Digest::from_bytes([8; 32]),
            origin: HOSTILE.to_owned(),
            runner_signed: true,
            control_plane: Some(at(-3_000_000)),
            others: 1,
            kept: at(-3_000_000),
            audit_kept: Some(KeptAudit { size: 44, at: at(-2_900_000) }),
        }),
    }
}

fn step(id: &str, status: StepStatus, code: Option<Code>) -> RunStep {
    RunStep {
        line: StepLine { step: name(id), status, code, attempts: 2, started: at(-3_600_000), ended: at(-3_590_000) },
        title: Some("Read the people list of HR".to_owned()),
        is_finally: status == StepStatus::Skipped,
    }
}

fn item(number: u8) -> RunEvidence {
    RunEvidence {
        line: ItemLine {
            item: ItemId::from_parts(1, [number; 10]),
            step: name("people"),
            form: if number.is_multiple_of(2) { EvidenceForm::Rows } else { EvidenceForm::Blob },
            class: EvidenceClass::Personal,
            collected: at(-3_595_000),
            rows: 1_234,
            root: digest(),
        },
        step_title: Some("Read the people list of HR".to_owned()),
        destroyed: (number == 2).then(|| Destroyed { seq: 30, at: at(-100_000) }),
    }
}

pub(crate) fn run_page(verdict: Status) -> RunPage {
    let all = Status::ALL.iter().rev().map(|status| check(status.as_str(), *status, Severity::High));
    RunPage {
        run: summary(1, verdict),
        runner: runner(),
        source: Some(SourceRef {
            title: "Quarterly access review".into(),
            purpose: "Shows something.".into(),
            owner: "application-owners".into(),
        }),
        is_installed: true,
        can_rerun: true,
        steps: vec![
            step("people", StepStatus::Ok, None),
            step("users", StepStatus::Error, Some(Code::Timeout)),
            step("review", StepStatus::Pending, None),
            step("recheck", StepStatus::Skipped, None),
        ],
        checks: all.collect(),
        items: Some((1..4).map(item).collect()),
        all_items: 3,
        metrics: vec![MetricLine { metric: name("accounts"), value: -12_345 }],
        reports: vec![ReportLine { seq: 16, at: at(-3_450_000) }, ReportLine { seq: 17, at: at(-3_400_000) }],
        requested: Some(RequestedBy { request: RequestId::from_parts(1, [6; 10]), by: person(), at: at(-3_700_000) }),
        previous: Some(Neighbour { run: run_id(8), verdict: Status::Pass, started: at(-90_000_000) }),
        next: Some(Neighbour { run: run_id(9), verdict: Status::NotApplicable, started: at(-1_000) }),
        drilldowns: Some(vec![DrillDownLine {
            request: RequestId::from_parts(1, [5; 10]),
            by: PersonRef { name: None, ..person() },
            requested: at(-900_000),
            state: *DrillDownWord::ALL.first().unwrap(),
        }]),
        proof: proof(),
    }
}

pub(crate) fn hostile_run_page() -> RunPage {
    let bad = || format!("{HOSTILE} {}", long_word());
    let mut page = run_page(Status::Fail);
    page.runner = hostile_runner();
    page.source = Some(SourceRef { title: bad(), purpose: bad(), owner: bad() });
    for check in &mut page.checks {
        (check.title, check.fix, check.not_applicable) = (Some(bad()), Some(bad()), Some(bad()));
        check.controls = hostile_controls();
        check.line.counts = Counts { pass: u64::MAX, fail: u64::MAX, error: u64::MAX, ..check.line.counts };
    }
    page.steps.iter_mut().for_each(|step| step.title = Some(bad()));
    page.items.iter_mut().flatten().for_each(|item| item.step_title = Some(bad()));
    page.run.software = "<script>alert(1)</script>".parse().unwrap();
    page
}

/// One with ten thousand checks and the first part of a thousand items.
pub(crate) fn large_run_page() -> RunPage {
    let checks = (0..10_000).map(|number| check(&format!("check-{number}"), Status::Pass, Severity::Low));
    RunPage {
        checks: checks.collect(),
        items: Some((0..200).map(item).collect()),
        all_items: 1_000,
        ..run_page(Status::Pass)
    }
}

pub(crate) fn comparison() -> Comparison {
    let line = |status| CheckLine { status, ..check("x", Status::Pass, Severity::High).line };
    let difference = |id: &str, kind, before: Option<Status>, after: Option<Status>| CheckDifference {
        check: name(id),
        title: Some(format!("What {id} says")),
        fix: Some("Disable the account today.".to_owned()),
        kind,
        before: before.map(line),
        after: after.map(line),
    };
    let (pass, fail) = (Some(Status::Pass), Some(Status::Fail));
    Comparison {
        before: summary(8, Status::Pass),
        after: summary(1, Status::Fail),
        before_runner: runner(),
        after_runner: hostile_runner(),
        title: Some("Quarterly access review".to_owned()),
        digest_changed: true,
        checks: vec![
            difference("a", Difference::Worse, pass, fail),
            difference("b", Difference::Appeared, None, fail),
            difference("c", Difference::Better, fail, pass),
            difference("d", Difference::Same, pass, pass),
            difference("e", Difference::Same, fail, fail),
        ],
        metrics: vec![
            MetricDifference { metric: name("accounts"), before: Some(12), after: Some(1_500) },
            MetricDifference { metric: name("revoked"), before: None, after: Some(-3) },
        ],
        counts: DifferenceCounts { appeared: 1, gone: 0, better: 1, worse: 1, changed: 0, same: 2 },
    }
}

pub(crate) fn empty_comparison() -> Comparison {
    let (checks, metrics, counts) = (Vec::new(), Vec::new(), DifferenceCounts::default());
    Comparison { checks, metrics, counts, title: None, digest_changed: false, ..comparison() }
}

pub(crate) fn hostile_comparison() -> Comparison {
    let mut hostile = comparison();
    hostile.title = Some(HOSTILE.to_owned());
    for check in &mut hostile.checks {
        (check.title, check.fix) = (Some(HOSTILE.to_owned()), Some(long_word()));
    }
    hostile
}

fn control(id: &str, state: CoverageState, checks: Vec<CoverageCheck>) -> ControlCoverage {
    let last = checks.iter().filter_map(|check| check.last.as_ref()).map(|proof| proof.at).max();
    ControlCoverage { control: id.to_owned(), title: None, in_scope: None, state, checks, last }
}

fn coverage_check(status: Status) -> CoverageCheck {
    let proof = |number, status| Word { run: run_id(number), runner: runner().id, status, at: at(-3_500_000) };
    CoverageCheck {
        procedure: name("access-review"),
        procedure_title: "Quarterly access review".to_owned(),
        check: name("belongs_to_somebody"),
        title: "The account belongs to a person whom HR lists as active".to_owned(),
        severity: Severity::Critical,
        runners: control_plane_domain::standing::VerdictCounts { pass: 3, fail: 1, ..Default::default() },
        last: Some(proof(1, status)),
        last_pass: Some(proof(8, Status::Pass)),
        at: runner(),
        digest: digest(),
        is_stale: false,
    }
}

pub(crate) fn coverage() -> Coverage {
    let never = CoverageCheck { last: None, last_pass: None, ..coverage_check(Status::Pass) };
    let framework = |framework: &str| FrameworkCoverage {
        framework: framework.to_owned(),
        controls: vec![
            control("A.5.15", CoverageState::Proven, vec![coverage_check(Status::Pass); 5]),
            control("A.5.18", CoverageState::Failing, vec![coverage_check(Status::Fail)]),
            control("A.8.2", CoverageState::Excepted, vec![coverage_check(Status::Excepted)]),
            control("A.8.13", CoverageState::Unproven, vec![coverage_check(Status::Error)]),
            control("A.8.15", CoverageState::Gap, vec![never.clone()]),
            control("A.8.16", CoverageState::Uncovered, Vec::new()),
            control("A.8.17", CoverageState::Stale, vec![coverage_check(Status::Pass)]),
        ],
        counts: CoverageCounts { proven: 1, excepted: 1, failing: 1, unproven: 1, stale: 1, gap: 1, uncovered: 1 },
        scope: None,
    };
    let unread =
        |why| UnreadText { runner: hostile_runner(), procedure: Some(name("withheld")), digest: digest(), why };
    Coverage {
        frameworks: vec![framework("iso-27001-2022"), framework("soc2-tsc")],
        unread: vec![unread(Unread::Withheld), UnreadText { procedure: None, ..unread(Unread::Faulty) }],
        more: true,
    }
}

pub(crate) fn coverage_summary(whole: Coverage) -> CoverageSummary {
    let framework = |of: FrameworkCoverage| FrameworkSummary {
        controls: of.controls.iter().map(|control| (control.control.clone(), control.state)).collect(),
        framework: of.framework,
        counts: of.counts,
        scope: of.scope,
    };
    CoverageSummary {
        frameworks: whole.frameworks.into_iter().map(framework).collect(),
        unread: whole.unread,
        more: whole.more,
    }
}

pub(crate) fn scope() -> Scope {
    let control = |control: &str, title: Option<&str>| ScopedControl {
        control: control.to_owned(),
        title: title.map(|title| title.parse().unwrap()),
    };
    Scope {
        of: ScopeOf {
            framework: name("iso-27001-2022"),
            controls: 2,
            sha256: digest(),
            set: at(-3_500_000),
            by: person(),
        },
        controls: vec![control("A.5.15", Some("Who may do what")), control("A.5.16", None)],
    }
}

pub(crate) fn no_coverage() -> Coverage {
    Coverage { frameworks: Vec::new(), unread: Vec::new(), more: false }
}

pub(crate) fn hostile_coverage() -> Coverage {
    let mut hostile = coverage();
    for framework in &mut hostile.frameworks {
        framework.framework = HOSTILE.to_owned();
        for (place, control) in framework.controls.iter_mut().enumerate() {
            control.control = format!("{HOSTILE}{}{place}", long_word());
            for check in &mut control.checks {
                (check.title, check.procedure_title) = (HOSTILE.to_owned(), HOSTILE.to_owned());
            }
        }
    }
    hostile
}
