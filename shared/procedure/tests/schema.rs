//! The checked-in JSON Schema is the one that the crate says, and the examples keep it.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its fixtures fails")]

use std::path::{Path, PathBuf};

use procedure::{Notation, language_schema, read};
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn model(name: &str) -> Value {
    let path = root().join("../../tests/fixtures/examples").join(name);
    let source = std::fs::read(&path).unwrap();
    read(&source, Notation::from_path(&path).unwrap()).unwrap().model()
}

/// `REGENERATE=1 cargo test -p procedure --test schema` writes the file anew.
#[test]
fn the_checked_in_schema_is_current() {
    let path = root().join("procedure-v1.schema.json");
    let current = serde_json::to_string_pretty(&language_schema()).unwrap() + "\n";
    if std::env::var_os("REGENERATE").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(checked_in == current, "procedure-v1.schema.json is not current; regenerate it");
}

#[test]
fn the_examples_keep_the_schema() {
    let validator = jsonschema::validator_for(&language_schema()).unwrap();
    for name in [
        "a-tls-endpoint.yaml",
        "b-ssh-hardening.yaml",
        "c-postgres-privileges.yaml",
        "d-access-review.md",
        "e-backup-restore.yaml",
        "f-awareness.yaml",
    ] {
        let errors: Vec<_> =
            validator.iter_errors(&model(name)).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let validator = jsonschema::validator_for(&language_schema()).unwrap();
    let good = model("a-tls-endpoint.yaml");
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 9] = [
        ("unknown field", |model| model["colour"] = json!("red")),
        ("missing field", |model| drop(model.as_object_mut().unwrap().remove("purpose"))),
        ("bad id", |model| model["id"] = json!("Not An Id")),
        ("bad severity", |model| model["checks"][0]["severity"] = json!("huge")),
        ("unknown connector", |model| model["steps"][0]["use"] = json!("telnet")),
        ("unknown argument", |model| model["steps"][0]["with"]["timeout"] = json!(1)),
        ("expression for a literal", |model| model["steps"][0]["with"]["probe"] = json!("=inputs.x")),
        ("when without na", |model| model["checks"][0]["when"] = json!("true")),
        ("bad schedule", |model| model["schedule"]["every"] = json!("fortnight")),
    ];
    assert!(validator.is_valid(&good));
    for (what, change) in changes {
        let mut model = good.clone();
        change(&mut model);
        assert!(!validator.is_valid(&model), "{what}");
        assert!(read(model.to_string().as_bytes(), Notation::Yaml).is_err(), "{what}");
    }
}
