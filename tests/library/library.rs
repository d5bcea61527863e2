//! The files of `packaging/procedures`.

use std::path::{Path, PathBuf};

use procedure::{Notation, Procedure};

/// One procedure of the library.
pub(crate) struct Entry {
    /// The file's name without its extension.
    pub(crate) name: String,
    pub(crate) procedure: Procedure,
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/procedures")
}

/// Every procedure, by name. One that has a fault fails the test with all faults.
pub(crate) fn entries() -> Vec<Entry> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder()).expect("the library is readable") {
        let path = file.expect("an entry of the library is readable").path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let Some(notation) = Notation::from_path(&path).filter(|_| name != "README") else { continue };
        let source = std::fs::read(&path).expect("a procedure is readable");
        let procedure =
            procedure::read(&source, notation).unwrap_or_else(|faults| panic!("{}:\n{faults}", path.display()));
        found.push(Entry { name, procedure });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}
