//! What the file system says about one file, and its content.

use std::collections::HashMap;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;

use clock::Timestamp;
use crypto::digest::Sha256;
use nix::unistd::{Gid, Group, Uid, User};
use runner_evidence::Parse;
use rustix::fs::{FileType, OFlags, Stat};
use serde_json::{Value, json};
use verdict::Code;

use crate::file::root::Opened;
use crate::file::{FileFacts, Job, root};
use crate::request::{Fault, Result};

const CHUNK: usize = 128 << 10;

/// One file as it was found.
pub(super) struct Look {
    pub(super) facts: FileFacts,
    pub(super) content: Option<Vec<u8>>,
    pub(super) identity: Value,
}

/// Looks at files for one step; remembers names of owners and counts bytes.
pub(super) struct Looker<'a> {
    job: &'a Job,
    parse: Option<Parse>,
    hash: bool,
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
    pub(super) bytes: u64,
}

impl<'a> Looker<'a> {
    pub(super) fn new(job: &'a Job, parse: Option<Parse>, hash: bool) -> Self {
        Self { job, parse, hash, users: HashMap::new(), groups: HashMap::new(), bytes: 0 }
    }

    /// Looks at one path; a missing one is an answer, not an error.
    pub(super) fn look(&mut self, path: &Path, name: String) -> Result<Look> {
        self.job.go_on()?;
        let shown = path.to_str().ok_or_else(|| {
            Fault::new(Code::BadOutput, format!("{}: the name is not UTF-8 and cannot be recorded", path.display()))
        })?;
        let mut facts = FileFacts { path: shown.to_owned(), name, ..FileFacts::default() };
        let Opened::There(fd) = self.job.open(path, OFlags::PATH)? else {
            return Ok(Look { facts, content: None, identity: Value::Null });
        };
        let stat = stat(path, &fd)?;
        facts.exists = true;
        facts.size = Some(size(&stat));
        facts.mtime = Some(modified(&stat).to_string());
        facts.mode = Some(format!("{:04o}", stat.st_mode & 0o7777));
        facts.owner = Some(self.user(stat.st_uid)?);
        facts.group = Some(self.group(stat.st_gid)?);
        let identity = json!({"device": stat.st_dev.to_string(), "inode": stat.st_ino.to_string()});
        let mut content = None;
        if self.parse.is_some() || self.hash {
            let read = self.read(path, &stat)?;
            facts.sha256 = read.digest;
            content = read.content;
        }
        Ok(Look { facts, content, identity })
    }

    fn read(&mut self, path: &Path, stat: &Stat) -> Result<ReadOut> {
        let shown = path.display();
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Fault::new(Code::BadOutput, format!("{shown} is not a regular file and is not opened")));
        }
        let mut limit = u64::MAX;
        if self.parse.is_some() {
            limit = self.job.limits.output_bytes.min(self.job.limits.step_bytes.saturating_sub(self.bytes));
        }
        let too_large =
            || Fault::new(Code::TooLarge, format!("{shown} holds more than the {limit} bytes still allowed"));
        if size(stat) > limit {
            return Err(too_large());
        }
        // What was a regular file a moment ago may be a pipe now: do not wait for one, and look again.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let Opened::There(fd) = self.job.open(path, flags)? else {
            return Err(changed(path, "went away"));
        };
        let before = self::stat(path, &fd)?;
        if (before.st_dev, before.st_ino) != (stat.st_dev, stat.st_ino) {
            return Err(changed(path, "was replaced"));
        }
        let mut file = std::fs::File::from(fd);
        let mut out = ReadOut { digest: None, content: self.parse.map(|_| Vec::new()) };
        let mut hasher = self.hash.then(Sha256::new);
        let mut chunk = vec![0; CHUNK.min(usize::try_from(size(&before)).unwrap_or(CHUNK).max(4_096) + 1)];
        let mut total = 0_u64;
        loop {
            self.job.go_on()?;
            let count = file.read(&mut chunk).map_err(|error| Fault::local(&shown.to_string(), error))?;
            let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            total = total.saturating_add(count as u64);
            if total > limit {
                return Err(too_large());
            }
            if let Some(hasher) = &mut hasher {
                hasher.update(bytes);
            }
            if let Some(content) = &mut out.content {
                content.extend_from_slice(bytes);
            }
        }
        self.bytes = self.bytes.saturating_add(total);
        let after = self::stat(path, &file)?;
        // Files that the kernel makes up say that they are empty.
        let made_up = size(&before) == 0 && size(&after) == 0;
        if size(&before) != size(&after) || modified(&before) != modified(&after) && !made_up {
            return Err(changed(path, "changed"));
        }
        if total != size(&after) && !made_up {
            return Err(Fault::new(
                Code::Truncated,
                format!("{shown}: {total} of {} bytes could be read", size(&after)),
            ));
        }
        out.digest = hasher.map(|hasher| hasher.finish().to_string());
        Ok(out)
    }

    fn user(&mut self, id: u32) -> Result<String> {
        named(&mut self.users, id, |id| Ok(User::from_uid(Uid::from_raw(id))?.map(|user| user.name)))
    }

    fn group(&mut self, id: u32) -> Result<String> {
        named(&mut self.groups, id, |id| Ok(Group::from_gid(Gid::from_raw(id))?.map(|group| group.name)))
    }
}

struct ReadOut {
    digest: Option<String>,
    content: Option<Vec<u8>>,
}

fn changed(path: &Path, how: &str) -> Fault {
    Fault::new(Code::Truncated, format!("{} {how} while it was read", path.display()))
}

fn named(
    known: &mut HashMap<u32, String>,
    id: u32,
    ask: impl FnOnce(u32) -> nix::Result<Option<String>>,
) -> Result<String> {
    if let Some(name) = known.get(&id) {
        return Ok(name.clone());
    }
    // A directory of users that cannot be asked is not the same as a user without a name.
    let found =
        ask(id).map_err(|error| Fault::new(Code::Unreachable, format!("name of user or group {id}: {error}")))?;
    let name = found.unwrap_or_else(|| id.to_string());
    known.insert(id, name.clone());
    Ok(name)
}

fn stat(path: &Path, fd: impl AsFd) -> Result<Stat> {
    rustix::fs::fstat(fd).map_err(|error| root::fault(path, error))
}

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn modified(stat: &Stat) -> Timestamp {
    let milliseconds = i64::try_from(stat.st_mtime_nsec / 1_000_000).unwrap_or(0);
    Timestamp::from_millis(stat.st_mtime.saturating_mul(1_000).saturating_add(milliseconds))
}
