//! The folder of the quickstart: made once, used again, never somebody else's.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::control_plane;
use crate::fault::Fault;

/// Names the folder as ours, and remembers what a second run needs.
const MARK: &str = "quickstart.json";

/// The version of the folder's layout.
const LAYOUT: u32 = 2;

/// The folder: of the Runner, and of what the quickstart puts beside it.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Absolute, without links.
    pub(crate) path: PathBuf,
    /// What a former run remembered.
    pub(crate) ports: Ports,
    /// The ports of the control plane's listeners.
    pub(crate) control_plane: control_plane::Ports,
    /// Whether a former run made it.
    pub(crate) used_before: bool,
}

/// The ports of the listeners, in their order; empty before they are known.
pub(crate) type Ports = Vec<u16>;

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    layout: u32,
    ports: Ports,
    control_plane: control_plane::Ports,
}

impl Folder {
    /// Makes a fresh folder below the machine's folder for temporary files. It is kept.
    pub(crate) fn temporary() -> Result<Self, Fault> {
        let parent = std::env::temp_dir();
        let made = tempfile::Builder::new().prefix("proctor-quickstart-").tempdir_in(&parent);
        let path = made.map_err(Fault::file(&parent))?.keep();
        Self::fresh(&path)
    }

    /// Takes the folder that a person named: empty, not there yet, or made by a former run.
    pub(crate) fn named(path: &Path) -> Result<Self, Fault> {
        if !path.exists() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Fault::file(path))?;
        }
        if !path.is_dir() {
            return Err(Fault::NotAFolder(path.to_owned()));
        }
        let mark = path.join(MARK);
        if mark.is_file() {
            let text = fs::read_to_string(&mark).map_err(Fault::file(&mark))?;
            let known = serde_json::from_str::<Mark>(&text).ok().filter(|mark| mark.layout == LAYOUT);
            let Mark { ports, control_plane, .. } = known.ok_or_else(|| Fault::OtherVersion(path.to_owned()))?;
            return Ok(Self { path: absolute(path)?, ports, control_plane, used_before: true });
        }
        if fs::read_dir(path).map_err(Fault::file(path))?.next().is_some() {
            return Err(Fault::ForeignFolder(path.to_owned()));
        }
        Self::fresh(path)
    }

    fn fresh(path: &Path) -> Result<Self, Fault> {
        // Made by somebody, it may be open to others; a Runner's folder must not be.
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(Fault::file(path))?;
        let control_plane = control_plane::Ports::free()?;
        let folder = Self { path: absolute(path)?, ports: Ports::new(), control_plane, used_before: false };
        folder.remember(&folder.ports)?;
        Ok(folder)
    }

    /// The absolute path of something in the folder.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder's path as text; it was UTF-8 when the folder was taken.
    pub(crate) fn text(&self) -> &str {
        self.path.to_str().unwrap_or_default()
    }

    /// Keeps the ports for the next run.
    pub(crate) fn remember(&self, ports: &[u16]) -> Result<(), Fault> {
        let mark = Mark { layout: LAYOUT, ports: ports.to_vec(), control_plane: self.control_plane };
        let text = serde_json::to_string(&mark).unwrap_or_default();
        self.write(MARK, text.as_bytes())
    }

    /// Writes a file whole or not at all, readable by its owner alone.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        let path = self.join(name);
        let beside = self.join(&format!("{name}.new"));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let written = options.open(&beside).and_then(|mut file| file.write_all(bytes));
        written.and_then(|()| fs::rename(&beside, &path)).map_err(Fault::file(&path))
    }

    /// Writes a file unless it is there, and says whether the one that is there differs: people may have changed it.
    pub(crate) fn offer(&self, name: &str, bytes: &[u8]) -> Result<Offered, Fault> {
        let path = self.join(name);
        match fs::read(&path) {
            Ok(there) if there == bytes => Ok(Offered::Same),
            Ok(_) => Ok(Offered::Changed),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent).map_err(Fault::file(parent))?;
                }
                self.write(name, bytes)?;
                Ok(Offered::Written)
            }
            Err(error) => Err(Fault::File { path, error }),
        }
    }
}

/// What became of a file that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    Written,
    Same,
    Changed,
}

fn absolute(path: &Path) -> Result<PathBuf, Fault> {
    let path = path.canonicalize().map_err(Fault::file(path))?;
    if path.to_str().is_none() { Err(Fault::PathNotUtf8) } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_used_again_and_keeps_what_people_changed() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let folder = Folder::named(&path).unwrap();
        assert!(!folder.used_before && folder.path.is_absolute());
        folder.remember(&[4001, 4002]).unwrap();
        assert_eq!(folder.offer("procedures/x.yaml", b"ours").unwrap(), Offered::Written);
        assert_eq!(folder.offer("procedures/x.yaml", b"ours").unwrap(), Offered::Same);
        fs::write(folder.join("procedures/x.yaml"), b"theirs").unwrap();

        let again = Folder::named(&path).unwrap();
        assert!(again.used_before);
        assert_eq!(again.ports, [4001, 4002]);
        assert_eq!(again.control_plane, folder.control_plane);
        assert_eq!(again.offer("procedures/x.yaml", b"ours").unwrap(), Offered::Changed);
        assert_eq!(fs::read(again.join("procedures/x.yaml")).unwrap(), b"theirs");
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("letter.txt"), b"dear").unwrap();
        assert!(matches!(Folder::named(parent.path()), Err(Fault::ForeignFolder(_))));
        assert!(matches!(Folder::named(&parent.path().join("letter.txt")), Err(Fault::NotAFolder(_))));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_mark_that_is_not_understood_is_refused() {
        for text in ["{}", "", r#"{"layout": 1, "ports": []}"#, r#"{"layout": 2, "ports": [], "more": 1}"#] {
            let parent = tempfile::tempdir().unwrap();
            fs::write(parent.path().join(MARK), text).unwrap();
            assert!(matches!(Folder::named(parent.path()), Err(Fault::OtherVersion(_))), "{text}");
        }
    }
}
