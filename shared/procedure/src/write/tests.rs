use proptest::prelude::*;

use super::*;
use crate::read;

fn example(name: &str) -> Procedure {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/examples").join(name);
    read(&std::fs::read(&path).unwrap(), Notation::from_path(&path).unwrap()).unwrap()
}

/// Through both notations and back.
fn round_trips(procedure: &Procedure) -> Result<(), String> {
    for first in [Notation::Yaml, Notation::Markdown] {
        let text = format(procedure, first);
        let again = read(text.as_bytes(), first).map_err(|faults| format!("{faults}\n{text}"))?;
        if again.digest() != procedure.digest() {
            return Err(format!("{first:?} changed the model:\n{text}\n{}\n{}", procedure.model(), again.model()));
        }
        if format(&again, first) != text {
            return Err(format!("{first:?} is not stable:\n{text}"));
        }
        for second in [Notation::Yaml, Notation::Markdown] {
            let text = format(&again, second);
            let third = read(text.as_bytes(), second).map_err(|faults| format!("{faults}\n{text}"))?;
            if third.digest() != procedure.digest() {
                return Err(format!("{first:?} to {second:?} changed the model:\n{text}"));
            }
        }
    }
    Ok(())
}

#[test]
fn the_examples_go_through_both_notations() {
    for name in [
        "a-tls-endpoint.yaml",
        "b-ssh-hardening.yaml",
        "c-postgres-privileges.yaml",
        "d-access-review.yaml",
        "d-access-review.md",
        "e-backup-restore.yaml",
        "f-awareness.yaml",
    ] {
        round_trips(&example(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn the_markdown_layout_is_that_of_the_example() {
    let text = format(&example("d-access-review.yaml"), Notation::Markdown);
    for line in [
        "# Quarterly access review of the ERP",
        "## Steps",
        "### The system owner keeps or revokes each account in the sample {#review}",
        "```yaml step",
        "## Populations",
        "```yaml population",
        "## Checks",
        "```yaml check",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}:\n{text}");
    }
    let front = text.split("---").nth(1).unwrap();
    assert!(!front.contains("title:") && !front.contains("purpose:") && !front.contains("steps:"), "{front}");
}

/// Texts that some notation is likely to trip over.
fn awkward() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "Zürich",
        "yes",
        "no",
        "null",
        "~",
        "true",
        "12",
        "1.5",
        "-",
        "- x",
        "# x",
        "## Steps",
        "### x {#y}",
        "{#id}",
        "{",
        "}",
        "[",
        "]",
        "=",
        "=x",
        "|",
        ">",
        "&a",
        "*a",
        "!t",
        "%",
        "@",
        "`",
        "```",
        "````",
        "---",
        "...",
        "'",
        "\"",
        "\\",
        "\\n",
        ":",
        ": ",
        " #",
        "#",
        "?",
        ", ",
        "\n",
        "\n\n",
        "\n\n\n",
        " ",
        "  ",
        "\t",
        "x: y",
        "<<",
        "<b>",
        "é",
        "😀",
        "\u{a0}",
        "0x1F",
        "1_000",
        "2026-01-01",
        "$(x)",
        "~~~",
    ]);
    prop::collection::vec(pieces, 1..6).prop_map(|pieces| pieces.concat())
}

fn line() -> impl Strategy<Value = String> {
    awkward().prop_map(|text| text.replace('\n', " ")).prop_filter("says something", |text| !text.trim().is_empty())
}

fn prose() -> impl Strategy<Value = String> {
    awkward().prop_filter("says something", |text| !text.trim().is_empty())
}

fn json(depth: u32) -> BoxedStrategy<serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Into::into),
        awkward().prop_filter("no expression", |text| !text.starts_with('=')).prop_map(Into::into),
        Just("".into()),
        // What YAML can only hold as an escape.
        "\\PC{0,3}[\u{0}-\u{1f}\u{7f}-\u{9f}\u{2028}\u{202e}\u{feff}]"
            .prop_filter("no expression", |text: &String| !text.starts_with('='))
            .prop_map(Into::into),
    ];
    leaf.prop_recursive(depth, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(awkward(), inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
    .boxed()
}

prop_compose! {
    /// A procedure as JSON, which is YAML too.
    fn model()(
        title in line(), purpose in prose(), notes in prop::option::of(prose()), step in line(),
        description in prop::option::of(prose()), body in json(3), check in line(), fix in prop::option::of(prose()),
        population in line(), framework in line(), default in json(2), finally in any::<bool>(),
    ) -> serde_json::Value {
        let mut model = serde_json::json!({
            "schema": "procedure/v1", "id": "p", "version": 1, "title": title, "purpose": purpose, "owner": "o",
            "controls": {"soc2-tsc": [framework]},
            "connections": {"c": {"type": "http", "access": "read-write"}},
            "inputs": {"i": {"type": "map", "default": {"x": default}}},
            "steps": [{"id": "s", "title": step, "use": "http", "via": "c", "changes": "x", "with": {"post": "/", "body": body}}],
            "populations": {"q": {"title": population, "from": "[]", "key": "item", "complete": ["true"]}},
            "checks": [{"id": "c", "title": check, "assert": "true", "severity": "low"}],
        });
        if let Some(notes) = notes { model["notes"] = notes.into(); }
        if let Some(description) = description { model["steps"][0]["description"] = description.into(); }
        if let Some(fix) = fix { model["checks"][0]["fix"] = fix.into(); }
        if finally { model["finally"] = serde_json::json!([]); }
        model
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_model_goes_through_both_notations(model in model()) {
        let text = escaped(&model.to_string());
        let procedure = read(text.as_bytes(), Notation::Yaml);
        let procedure = procedure.unwrap_or_else(|faults| panic!("{faults}\n{text}"));
        prop_assert_eq!(procedure.digest(), {
            let canonical = serde_json_canonicalizer::to_vec(&model).unwrap();
            crypto::digest::sha256_parts(&[b"procedure/v1", &[0], &canonical])
        });
        if let Err(error) = round_trips(&procedure) {
            return Err(TestCaseError::fail(error));
        }
    }
}

/// JSON with escapes for whatever a file may not hold as it is.
fn escaped(json: &str) -> String {
    json.chars()
        .map(|character| match character {
            _ if crate::source::is_unreadable(character) => format!("\\u{:04x}", u32::from(character)),
            _ => character.to_string(),
        })
        .collect()
}
