//! The project's own procedures: each reads and lints clean in both notations, and each behaves on its fixtures as the
//! fixture says. A fixture is one run told in full: what was collected, and what must come of it. The operators'
//! pages beside them are held to what they claim.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod commands;
mod docs;
mod fixture;
mod library;
mod pages;
mod readme;
mod walks;

use std::collections::BTreeSet;

use procedure::Notation;
use verdict::Status;

use fixture::Fixture;
use library::{Entry, entries};

/// Fewer than this, and a new user's systems are not covered any more.
const FEWEST: usize = 14;

#[test]
fn every_procedure_lints_clean() {
    let mut warnings = Vec::new();
    for entry in entries() {
        warnings.extend(procedure::lint(&entry.procedure).iter().map(|warning| format!("{}: {warning}", entry.name)));
    }
    assert!(warnings.is_empty(), "{}", warnings.join("\n"));
}

#[test]
fn the_file_is_named_after_the_procedure() {
    let entries = entries();
    assert!(entries.len() >= FEWEST, "only {} procedures", entries.len());
    for Entry { name, procedure, .. } in &entries {
        assert_eq!(*name, procedure.id);
    }
    let sops = entries.iter().filter(|entry| entry.procedure.notation() == Notation::Markdown).count();
    assert!(sops >= 2, "only {sops} procedures in Markdown");
}

#[test]
fn both_notations_have_the_same_digest() {
    for Entry { name, procedure, .. } in entries() {
        for notation in [Notation::Yaml, Notation::Markdown] {
            let text = procedure::format(&procedure, notation);
            let again = procedure::read(text.as_bytes(), notation)
                .unwrap_or_else(|faults| panic!("{name} as {notation:?}:\n{faults}\n{text}"));
            assert_eq!(again.digest(), procedure.digest(), "{name} as {notation:?}");
        }
    }
}

#[test]
fn every_fixture_comes_out_as_it_says() {
    let mut wrong = Vec::new();
    for entry in entries() {
        for fixture in fixtures(&entry) {
            if let Err(why) = fixture.run(&entry.procedure) {
                wrong.push(format!("{}/{}: {why}", entry.name, fixture.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A check that no fixture makes fail could as well be `true`; one that no fixture makes pass, `false`.
#[test]
fn every_check_is_shown_passing_and_failing() {
    let mut missing = Vec::new();
    for entry in entries() {
        let fixtures = fixtures(&entry);
        for wanted in [Status::Pass, Status::Fail] {
            if !fixtures.iter().any(|fixture| fixture.verdict == wanted) {
                missing.push(format!("{}: no fixture with verdict {wanted}", entry.name));
            }
            let seen: BTreeSet<_> = fixtures
                .iter()
                .flat_map(|fixture| &fixture.checks)
                .filter(|(_, status)| **status == wanted)
                .map(|(check, _)| check.as_str())
                .collect();
            let unseen = entry.procedure.checks.iter().filter(|check| !seen.contains(check.id.as_str()));
            missing.extend(unseen.map(|check| format!("{}: `{}` is never {wanted}", entry.name, check.id)));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// Whoever runs a procedure must learn which access to prepare, and the allow-list that stands there must suffice.
#[test]
fn the_readme_says_what_each_procedure_needs() {
    let readme = std::fs::read_to_string(library::folder().join("README.md")).expect("the library has a README");
    let mut sections = readme::sections(&readme);
    let mut missing = Vec::new();
    for entry in entries() {
        let Some(section) = sections.remove(entry.name.as_str()) else {
            missing.push(format!("no section ### `{}`", entry.name));
            continue;
        };
        let lacks = readme::lacks(section, &entry.procedure).unwrap_or_else(|why| vec![why]);
        missing.extend(lacks.iter().map(|lack| format!("{}: {lack}", entry.name)));
    }
    missing.extend(sections.keys().map(|title| format!("a section about `{title}`, which is no procedure")));
    assert!(missing.is_empty(), "packaging/procedures/README.md lacks:\n{}", missing.join("\n"));
}

fn fixtures(entry: &Entry) -> Vec<Fixture> {
    Fixture::all_of(&entry.name).unwrap_or_else(|why| panic!("{why}"))
}
