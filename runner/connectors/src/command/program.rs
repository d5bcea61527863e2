//! From the path on the allow-list to the file that is run.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clock::Timestamp;
use serde_json::{Value, json};
use verdict::Code;

use crate::request::{Fault, Result};

/// Links from one to the next that are followed.
const LINKS: usize = 40;

/// A program that nobody but its owner can replace.
pub(super) struct Program {
    path: PathBuf,
    metadata: std::fs::Metadata,
}

/// Judges the program behind the path and refuses one that others could have changed: one that its group or everybody
/// may write, that belongs to neither root nor the Runner, or that is reached through a folder that everybody may write.
pub(super) fn locate(name: &str) -> Result<Program> {
    let fault = |error| Fault::local(name, error);
    let mut path = PathBuf::from(name);
    for _ in 0..LINKS {
        for folder in path.ancestors().skip(1) {
            refuse_open_folder(folder)?;
        }
        let metadata = std::fs::symlink_metadata(&path).map_err(fault)?;
        refuse_strange_owner(&path, &metadata)?;
        if metadata.is_symlink() {
            let target = std::fs::read_link(&path).map_err(fault)?;
            path = path.parent().unwrap_or(Path::new("/")).join(target);
            continue;
        }
        if !metadata.is_file() || metadata.mode() & 0o111 == 0 {
            return Err(Fault::new(Code::PermissionDenied, format!("{name} is not an executable file")));
        }
        if metadata.mode() & 0o022 != 0 {
            return Err(changeable(&path));
        }
        let path = std::fs::canonicalize(&path).map_err(fault)?;
        return Ok(Program { path, metadata });
    }
    Err(Fault::new(Code::NotFound, format!("{name}: too many links")))
}

fn refuse_strange_owner(path: &Path, metadata: &std::fs::Metadata) -> Result<()> {
    let own = nix::unistd::geteuid().as_raw();
    if [0, own].contains(&metadata.uid()) { Ok(()) } else { Err(changeable(path)) }
}

fn changeable(path: &Path) -> Fault {
    let path = path.display();
    Fault::denied(format!("{path} can be changed by others: let root own it, with mode 0755 or less"))
}

fn refuse_open_folder(folder: &Path) -> Result<()> {
    let Ok(metadata) = std::fs::metadata(folder) else { return Ok(()) };
    // In a sticky folder only the owner of a file can replace it.
    if metadata.is_dir() && metadata.mode() & 0o1002 == 0o002 {
        return Err(Fault::denied(format!("everybody may write in {}: programs there are not run", folder.display())));
    }
    Ok(())
}

impl Program {
    /// What was run, for the auditor.
    pub(super) fn source(&self) -> Value {
        let changed =
            self.metadata.mtime().saturating_mul(1_000).saturating_add(self.metadata.mtime_nsec() / 1_000_000);
        json!({
            "program": self.path.to_string_lossy(),
            "inode": self.metadata.ino(),
            "size": self.metadata.size(),
            "mtime": Timestamp::from_millis(changed).to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_program_that_others_can_change_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tool");
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        let name = path.to_str().unwrap().to_owned();
        let mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        mode(&path, 0o755);
        assert_eq!(locate(&name).unwrap().path, path.canonicalize().unwrap());
        mode(&path, 0o775);
        assert_eq!(locate(&name).err().unwrap().code, Code::PolicyDenied);
        mode(&path, 0o644);
        assert_eq!(locate(&name).err().unwrap().code, Code::PermissionDenied);
        mode(&path, 0o755);
        mode(folder.path(), 0o777);
        assert_eq!(locate(&name).err().unwrap().code, Code::PolicyDenied);
        mode(folder.path(), 0o755);
        assert_eq!(locate("/nonexistent/tool").err().unwrap().code, Code::NotFound);
    }

    #[test]
    fn links_are_followed_before_the_target_is_judged() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        std::fs::write(&target, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&target, PermissionsExt::from_mode(0o777)).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert_eq!(locate(link.to_str().unwrap()).err().unwrap().code, Code::PolicyDenied);
        std::fs::set_permissions(&target, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(locate(link.to_str().unwrap()).unwrap().path, target.canonicalize().unwrap());
        let around = folder.path().join("around");
        std::os::unix::fs::symlink("around", &around).unwrap();
        assert_eq!(locate(around.to_str().unwrap()).err().unwrap().code, Code::NotFound);
    }
}
