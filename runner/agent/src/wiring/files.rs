//! Files that commands read and write for people.

use std::io::Write;
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

/// Writes a file that must not exist, readable by its owner alone: what commands write may tell of evidence.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Fail> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Fail::input(
            "E-FILE-003",
            format_args!("{} exists already", path.display()),
            "name another file or move this one away; nothing is overwritten",
        ),
        _ => Fail::input(
            "E-FILE-004",
            format_args!("{}: {error}", path.display()),
            "name a place that can be written to",
        ),
    })
}
