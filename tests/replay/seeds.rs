//! Where the inputs come from: the committed corpora, and the procedures that the repository holds anyway.

use std::path::{Path, PathBuf};

/// An input and what to call it when it does harm.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// The folder of the fuzz targets.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files of a target's own corpus.
pub(crate) fn committed(target: &str) -> Vec<Seed> {
    files(&folder().join("corpus").join(target), |_| true)
}

/// Every input of a target. Procedures are not copied into the corpora: those of the library and of the fixtures are
/// read where they stand.
pub(crate) fn seeds(target: &str) -> Vec<Seed> {
    let extension = match target {
        "procedure_yaml" => Some("yaml"),
        "procedure_markdown" => Some("md"),
        _ => None,
    };
    let mut found = committed(target);
    if let Some(extension) = extension {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for place in ["fixtures/examples", "../packaging/procedures", "../packaging/quickstart/procedures"] {
            found.extend(files(&root.join(place), |path| path.extension().is_some_and(|found| found == extension)));
        }
    }
    found
}

fn files(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<Seed> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of inputs is readable") {
        let path = entry.expect("an entry of a folder is readable").path();
        if path.is_file() && wanted(&path) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push(Seed { name, bytes: std::fs::read(&path).expect("a file of the corpus is readable") });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}
