use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::{Value, json};
use verdict::Code;

use super::machine::watched;
use super::meter::Limits;
use super::*;
use crate::evaluate::Failure;

fn parsed(source: &str) -> Expression {
    Expression::parse(source, (0, 0)).unwrap_or_else(|concerns| panic!("{source}: {concerns:?}"))
}

fn refused(source: &str) -> FaultCode {
    Expression::parse(source, (0, 0)).expect_err(source)[0].code
}

/// Limits that a debug build reaches soon.
const FEW: Limits = Limits { evaluation: 100_000, list: 400_000, looks: 600 };

/// Evaluates with `item`, and `steps.x` the same, on 21 November 2026 at noon.
fn with_item(source: &str, item: &Value) -> Result<Value, Failure> {
    let expression = parsed(source);
    watched(FEW, |machine| {
        let mut run = Run::new(machine, "2026-11-21T12:00:00.000Z".parse().unwrap());
        run.set_time("run.at", "2026-11-21T12:00:00.000Z".parse().unwrap());
        run.set("steps.x".into(), from_json(item));
        let item = from_json(item);
        let value = machine.value(&expression, Bound { item: Some(item.as_ref()), ..Bound::to(&run) })?;
        to_json(value.as_ref()).ok_or_else(|| Failure::new(Code::WrongType, "no JSON form"))
    })
    .unwrap()
}

fn value(source: &str) -> Result<Value, Failure> {
    with_item(source, &Value::Null)
}

fn code(source: &str, item: &Value) -> Code {
    with_item(source, item).expect_err(source).code
}

#[test]
fn the_nine_functions_do_exactly_this() {
    let rows = [
        (r#"lower("ÄRZTE-Mail@X.ch")"#, json!("ärzte-mail@x.ch")),
        (r#""ABC".lower()"#, json!("abc")),
        (r#""a,b,,c".split(",")"#, json!(["a", "b", "", "c"])),
        (r#"split("a", ",")"#, json!(["a"])),
        (r#"days_until("2026-12-21T12:00:00Z")"#, json!(30)),
        (r#"days_until("2026-12-21T11:59:59Z")"#, json!(29)),
        (r#"days_until("2026-11-21T11:59:59Z")"#, json!(-1)),
        (r#"days_until("2026-11-22")"#, json!(0)),
        (r#"days_since("2026-11-18T12:00:00Z")"#, json!(3)),
        (r#"days_since("2026-11-18T12:00:01Z")"#, json!(2)),
        (r#"days_since("2026-11-20")"#, json!(1)),
        (r#"days_since(run.at)"#, json!(0)),
        (r#"hours_since("2026-11-21T10:00:00+01:00")"#, json!(3)),
        (r#"hours_between("2026-11-21T10:00:00Z", "2026-11-20T09:30:00Z")"#, json!(24)),
        (r#"hours_between("2026-11-20T09:30:00Z", "2026-11-21T10:00:00Z")"#, json!(24)),
        (r#"by([{"id": "a", "n": 1}, {"id": "b", "n": 2}], "id")["b"].n"#, json!(2)),
        (r#""c" in by([{"id": "a"}], "id")"#, json!(false)),
        (r#"min([3, 1, 2])"#, json!(1)),
        (r#"max([3, 1, 2])"#, json!(3)),
        (r#"min(2, 1.5)"#, json!(1.5)),
        (r#"max("a", "b")"#, json!("b")),
        (r#"max([timestamp("2026-01-01T00:00:00Z"), run.at]) == run.at"#, json!(true)),
    ];
    for (source, expected) in rows {
        assert_eq!(value(source), Ok(expected), "{source}");
    }
}

#[test]
fn errors_become_codes() {
    let item = json!({"a": 1, "t": "x", "n": null, "l": [], "rows": [{"id": "a"}, {"id": "a"}, {}]});
    let rows = [
        ("item.b", Code::MissingField),
        ("item.a.b", Code::WrongType),
        ("item.n.b", Code::WrongType),
        ("item.l[0]", Code::MissingField),
        ("item.a + item.t", Code::WrongType),
        ("item.a / 0", Code::Function),
        ("9223372036854775807 + item.a", Code::Function),
        ("int(item.t)", Code::Function),
        ("timestamp(item.t)", Code::Function),
        ("days_since(item.t)", Code::Function),
        ("days_since(item.a)", Code::WrongType),
        ("days_since(item.n)", Code::WrongType),
        ("lower(item.a)", Code::WrongType),
        ("min(item.l)", Code::Function),
        ("min([item.a, item.t])", Code::WrongType),
        ("min([item.n])", Code::WrongType),
        (r#"by(item.rows, "id")"#, Code::Function),
        (r#"by(item.rows.filter(r, has(r.x)), "id").size() + by([1], "id").size()"#, Code::WrongType),
        (r#"by([{}], "id")"#, Code::MissingField),
        (r#""a".split("")"#, Code::Function),
        ("type(item.a)", Code::WrongType),
        ("item.t.matches('(')", Code::Function),
        ("item.t.matches('(a{1000}){1000}')", Code::Function),
        ("item.a.matches('1')", Code::WrongType),
    ];
    for (source, expected) in rows {
        assert_eq!(code(source, &item), expected, "{source}: {:?}", with_item(source, &item));
    }
}

#[test]
fn a_map_that_is_added_to_a_list_adds_its_keys_in_order() {
    let item = json!({"d": 1, "b": 2, "e": 3, "a": 4, "c": 5, "g": 6, "f": 7});
    let keys = json!(["a", "b", "c", "d", "e", "f", "g"]);
    for _ in 0..8 {
        assert_eq!(with_item("[] + item", &item).unwrap(), keys);
    }
}

#[test]
fn the_standard_library_is_there() {
    let item = json!({"a": "x-1", "m": {"k": 1}, "l": [1, 2, 3], "t": "2026-11-21T12:00:00Z"});
    let rows = [
        ("size(item.l) + item.l.size() + size(item.m) + size(item.a)", json!(10)),
        (r#"item.a.contains("-") && item.a.startsWith("x") && item.a.endsWith("1")"#, json!(true)),
        (r#"item.a.matches("^x-[0-9]$") && matches(item.a, "x")"#, json!(true)),
        (r#"int("4") + int(4.9) + int(4u)"#, json!(12)),
        (r#"double("1.5") * 2.0"#, json!(3.0)),
        (r#"string(1) + string(1.5) + string(true)"#, json!("11.5true")),
        (r#"bool("true")"#, json!(true)),
        (r#"timestamp(item.t) + duration("24h") > run.at"#, json!(true)),
        (r#"timestamp(item.t).getFullYear()"#, json!(2026)),
        (r#"timestamp(item.t) - timestamp("2026-11-21T11:00:00Z") == duration("1h")"#, json!(true)),
        ("item.l.all(x, x > 0) && item.l.exists(x, x == 2) && item.l.exists_one(x, x == 3)", json!(true)),
        ("item.l.filter(x, x != 2).map(x, x * 10)", json!([10, 30])),
        ("item.l.map(x, x > 1, x * 10)", json!([20, 30])),
        ("has(item.m.k) && !has(item.m.z)", json!(true)),
        ("item.a == 'x' ? 1 : 2", json!(2)),
        ("2 in item.l && !('z' in item.m)", json!(true)),
        ("type(item.a) == string", json!(true)),
        ("item.l == [1, 2, 3] && item.m == {'k': 1}", json!(true)),
        ("[] == item.l.filter(x, x > 9)", json!(true)),
        ("-item.l[0] - 1", json!(-2)),
        ("7 / 2 + 7 % 2", json!(4)),
        ("item.m.nothing == 1 || true", json!(true)),
        ("dyn(1) == 1.0", json!(true)),
    ];
    for (source, expected) in rows {
        assert_eq!(with_item(source, &item), Ok(expected), "{source}");
    }
}

#[test]
fn numbers_are_whole_however_they_are_spelled() {
    let item = serde_json::from_str::<Value>(r#"{"a": 4.0, "b": 1e3, "c": 18446744073709551615, "d": 2.5}"#).unwrap();
    assert_eq!(with_item("item.a * 2 + item.b / 7", &item), Ok(json!(150)));
    assert_eq!(with_item("item.d * 2.0", &item), Ok(json!(5.0)));
    assert_eq!(with_item("item.c", &item), Ok(json!(u64::MAX)));
}

#[test]
fn maps_are_walked_in_order() {
    let item: Value = (0..50).map(|n| (format!("k{n:02}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
    let expected: Vec<_> = (0..50).map(|n| format!("k{n:02}")).collect();
    for _ in 0..5 {
        assert_eq!(with_item("item.map(k, k)", &item), Ok(json!(expected)));
    }
    assert_eq!(
        value("{true: 1, 'b': 2, 3: 4, 'a': 5, 2u: 6}.map(k, string(k))"),
        Ok(json!(["true", "2", "3", "a", "b"]))
    );
}

#[test]
fn limits_are_kept_before_anything_recurses() {
    let deep = |open: &str, close: &str, times: usize| format!("{}1{}", open.repeat(times), close.repeat(times));
    let chain = |operator: &str, times: usize| vec!["1"; times].join(operator);
    for source in [
        "x".repeat(2_001),
        deep("(", ")", 33),
        deep("[", "]", 33),
        deep("(", ")", 990),
        "!".repeat(1_990) + "true",
        "-".repeat(1_990) + "1",
        "- ".repeat(900) + "1",
        chain("+", 500),
        chain("*", 900),
        chain("==", 600),
        format!("item{}", ".a".repeat(900)),
        format!("item{}", "[0]".repeat(600)),
        format!("item{}", ".a()".repeat(400)),
        "true?1:".repeat(280) + "1",
        "[1].map(a,[1].map(b,[1].map(c,[1].map(d,[1].map(e,a)))))".to_owned(),
    ] {
        assert_eq!(refused(&source), FaultCode::ExpressionTooComplex, "{}", &source[..40]);
    }
    parsed(&deep("(", ")", 32));
    parsed(&chain("+", 100));
    parsed(&chain(" && ", 300).replace('1', "a"));
    parsed("[1].map(a,[1].map(b,[1].map(c,[1].map(d,a))))");
}

#[test]
fn hostile_sources_never_panic() {
    for source in [
        "",
        " ",
        "(",
        ")",
        "\"",
        "'''",
        "r\"\\",
        "a.",
        ".a",
        "a.b.",
        "1..2",
        "{",
        "{1}",
        "{a:}",
        "[,]",
        "?:",
        "a?b",
        "has(",
        "has(a)",
        "x.map()",
        "x.map(1,2)",
        "x.map(a.b, 1)",
        "Foo{a: 1}",
        "Foo{}",
        "a.?b",
        "[?a]",
        "{?a: 1}",
        "`a`",
        "a.`b`",
        "\u{0}",
        "é",
        "0x",
        "1e",
        "1u2",
        "99999999999999999999",
        "b'\\xff'",
        "'\\ud800'",
        "@tick",
        "@result",
        "a\n\n?b",
        "in",
        "as",
        "//",
        "x.all(y, y",
        "x.exists(y y)",
    ] {
        let _ = Expression::parse(source, (0, 0));
    }
    for source in ["Foo{a: 1}", "a.?b", "@tick ? 1 : 2", "[?a]", "@weighed(1, 2)"] {
        assert_eq!(refused(source), FaultCode::ExpressionSyntax, "{source}");
    }
}

#[test]
fn an_expression_that_makes_too_much_is_stopped() {
    let rows = [
        // 2^40 bytes of text, 2^40 items of a list, a tree of 2^40 leaves, 100^4 turns
        format!("['aaaaaaaaaaaaaaaa']{}", ".map(x, x + x)".repeat(40)),
        format!("[[1]]{}", ".map(x, x + x)".repeat(40)),
        format!("[1]{}", ".map(x, [x, x])".repeat(40)),
        format!("[1]{}", ".map(x, {'a': x, 'b': x})".repeat(40)),
        "item.map(a, item.map(b, item.map(c, item.map(d, d)))).size() > 0".to_owned(),
        "item.exists(a, item.exists(b, item.exists(c, item.exists(d, false))))".to_owned(),
        // the error must not be swallowed by what stands around it
        "item.exists(a, item.exists(b, item.exists(c, item.exists(d, false)))) || true".to_owned(),
    ];
    let item = json!((0..100).collect::<Vec<_>>());
    for source in rows {
        assert_eq!(code(&source, &item), Code::ExpressionLimit, "{source}");
    }
}

#[test]
fn a_deadline_stops_what_the_count_does_not_see() {
    // Comparing long lists costs time and no units: 3,000 turns of 3,000 comparisons of 200 texts.
    let row = vec!["the same text again and again"; 200];
    let mut rows = vec![row; 3_000];
    rows.iter_mut().for_each(|row| row.push("end"));
    let item = json!(rows);
    let expression = parsed("item.all(a, item.all(b, a == b))");
    let outcome = watched(Limits { looks: 2, ..Limits::USUAL }, |machine| {
        let run = Run::new(machine, "2026-11-21T12:00:00.000Z".parse().unwrap());
        let item = from_json(&item);
        let bound = Bound { item: Some(item.as_ref()), ..Bound::to(&run) };
        let first = machine.truth(&expression, bound, &mut machine.begin());
        // The machine goes on with the next one.
        (first, machine.truth(&parsed("1 == 1"), bound, &mut machine.begin()))
    })
    .unwrap();
    assert_eq!(outcome.0.expect_err("stopped").code, Code::ExpressionLimit);
    assert_eq!(outcome.1, Ok(true));
}

#[test]
fn all_items_of_a_list_share_an_allowance() {
    let expression = parsed("item.all(a, item.all(b, item.all(c, true)))");
    let item = json!((0..40).collect::<Vec<_>>());
    let (passed, stopped) = watched(FEW, |machine| {
        let run = Run::new(machine, "2026-11-21T12:00:00.000Z".parse().unwrap());
        let item = from_json(&item);
        let bound = Bound { item: Some(item.as_ref()), ..Bound::to(&run) };
        let mut allowance = machine.begin();
        let outcomes: Vec<_> = (0..10).map(|_| machine.truth(&expression, bound, &mut allowance)).collect();
        (outcomes.iter().filter(|outcome| outcome.is_ok()).count(), outcomes.iter().filter(|o| o.is_err()).count())
    })
    .unwrap();
    // 40 + 40² + 40³ turns each, out of 400,000.
    assert_eq!((passed, stopped), (6, 4));
}

/// Counted, not timed: ten times the rows cost ten times the units.
#[test]
fn cost_grows_with_the_list() {
    let expression = parsed(
        r#"size(by(item.filter(r, r.on).map(r, {"id": lower(r.id), "n": r.n}), "id")) > 0 && item.all(r, r.n >= 0) && !item.exists(r, r.n < 0)"#,
    );
    let spent = |count: usize| {
        let rows: Vec<_> = (0..count).map(|n| json!({"id": format!("ID{n}"), "n": n, "on": true})).collect();
        let item = json!(rows);
        watched(Limits::USUAL, |machine| {
            let run = Run::new(machine, "2026-11-21T12:00:00.000Z".parse().unwrap());
            let item = from_json(&item);
            let mut allowance = machine.begin();
            let before = allowance.left();
            let bound = Bound { item: Some(item.as_ref()), ..Bound::to(&run) };
            assert_eq!(machine.truth(&expression, bound, &mut allowance), Ok(true));
            before - allowance.left()
        })
        .unwrap()
    };
    let (few, many) = (spent(1_000), spent(10_000));
    assert!(few > 1_000 && many <= few * 11, "{few} units for 1,000 rows, {many} for 10,000");
}

#[test]
fn long_error_texts_are_cut() {
    let item = json!({"a": vec!["long"; 10_000]});
    let failure = with_item("item.a + 1", &item).unwrap_err();
    assert!(failure.text.len() < 500, "{} bytes", failure.text.len());
}

#[test]
fn names_are_what_is_referred_to() {
    let expression = parsed(
        r#"steps.a.rows.filter(r, r.steps == item.x && facts.f[r.k] > inputs.n).size() + size(population.p) > size(sample.p) && run.id != key && has(out.y)"#,
    );
    let names: BTreeSet<_> = expression.names().iter().cloned().collect();
    let expected = BTreeSet::from([
        Name::Step("a".into()),
        Name::Fact("f".into()),
        Name::Input("n".into()),
        Name::Population("p".into()),
        Name::Sample("p".into()),
        Name::Run("id".into()),
        Name::Item,
        Name::Key,
        Name::Out,
    ]);
    assert_eq!(names, expected);
    assert_eq!(parsed("population.p").direct(), Some(Name::Population("p".into())));
    assert_eq!(parsed("population.p.x").direct(), None);
}

#[test]
fn analysis_says_what_is_certainly_wrong() {
    use crate::connector::{Connector, Shape};
    let tls = Connector::Tls.signature().value_shape(&json!({}));
    let mut scope = Scope { item: Some(Shape::Any), key: true, ..Scope::default() };
    Rc::make_mut(&mut scope.steps).insert("tls", tls.clone());
    Rc::make_mut(&mut scope.steps).insert("each", Shape::list(tls));
    Rc::make_mut(&mut scope.inputs).insert("n", Shape::INT);
    Rc::make_mut(&mut scope.facts).insert("staff", Shape::Any);
    type Row = (&'static str, Option<(FaultCode, Option<&'static str>)>);
    let rows: &[Row] = &[
        ("steps.tls.chain[0].not_after == ''", None),
        ("steps.tls.chain.all(c, c.key_bits > 1)", None),
        ("steps.tls.accepts.tls1_0", None),
        ("item.anything.goes", None),
        ("string(type(1)) == ''", None),
        ("steps.tls.out", Some((FaultCode::UnknownMember, None))),
        ("steps.tls.trustd", Some((FaultCode::UnknownMember, Some("did you mean `trusted`?")))),
        ("steps.tls.chain[0].not_aftr == ''", Some((FaultCode::UnknownMember, Some("did you mean `not_after`?")))),
        ("steps.tls.chain.all(c, c.keybits > 1)", Some((FaultCode::UnknownMember, Some("did you mean `key_bits`?")))),
        ("steps.tls.chain.filter(c, true).map(c, c.issuer)[0].x", Some((FaultCode::UnknownMember, None))),
        ("steps.each.trusted", Some((FaultCode::UnknownMember, None))),
        ("steps.each[0].trusted", None),
        ("inputs.n.x", Some((FaultCode::UnknownMember, None))),
        ("steps.tlss.trusted", Some((FaultCode::Dangling, Some("did you mean `tls`?")))),
        ("steps['tls']", Some((FaultCode::UnknownVariable, None))),
        ("has(steps.tls)", Some((FaultCode::UnknownVariable, None))),
        ("steps", Some((FaultCode::UnknownVariable, None))),
        ("staff", Some((FaultCode::UnknownVariable, Some("did you mean `facts.staff`?")))),
        ("input.n", Some((FaultCode::UnknownVariable, Some("did you mean `inputs`?")))),
        (".steps.tls", Some((FaultCode::UnknownVariable, Some("did you mean `steps`?")))),
        ("out.x", Some((FaultCode::UnknownVariable, None))),
        ("run.att", Some((FaultCode::Dangling, Some("did you mean `at`?")))),
        ("dayssince(item)", Some((FaultCode::UnknownFunction, Some("did you mean `days_since`?")))),
        ("now()", Some((FaultCode::UnknownFunction, None))),
        ("item.lenght()", Some((FaultCode::UnknownFunction, None))),
        ("item.all(1)", Some((FaultCode::UnknownFunction, Some("write list.all(x, …)")))),
        ("contains(item, 'a')", Some((FaultCode::UnknownFunction, Some("write x.contains(…)")))),
        ("size(1, 2)", Some((FaultCode::UnknownFunction, None))),
        ("[1].map(steps, steps)", Some((FaultCode::UnknownVariable, None))),
    ];
    for (source, expected) in rows {
        let mut concerns = Vec::new();
        analyse(parsed(source).tree(), &scope, &mut concerns);
        let found = concerns.first().map(|concern| (concern.code, concern.suggestion.as_deref()));
        assert_eq!(&found, expected, "{source}: {concerns:?}");
        assert!(concerns.len() <= 1, "{source}: {concerns:?}");
    }
}

mod soup {
    use proptest::prelude::*;

    use super::*;

    /// Values and variables, divided by semicolons.
    const LEAVES: &str = "item;item.a;item.t;item.l;item.m;item.n;item.rows;item.rows[0];item.d;1;0;-1;2u;1.5;1e308;\
        9223372036854775807;-9223372036854775808;18446744073709551615u;'';'a';'2026-01-01';b'x';true;\
        null;[];{};[1, 'a'];{'a': 1};run.at;timestamp('9999-12-31T23:59:59Z');\
        timestamp('0001-01-01T00:00:00Z');duration('2562047h');duration('-2562047h');int;x;y";

    fn expression() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(LEAVES.split(';').collect::<Vec<_>>()).prop_map(str::to_owned);
        leaf.prop_recursive(4, 24, 3, |inner| {
            let operator =
                prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"]);
            let function = prop::sample::select(vec![
                "size",
                "int",
                "uint",
                "double",
                "string",
                "bool",
                "bytes",
                "dyn",
                "type",
                "timestamp",
                "duration",
                "lower",
                "days_until",
                "days_since",
                "hours_since",
                "min",
                "max",
                "!",
                "-",
            ]);
            let two = prop::sample::select(vec!["by", "split", "hours_between", "min", "max", "matches"]);
            let method = prop::sample::select(vec![
                "contains",
                "startsWith",
                "endsWith",
                "matches",
                "split",
                "getHours",
                "getFullYear",
            ]);
            let walk = prop::sample::select(vec!["all", "exists", "exists_one", "map", "filter"]);
            let name = prop::sample::select(vec!["x", "y"]);
            prop_oneof![
                (inner.clone(), operator, inner.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
                (function, inner.clone()).prop_map(|(f, a)| format!("{f}({a})")),
                (two, inner.clone(), inner.clone()).prop_map(|(f, a, b)| format!("{f}({a}, {b})")),
                (inner.clone(), method, inner.clone()).prop_map(|(a, m, b)| format!("({a}).{m}({b})")),
                (inner.clone(), walk, name, inner.clone()).prop_map(|(a, w, x, b)| format!("({a}).{w}({x}, {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
                (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{{a}: {b}}}")),
                inner.clone().prop_map(|a| format!("({a}).a")),
                inner.prop_map(|a| format!("has(({a}).a)")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) })]

        /// A panic of the evaluator would come back as `internal`; so would a name that analysis lets through unbound.
        #[test]
        fn no_expression_makes_the_evaluator_panic(source in expression()) {
            let item = json!({"a": 1, "t": "2026-01-01T00:00:00Z", "l": [1, 2, 3], "m": {"a": {"a": 1}}, "n": null, "d": 2.5,
                "rows": [{"a": "x"}, {"a": "y"}]});
            let Ok(expression) = Expression::parse(&source, (0, 0)) else { return Ok(()) };
            let scope = Scope { item: Some(crate::connector::Shape::Any), key: true, ..Scope::default() };
            let mut concerns = Vec::new();
            analyse(expression.tree(), &scope, &mut concerns);
            if !concerns.is_empty() {
                return Ok(());
            }
            let first = with_item(&source, &item);
            prop_assert!(!matches!(&first, Err(failure) if failure.code == Code::Internal), "{}: {:?}", source, first);
            prop_assert_eq!(with_item(&source, &item), first, "{} differs from run to run", source);
        }
    }
}
