//! Archives that are larger than memory: written piece by piece, with checksum and length behind each content, and read
//! from something that can be positioned. The same rules as for bundles hold; only where the bytes are differs.

use std::io::{Read, Seek, SeekFrom};

use super::read::{Bytes, END_LENGTH, Line, Shared, check_descriptor, check_header, check_line, read_end};
use super::write::{Entry, Form, push_directory, push_shared, push_words};
use super::{ArchiveError, DESCRIPTOR, LOCAL, allowed};

/// Checksum and lengths follow the content, which zip 2.0 can.
const STREAMED: Form = Form { version: 20, flags: 0x0008 };

/// What zip without its 64-bit extension can count.
const MAX_ARCHIVE: u64 = 0xffff_ffff;

/// Bytes of a directory that is read; an archive of this kind has a handful of files.
const MAX_DIRECTORY: u32 = 65_536;

/// Writes an archive front to back. Files come in the order of their names.
#[derive(Debug)]
pub(crate) struct Writer {
    done: Vec<Done>,
    open: Option<Open>,
    position: u64,
}

#[derive(Debug)]
struct Done {
    name: &'static str,
    checksum: u32,
    length: u32,
    offset: u32,
}

struct Open {
    name: &'static str,
    sum: crc32fast::Hasher,
    length: u64,
    offset: u64,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Open({}, {} bytes)", self.name, self.length)
    }
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { done: Vec::new(), open: None, position: 0 }
    }

    /// Ends the file before and begins one of this name.
    pub(crate) fn file(&mut self, name: &'static str, out: &mut Vec<u8>) -> Result<(), ArchiveError> {
        self.close(out)?;
        if !allowed(name) || self.done.last().is_some_and(|last| last.name >= name) {
            return Err(ArchiveError::Order(self.done.len() + 1));
        }
        let before = out.len();
        push_words(out, &[LOCAL]);
        push_shared(out, &Entry { name, checksum: 0, length: 0, offset: 0 }, STREAMED);
        out.extend_from_slice(name.as_bytes());
        self.open = Some(Open { name, sum: crc32fast::Hasher::new(), length: 0, offset: self.position });
        self.advance(out.len() - before)
    }

    /// The next bytes of the file that was begun last.
    pub(crate) fn content(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), ArchiveError> {
        if let Some(open) = &mut self.open {
            open.sum.update(bytes);
            open.length = open.length.saturating_add(bytes.len() as u64);
        }
        out.extend_from_slice(bytes);
        self.advance(bytes.len())
    }

    /// Ends the archive.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) -> Result<(), ArchiveError> {
        self.close(out)?;
        let entry =
            |done: &Done| Entry { name: done.name, checksum: done.checksum, length: done.length, offset: done.offset };
        let entries: Vec<Entry<'_>> = self.done.iter().map(entry).collect();
        let start = usize::try_from(self.position).map_err(|_| too_large(self.position))?;
        push_directory(out, &entries, start, STREAMED);
        Ok(())
    }

    fn close(&mut self, out: &mut Vec<u8>) -> Result<(), ArchiveError> {
        let Some(Open { name, sum, length, offset }) = self.open.take() else { return Ok(()) };
        let place = |number: u64| u32::try_from(number).map_err(|_| too_large(number));
        let (checksum, length) = (sum.finalize(), place(length)?);
        push_words(out, &[DESCRIPTOR, checksum, length, length]);
        self.done.push(Done { name, checksum, length, offset: place(offset)? });
        self.advance(16)
    }

    fn advance(&mut self, bytes: usize) -> Result<(), ArchiveError> {
        self.position = self.position.saturating_add(bytes as u64);
        // The directory must fit behind it.
        if self.position > MAX_ARCHIVE - u64::from(MAX_DIRECTORY) { Err(too_large(self.position)) } else { Ok(()) }
    }
}

fn too_large(bytes: u64) -> ArchiveError {
    ArchiveError::TooLarge(usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError<E> {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("it cannot be read: {0}")]
    Input(#[from] std::io::Error),
    /// What the caller says of the content.
    #[error("{0}")]
    Content(E),
}

/// An archive in something that can be positioned.
pub(crate) struct Reader<R> {
    input: R,
    directory: Vec<u8>,
}

impl<R: Read + Seek> Reader<R> {
    /// Reads the directory and checks that the files follow one another without a gap.
    pub(crate) fn open(mut input: R) -> Result<Self, ReadError<std::convert::Infallible>> {
        let size = input.seek(SeekFrom::End(0))?;
        let end_at = size.checked_sub(END_LENGTH as u64).ok_or(ArchiveError::NotAnArchive)?;
        let mut first = [0; 4];
        read_at(&mut input, 0, &mut first)?;
        if first != LOCAL.to_le_bytes() {
            return Err(ArchiveError::NotAnArchive.into());
        }
        let mut end = [0; END_LENGTH];
        read_at(&mut input, end_at, &mut end)?;
        let end = read_end(&end)?;
        if end.length > MAX_DIRECTORY || u64::from(end.start) + u64::from(end.length) != end_at {
            return Err(ArchiveError::Directory.into());
        }
        let mut directory = vec![0; usize::try_from(end.length).unwrap_or(0)];
        read_at(&mut input, u64::from(end.start), &mut directory)?;
        let reader = Self { input, directory };
        let mut position = 0_u64;
        let lines = reader.lines()?;
        for (index, line) in lines.iter().enumerate() {
            if u64::from(line.offset) != position {
                return Err(ArchiveError::Directory.into());
            }
            if lines.first().is_some_and(|first| first.choices() != line.choices()) {
                let what = "its version, marks, time, attributes or extra field are other than the first file's";
                return Err(ArchiveError::Header { file: index + 1, what }.into());
            }
            let (before, after) = line.shared.around();
            position += before + u64::from(line.shared.sums.length) + after;
        }
        if lines.len() != usize::from(end.count) || position != u64::from(end.start) {
            return Err(ArchiveError::Directory.into());
        }
        drop(lines);
        Ok(reader)
    }

    /// Names of the files, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let lines = self.lines().unwrap_or_default();
        lines.iter().map(|line| String::from_utf8_lossy(line.shared.name).into_owned()).collect()
    }

    /// Hands the content of a file over piece by piece, and checks all that surrounds it; false if there is none of this
    /// name. What was handed over is intact only if no error follows.
    pub(crate) fn read<E>(
        &mut self,
        name: &str,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, ReadError<E>> {
        let directory = std::mem::take(&mut self.directory);
        let read = self.read_listed(&directory, name, &mut each);
        self.directory = directory;
        read
    }

    fn read_listed<E>(
        &mut self,
        directory: &[u8],
        name: &str,
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, ReadError<E>> {
        let lines = parse(directory)?;
        let found = lines.iter().enumerate().find(|(_, line)| line.shared.name == name.as_bytes());
        let Some((index, line)) = found else { return Ok(false) };
        self.read_file(index + 1, line.offset, &line.shared, each)?;
        Ok(true)
    }

    fn read_file<E>(
        &mut self,
        file: usize,
        offset: u32,
        listed: &Shared<'_>,
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), ReadError<E>> {
        let (before, after) = listed.around();
        let place = |length: u64| usize::try_from(length).map_err(|_| ArchiveError::CutOff(file));
        let mut header = vec![0; place(before)?];
        read_at(&mut self.input, u64::from(offset), &mut header)?;
        check_header(&mut Bytes(&header), listed, file)?;
        let mut sum = crc32fast::Hasher::new();
        let mut left = u64::from(listed.sums.length);
        let mut buffer = vec![0; 65_536];
        while left > 0 {
            let now = place(left.min(buffer.len() as u64))?;
            let Some(piece) = buffer.get_mut(..now) else { break };
            self.input.read_exact(piece)?;
            sum.update(piece);
            each(piece).map_err(ReadError::Content)?;
            left -= now as u64;
        }
        let mut descriptor = vec![0; place(after)?];
        self.input.read_exact(&mut descriptor)?;
        check_descriptor(&mut Bytes(&descriptor), listed, file)?;
        if sum.finalize() == listed.sums.checksum { Ok(()) } else { Err(ArchiveError::Checksum(file).into()) }
    }

    fn lines(&self) -> Result<Vec<Line<'_>>, ArchiveError> {
        parse(&self.directory)
    }
}

fn parse(directory: &[u8]) -> Result<Vec<Line<'_>>, ArchiveError> {
    let mut rest = Bytes(directory);
    let mut lines: Vec<Line<'_>> = Vec::new();
    while !rest.0.is_empty() {
        let line = rest.line().ok_or(ArchiveError::Directory)?;
        check_line(&line, lines.len() + 1)?;
        if lines.last().is_some_and(|last| last.shared.name >= line.shared.name) {
            return Err(ArchiveError::Order(lines.len() + 1));
        }
        lines.push(line);
    }
    Ok(lines)
}

fn read_at(input: &mut (impl Read + Seek), position: u64, bytes: &mut [u8]) -> Result<(), std::io::Error> {
    input.seek(SeekFrom::Start(position))?;
    input.read_exact(bytes)
}
