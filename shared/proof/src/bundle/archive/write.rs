//! The one form that is written: the same files give the same bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{ArchiveError, CENTRAL, END, LOCAL, MAX_BUNDLE, MAX_FILES, allowed};

/// Made on Unix, so that the permissions are understood.
const MADE_ON: u16 = 3 << 8;
/// A regular file that its owner may write and everybody may read.
const MODE: u32 = 0o100_644 << 16;
/// 1980-01-01 00:00:00, the earliest time that zip knows.
const TIME: u16 = 0;
const DATE: u16 = 0x0021;

/// A file's place in the archive.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) checksum: u32,
    pub(super) length: u32,
    pub(super) offset: u32,
}

/// How files are written: with checksum and lengths in front of the content, or behind it.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) version: u16,
    pub(super) flags: u16,
}

/// Files that are at hand.
const AT_HAND: Form = Form { version: 10, flags: 0 };

/// The archive of these files.
pub(crate) fn write(files: &BTreeMap<String, Cow<'_, [u8]>>) -> Result<Vec<u8>, ArchiveError> {
    if files.len() > MAX_FILES {
        return Err(ArchiveError::TooManyFiles);
    }
    let size = files
        .iter()
        .fold(22_usize, |sum, (name, bytes)| sum.saturating_add(76 + 2 * name.len()).saturating_add(bytes.len()));
    if size > MAX_BUNDLE {
        return Err(ArchiveError::TooLarge(size));
    }
    let mut out = Vec::with_capacity(size);
    let mut entries = Vec::with_capacity(files.len());
    for (index, (name, bytes)) in files.iter().enumerate() {
        if !allowed(name) {
            return Err(ArchiveError::Name(index + 1));
        }
        let place = |length: usize| u32::try_from(length).map_err(|_| ArchiveError::TooLarge(size));
        let checksum = crc32fast::hash(bytes);
        let entry = Entry { name, checksum, length: place(bytes.len())?, offset: place(out.len())? };
        push_words(&mut out, &[LOCAL]);
        push_shared(&mut out, &entry, AT_HAND);
        out.extend_from_slice(entry.name.as_bytes());
        out.extend_from_slice(bytes);
        entries.push(entry);
    }
    let start = out.len();
    push_directory(&mut out, &entries, start, AT_HAND);
    Ok(out)
}

/// What the header of a file and its line in the directory have in common.
pub(super) fn push_shared(out: &mut Vec<u8>, entry: &Entry<'_>, form: Form) {
    push_halves(out, &[form.version, form.flags, 0, TIME, DATE]);
    push_words(out, &[entry.checksum, entry.length, entry.length]);
    let name = u16::try_from(entry.name.len()).expect("names are at most 200 bytes");
    push_halves(out, &[name, 0]);
}

/// The directory, which begins at `start` of the archive, and the end.
pub(super) fn push_directory(out: &mut Vec<u8>, entries: &[Entry<'_>], start: usize, form: Form) {
    let before = out.len();
    for entry in entries {
        push_words(out, &[CENTRAL]);
        push_halves(out, &[MADE_ON | form.version]);
        push_shared(out, entry, form);
        push_halves(out, &[0, 0, 0]);
        push_words(out, &[MODE, entry.offset]);
        out.extend_from_slice(entry.name.as_bytes());
    }
    let length = u32::try_from(out.len() - before).expect("a directory is far smaller than an archive may be");
    let start = u32::try_from(start).expect("an archive is smaller than 4 GiB");
    let count = u16::try_from(entries.len()).expect("an archive has at most 65,000 files");
    push_words(out, &[END]);
    push_halves(out, &[0, 0, count, count]);
    push_words(out, &[length, start]);
    push_halves(out, &[0]);
}

pub(super) fn push_halves(out: &mut Vec<u8>, numbers: &[u16]) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}

pub(super) fn push_words(out: &mut Vec<u8>, numbers: &[u32]) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}
