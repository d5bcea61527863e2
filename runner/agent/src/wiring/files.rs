//! Files that commands read and write for people.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::fail::Fail;

/// Bytes that a key, a certificate or a secret may have at most.
pub(crate) const SMALL: u64 = 1024 * 1024;

/// Reads a file that a person named, up to `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Fail> {
    use std::io::Read;
    let unreadable = |error: std::io::Error| {
        Fail::input("E-FILE-001", format_args!("{}: {error}", path.display()), "name a file that this account can read")
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        let message = format_args!("{} has more than {limit} bytes", path.display()).to_string();
        return Err(Fail::input("E-FILE-002", message, "name a smaller file"));
    }
    Ok(bytes)
}

/// Refuses a file that exists, before work for it begins.
pub(crate) fn refuse_existing(path: &Path) -> Result<(), Fail> {
    if path.symlink_metadata().is_ok() { Err(exists(path)) } else { Ok(()) }
}

fn exists(path: &Path) -> Fail {
    let message = format_args!("{} exists already", path.display()).to_string();
    Fail::input("E-FILE-003", message, "name another file or move this one away; nothing is overwritten")
}

/// Writes a file that must not exist, readable by its owner alone: what commands write may tell of evidence. A file that
/// could not be written to its end does not stay.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Fail> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let written = options.open(path).and_then(|mut file| {
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.inspect_err(|_| {
            // What the caller is told is why it could not be written; a leftover would be told of by its own error later.
            let _ = std::fs::remove_file(path);
        })
    });
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(path),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Fail::fault(
            "E-FILE-006",
            format_args!("{}: {error}", path.display()),
            "free space, or name a place on another disk; nothing was left there",
        ),
        _ => Fail::input(
            "E-FILE-004",
            format_args!("{}: {error}", path.display()),
            "name a place that can be written to",
        ),
    })
}
