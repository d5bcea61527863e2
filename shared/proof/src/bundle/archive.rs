//! Zip (PKWARE APPNOTE) in one exact form: files stored, sorted by name, at a fixed time, nothing optional anywhere.
//!
//! Zip readers disagree about ambiguous archives: which of two directories counts, what a header that contradicts
//! another means, what hides before the first or after the last. So this reader computes each header that the writer
//! would have made and accepts no other byte; and it allocates nothing but the list of files.

use std::collections::BTreeMap;

/// Bytes of a bundle.
pub const MAX_BUNDLE: usize = 1024 * 1024 * 1024;

/// Files in a bundle; also what zip without its 64-bit extension can count.
pub const MAX_FILES: usize = 65_000;

const MAX_NAME: usize = 200;
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const VERSION: u16 = 10;
/// Made on Unix, so that the permissions are understood.
const MADE_BY: u16 = (3 << 8) | VERSION;
/// A regular file that its owner may write and everybody may read.
const MODE: u32 = 0o100_644 << 16;
/// 1980-01-01 00:00:00, the earliest time that zip knows.
const TIME: u16 = 0;
const DATE: u16 = 0x0021;

/// Why bytes are not a bundle's archive, or files cannot be put into one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Larger than [`MAX_BUNDLE`].
    #[error("{0} bytes; a bundle has at most {MAX_BUNDLE}")]
    TooLarge(usize),
    /// More than [`MAX_FILES`].
    #[error("more than {MAX_FILES} files")]
    TooManyFiles,
    /// It does not begin with a file.
    #[error("not a proof bundle: it does not begin with the first file of a zip archive")]
    NotAnArchive,
    /// It ends in the middle of something.
    #[error("the archive is cut off in file {0}")]
    CutOff(usize),
    /// A header that the writer would not have made.
    #[error("file {file} of the archive: {what}")]
    Header {
        /// From 1.
        file: usize,
        /// What is different.
        what: &'static str,
    },
    /// A name that no file of a bundle has.
    #[error("file {0} of the archive has a name that is not allowed: only relative paths of plain characters are")]
    Name(usize),
    /// Names are not sorted, or one comes twice.
    #[error("file {0} of the archive is out of order or comes twice")]
    Order(usize),
    /// The content does not have its checksum.
    #[error("the content of file {0} of the archive does not have its checksum: bytes were changed")]
    Checksum(usize),
    /// The directory at the end lists other files than those in front of it.
    #[error("the directory at the end of the archive is not that of the files in it")]
    Directory,
    /// There is something after the end.
    #[error("{0} bytes follow the end of the archive")]
    Trailing(usize),
}

/// A file's place in the archive.
struct Entry<'a> {
    name: &'a str,
    checksum: u32,
    length: u32,
    offset: u32,
}

/// The archive of these files.
pub(super) fn write(files: &BTreeMap<String, std::borrow::Cow<'_, [u8]>>) -> Result<Vec<u8>, ArchiveError> {
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
        push_local(&mut out, &entry);
        out.extend_from_slice(bytes);
        entries.push(entry);
    }
    push_directory(&mut out, &entries);
    Ok(out)
}

/// The files of an archive, sorted by name.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, ArchiveError> {
    if bytes.len() > MAX_BUNDLE {
        return Err(ArchiveError::TooLarge(bytes.len()));
    }
    if !bytes.starts_with(&LOCAL.to_le_bytes()) {
        return Err(ArchiveError::NotAnArchive);
    }
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut files = Vec::new();
    let mut rest = bytes;
    while rest.starts_with(&LOCAL.to_le_bytes()) {
        let number = entries.len() + 1;
        if number > MAX_FILES {
            return Err(ArchiveError::TooManyFiles);
        }
        let offset = u32::try_from(bytes.len() - rest.len()).map_err(|_| ArchiveError::TooLarge(bytes.len()))?;
        let (entry, content, after) = read_file(rest, offset, number)?;
        if entries.last().is_some_and(|last| last.name >= entry.name) {
            return Err(ArchiveError::Order(number));
        }
        files.push((entry.name, content));
        entries.push(entry);
        rest = after;
    }
    let mut directory = Vec::with_capacity(22 + 100 * entries.len());
    let start = bytes.len() - rest.len();
    push_directory_at(&mut directory, &entries, start);
    match rest.strip_prefix(directory.as_slice()) {
        Some([]) => Ok(files),
        Some(trailing) => Err(ArchiveError::Trailing(trailing.len())),
        None => Err(ArchiveError::Directory),
    }
}

/// Reads one file at the beginning of `rest`.
fn read_file(rest: &[u8], offset: u32, file: usize) -> Result<(Entry<'_>, &[u8], &[u8]), ArchiveError> {
    let cut_off = ArchiveError::CutOff(file);
    let header = |what| ArchiveError::Header { file, what };
    let (fixed, after) = rest.split_first_chunk::<30>().ok_or(cut_off.clone())?;
    let half =
        |at: usize| fixed.get(at..at + 2).map_or(0, |two| two.iter().rev().fold(0, |n, b| (n << 8) | u16::from(*b)));
    let word =
        |at: usize| fixed.get(at..at + 4).map_or(0, |four| four.iter().rev().fold(0, |n, b| (n << 8) | u32::from(*b)));
    let (flags, method) = (half(6), half(8));
    if flags != 0 {
        return Err(header("it is encrypted, streamed or marked in another way"));
    }
    if method != 0 {
        return Err(header("it is compressed; a bundle's files are stored as they are"));
    }
    if half(28) != 0 {
        return Err(header("it has an extra field, such as that of zip64"));
    }
    let (checksum, length) = (word(14), word(22));
    if word(18) != length {
        return Err(header("its two sizes differ"));
    }
    let (name, after) = after.split_at_checked(usize::from(half(26))).ok_or(cut_off.clone())?;
    let name = std::str::from_utf8(name).ok().filter(|name| allowed(name)).ok_or(ArchiveError::Name(file))?;
    let length_in_memory = usize::try_from(length).map_err(|_| cut_off.clone())?;
    let (content, after) = after.split_at_checked(length_in_memory).ok_or(cut_off)?;
    let entry = Entry { name, checksum, length, offset };
    let mut expected = Vec::with_capacity(30 + name.len());
    push_local(&mut expected, &entry);
    if !rest.starts_with(&expected) {
        return Err(header("its version or time is another than every bundle has"));
    }
    if crc32fast::hash(content) != checksum {
        return Err(ArchiveError::Checksum(file));
    }
    Ok((entry, content, after))
}

/// Relative, with `/` between plain parts that are neither empty nor dots alone.
fn allowed(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    name.len() <= MAX_NAME
        && name.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain))
}

fn push_local(out: &mut Vec<u8>, entry: &Entry<'_>) {
    push_words(out, &[LOCAL]);
    push_shared(out, entry);
    out.extend_from_slice(entry.name.as_bytes());
}

/// What the header of a file and its line in the directory have in common.
fn push_shared(out: &mut Vec<u8>, entry: &Entry<'_>) {
    push_halves(out, &[VERSION, 0, 0, TIME, DATE]);
    push_words(out, &[entry.checksum, entry.length, entry.length]);
    let name = u16::try_from(entry.name.len()).expect("names are at most 200 bytes");
    push_halves(out, &[name, 0]);
}

fn push_directory(out: &mut Vec<u8>, entries: &[Entry<'_>]) {
    let start = out.len();
    push_directory_at(out, entries, start);
}

/// Appends the directory of an archive whose files end at `start`.
fn push_directory_at(out: &mut Vec<u8>, entries: &[Entry<'_>], start: usize) {
    let before = out.len();
    for entry in entries {
        push_words(out, &[CENTRAL]);
        push_halves(out, &[MADE_BY]);
        push_shared(out, entry);
        push_halves(out, &[0, 0, 0]);
        push_words(out, &[MODE, entry.offset]);
        out.extend_from_slice(entry.name.as_bytes());
    }
    let length = u32::try_from(out.len() - before).expect("a directory is far smaller than a bundle may be");
    let start = u32::try_from(start).expect("a bundle is smaller than 4 GiB");
    let count = u16::try_from(entries.len()).expect("a bundle has at most 65,000 files");
    push_words(out, &[END]);
    push_halves(out, &[0, 0, count, count]);
    push_words(out, &[length, start]);
    push_halves(out, &[0]);
}

fn push_halves(out: &mut Vec<u8>, numbers: &[u16]) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}

fn push_words(out: &mut Vec<u8>, numbers: &[u32]) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}
