//! Private files of the control plane.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crypto::Secret;
use terminal::Fail;

/// Makes a folder that only its owner may look into; one that is there stays as it is.
pub(crate) fn make_folder(path: &Path) -> Result<(), Fail> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| written(path, &error))
}

/// Writes a new file that only its owner may read, and makes it durable. Nothing that exists is overwritten.
pub(crate) fn create_private(path: &Path, bytes: &[u8]) -> Result<(), Fail> {
    NewFile::reserve(path)?.fill(bytes)
}

/// Whether there is a file with something in it.
pub(crate) fn is_filled(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.len() > 0)
}

/// Takes away a file that was made and never filled, because whoever made it was killed.
pub(crate) fn remove_empty(path: &Path) -> Result<(), Fail> {
    if is_filled(path) { Ok(()) } else { remove(path) }
}

/// Takes a file away, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), Fail> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(written(path, &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A new private file that is there already and still empty: so that a secret that is shown once has a place before it
/// is made. One that is never filled goes away.
#[derive(Debug)]
pub(crate) struct NewFile {
    path: PathBuf,
    file: File,
    filled: bool,
}

impl NewFile {
    /// Makes the empty file. Nothing that exists is overwritten.
    pub(crate) fn reserve(path: &Path) -> Result<Self, Fail> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = made.map_err(|error| written(path, &error))?;
        Ok(Self { path: path.to_owned(), file, filled: false })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it and makes it durable.
    pub(crate) fn fill(mut self, bytes: &[u8]) -> Result<(), Fail> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let write = self.file.write_all(bytes).and_then(|()| self.file.sync_all());
        let done = write.and_then(|()| File::open(folder)?.sync_all());
        done.map_err(|error| written(&self.path, &error))?;
        self.filled = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.filled {
            // An empty file that stays behind is a nuisance and no more.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Writes a file that holds no secret; one that is there is replaced.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Fail> {
    std::fs::write(path, bytes).map_err(|error| written(path, &error))
}

/// Reads a file that holds a secret; one that others may read is refused.
pub(crate) fn read_secret(path: &Path, limit: u64) -> Result<Secret<Vec<u8>>, Fail> {
    read(path, limit, |about| about.mode() & 0o077 == 0)
}

/// The same of a credential that systemd hands over. Where the service has an account of its own, the file stays root's
/// and an access list lets that account read it; that shows as the group's right to read.
pub(crate) fn read_credential(path: &Path, limit: u64) -> Result<Secret<Vec<u8>>, Fail> {
    let own = nix::unistd::geteuid().as_raw();
    read(path, limit, |about| about.mode() & 0o037 == 0 && [0, own].contains(&about.uid()))
}

fn read(path: &Path, limit: u64, is_ours: impl Fn(&Metadata) -> bool) -> Result<Secret<Vec<u8>>, Fail> {
    let unread = |error: std::io::Error| {
        Fail::input(
            "E-FILE-001",
            format_args!("{} cannot be read: {error}", path.display()),
            "check its path, owner and mode",
        )
    };
    let file = File::open(path).map_err(unread)?;
    let about = file.metadata().map_err(unread)?;
    if !is_ours(&about) {
        return Err(Fail::input(
            "E-FILE-002",
            format_args!(
                "{} can be read by others (mode {:o}, of account {})",
                path.display(),
                about.mode() & 0o777,
                about.uid()
            ),
            format_args!("chmod 600 {}", path.display()),
        ));
    }
    if about.len() > limit {
        let says = format_args!("{} has {} bytes, at most {limit} are expected", path.display(), about.len());
        return Err(Fail::input("E-FILE-003", says, "name the right file"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unread)?;
    Ok(Secret::new(bytes))
}

/// A secret that is one line of text, such as an API key or a connection string.
pub(crate) fn read_line(path: &Path) -> Result<Secret<String>, Fail> {
    const LONGEST: u64 = 16 * 1024;
    let bytes = read_secret(path, LONGEST)?;
    let text = std::str::from_utf8(bytes.expose()).map_err(|_| {
        Fail::input("E-FILE-004", format_args!("{} is not text", path.display()), "name the right file")
    })?;
    Ok(Secret::new(text.trim().to_owned()))
}

fn written(path: &Path, error: &std::io::Error) -> Fail {
    if error.kind() == std::io::ErrorKind::AlreadyExists {
        let says = format_args!("{} is there already", path.display());
        return Fail::input("E-FILE-005", says, "nothing was overwritten; name another folder or file");
    }
    let says = format_args!("{} cannot be written: {error}", path.display());
    Fail::fault("E-FILE-006", says, "check the disk and who owns the folder")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_that_others_may_read_is_refused_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create_private(&path, b"one\n").unwrap();
        assert_eq!(read_line(&path).unwrap().expose(), "one");
        drop(NewFile::reserve(&folder.path().join("unfilled")).unwrap());
        assert!(!folder.path().join("unfilled").exists());
        assert_eq!(create_private(&path, b"two").unwrap_err().code, "E-FILE-005");
        assert_eq!(read_secret(&path, 3).unwrap_err().code, "E-FILE-003");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(read_secret(&path, 100).unwrap_err().code, "E-FILE-002");
    }

    #[test]
    fn a_credential_that_an_access_list_lends_to_the_service_is_read_and_no_wider_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root");
        create_private(&path, b"key").unwrap();
        let with_mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        for mode in [0o400, 0o440] {
            with_mode(mode);
            assert_eq!(read_credential(&path, 100).unwrap().expose(), b"key", "{mode:o}");
        }
        assert_eq!(read_secret(&path, 100).unwrap_err().code, "E-FILE-002");
        for mode in [0o460, 0o450, 0o444, 0o404] {
            with_mode(mode);
            assert_eq!(read_credential(&path, 100).unwrap_err().code, "E-FILE-002", "{mode:o}");
        }
        if nix::unistd::geteuid().is_root() {
            with_mode(0o440);
            std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
            assert_eq!(read_credential(&path, 100).unwrap_err().code, "E-FILE-002");
        }
    }
}
