//! Files that commands read and write for people.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::fail::Fail;
use crate::local::caller;

/// Bytes that a key, a certificate or a secret may have at most.
pub(crate) const SMALL: u64 = 1024 * 1024;

/// Reads a file that the person who gave the command named, up to `limit` bytes, with that person's rights.
pub(crate) fn given(path: &Path, limit: u64) -> Result<Vec<u8>, Fail> {
    caller::read(path, limit).unwrap_or_else(|| read(path, limit))
}

/// What a person pipes into the command, up to `limit` bytes and one more.
pub(crate) fn input(limit: u64) -> Result<Vec<u8>, Fail> {
    let limit = limit.saturating_add(1);
    caller::input(limit).unwrap_or_else(|| {
        let mut bytes = Vec::new();
        let read = std::io::stdin().take(limit).read_to_end(&mut bytes);
        let unread = |error| Fail::input("E-FILE-008", format_args!("standard input: {error}"), "pipe it in again");
        read.map_err(unread).map(|_| bytes)
    })
}

/// A variable of the environment of the person who gave the command.
pub(crate) fn variable(name: &str) -> Result<Vec<u8>, Fail> {
    caller::variable(name).unwrap_or_else(|| std::env::var(name).map(String::into_bytes).map_err(|_| no_variable(name)))
}

pub(crate) fn no_variable(name: &str) -> Fail {
    let message = format_args!("the environment has no {name} that is UTF-8 text").to_string();
    Fail::input("E-FILE-007", message, "set the variable, or name a file")
}

/// Reads a file of this Runner, up to `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Fail> {
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
    if let Some(answer) = caller::refuse_existing(path) {
        return answer;
    }
    if path.symlink_metadata().is_ok() { Err(exists(path)) } else { Ok(()) }
}

fn exists(path: &Path) -> Fail {
    let message = format_args!("{} exists already", path.display()).to_string();
    Fail::input("E-FILE-003", message, "name another file or move this one away; nothing is overwritten")
}

/// Writes a file that must not exist, readable by its owner alone: what commands write may tell of evidence. A file that
/// could not be written to its end does not stay.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Fail> {
    if let Some(answer) = caller::write_new(path, bytes) {
        return answer;
    }
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
