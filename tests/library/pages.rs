//! All pages together: their links lead somewhere, and the page of codes knows every code and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The README and everything in `packaging/docs`, by path below the repository.
pub(crate) fn all() -> BTreeMap<PathBuf, String> {
    let root = root();
    let docs = std::fs::read_dir(root.join("packaging/docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let pages = pages.chain([root.join("README.md")]);
    pages.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut dead = Vec::new();
    for (path, text) in all() {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if !target.contains("://") && !path.parent().unwrap().join(file).exists() {
                dead.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn every_page_is_linked_from_the_readme() {
    let pages = all();
    let readme = &pages[&root().join("README.md")];
    for path in pages.keys().filter(|path| !path.ends_with("README.md")) {
        let link = format!("(packaging/docs/{})", path.file_name().unwrap().to_str().unwrap());
        assert!(readme.contains(&link), "the README does not link {link}");
    }
}

/// Whoever runs a Runner's host is its operator, for an administrator is a role at the console; and what a witness puts
/// under a checkpoint is a countersignature, whatever its format is called.
#[test]
fn the_pages_have_one_word_for_the_operator_and_for_the_countersignature() {
    let guides = [
        ("bundle/VERIFY.md".into(), proof::bundle::GUIDE.to_owned()),
        ("export/VERIFY.md".into(), proof::export::GUIDE.to_owned()),
    ];
    for (path, text) in all().into_iter().chain(guides) {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for other in [
            "Runner's administrator",
            "Runner's own administrator",
            "administrator of a Runner",
            "administrator of the Runner",
            "cosign ",
            "cosigns ",
            "cosigned ",
            "cosignatures ",
        ] {
            assert!(!words.contains(other), "{}: {other}", path.display());
        }
    }
}

#[test]
fn every_code_of_the_sources_stands_on_the_page_of_codes_with_its_next_step() {
    let page = std::fs::read_to_string(root().join("packaging/docs/codes.md")).unwrap();
    let mut explained = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with("| `E-")) {
        let cells: Vec<_> = line.replace("\\|", "/").split('|').map(|cell| cell.trim().to_owned()).collect();
        let [_, code, says, next, _] = &cells[..] else { panic!("{line}") };
        assert!(!says.is_empty() && !next.is_empty(), "{line}");
        assert!(explained.insert(code.trim_matches('`').to_owned()), "{code} stands there twice");
    }
    let mut given = BTreeSet::new();
    for room in ["control-plane", "packaging", "proto", "runner", "shared"] {
        codes_below(&root().join(room), &mut given);
    }
    assert!(given.len() > 300, "only {} codes were found in the sources", given.len());
    let list =
        |codes: &BTreeSet<String>, others: &BTreeSet<String>| -> Vec<_> { codes.difference(others).cloned().collect() };
    assert_eq!(list(&given, &explained), Vec::<String>::new(), "codes that the page does not explain");
    assert_eq!(list(&explained, &given), Vec::<String>::new(), "codes that no program gives any more");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The codes in what is not a test.
fn codes_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !["tests", "fixtures", "target", "benches"].contains(&name) {
                codes_below(&path, found);
            }
        } else if name.ends_with(".rs") && !["tests.rs", "properties.rs"].contains(&name) {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let begins =
                |at: usize| !code.get(..at).is_some_and(|before| before.ends_with(|c: char| c.is_ascii_uppercase()));
            let places = code.match_indices("E-").map(|(at, _)| at).filter(|at| begins(*at));
            found.extend(places.filter_map(|at| code_of(code.get(at + 2..)?)));
        }
    }
}

/// The code whose text after `E-` begins here.
fn code_of(rest: &str) -> Option<String> {
    let end = rest.find(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
    let (family, number) = rest.get(..end)?.rsplit_once('-')?;
    let is_code = number.len() == 3
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && !family.is_empty()
        && family.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    is_code.then(|| format!("E-{family}-{number}"))
}
