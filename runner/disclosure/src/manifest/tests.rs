use super::*;
use procedure::Notation;
use proof::commitment::Commitment;
use verdict::{EvidenceClass, EvidenceForm, Severity, StepStatus};

const TEXT: &str = "schema: procedure/v1
id: demo
version: 1
title: Demo
purpose: Shows it.
owner: ops
retention: operational
steps:
  - id: hosts
    title: Read it
    use: file
    with: { path: /etc/hosts, content: text }
checks:
  - id: present
    title: It is there
    assert: steps.hosts.exists
    severity: high
metrics:
  lines: size(steps.hosts.content)
";

fn procedure() -> Procedure {
    procedure::read(TEXT.as_bytes(), Notation::Yaml).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn facts() -> Facts {
    let counts = Counts { pass: 1, ..Counts::default() };
    let started = at("2026-11-21T20:11:36.097Z");
    let ended = at("2026-11-21T20:11:36.200Z");
    let commitment = Commitment { rows: 3, root: procedure().digest() };
    let item = ItemRecord {
        item: "019aa7f0-0000-7000-8000-000000000004".parse().unwrap(),
        form: EvidenceForm::Blob,
        class: EvidenceClass::Internal,
        collected: ended,
        commitment,
    };
    let fact = StepFact { status: StepStatus::Ok, code: None, attempts: 1, started: Some(started), ended: Some(ended) };
    Facts {
        run: RunFact {
            run: "019aa7f0-0000-7000-8000-000000000003".parse().unwrap(),
            tenant: TenantId::NIL,
            runner: "019aa7f0-0000-7000-8000-000000000002".parse().unwrap(),
            trigger: Trigger::Local,
            due: None,
            started,
            verdict: Status::Pass,
            score: Some(10_000),
            score_with_exceptions: Some(10_000),
            counts,
            partial: false,
        },
        steps: vec![StepReport { fact, items: vec![item] }],
        checks: vec![CheckFact { status: Status::Pass, counts, exceptions: Vec::new() }],
        metrics: vec![Some(7)],
    }
}

fn software() -> Software {
    "proctor-runner 0.1.0".parse().unwrap()
}

/// No fact can carry text: each is `Copy` (no `String`, no `Vec` of bytes) and `'static` (no borrowed text of a target).
#[test]
fn no_fact_can_hold_a_text() {
    fn holds_no_text<T: Copy + 'static>() {}
    holds_no_text::<RunFact>();
    holds_no_text::<StepFact>();
    holds_no_text::<MetricFact>();
    holds_no_text::<Status>();
    holds_no_text::<Counts>();
    holds_no_text::<ExceptionId>();
    holds_no_text::<Commitment>();
    let ItemRecord { item, form, class, collected, commitment } = facts().steps[0].items[0].clone();
    fn is_copy<T: Copy + 'static>(_: T) {}
    is_copy((item, form, class, collected, commitment));
}

/// Every string in a manifest is an id, a fixed word, a time, a digest, the software's name, or stands in the procedure.
#[test]
fn every_text_of_a_manifest_is_the_procedures_or_a_fixed_word() {
    let bytes = manifest(&procedure(), &software(), &facts(), Metrics::Listed).unwrap();
    let known = |text: &str| {
        TEXT.contains(text)
            || text.parse::<RunId>().is_ok()
            || text.parse::<Timestamp>().is_ok()
            || text.parse::<crypto::Digest>().is_ok()
            || text.parse::<Status>().is_ok()
            || text.parse::<StepStatus>().is_ok()
            || text.parse::<Severity>().is_ok()
            || text.parse::<Trigger>().is_ok()
            || text.parse::<EvidenceClass>().is_ok()
            || text.parse::<EvidenceForm>().is_ok()
            || ["run", "step", "item", "check", "metric"].contains(&text)
            || text == software().as_str()
    };
    fn texts(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => found.push(text.clone()),
            serde_json::Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
            serde_json::Value::Object(object) => object.values().for_each(|value| texts(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for line in std::str::from_utf8(&bytes).unwrap().lines() {
        texts(&serde_json::from_str(line).unwrap(), &mut found);
    }
    assert!(found.len() > 15);
    for text in found {
        assert!(known(&text), "{text:?}");
    }
}

#[test]
fn the_same_facts_give_the_same_bytes_and_they_read_back() {
    let bytes = manifest(&procedure(), &software(), &facts(), Metrics::Listed).unwrap();
    assert_eq!(bytes, manifest(&procedure(), &software(), &facts(), Metrics::Listed).unwrap());
    let read = proof::manifest::parse(&bytes).unwrap();
    assert_eq!((read.run.ended, read.metrics[0].value), (at("2026-11-21T20:11:36.200Z"), 7));
    let without = manifest(&procedure(), &software(), &facts(), Metrics::None).unwrap();
    assert!(proof::manifest::parse(&without).unwrap().metrics.is_empty());
}

#[test]
fn facts_of_another_procedure_or_that_contradict_each_other_are_refused() {
    let refused = |facts: &Facts| manifest(&procedure(), &software(), facts, Metrics::Listed).unwrap_err();
    let fewer = Facts { steps: Vec::new(), ..facts() };
    assert!(matches!(refused(&fewer), DisclosureError::OtherProcedure("steps")));
    let mut better = facts();
    better.run.score = Some(10_001);
    assert!(matches!(refused(&better), DisclosureError::Manifest(_)));
}

#[test]
fn a_step_that_has_not_begun_is_pending_as_of_the_report() {
    let mut waiting = facts();
    let fact = StepFact { status: StepStatus::Pending, code: None, attempts: 0, started: None, ended: None };
    waiting.steps = vec![StepReport { fact, items: Vec::new() }];
    let bytes = manifest(&procedure(), &software(), &waiting, Metrics::Listed).unwrap();
    let read = proof::manifest::parse(&bytes).unwrap();
    assert_eq!((read.steps[0].started, read.run.ended), (waiting.run.started, waiting.run.started));
}
