//! How large a file may be and what may not stand in it.

use crate::tree::{Source, sources};

/// Lines of production code in one file, at most.
const FILE_LINES: usize = 500;
/// Lines of tests that may stand in the file they test; more go into a sibling.
const INLINE_TEST_LINES: usize = 200;

#[test]
fn files_are_small_enough_to_be_read() {
    let mut faults = Vec::new();
    for source in sources() {
        let (production, tests) = source.split();
        if production.lines().count() > FILE_LINES && !source.is_test() {
            faults.push(format!("{}: {} lines of code", source.path, production.lines().count()));
        }
        if tests.lines().count() > INLINE_TEST_LINES {
            faults.push(format!("{}: {} lines of inline tests", source.path, tests.lines().count()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_expect_states_the_invariant() {
    let mut faults = Vec::new();
    for source in sources().into_iter().filter(|source| !source.is_test()) {
        for (index, line) in source.split().0.lines().enumerate() {
            let Some((_, text)) = line.split_once(".expect(\"") else { continue };
            let text = text.split('"').next().unwrap_or_default();
            if text.split_whitespace().count() < 4 {
                faults.push(format!("{}:{}: {text:?}", source.path, index + 1));
            }
        }
    }
    assert!(faults.is_empty(), "an expect's text is the invariant that makes it safe:\n{}", faults.join("\n"));
}

#[test]
fn nothing_is_left_for_later() {
    let words = ["TODO", "FIXME", "XXX", "unimplemented!", "not yet implemented"];
    let mut faults = Vec::new();
    for source in sources().into_iter().filter(|source| !source.path.starts_with("tests/rules/")) {
        for (index, line) in source.text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                faults.push(format!("{}:{}: {}", source.path, index + 1, line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_crate_root_and_folder_module_says_what_it_is() {
    let roots = |source: &Source| {
        let name = source.path.rsplit('/').next().unwrap_or_default();
        ["lib.rs", "main.rs", "mod.rs"].contains(&name)
    };
    let silent: Vec<_> =
        sources().into_iter().filter(roots).filter(|s| !s.text.starts_with("//!")).map(|s| s.path).collect();
    assert!(silent.is_empty(), "no //! at the top of {silent:?}");
}
