use std::collections::BTreeMap;

use ids::PersonId;
use serde_json::json;

use super::*;
use crate::{Check, Notation, read};

/// A procedure with these steps, facts, populations, checks and metrics.
fn procedure(body: &str) -> Procedure {
    let head = "schema: procedure/v1\nid: p\nversion: 1\ntitle: T\npurpose: P\nowner: o\n\
                inputs:\n  limit: { type: int, default: 3 }\n  window: { type: duration, default: 2d }\n\
                connections:\n  db: { type: sqlite, access: read-only }\n";
    read(format!("{head}{body}").as_bytes(), Notation::Yaml).unwrap_or_else(|faults| panic!("{faults}"))
}

/// Steps `a` and `b`, then `ask` for each row of `a`.
const STEPS: &str = "
steps:
  - { id: a, title: A, use: sql, via: db, with: { query: select } }
  - { id: b, title: B, use: sql, via: db, with: { query: select } }
  - id: ask
    title: Ask
    use: attest
    for_each: steps.a.rows
    key: item.id
    with: { ask: owner, question: Well, answers: [yes-please, never] }
  - { id: one, title: One, use: attest, with: { ask: owner, question: Well, answers: [yes-please, never] } }
";

fn world(steps: impl IntoIterator<Item = (&'static str, Collected)>) -> World {
    World {
        inputs: json!({"limit": 3, "window": "2d"}).as_object().unwrap().clone(),
        run: RunContext {
            id: "01JG7Z9W6Q8K4M2N5P7R9T1V3X".into(),
            at: "2026-11-21T12:00:00.000Z".parse().unwrap(),
            period_start: None,
            period_end: None,
            scratch: None,
        },
        steps: steps.into_iter().map(|(id, collected)| (id.to_owned(), collected)).collect::<BTreeMap<_, _>>(),
    }
}

fn rows(rows: Value) -> Collected {
    let count = rows.as_array().unwrap().len();
    Collected::One(Outcome::Value(json!({"rows": rows, "count": count})))
}

fn piece(key: &str, outcome: Outcome) -> Piece {
    Piece { key: key.into(), item: json!({"id": key, "grace": key == "new"}), outcome }
}

fn answer(text: &str) -> Outcome {
    Outcome::Value(json!({"answer": text, "by": "x", "at": "2026-11-21T12:00:00.000Z"}))
}

fn assessed(procedure: &Procedure, world: &World) -> Assessment {
    assess(procedure, world, &[], None).unwrap()
}

fn statuses(result: &CheckResult) -> Vec<(&str, Status, Option<Code>)> {
    result.items.iter().map(|item| (item.key.as_deref().unwrap_or(""), item.status, item.code)).collect()
}

/// The one item of a check without for_each, for each state of the step that it looks at.
#[test]
fn a_check_follows_the_step_that_it_refers_to() {
    let body = "checks:\n  - { id: c, title: C, severity: high, assert: steps.one.answer == 'yes-please' }\n";
    let procedure = procedure(&format!("{STEPS}{body}"));
    let rows = [
        (Collected::One(answer("yes-please")), Status::Pass, None),
        (Collected::One(answer("never")), Status::Fail, None),
        (Collected::One(Outcome::Pending), Status::Pending, None),
        (Collected::One(Outcome::Overdue), Status::Fail, Some(Code::Overdue)),
        (Collected::One(Outcome::Failed(Code::Timeout)), Status::Error, Some(Code::Dependency)),
        (Collected::One(Outcome::Skipped), Status::Error, Some(Code::Dependency)),
        (Collected::Failed(Code::MissingField), Status::Error, Some(Code::Dependency)),
        (Collected::NotReached, Status::Error, Some(Code::Dependency)),
        (Collected::One(Outcome::Value(json!({}))), Status::Error, Some(Code::MissingField)),
    ];
    for (collected, status, code) in rows {
        let what = format!("{collected:?}");
        let result = assessed(&procedure, &world([("one", collected)]));
        assert_eq!(statuses(&result.checks[0]), [("", status, code)], "{what}");
        assert_eq!((result.checks[0].status, result.verdict), (status, status), "{what}");
    }
    let result = assessed(&procedure, &world([]));
    assert_eq!(result.checks[0].items[0].code, Some(Code::Dependency));
}

#[test]
fn pieces_are_judged_one_by_one() {
    let body = "checks:
  - { id: c, title: C, severity: high, for_each: steps.ask, assert: out.answer == 'yes-please' }
  - id: w
    title: W
    severity: high
    for_each: steps.ask
    when: '!item.grace'
    na: New
    assert: out.answer == 'yes-please'
  - { id: o, title: O, severity: high, for_each: steps.ask, when: out.answer == 'never', na: Kept, assert: key == 'no' }
";
    let procedure = procedure(&format!("{STEPS}{body}"));
    let pieces = vec![
        piece("yes", answer("yes-please")),
        piece("no", answer("never")),
        piece("new", Outcome::Pending),
        piece("slow", Outcome::Pending),
        piece("late", Outcome::Overdue),
        piece("lost", Outcome::Failed(Code::Unreachable)),
    ];
    let result = assessed(&procedure, &world([("ask", Collected::Each(pieces))]));
    use Status::{Error, Fail, NotApplicable, Pass, Pending};
    assert_eq!(
        statuses(&result.checks[0]),
        [
            ("yes", Pass, None),
            ("no", Fail, None),
            ("new", Pending, None),
            ("slow", Pending, None),
            ("late", Fail, Some(Code::Overdue)),
            ("lost", Error, Some(Code::Unreachable)),
        ]
    );
    // A joiner within the grace period does not block the check.
    assert_eq!(statuses(&result.checks[1])[2], ("new", NotApplicable, None));
    assert_eq!(statuses(&result.checks[1])[3], ("slow", Pending, None));
    // `when` needs `out`, so where there is none the collection decides.
    assert_eq!(
        statuses(&result.checks[2]),
        [
            ("yes", NotApplicable, None),
            ("no", Pass, None),
            ("new", Pending, None),
            ("slow", Pending, None),
            ("late", Fail, Some(Code::Overdue)),
            ("lost", Error, Some(Code::Unreachable)),
        ]
    );
    assert_eq!(result.verdict, Fail);
    assert_eq!(result.score, None);
    assert_eq!(
        result.checks[0].counts,
        Counts { pass: 1, fail: 2, error: 1, pending: 2, not_applicable: 0, excepted: 0 }
    );
}

#[test]
fn failures_and_waits_go_through_facts_and_lists() {
    let body = "facts:
  n: size(steps.a.rows)
  both: facts.n + steps.one.answer.size()
  broken: steps.b.rows[0].nothing
checks:
  - { id: fact, title: C, severity: high, assert: facts.n > 0 }
  - { id: two, title: C, severity: high, assert: facts.both > 0 }
  - { id: list, title: C, severity: high, for_each: steps.a.rows, key: item.id, assert: 'true' }
  - { id: own, title: C, severity: high, assert: facts.broken == 1 }
  - { id: when, title: C, severity: high, when: inputs.limit > 3, na: Small, assert: facts.both > 0 }
metrics: { n: facts.n, both: facts.both }
";
    let procedure = procedure(&format!("{STEPS}{body}"));
    let status = |result: &Assessment| -> Vec<_> {
        result.checks.iter().map(|check| (check.status, check.items[0].code)).collect()
    };
    use Status::{Error, NotApplicable, Pass, Pending};
    let a = rows(json!([{"id": "x"}]));
    let waiting = assessed(
        &procedure,
        &world([("a", a.clone()), ("b", rows(json!([{}]))), ("one", Collected::One(Outcome::Pending))]),
    );
    let own = (Error, Some(Code::MissingField));
    assert_eq!(status(&waiting), [(Pass, None), (Pending, None), (Pass, None), own, (NotApplicable, None)]);
    assert_eq!(waiting.metrics[0].value, MetricValue::Value(1));
    assert_eq!(waiting.metrics[1].value, MetricValue::Pending);
    let failed = Collected::One(Outcome::Failed(Code::Auth));
    let failed = assessed(
        &procedure,
        &world([("a", failed), ("b", rows(json!([{}]))), ("one", Collected::One(Outcome::Pending))]),
    );
    let dependency = (Error, Some(Code::Dependency));
    // A failure is not hidden by a wait, nor by a `when` that would not apply.
    assert_eq!(status(&failed), [dependency, dependency, dependency, own, dependency]);
    assert!(matches!(&failed.metrics[0].value, MetricValue::Failed(failure) if failure.code == Code::Dependency));
}

const POPULATION: &str = "
populations:
  p:
    title: P
    from: steps.a.rows
    key: item.id
    complete: ['steps.a.count == steps.b.rows[0].n']
    sample: { size: 1, always: item.admin }
  none:
    title: None
    from: steps.a.rows.filter(r, r.id == '-')
    key: item.id
    complete: ['true']
    if_empty: not_applicable
  nobody:
    title: Nobody
    from: steps.a.rows.filter(r, r.id == '-')
    key: item.id
    complete: ['true']
checks:
  - { id: all, title: C, severity: high, for_each: population.p, assert: item.ok }
  - { id: some, title: C, severity: high, for_each: sample.p, assert: item.ok }
  - { id: whole, title: C, severity: high, assert: size(population.p) > 0 }
  - { id: none, title: C, severity: high, for_each: population.none, assert: item.ok }
  - { id: nobody, title: C, severity: high, for_each: population.nobody, assert: item.ok }
  - { id: rows, title: C, severity: high, for_each: steps.b.rows, key: string(item.n), assert: 'true' }
";

fn person(id: &str, ok: bool, admin: bool) -> Value {
    json!({"id": id, "ok": ok, "admin": admin})
}

#[test]
fn a_proven_population_is_checked_and_sampled() {
    let procedure = procedure(&format!("{STEPS}{POPULATION}"));
    let people = json!([person("a", true, false), person("b", false, true), person("c", true, false)]);
    let result = assessed(&procedure, &world([("a", rows(people)), ("b", rows(json!([{"n": 3}])))]));
    let PopulationState::Proven { size: 3, sample: Some(sample), .. } = &result.populations[0].state else {
        panic!("{:?}", result.populations[0]);
    };
    assert!(sample.keys.len() == 2 && sample.keys.contains(&"b".to_owned()), "{sample:?}");
    let codes: Vec<_> =
        result.checks.iter().map(|check| (check.status, check.items.len(), check.items[0].code)).collect();
    use Status::{Error, Fail, NotApplicable, Pass};
    let expected = [
        (Fail, 3, None),
        (Fail, 2, None),
        (Pass, 1, None),
        (NotApplicable, 1, None),
        (Error, 1, Some(Code::Empty)),
        (Pass, 1, None),
    ];
    assert_eq!(codes, expected);
    assert_eq!(result.checks[3].counts, Counts { not_applicable: 1, ..Counts::default() });
}

#[test]
fn an_unproven_population_is_an_error_everywhere() {
    let procedure = procedure(&format!("{STEPS}{POPULATION}"));
    let good = json!([person("a", true, false), person("b", true, false)]);
    for (what, people, n) in [
        ("count differs", good.clone(), json!([{"n": 3}])),
        ("count missing", good.clone(), json!([])),
        ("duplicate key", json!([person("a", true, false), person("a", true, false)]), json!([{"n": 2}])),
        ("missing key", json!([{"ok": true, "admin": false}]), json!([{"n": 1}])),
        ("key is a number", json!([{"id": 1, "ok": true, "admin": false}]), json!([{"n": 1}])),
        ("key is empty", json!([person("", true, false)]), json!([{"n": 1}])),
        ("always is no truth value", json!([{"id": "a", "ok": true, "admin": 1}]), json!([{"n": 1}])),
    ] {
        let result = assessed(&procedure, &world([("a", rows(people)), ("b", rows(n))]));
        for check in &result.checks[..3] {
            assert_eq!(statuses(check), [("", Status::Error, Some(Code::PopulationNotProven))], "{what}: {}", check.id);
        }
        let PopulationState::Failed(failure) = &result.populations[0].state else { panic!("{what}") };
        assert_eq!(failure.code, Code::PopulationNotProven, "{what}");
    }
    let result =
        assessed(&procedure, &world([("a", Collected::One(Outcome::Pending)), ("b", rows(json!([{"n": 1}])))]));
    assert_eq!(result.populations[0].state, PopulationState::Pending);
    assert_eq!(result.checks[0].status, Status::Pending);
    let result = assessed(&procedure, &world([("b", rows(json!([{"n": 1}])))]));
    assert_eq!(result.checks[0].items[0].code, Some(Code::Dependency));
}

#[test]
fn the_published_sample() {
    let keys: Vec<String> = (1..=12).map(|n| format!("user{n:02}")).collect();
    let digest = populations::digest(&keys);
    assert_eq!(digest.to_string(), "e751145b770c808a38c6121bc0e2cd713920970f1df806d7a889597c3d79a60a");
    let seed = populations::seed("01JG7Z9W6Q8K4M2N5P7R9T1V3X", "accounts", digest);
    assert_eq!(seed.to_string(), "9842806e5ce950d45c62d9adba7dca83605798004f7b4ed55f8c2ad08ad58710");
    let chosen = populations::choose(&keys, (0..12).collect(), seed, 4);
    let chosen: Vec<_> = chosen.into_iter().map(|index| keys[index].as_str()).collect();
    assert_eq!(chosen, ["user03", "user04", "user06", "user02"]);
    // The order of the list decides nothing.
    let mut reversed = keys.clone();
    reversed.reverse();
    assert_eq!(populations::digest(&reversed), digest);
    let again = populations::choose(&reversed, (0..12).collect(), seed, 4);
    assert_eq!(again.into_iter().map(|index| reversed[index].as_str()).collect::<Vec<_>>(), chosen);
}

fn exception(check: &Check, covers: Covers) -> Exception {
    Exception {
        id: ExceptionId::from_parts(1, [1; 10]),
        check: check.id.clone(),
        covers,
        check_digest: check_digest(check),
        requester: PersonId::from_parts(1, [2; 10]),
        approver: PersonId::from_parts(1, [3; 10]),
        approved: "2026-11-01T00:00:00.000Z".parse().unwrap(),
        expires: "2027-11-01T00:00:00.000Z".parse().unwrap(),
    }
}

#[test]
fn exceptions_cover_failing_items_and_nothing_else() {
    let body =
        "checks:\n  - { id: c, title: C, severity: high, for_each: steps.ask, assert: out.answer == 'yes-please' }\n";
    let procedure = procedure(&format!("{STEPS}{body}"));
    let check = &procedure.checks[0];
    let pieces = [("yes", answer("yes-please")), ("no", answer("never")), ("lost", Outcome::Failed(Code::Timeout))];
    let with = |count: usize| {
        let pieces = pieces.iter().take(count).map(|(key, outcome)| piece(key, outcome.clone())).collect();
        world([("ask", Collected::Each(pieces))])
    };
    let covers = |keys: &[&str]| Covers::Items(keys.iter().map(|key| (*key).to_owned()).collect());
    let run = |exception: Exception, count| assess(&procedure, &with(count), &[exception], None).unwrap();

    let result = run(exception(check, covers(&["no", "yes", "lost"])), 2);
    assert_eq!(result.verdict, Status::Excepted);
    assert_eq!((result.score, result.score_with_exceptions), (Some(5_000), Some(10_000)));
    let item = &result.checks[0].items[1];
    assert_eq!((item.status, item.excepted), (Status::Fail, Some(ExceptionId::from_parts(1, [1; 10]))));
    assert_eq!(result.checks[0].exceptions.len(), 1);
    assert_eq!(run(exception(check, Covers::WholeCheck), 2).verdict, Status::Excepted);
    // An error is never covered.
    assert_eq!(run(exception(check, Covers::WholeCheck), 3).verdict, Status::Error);
    // Another item is not covered, and the exception was not used.
    let other = run(exception(check, covers(&["yes"])), 2);
    assert_eq!((other.verdict, other.checks[0].exceptions.len()), (Status::Fail, 0));

    let at = |text: &str| text.parse().unwrap();
    let good = || exception(check, Covers::WholeCheck);
    let lapses = [
        (Exception { check_digest: Digest::ZERO, ..good() }, Lapse::CheckChanged),
        (Exception { requester: good().approver, ..good() }, Lapse::SelfApproved),
        (Exception { expires: at("2026-11-21T12:00:00.000Z"), ..good() }, Lapse::Expired),
        (Exception { approved: at("2026-11-21T12:00:00.001Z"), ..good() }, Lapse::NotYet),
        (Exception { expires: at("2027-11-01T00:00:00.001Z"), ..good() }, Lapse::TooLong),
    ];
    for (exception, lapse) in lapses {
        let result = run(exception.clone(), 2);
        assert_eq!(result.verdict, Status::Fail, "{lapse}");
        assert_eq!(result.lapsed, [(exception.id, lapse)]);
    }
}

#[test]
fn an_exception_is_bound_to_what_decides_the_check() {
    let with = |check: &str| check_digest(&procedure(&format!("{STEPS}checks:\n  - {check}\n")).checks[0]);
    let base = with("{ id: c, title: C, severity: high, assert: 'true' }");
    assert_eq!(base, with("{ id: c, title: Another, fix: More, severity: high, assert: 'true' }"));
    assert_ne!(base, with("{ id: c, title: C, severity: low, assert: 'true' }"));
    assert_ne!(base, with("{ id: c, title: C, severity: high, assert: 'false' }"));
    assert_ne!(base, with("{ id: c, title: C, severity: high, assert: 'true', when: 'true', na: N }"));
}

#[test]
fn a_partial_run_has_no_score() {
    let body = "checks:
  - { id: c, title: C, severity: high, assert: 'true' }
  - { id: d, title: D, severity: high, assert: 'false' }
";
    let procedure = procedure(&format!("{STEPS}{body}"));
    let only = BTreeSet::from(["c".to_owned()]);
    let result = assess(&procedure, &world([]), &[], Some(&only)).unwrap();
    assert_eq!((result.partial, result.score, result.verdict), (true, None, Status::Pass));
    assert_eq!(result.checks[1].status, Status::Skipped);
    assert_eq!(result.checks[1].counts, Counts::default());
    assert_eq!(assessed(&procedure, &world([])).score, Some(5_000));
}

#[test]
fn metrics_are_32_bit_numbers_or_nothing() {
    let body = "checks:\n  - { id: c, title: C, severity: high, assert: 'true' }
metrics:
  whole: 7 / 2
  decimal: '7.9'
  negative: '-7.1'
  most: '2147483647'
  beyond: '2147483648'
  huge: '1e300'
  text: \"'x'\"
  empty: min([])
";
    let procedure = procedure(&format!("{STEPS}{body}"));
    let result = assessed(&procedure, &world([]));
    let values: Vec<_> = result
        .metrics
        .iter()
        .map(|metric| match &metric.value {
            MetricValue::Value(value) => Ok(*value),
            MetricValue::Failed(failure) => Err(failure.code),
            MetricValue::Pending => panic!("nothing waits"),
        })
        .collect();
    use Code::{Function, TooLarge, WrongType};
    let expected = [Ok(3), Ok(7), Ok(-8), Ok(i32::MAX), Err(TooLarge), Err(TooLarge), Err(WrongType), Err(Function)];
    assert_eq!(values, expected);
}

#[test]
fn lists_name_their_items() {
    let body = "checks:
  - { id: texts, title: C, severity: high, for_each: \"'b,a'.split(',')\", assert: key == item }
  - { id: twice, title: C, severity: high, for_each: \"'a,a'.split(',')\", assert: 'true' }
  - { id: records, title: C, severity: high, for_each: facts.list, assert: 'true' }
  - { id: number, title: C, severity: high, for_each: facts.list, key: item.n, assert: 'true' }
  - { id: named, title: C, severity: high, for_each: facts.list, key: string(item.n), assert: item.n > 0 }
  - { id: nolist, title: C, severity: high, for_each: 'facts.list[0].n', assert: 'true' }
facts:
  list: 'dyn([{\"n\": 1}, {\"n\": 2}])'
";
    let procedure = procedure(&format!("{STEPS}{body}"));
    let result = assessed(&procedure, &world([]));
    use Status::{Error, Pass};
    assert_eq!(statuses(&result.checks[0]), [("b", Pass, None), ("a", Pass, None)]);
    assert_eq!(statuses(&result.checks[1]), [("", Error, Some(Code::Function))]);
    assert_eq!(statuses(&result.checks[2]), [("", Error, Some(Code::WrongType))]);
    assert_eq!(statuses(&result.checks[3]), [("", Error, Some(Code::WrongType))]);
    assert_eq!(statuses(&result.checks[4]), [("1", Pass, None), ("2", Pass, None)]);
    assert_eq!(statuses(&result.checks[5]), [("", Error, Some(Code::WrongType))]);
}

#[test]
fn steps_expand_and_get_their_arguments() {
    let body = "
steps:
  - { id: a, title: A, use: sql, via: db, with: { query: select } }
  - id: t
    title: T
    use: tls
    for_each: steps.a.rows
    key: item.host + ':' + string(item.port)
    with: { host: =item.host, port: =item.port, probe: [tls1_2] }
  - id: u
    title: U
    use: command
    for_each: steps.t
    with: { run: [/bin/echo, =key, =item.host, =string(out.trusted), '=\"=literal\"', =string(inputs.window)], stdin: =run.id }
  - { id: plain, title: P, use: command, with: { run: [/bin/true] } }
checks:
  - { id: c, title: C, severity: high, assert: 'true' }
";
    let procedure = procedure(body);
    let step = |id: &str| procedure.step(id).unwrap();
    let mut world = world([("a", rows(json!([{"host": "h", "port": 443}, {"host": "i", "port": 8443}])))]);
    let items = expand(&procedure, step("t"), &world).unwrap();
    assert_eq!(items.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["h:443", "i:8443"]);
    let given = arguments(&procedure, step("t"), Some(&items[1]), &world).unwrap();
    assert_eq!(given, json!({"host": "i", "port": 8443, "probe": ["tls1_2"]}));
    assert_eq!(arguments(&procedure, step("plain"), None, &world).unwrap(), json!({"run": ["/bin/true"]}));

    let pieces = |outcomes: [Outcome; 2]| {
        let pieces = items.iter().zip(outcomes).map(|(item, outcome)| Piece {
            key: item.key.clone(),
            item: item.item.clone(),
            outcome,
        });
        Collected::Each(pieces.collect())
    };
    let value = || Outcome::Value(json!({"trusted": true}));
    world.steps.insert("t".into(), pieces([value(), value()]));
    let next = expand(&procedure, step("u"), &world).unwrap();
    let given = arguments(&procedure, step("u"), Some(&next[0]), &world).unwrap();
    let run = json!(["/bin/echo", "h:443", "h", "true", "=literal", "172800s"]);
    assert_eq!(given, json!({"run": run, "stdin": "01JG7Z9W6Q8K4M2N5P7R9T1V3X"}));
    world.steps.insert("t".into(), pieces([value(), Outcome::Pending]));
    assert_eq!(expand(&procedure, step("u"), &world), Err(Blocked::Pending));
    world.steps.insert("t".into(), pieces([value(), Outcome::Failed(Code::Timeout)]));
    assert!(
        matches!(expand(&procedure, step("u"), &world), Err(Blocked::Failed(failure)) if failure.code == Code::Timeout)
    );

    world.steps.insert("a".into(), rows(json!([{"host": "h", "port": 1}, {"host": "h", "port": 1}])));
    assert!(
        matches!(expand(&procedure, step("t"), &world), Err(Blocked::Failed(failure)) if failure.code == Code::Function)
    );
    world.steps.insert("a".into(), rows(json!([])));
    assert_eq!(expand(&procedure, step("t"), &world), Ok(Vec::new()));
    world.steps.insert("a".into(), Collected::One(Outcome::Failed(Code::Auth)));
    assert!(
        matches!(expand(&procedure, step("t"), &world), Err(Blocked::Failed(failure)) if failure.code == Code::Dependency)
    );
}

#[test]
fn inputs_are_bound_all_or_not() {
    let text = "schema: procedure/v1\nid: p\nversion: 1\ntitle: T\npurpose: P\nowner: o\ninputs:
  s: { type: string, ask: Which }
  i: { type: int, default: 5 }
  d: { type: date, default: 2026-01-31 }
  p: { type: path, default: /etc }
  t: { type: duration, default: 14d }
  l: { type: list, each: { host: string, port: int } }
  m: { type: map, each: int, default: { a: 1 } }
steps: [{ id: a, title: A, use: command, with: { run: [/bin/true] } }]
checks: [{ id: c, title: C, severity: high, assert: 'true' }]
";
    let procedure = read(text.as_bytes(), Notation::Yaml).unwrap_or_else(|faults| panic!("{faults}"));
    let given = |value: Value| value.as_object().unwrap().clone();
    let bound = bind_inputs(&procedure, &given(json!({"s": "x", "l": [{"host": "h", "port": 1}]}))).unwrap();
    assert_eq!(bound["i"], json!(5));
    assert_eq!(bound.len(), 7);
    let bad =
        json!({"i": "5", "d": "31.1.2026", "p": "etc/../x", "t": "14", "l": [{"host": "h"}], "m": {"a": "b"}, "ss": 1});
    let faults = bind_inputs(&procedure, &given(bad)).unwrap_err();
    let found: Vec<_> = faults.iter().map(|fault| (fault.line, fault.code.as_str())).collect();
    let expected = [
        (8, "E-PROC-040"),
        (9, "E-PROC-039"),
        (10, "E-PROC-039"),
        (11, "E-PROC-039"),
        (12, "E-PROC-039"),
        (13, "E-PROC-039"),
        (14, "E-PROC-039"),
        (0, "E-PROC-041"),
    ];
    assert_eq!(found, expected, "{faults}");
    assert_eq!(faults.0[7].suggestion.as_deref(), Some("did you mean `s`?"));
}

#[test]
fn the_same_world_gives_the_same_assessment() {
    let procedure = procedure(&format!("{STEPS}{POPULATION}"));
    let people: Vec<_> = (0..50).map(|n| person(&format!("p{n}"), n % 3 > 0, n % 7 == 0)).collect();
    let world = world([("a", rows(json!(people))), ("b", rows(json!([{"n": 50}])))]);
    let first = assessed(&procedure, &world);
    for _ in 0..3 {
        assert_eq!(assessed(&procedure, &world), first);
    }
}
