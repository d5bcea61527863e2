//! A Runner that worked for nobody becomes one of a tenant. A store belongs to one tenant for life, so a new one takes
//! the place of the old; the old one stays in a folder beside it and can be read as before.
//!
//! The new store is made whole in a folder of its own first. From then on only files are renamed, and whoever comes next
//! finishes that, wherever it was cut off.

use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clock::Timestamp;
use ids::TenantId;
use runner_vault::{Files, Imported, Vault};

use crate::command::init;
use crate::config::{Config, KeySource};
use crate::fail::Fail;
use crate::wiring::keys::PublicKeys;
use crate::wiring::root_key::with_key;
use crate::wiring::runner::vault;

/// The new store while it is made, and when it is whole.
const UNFINISHED: &str = "store-new.unfinished";
const WHOLE: &str = "store-new";
/// In it: the name of the folder that the old store goes to.
const BEFORE: &str = "before";
/// The key's stretching parameters belong to both stores.
const HEADER: &str = "root.header";

/// Refuses a folder in which a replacement was cut off: its store and its checkpoint may be of two Runners.
pub(crate) fn refuse_unfinished(dir: &Path) -> Result<(), Fail> {
    if dir.join(WHOLE).symlink_metadata().is_err() {
        return Ok(());
    }
    let message =
        format_args!("{}: enrolling was cut off while the new store took its place", dir.display()).to_string();
    Err(Fail::input("E-JOIN-022", message, "`proctor-runner enrol` finishes it; nothing is lost"))
}

/// What was moved, and what came along.
pub(crate) struct Moved {
    /// The folder with the old store.
    pub(crate) before: PathBuf,
    /// What the new store took over.
    pub(crate) imported: Imported,
}

/// Makes a store for a tenant and puts it in the place of this one, which belongs to nobody.
pub(crate) fn replace(
    dir: &Path,
    config: &Config,
    old: Vault,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Moved, Fail> {
    let (unfinished, whole) = (dir.join(UNFINISHED), dir.join(WHOLE));
    let failed = |error: io::Error| unwritable(dir, &error);
    // An attempt that did not become whole has nothing that anybody needs.
    match std::fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    private_folder(&unfinished).map_err(failed)?;
    let provider = config.store.provider(dir, config.profile)?;
    let mut files = Files::in_folder(&unfinished);
    files.checkpoint = unfinished.join("journal.checkpoint");
    let carried = old.carry_over().map_err(vault)?;
    let mut new = init::fill(&unfinished, &files, config, &provider, tenant)?;
    let imported = new.import(carried).map_err(vault)?;
    drop(new);
    drop(old);
    let name = format!("store-before-{}", now.to_string().replace(':', ""));
    let write = || {
        std::fs::write(unfinished.join(BEFORE), &name)?;
        File::open(unfinished.join(BEFORE))?.sync_all()?;
        File::open(&unfinished)?.sync_all()?;
        std::fs::rename(&unfinished, &whole)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(failed)?;
    let before = finish(dir, config)?.unwrap_or_else(|| dir.join(name));
    Ok(Moved { before, imported })
}

/// Finishes a replacement that was cut off; gives the folder of the old store if there was one.
pub(crate) fn finish(dir: &Path, config: &Config) -> Result<Option<PathBuf>, Fail> {
    let whole = dir.join(WHOLE);
    let Ok(name) = std::fs::read_to_string(whole.join(BEFORE)) else { return Ok(None) };
    // Nobody may have the store open while its files change places.
    let lock = config.store.files(dir).lock;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock)
        .map_err(|error| unwritable(&lock, &error))?;
    if lock.try_lock().is_err() {
        let next = "stop the service, and wait until other commands have ended";
        return Err(Fail::input("E-JOIN-021", "another process has the store of this Runner open", next));
    }
    let before = dir.join(&name);
    let failed = |error: io::Error| unwritable(dir, &error);
    private_folder(&before).map_err(failed)?;
    write_config(dir, &before, config)?;
    let files = config.store.files(dir);
    // The store itself goes last: as long as its new file waits here, this is not finished.
    let places = [
        ("journal.checkpoint", files.checkpoint),
        (PublicKeys::RUNNER_PEM, dir.join(PublicKeys::RUNNER_PEM)),
        (PublicKeys::JOURNAL_VKEY, dir.join(PublicKeys::JOURNAL_VKEY)),
        ("store.db-wal", dir.join("store.db-wal")),
        ("store.db", files.store),
    ];
    for (name, place) in places {
        exchange(&whole.join(name), &place, &before.join(name)).map_err(failed)?;
    }
    let header = dir.join(HEADER);
    if header.exists() && !before.join(HEADER).exists() {
        std::fs::copy(&header, before.join(HEADER)).map_err(failed)?;
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
    std::fs::remove_dir_all(&whole).map_err(failed)?;
    Ok(Some(before))
}

/// What is in the place goes aside, and the new file into the place; where the new one is there already, nothing is done.
fn exchange(new: &Path, place: &Path, aside: &Path) -> io::Result<()> {
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    // A side file of the old store that the new one has none of goes all the same, once.
    let pending = is_there(new) || (!is_there(aside) && new.extension().is_some_and(|end| end == "db-wal"));
    if pending && is_there(place) && !is_there(aside) {
        move_file(place, aside)?;
    }
    if is_there(new) { move_file(new, place) } else { Ok(()) }
}

/// Renames, or copies where the checkpoint is kept on another disk.
fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            std::fs::copy(from, to)?;
            File::open(to)?.sync_all()?;
            std::fs::remove_file(from)
        }
        renamed => renamed,
    }
}

/// The old store is opened with the same root key; nothing is allowed there but looking.
fn write_config(dir: &Path, before: &Path, config: &Config) -> Result<(), Fail> {
    let place = before.join("config.toml");
    let key = match &config.store.key {
        KeySource::File(path) => KeySource::File(dir.join(path)),
        KeySource::PassphraseFile(path) => KeySource::PassphraseFile(dir.join(path)),
        KeySource::PassphraseEnv(name) => KeySource::PassphraseEnv(name.clone()),
        KeySource::Credential(name) => KeySource::Credential(name.clone()),
    };
    let text =
        with_key("# The store of this Runner before it was enrolled. It can be read; nothing runs here.\n", &key)?;
    std::fs::write(&place, text).map_err(|error| unwritable(&place, &error))
}

fn private_folder(path: &Path) -> io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Fail {
    let message = format_args!("{}: {error}", path.display()).to_string();
    Fail::fault("E-JOIN-020", message, "make the folder writable, then give the command again: it goes on from here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_that_was_cut_off_is_finished_by_enrolling_alone() {
        let folder = tempfile::tempdir().unwrap();
        refuse_unfinished(folder.path()).unwrap();
        std::fs::create_dir(folder.path().join(WHOLE)).unwrap();
        assert_eq!(refuse_unfinished(folder.path()).unwrap_err().code, "E-JOIN-022");
    }

    /// Wherever it is cut off, going on ends with the new file in the place and the old one aside.
    #[test]
    fn an_exchange_can_be_cut_off_anywhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (new, place, aside) = (path("new"), path("place"), path("aside"));
        for cut in 0..3 {
            std::fs::write(&new, "new").unwrap();
            std::fs::write(&place, "old").unwrap();
            if cut > 0 {
                std::fs::rename(&place, &aside).unwrap();
            }
            if cut > 1 {
                std::fs::rename(&new, &place).unwrap();
            }
            for _ in 0..2 {
                exchange(&new, &place, &aside).unwrap();
            }
            let read = |path: &Path| std::fs::read_to_string(path).unwrap();
            assert_eq!((read(&place), read(&aside), new.exists()), ("new".into(), "old".into(), false), "{cut}");
            std::fs::remove_file(&aside).unwrap();
        }
    }
}
