//! The golden values of `formats-v1.json` and the six examples.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its fixtures fails")]

use std::path::{Path, PathBuf};

use procedure::{Notation, Procedure, read};
use serde_json::Value;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

fn example(name: &str) -> Procedure {
    let path = fixtures().join("examples").join(name);
    let source = std::fs::read(&path).unwrap();
    read(&source, Notation::from_path(&path).unwrap()).unwrap_or_else(|faults| panic!("{name}:\n{faults}"))
}

fn vectors() -> Value {
    let text = std::fs::read_to_string(fixtures().join("vectors/formats-v1.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_examples_have_their_published_digests() {
    let vectors = vectors();
    let procedures = vectors["procedures"].as_object().unwrap();
    assert_eq!(procedures.len(), 6);
    for (name, digest) in procedures {
        assert_eq!(example(name).digest().to_string(), digest.as_str().unwrap(), "{name}");
    }
}

#[test]
fn both_notations_of_one_procedure_have_one_digest() {
    let (yaml, markdown) = (example("d-access-review.yaml"), example("d-access-review.md"));
    assert_eq!(yaml.digest(), markdown.digest());
    assert_eq!(yaml.model(), markdown.model());
    assert_eq!(markdown.notation(), Notation::Markdown);
}

#[test]
fn the_examples_give_no_warning() {
    for name in vectors()["procedures"].as_object().unwrap().keys() {
        let warnings = procedure::lint(&example(name));
        assert!(warnings.is_empty(), "{name}: {warnings:#?}");
    }
}
