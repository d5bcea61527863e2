//! Zip (PKWARE APPNOTE) as bundles have it: files stored, sorted by name, at one time, nothing hidden between them.
//!
//! Writes one exact form, and reads that of any writer that is as plain and as regular. It knows nothing of what the
//! files hold.

mod read;
pub(crate) mod streamed;
mod write;

pub(super) use read::read;
pub(super) use write::write;

/// Bytes of a bundle.
pub const MAX_BUNDLE: usize = 1024 * 1024 * 1024;

/// Files in a bundle; also what zip without its 64-bit extension can count.
pub const MAX_FILES: usize = 65_000;

const MAX_NAME: usize = 200;
const LOCAL: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;

/// Why bytes are not a bundle's archive, or files cannot be put into one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Larger than [`MAX_BUNDLE`], or than zip can count.
    #[error("{0} bytes are more than such an archive may have")]
    TooLarge(usize),
    /// More than [`MAX_FILES`].
    #[error("more than {MAX_FILES} files")]
    TooManyFiles,
    /// It does not begin with a file.
    #[error("not a proof bundle: it does not begin with the first file of a zip archive")]
    NotAnArchive,
    /// Its last bytes are not the end of an archive.
    #[error("the file does not end where its archive ends: it was cut off, or something follows, such as a comment")]
    End,
    /// It ends in the middle of something.
    #[error("the archive is cut off in file {0}")]
    CutOff(usize),
    /// A header that no bundle has.
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
    #[error("file {0} of the archive is out of order or comes twice; files are sorted by the bytes of their names")]
    Order(usize),
    /// The content does not have its checksum.
    #[error("the content of file {0} of the archive does not have its checksum: bytes were changed")]
    Checksum(usize),
    /// The directory at the end lists other files than those in front of it.
    #[error("the directory at the end of the archive is not that of the files in it")]
    Directory,
}

/// Relative, with `/` between plain parts that are neither empty nor dots alone.
fn allowed(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    name.len() <= MAX_NAME
        && name.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain))
}
