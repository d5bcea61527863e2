//! From the path on the allow-list to the file that is run.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clock::Timestamp;
use serde_json::{Value, json};
use verdict::Code;

use crate::request::{Fault, Result};

/// A program that nobody but its owner can replace.
pub(super) struct Program {
    pub(super) path: PathBuf,
    metadata: std::fs::Metadata,
}

/// Follows the links of the path and refuses a program that others could have changed: one that its group or everybody
/// may write, that belongs to neither root nor the Runner, or that lies in a folder that everybody may write.
pub(super) fn locate(name: &str) -> Result<Program> {
    let path = std::fs::canonicalize(name).map_err(|error| Fault::local(name, error))?;
    let metadata = std::fs::metadata(&path).map_err(|error| Fault::local(name, error))?;
    if !metadata.is_file() || metadata.mode() & 0o111 == 0 {
        return Err(Fault::new(Code::PermissionDenied, format!("{name} is not an executable file")));
    }
    let own = nix::unistd::geteuid().as_raw();
    if metadata.mode() & 0o022 != 0 || ![0, own].contains(&metadata.uid()) {
        return Err(Fault::denied(format!(
            "{} can be changed by others: let root own it, with mode 0755 or less",
            path.display()
        )));
    }
    for folder in path.ancestors().chain(Path::new(name).ancestors()).skip(1) {
        refuse_open_folder(folder)?;
    }
    Ok(Program { path, metadata })
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
        assert_eq!(locate(&name).map(|program| program.path).unwrap(), path.canonicalize().unwrap());
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
    }
}
