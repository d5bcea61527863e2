//! Scripts, styles and pictures of ours: embedded, and named by what is in them, so that a browser keeps them for ever.
//!
//! One hash names a whole folder, so that modules which import one another by `./name.js` always find the ones they were
//! written with.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crypto::Digest;
use crypto::digest::{Sha256, sha256};
use http::{HeaderMap, HeaderValue, header};

use super::answer::Answer;
use super::trouble::Trouble;
use crate::problem::Problem;

/// One file.
struct File {
    folder: &'static str,
    name: &'static str,
    bytes: &'static [u8],
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The folders as they are named outside: `js-0123456789abcdef`.
static FOLDERS: LazyLock<BTreeMap<&'static str, String>> = LazyLock::new(|| {
    let mut folders: BTreeMap<&'static str, Sha256> = BTreeMap::new();
    for file in FILES {
        let hasher = folders.entry(file.folder).or_insert_with(Sha256::new);
        for part in [file.name.as_bytes(), b"\0", sha256(file.bytes).as_bytes()] {
            hasher.update(part);
        }
    }
    let named = |(folder, hasher): (&'static str, Sha256)| (folder, format!("{folder}-{}", short(&hasher.finish())));
    folders.into_iter().map(named).collect()
});

fn short(digest: &Digest) -> String {
    digest.to_string().chars().take(16).collect()
}

/// Where a file is. Names are unique over all folders.
pub(crate) fn path_of(name: &str) -> String {
    let folder = FILES.iter().find(|file| file.name == name).and_then(|file| FOLDERS.get(file.folder));
    debug_assert!(folder.is_some(), "there is no asset {name}");
    folder.map_or_else(|| "/assets/missing".to_owned(), |folder| format!("/assets/{folder}/{name}"))
}

/// The file under a path, or that the browser has it.
pub(super) fn answer(folder: &str, name: &str, headers: &HeaderMap) -> Result<Answer, Trouble> {
    let known = FILES.iter().find(|file| file.name == name && FOLDERS.get(file.folder).is_some_and(|f| f == folder));
    let file = known.ok_or_else(Problem::no_such_path)?;
    let media = media_of(file.name).ok_or_else(Problem::no_such_path)?;
    let tag = HeaderValue::try_from(format!("\"{}\"", short(&sha256(file.bytes)))).map_err(|_| Problem::fault())?;
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let has_it = known.flat_map(|value| value.split(',')).any(|known| known.trim() == "*" || known.trim() == tag);
    Ok(if has_it { Answer::unchanged(tag) } else { Answer::asset(media, tag, file.bytes) })
}

/// What a file is, by the end of its name.
fn media_of(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        "ico" => Some("image/x-icon"),
        _ => None,
    }
}

/// Every file: where it is, and what is in it.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = (String, &'static str, &'static [u8])> {
    FILES.iter().map(|file| (path_of(file.name), file.name, file.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_known() {
        let names: BTreeSet<_> = FILES.iter().map(|file| file.name).collect();
        assert_eq!(names.len(), FILES.len(), "two assets have one name");
        for file in FILES {
            assert!(media_of(file.name).is_some(), "{} has no media type", file.name);
            assert!(file.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)), "{}", file.name);
        }
    }
}
