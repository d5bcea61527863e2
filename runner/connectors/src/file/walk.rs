//! Which files a pattern stands for.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use rustix::fs::{AtFlags, Dir, FileType, OFlags};
use verdict::Code;

use crate::file::root::Opened;
use crate::file::{Job, below, root};
use crate::request::{Fault, Result};

/// One part of a pattern, between two slashes.
enum Part {
    Name(String),
    Names(Box<GlobMatcher>),
    Folders,
}

/// A folder still to be looked at, with the parts that names in it must match.
struct Task<'p> {
    folder: PathBuf,
    parts: &'p [Part],
}

/// All files that the patterns stand for, in order of their paths. A folder that cannot be read is an error.
pub(super) fn find(job: &Job, under: Option<&Path>, patterns: &[String]) -> Result<BTreeSet<PathBuf>> {
    let mut walk = Walk { job, found: BTreeSet::new(), entries: 0 };
    if let Some(under) = under
        && let Opened::Missing = job.open(under, OFlags::PATH)?
    {
        return Err(Fault::new(Code::NotFound, format!("{} does not exist", under.display())));
    }
    for pattern in patterns {
        let (base, parts) = split(under, pattern)?;
        let mut tasks = vec![Task { folder: base, parts: &parts }];
        while let Some(task) = tasks.pop() {
            walk.step(task, &mut tasks)?;
        }
    }
    Ok(walk.found)
}

/// The folder to begin in and the parts that follow.
fn split(under: Option<&Path>, pattern: &str) -> Result<(PathBuf, Vec<Part>)> {
    let whole = below(under, pattern)?;
    let mut base = PathBuf::new();
    let mut parts = Vec::new();
    let literal_prefix = under.map_or(0, |under| under.components().count());
    for (index, component) in whole.components().enumerate() {
        let text = match component {
            Component::RootDir => {
                base.push("/");
                continue;
            }
            Component::Normal(name) => name.to_str().unwrap_or_default(),
            _ => return Err(Fault::denied(format!("{pattern}: \"..\" is not followed"))),
        };
        let is_pattern = index >= literal_prefix && text.contains(['*', '?', '[', '{', '\\']);
        match text {
            "**" if is_pattern => {
                if !matches!(parts.last(), Some(Part::Folders)) {
                    parts.push(Part::Folders);
                }
            }
            _ if is_pattern => {
                let glob = GlobBuilder::new(text).literal_separator(true).build();
                let glob = glob.map_err(|error| Fault::new(Code::WrongType, format!("{pattern}: {error}")))?;
                parts.push(Part::Names(Box::new(glob.compile_matcher())));
            }
            _ if parts.is_empty() && index < literal_prefix => base.push(text),
            _ => parts.push(Part::Name(text.to_owned())),
        }
    }
    if matches!(parts.last(), Some(Part::Folders)) {
        // `a/**` means everything below a.
        let glob = GlobBuilder::new("*").build();
        let glob = glob.map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
        parts.push(Part::Names(Box::new(glob.compile_matcher())));
    }
    // Names before the first pattern are simply part of the path.
    let literal = parts.iter().take_while(|part| matches!(part, Part::Name(_))).count();
    let literal = literal.min(parts.len().saturating_sub(1));
    for part in parts.drain(..literal) {
        if let Part::Name(name) = part {
            base.push(name);
        }
    }
    Ok((base, parts))
}

struct Walk<'a> {
    job: &'a Job,
    found: BTreeSet<PathBuf>,
    entries: u64,
}

impl Walk<'_> {
    fn step<'p>(&mut self, task: Task<'p>, tasks: &mut Vec<Task<'p>>) -> Result<()> {
        let Some((first, rest)) = task.parts.split_first() else { return Ok(()) };
        match first {
            Part::Name(name) => {
                self.count(&task.folder)?;
                let path = task.folder.join(name);
                match self.kind(&path)? {
                    None => {}
                    Some(FileType::Directory) if !rest.is_empty() => tasks.push(Task { folder: path, parts: rest }),
                    Some(FileType::Symlink) if !rest.is_empty() => self.through_link(path, rest, tasks)?,
                    Some(kind) => self.keep(path, kind, rest)?,
                }
            }
            Part::Names(glob) => {
                for (name, kind) in self.list(&task.folder)? {
                    if !glob.is_match(OsStr::from_bytes(&name)) {
                        continue;
                    }
                    let path = task.folder.join(OsStr::from_bytes(&name));
                    match kind {
                        FileType::Directory if !rest.is_empty() => tasks.push(Task { folder: path, parts: rest }),
                        FileType::Symlink if !rest.is_empty() => self.through_link(path, rest, tasks)?,
                        kind => self.keep(path, kind, rest)?,
                    }
                }
            }
            Part::Folders => {
                for (name, kind) in self.list(&task.folder)? {
                    if kind == FileType::Directory {
                        let folder = task.folder.join(OsStr::from_bytes(&name));
                        tasks.push(Task { folder, parts: task.parts });
                    }
                }
                tasks.push(Task { folder: task.folder, parts: rest });
            }
        }
        Ok(())
    }

    /// Takes a name that all parts match, unless it is a folder.
    fn keep(&mut self, path: PathBuf, kind: FileType, rest: &[Part]) -> Result<()> {
        if !rest.is_empty() || kind == FileType::Directory {
            return Ok(());
        }
        let leads_to_folder = kind == FileType::Symlink && self.is_folder(&path)?;
        if !leads_to_folder {
            self.found.insert(path);
        }
        Ok(())
    }

    fn through_link<'p>(&mut self, path: PathBuf, rest: &'p [Part], tasks: &mut Vec<Task<'p>>) -> Result<()> {
        if self.is_folder(&path)? {
            tasks.push(Task { folder: path, parts: rest });
        }
        Ok(())
    }

    fn is_folder(&self, path: &Path) -> Result<bool> {
        let Opened::There(fd) = self.job.open(path, OFlags::PATH)? else { return Ok(false) };
        let stat = rustix::fs::fstat(fd).map_err(|error| root::fault(path, error))?;
        Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }

    /// What a name is, links not followed; nothing if there is none.
    fn kind(&self, path: &Path) -> Result<Option<FileType>> {
        let Opened::There(fd) = self.job.open(path, OFlags::PATH | OFlags::NOFOLLOW)? else { return Ok(None) };
        let stat = rustix::fs::fstat(fd).map_err(|error| root::fault(path, error))?;
        Ok(Some(FileType::from_raw_mode(stat.st_mode)))
    }

    /// The names in a folder; none if there is no such folder.
    fn list(&mut self, folder: &Path) -> Result<Vec<(Vec<u8>, FileType)>> {
        let fault = |error| root::fault(folder, error);
        let Opened::There(fd) = self.job.open(folder, OFlags::RDONLY | OFlags::DIRECTORY)? else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        for entry in Dir::read_from(&fd).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            self.count(folder)?;
            let kind = match entry.file_type() {
                FileType::Unknown => {
                    let stat = rustix::fs::statat(&fd, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW).map_err(fault)?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                kind => kind,
            };
            names.push((name.to_vec(), kind));
        }
        Ok(names)
    }

    fn count(&mut self, folder: &Path) -> Result<()> {
        self.job.go_on()?;
        self.entries = self.entries.saturating_add(1);
        if self.entries > self.job.limits.entries {
            let (limit, folder) = (self.job.limits.entries, folder.display());
            return Err(Fault::new(Code::TooLarge, format!("more than {limit} names to look at (in {folder})")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_part_of_a_pattern_is_no_pattern() {
        let base = |under: Option<&str>, pattern: &str| {
            let (base, parts) = split(under.map(Path::new), pattern).unwrap();
            (base.to_str().unwrap().to_owned(), parts.len())
        };
        assert_eq!(base(None, "/etc/ssh/*.conf"), ("/etc/ssh".to_owned(), 1));
        assert_eq!(base(None, "/etc/ssh/sshd_config"), ("/etc/ssh".to_owned(), 1));
        assert_eq!(base(None, "/etc/*/a/b"), ("/etc".to_owned(), 3));
        assert_eq!(base(Some("/s/[x]"), "a/**/*"), ("/s/[x]/a".to_owned(), 2));
        assert_eq!(base(Some("/s"), "**"), ("/s".to_owned(), 2));
        assert_eq!(base(Some("/s"), "**/**/*"), ("/s".to_owned(), 2));
        assert!(split(None, "/etc/../*").is_err() && split(None, "/etc/[").is_err());
        assert!(split(Some(Path::new("/s")), "/etc/*").is_err());
    }
}
