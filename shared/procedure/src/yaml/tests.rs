use serde_json::{Value, json};

use super::*;

fn read(text: &str) -> Value {
    let mut found = Vec::new();
    let node = parse(text, 0, &mut found);
    assert!(found.is_empty(), "{text}: {found:?}");
    node.expect("a document").to_json()
}

fn refused(text: &str) -> Vec<(FaultCode, usize)> {
    let mut found = Vec::new();
    parse(text, 0, &mut found);
    found.into_iter().map(|fault| (fault.code, fault.at)).collect()
}

#[test]
fn plain_scalars_are_what_every_version_of_yaml_says() {
    let rows = [
        ("a: 1", json!(1)),
        ("a: -17", json!(-17)),
        ("a: 0", json!(0)),
        ("a: 1.5", json!(1.5)),
        ("a: -1.5e3", json!(-1500.0)),
        ("a: 1e3", json!(1000.0)),
        ("a: true", json!(true)),
        ("a: null", json!(null)),
        ("a: ~", json!(null)),
        ("a:", json!(null)),
        ("a: 1.2.3", json!("1.2.3")),
        ("a: 2026-01-31", json!("2026-01-31")),
        ("a: 12:30", json!("12:30")),
        ("a: 1a", json!("1a")),
        ("a: 0xyz", json!("0xyz")),
        ("a: yesterday", json!("yesterday")),
        ("a: 'yes'", json!("yes")),
        ("a: \"0x1F\"", json!("0x1F")),
        ("a: e5", json!("e5")),
        ("a: '<<'", json!("<<")),
        ("a: >-\n  one\n  two\n", json!("one two")),
        ("a: |\n  one\n  two\n", json!("one\ntwo\n")),
        ("a: \"\\u00e9\\n\"", json!("é\n")),
        ("a: b\r\n", json!("b")),
    ];
    for (text, expected) in rows {
        assert_eq!(read(text)["a"], expected, "{text}");
    }
}

#[test]
fn what_versions_disagree_about_is_refused() {
    for word in [
        "yes",
        "Yes",
        "YES",
        "no",
        "No",
        "on",
        "On",
        "off",
        "OFF",
        "True",
        "TRUE",
        "False",
        "Null",
        "NULL",
        "0x1F",
        "0o17",
        "0b11",
        "010",
        "-007",
        "+5",
        "1_000",
        ".5",
        "5.",
        ".inf",
        "-.inf",
        ".NaN",
        "1e999",
        "9223372036854775808",
        "99999999999999999999999999",
    ] {
        assert_eq!(refused(&format!("a: {word}")), [(FaultCode::Ambiguous, 3)], "{word}");
        assert_eq!(refused(&format!("a: [{word}]")), [(FaultCode::Ambiguous, 4)], "{word}");
    }
    for key in ["1", "true", "null", "yes", "1.5"] {
        assert_eq!(refused(&format!("{key}: a")), [(FaultCode::Ambiguous, 0)], "{key}");
    }
}

#[test]
fn features_that_surprise_are_refused() {
    use FaultCode::{DuplicateKey, Syntax, YamlFeature};
    let rows: &[(&str, &[(FaultCode, usize)])] = &[
        ("a: &x 1\nb: *x\n", &[(YamlFeature, 6), (YamlFeature, 11)]),
        ("a: *x\n", &[(YamlFeature, 3)]),
        ("a: !!str 1\n", &[(YamlFeature, 9)]),
        ("a: !x {b: 1}\n", &[(YamlFeature, 6)]),
        ("<<: {a: 1}\n", &[(YamlFeature, 0)]),
        ("%YAML 1.1\n---\na: 1\n", &[(YamlFeature, 10)]),
        ("a: 1\n---\nb: 2\n", &[(YamlFeature, 5)]),
        ("a: 1\na: 2\nb: 3\nb: 4\n", &[(DuplicateKey, 5), (DuplicateKey, 15)]),
        ("{a: 1, a: 2}", &[(DuplicateKey, 7)]),
        ("a: 1\n'a': 2", &[(DuplicateKey, 5)]),
        ("\ta: 1", &[(Syntax, 0)]),
        ("a:\n\tb: 1\n\tc: 1", &[(Syntax, 3), (Syntax, 9)]),
        ("a: b: c", &[(Syntax, 4)]),
        ("a: 'b", &[(Syntax, 3)]),
    ];
    for (text, expected) in rows {
        let found = refused(text);
        let codes: Vec<_> = found.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, expected.iter().map(|(code, _)| *code).collect::<Vec<_>>(), "{text}: {found:?}");
        for ((code, at), (_, expected)) in found.iter().zip(*expected) {
            assert!(*code == Syntax || at == expected, "{text}: {found:?}");
        }
    }
    assert!(!refused("? [a]\n: b").is_empty());
    assert!(!refused("? {a: 1}\n: b").is_empty());
}

#[test]
fn depth_is_limited_in_both_styles() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(refused(&nested(MAX_DEPTH)).is_empty());
    for depth in [MAX_DEPTH + 1, 1_000, 100_000] {
        let found = refused(&nested(depth));
        assert_eq!(found.last().map(|(code, _)| *code), Some(FaultCode::TooDeep), "{depth}");
    }
    let block: String = (0..100).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(refused(&block).last().map(|(code, _)| *code), Some(FaultCode::TooDeep));
    let maps = "{a: ".repeat(100_000);
    assert_eq!(refused(&maps).last().map(|(code, _)| *code), Some(FaultCode::TooDeep));
}
