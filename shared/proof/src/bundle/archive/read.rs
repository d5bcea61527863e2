//! Reads the archive of any plain writer, and no ambiguous one.
//!
//! Zip readers disagree about ambiguous archives: which of two directories counts, what a header that contradicts
//! another means, what hides before the first file or after the last. So every byte must be accounted for: files follow
//! each other without a gap, then their directory, then the end; what is said twice must be the same twice; and what a
//! writer is free to choose, such as its own version or the time, must be the same for all files, so that no byte of it
//! can be changed alone. It allocates nothing but the list of files.

use super::{ArchiveError, CENTRAL, DESCRIPTOR, END, LOCAL, MAX_BUNDLE, MAX_FILES, allowed};

/// Length of the record at the end.
pub(super) const END_LENGTH: usize = 22;
/// Names are UTF-8; those of a bundle are ASCII, which is the same with and without it.
const FLAG_UTF8: u16 = 0x0800;
/// Checksum and lengths follow the content, as a writer that streams must do it.
const FLAG_DESCRIPTOR: u16 = 0x0008;
/// What the only extra field begins with that is read: a modification time of Info-ZIP, 5 bytes, nothing but it. Some
/// writers cannot be told to leave it out.
const EXTRA_TIME: [u8; 5] = [0x55, 0x54, 5, 0, 1];

/// What the header in front of a file and its line in the directory both say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Shared<'a> {
    version: u16,
    flags: u16,
    method: u16,
    time: [u16; 2],
    pub(super) sums: Sums,
    pub(super) name: &'a [u8],
    extra: &'a [u8],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) checksum: u32,
    stored: u32,
    pub(super) length: u32,
}

/// A file's line in the directory.
pub(super) struct Line<'a> {
    made_by: u16,
    pub(super) shared: Shared<'a>,
    comment: u16,
    disk: u16,
    /// Internal and external.
    attributes: (u16, u32),
    pub(super) offset: u32,
}

/// What a writer chooses freely, once for all files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Choices<'a> {
    made_by: u16,
    version: u16,
    flags: u16,
    time: [u16; 2],
    extra: &'a [u8],
    attributes: (u16, u32),
}

impl Shared<'_> {
    /// Whether checksum and lengths follow the content.
    pub(super) fn is_streamed(&self) -> bool {
        self.flags & FLAG_DESCRIPTOR != 0
    }

    /// Bytes of the header in front of the content, and of what follows the content.
    pub(super) fn around(&self) -> (u64, u64) {
        let header = 30 + self.name.len() as u64 + self.extra.len() as u64;
        (header, if self.is_streamed() { 16 } else { 0 })
    }
}

impl<'a> Line<'a> {
    pub(super) fn choices(&self) -> Choices<'a> {
        let Shared { version, flags, time, extra, .. } = self.shared;
        Choices { made_by: self.made_by, version, flags, time, extra, attributes: self.attributes }
    }
}

/// The files of an archive, sorted by name.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, ArchiveError> {
    if bytes.len() > MAX_BUNDLE {
        return Err(ArchiveError::TooLarge(bytes.len()));
    }
    if !bytes.starts_with(&LOCAL.to_le_bytes()) {
        return Err(ArchiveError::NotAnArchive);
    }
    let (count, contents, directory) = split(bytes)?;
    if count > MAX_FILES {
        return Err(ArchiveError::TooManyFiles);
    }
    let (mut directory, mut rest) = (Bytes(directory), Bytes(contents));
    let mut first = None;
    let mut files: Vec<(&str, &[u8])> = Vec::new();
    for file in 1..=count {
        let line = directory.line().ok_or(ArchiveError::Directory)?;
        let name = check_line(&line, file)?;
        if *first.get_or_insert(line.choices()) != line.choices() {
            let what = "its version, marks, time, attributes or extra field are other than the first file's";
            return Err(ArchiveError::Header { file, what });
        }
        if files.last().is_some_and(|(last, _)| *last >= name) {
            return Err(ArchiveError::Order(file));
        }
        if usize::try_from(line.offset) != Ok(contents.len() - rest.0.len()) {
            return Err(ArchiveError::Directory);
        }
        files.push((name, read_file(&mut rest, &line.shared, file)?));
    }
    if directory.0.is_empty() && rest.0.is_empty() { Ok(files) } else { Err(ArchiveError::Directory) }
}

/// The number of files, the bytes that hold them, and the directory behind them, by the record at the very end.
fn split(bytes: &[u8]) -> Result<(usize, &[u8], &[u8]), ArchiveError> {
    let (before, end) = bytes.split_last_chunk::<END_LENGTH>().ok_or(ArchiveError::End)?;
    let End { count, length, start } = read_end(end)?;
    let place = |number: u32| usize::try_from(number).map_err(|_| ArchiveError::End);
    let (contents, directory) = before.split_at_checked(place(start)?).ok_or(ArchiveError::Directory)?;
    if directory.len() != place(length)? {
        return Err(ArchiveError::Directory);
    }
    Ok((usize::from(count), contents, directory))
}

/// What the record at the very end says of the directory.
pub(super) struct End {
    pub(super) count: u16,
    pub(super) length: u32,
    pub(super) start: u32,
}

/// Reads the record at the very end.
pub(super) fn read_end(end: &[u8; END_LENGTH]) -> Result<End, ArchiveError> {
    let mut end = Bytes(end);
    if end.word() != Some(END) {
        return Err(ArchiveError::End);
    }
    let (disks, counts) = ([end.half(), end.half()], [end.half(), end.half()]);
    let (length, start, comment) = (end.word(), end.word(), end.half());
    match (disks, counts, length, start, comment) {
        ([Some(0), Some(0)], [Some(here), Some(all)], Some(length), Some(start), Some(0)) if here == all => {
            Ok(End { count: all, length, start })
        }
        ([Some(0), Some(0)], [Some(_), Some(_)], Some(_), Some(_), Some(0)) => Err(ArchiveError::Directory),
        _ => Err(ArchiveError::End),
    }
}

/// Checks what a line of the directory says by itself; gives the file's name.
pub(super) fn check_line<'a>(line: &Line<'a>, file: usize) -> Result<&'a str, ArchiveError> {
    let Shared { version, flags, method, sums, name, extra, .. } = line.shared;
    let refused = |what| Err(ArchiveError::Header { file, what });
    if method != 0 {
        return refused("it is compressed; a bundle's files are stored as they are");
    }
    if flags & !(FLAG_UTF8 | FLAG_DESCRIPTOR) != 0 {
        return refused("it is encrypted, or marked in another way that no bundle's file is");
    }
    if !matches!(version, 10 | 20) {
        return refused("it needs another version of zip than 1.0 or 2.0");
    }
    if sums.stored != sums.length {
        return refused("its two sizes differ");
    }
    let plain = extra.is_empty() || (extra.starts_with(&EXTRA_TIME) && extra.len() == EXTRA_TIME.len() + 4);
    if !plain {
        return refused("it has an extra field, such as that of zip64; only a modification time is read");
    }
    if line.comment != 0 || line.disk != 0 {
        return refused("it has a comment, or is said to be on another disk");
    }
    if !is_regular(line.attributes.1) {
        return refused("it is said to be a folder, a link or a device");
    }
    std::str::from_utf8(name).ok().filter(|name| allowed(name)).ok_or(ArchiveError::Name(file))
}

/// Whether these attributes let whoever unpacks the archive make a plain file. The upper half holds the type on Unix,
/// which may be left out; the lower that of DOS.
fn is_regular(attributes: u32) -> bool {
    const FOLDER_OR_VOLUME: u32 = 0x18;
    matches!(attributes >> 28, 0 | 0o10) && attributes & FOLDER_OR_VOLUME == 0
}

/// Takes one file off the front: its header, its content, and what follows that.
fn read_file<'a>(rest: &mut Bytes<'a>, listed: &Shared<'_>, file: usize) -> Result<&'a [u8], ArchiveError> {
    check_header(rest, listed, file)?;
    let length = usize::try_from(listed.sums.length).map_err(|_| ArchiveError::CutOff(file))?;
    let content = rest.take(length).ok_or(ArchiveError::CutOff(file))?;
    check_descriptor(rest, listed, file)?;
    if crc32fast::hash(content) == listed.sums.checksum { Ok(content) } else { Err(ArchiveError::Checksum(file)) }
}

/// Takes the header in front of a file, which must say the same as its line in the directory.
pub(super) fn check_header(rest: &mut Bytes<'_>, listed: &Shared<'_>, file: usize) -> Result<(), ArchiveError> {
    let cut_off = || ArchiveError::CutOff(file);
    if rest.word().ok_or_else(cut_off)? != LOCAL {
        return Err(ArchiveError::Directory);
    }
    let mut header = rest.shared_head().ok_or_else(cut_off)?;
    let lengths = rest.lengths().ok_or_else(cut_off)?;
    (header.name, header.extra) = rest.name_and_extra(lengths).ok_or_else(cut_off)?;
    let none = Sums { checksum: 0, stored: 0, length: 0 };
    let expected = Shared { sums: if listed.is_streamed() { none } else { listed.sums }, ..*listed };
    if header == expected {
        Ok(())
    } else {
        Err(ArchiveError::Header { file, what: "the header in front of it and its line in the directory differ" })
    }
}

/// Takes what follows the content of a file, if something does.
pub(super) fn check_descriptor(rest: &mut Bytes<'_>, listed: &Shared<'_>, file: usize) -> Result<(), ArchiveError> {
    if !listed.is_streamed() {
        return Ok(());
    }
    let signature = rest.word().ok_or(ArchiveError::CutOff(file))?;
    let sums = rest.sums().ok_or(ArchiveError::CutOff(file))?;
    if (signature, sums) == (DESCRIPTOR, listed.sums) {
        Ok(())
    } else {
        Err(ArchiveError::Header { file, what: "what follows its content and its line in the directory differ" })
    }
}

/// Bytes that are read from the front, numbers with their lowest byte first.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn half(&mut self) -> Option<u16> {
        let (taken, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        Some(u16::from_le_bytes(*taken))
    }

    fn word(&mut self) -> Option<u32> {
        let (taken, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*taken))
    }

    fn sums(&mut self) -> Option<Sums> {
        Some(Sums { checksum: self.word()?, stored: self.word()?, length: self.word()? })
    }

    /// Up to the lengths; name and extra field stand further behind, and are empty until they are read.
    fn shared_head(&mut self) -> Option<Shared<'a>> {
        let (version, flags, method) = (self.half()?, self.half()?, self.half()?);
        let time = [self.half()?, self.half()?];
        Some(Shared { version, flags, method, time, sums: self.sums()?, name: &[], extra: &[] })
    }

    /// Of name and extra field.
    fn lengths(&mut self) -> Option<[u16; 2]> {
        Some([self.half()?, self.half()?])
    }

    fn name_and_extra(&mut self, [name, extra]: [u16; 2]) -> Option<(&'a [u8], &'a [u8])> {
        Some((self.take(name.into())?, self.take(extra.into())?))
    }

    /// A line of the directory.
    pub(super) fn line(&mut self) -> Option<Line<'a>> {
        if self.word()? != CENTRAL {
            return None;
        }
        let made_by = self.half()?;
        let mut shared = self.shared_head()?;
        let lengths = self.lengths()?;
        let (comment, disk) = (self.half()?, self.half()?);
        let attributes = (self.half()?, self.word()?);
        let offset = self.word()?;
        (shared.name, shared.extra) = self.name_and_extra(lengths)?;
        Some(Line { made_by, shared, comment, disk, attributes, offset })
    }
}
