//! Opening paths below the allowed roots, and nowhere else.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use verdict::Code;

use crate::file::Job;
use crate::request::{Fault, Result};

/// The type of the file system in which the kernel tells of processes.
const PROC_SUPER_MAGIC: rustix::fs::FsWord = 0x9fa0;
/// Tries again when the tree was renamed under the kernel's feet.
const TRIES: usize = 8;

/// What became of opening a path.
pub(super) enum Opened {
    There(OwnedFd),
    Missing,
}

impl Job {
    /// Opens a path with these flags. Links are followed as long as they stay below an allowed root.
    pub(super) fn open(&self, path: &Path, flags: OFlags) -> Result<Opened> {
        let (root, rest) = self.policy.file_root(path, self.scratch.as_deref())?;
        match open_below(root, rest, flags, ResolveFlags::empty()) {
            Ok(fd) => there(path, fd),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(Opened::Missing),
            Err(Errno::XDEV) => self.open_elsewhere(path, flags),
            Err(error) => Err(fault(path, error)),
        }
    }

    /// Opens a path that leaves its root through a link: allowed if it ends below some allowed root. The path without
    /// links is opened without following any, so that it cannot have changed since it was judged.
    fn open_elsewhere(&self, path: &Path, flags: OFlags) -> Result<Opened> {
        let target = match std::fs::canonicalize(path) {
            Ok(target) => target,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Opened::Missing),
            Err(error) => return Err(Fault::local(&path.display().to_string(), error)),
        };
        let roots = self.policy.files.iter().map(PathBuf::as_path).chain(self.scratch.as_deref());
        let roots = roots.filter_map(|root| std::fs::canonicalize(root).ok());
        let found = roots.filter_map(|root| target.strip_prefix(&root).ok().map(|rest| (root.clone(), rest))).next();
        let Some((root, rest)) = found else {
            return Err(Fault::denied(format!(
                "{} is a link that leads to {}, out of the allowed folders: add that to policy.files",
                path.display(),
                target.display()
            )));
        };
        match open_below(&root, rest, flags, ResolveFlags::NO_SYMLINKS) {
            Ok(fd) => there(path, fd),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(Opened::Missing),
            Err(error) => Err(fault(path, error)),
        }
    }
}

/// Refuses what the kernel tells of the Runner itself, and the environment and memory of every process: credentials
/// stand there, and no allowed folder is meant to show them.
fn there(path: &Path, fd: OwnedFd) -> Result<Opened> {
    let file_system = rustix::fs::fstatfs(&fd).map_err(|error| fault(path, error))?;
    if file_system.f_type != PROC_SUPER_MAGIC {
        return Ok(Opened::There(fd));
    }
    let real = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    let real = real.map_err(|error| Fault::local(&path.display().to_string(), error))?;
    let parts: Vec<_> = real.iter().filter_map(std::ffi::OsStr::to_str).collect();
    let own = std::process::id().to_string();
    let of_process = parts.iter().any(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let is_secret = parts.last().is_some_and(|name| ["environ", "mem", "auxv", "fd"].contains(name));
    if parts.contains(&own.as_str()) || (of_process && is_secret) {
        let path = path.display();
        return Err(Fault::denied(format!("{path} shows what a process knows and is never read")));
    }
    Ok(Opened::There(fd))
}

pub(super) fn fault(path: &Path, error: Errno) -> Fault {
    let path = path.display().to_string();
    match error {
        Errno::LOOP => Fault::denied(format!("{path} leads through a link that is not followed")),
        Errno::NAMETOOLONG => Fault::new(Code::TooLarge, format!("{path}: {error}")),
        _ => Fault::local(&path, error),
    }
}

fn open_below(root: &Path, rest: &Path, flags: OFlags, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC;
    let resolve = resolve | ResolveFlags::NO_MAGICLINKS;
    // The root itself is the operator's word, links in it included.
    if rest.as_os_str().is_empty() {
        return rustix::fs::openat2(CWD, root, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS);
    }
    let start = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::openat2(CWD, root, start, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?;
    let mut tries = 0;
    loop {
        tries += 1;
        match rustix::fs::openat2(&root, rest, flags, Mode::empty(), resolve | ResolveFlags::BENEATH) {
            Err(Errno::AGAIN) if tries < TRIES => {}
            outcome => return outcome,
        }
    }
}
