//! What lies in the repository and how it is named.

use std::path::{Path, PathBuf};

/// One Rust file of ours.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// The text before and from the inline tests.
    pub(crate) fn split(&self) -> (&str, &str) {
        self.text.split_at(self.text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(self.text.len()))
    }

    /// Whether the whole file is tests, a bench or a fuzz target.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.contains("/benches/")
            || self.path.ends_with("tests.rs")
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace has a root")
}

/// Every Rust file of the repository, generated and fixture files left out.
pub(crate) fn sources() -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the repository is readable") {
            let path = entry.expect("an entry of the repository is readable").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() {
                if !["target", "gen", "fixtures", "corpus"].contains(&name.as_str()) && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(&path).expect("source files are UTF-8");
                let path = path.strip_prefix(&root).expect("the walk began at the root").display().to_string();
                found.push(Source { path, text });
            }
        }
    }
    assert!(found.len() > 40, "the walk finds the sources");
    found
}

#[test]
fn the_top_level_holds_what_it_should_and_nothing_else() {
    let files = ["Cargo.toml", "Cargo.lock", "README.md", "LICENSE", "deny.toml", "clippy.toml", "rustfmt.toml"];
    let folders = ["runner", "control-plane", "proto", "shared", "tests", "packaging", "target"];
    for entry in std::fs::read_dir(root()).expect("the root is readable") {
        let name = entry.expect("an entry is readable").file_name().into_string().expect("names are UTF-8");
        let known = name.starts_with('.') || files.contains(&name.as_str()) || folders.contains(&name.as_str());
        assert!(known, "{name} does not belong at the top level");
    }
}

#[test]
fn no_module_is_named_for_nothing() {
    let banned = ["common", "util", "utils", "helpers", "misc", "types", "core"];
    for source in sources() {
        let mut parts = source.path.trim_end_matches(".rs").split('/');
        assert!(!parts.any(|part| banned.contains(&part)), "{} is named for nothing", source.path);
    }
}
