//! Writes the list of the console's assets: every file in `assets/FOLDER/`, with its bytes. Cargo runs this again when a
//! file of this package changes.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const FOLDERS: &[&str] = &["css", "img", "js"];

fn main() {
    let root =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder")).join("assets");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names a folder for what is made")).join("assets.rs");
    let mut text = String::from("&[\n");
    for folder in FOLDERS {
        for (name, path) in files(&root.join(folder)) {
            writeln!(text, "    File {{ folder: {folder:?}, name: {name:?}, bytes: include_bytes!({path:?}) }},")
                .expect("a text takes what is written into it");
        }
    }
    text.push_str("]\n");
    if fs::read_to_string(&out).ok().as_deref() != Some(&text) {
        fs::write(&out, text).expect("cargo's folder can be written");
    }
}

/// The files of a folder in the order of their names.
fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).expect("the folders of assets are there");
    let mut files: Vec<(String, PathBuf)> = entries
        .map(|entry| entry.expect("a folder can be read to its end").path())
        .filter(|path| path.is_file())
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)))
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    files.sort();
    files
}
