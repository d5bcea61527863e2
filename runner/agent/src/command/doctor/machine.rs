//! The folder and the machine around it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;
use nix::unistd::geteuid;

use super::Line;
use crate::config::{Config, Profile};
use crate::wiring::root_key::config_files;

const MIB: u64 = 1 << 20;
/// With less, the next run may well not fit.
const TOO_LITTLE: u64 = 100 * MIB;
/// With less, somebody should look soon.
const LITTLE: u64 = 1024 * MIB;
/// Every file of the store and of a run needs one.
const FEW_INODES: u64 = 1000;

/// Whether this process, and every Runner that is started the same way, can leave its memory in a file.
pub(super) fn core_dumps() -> Line {
    const NAME: &str = "core dumps";
    if let Err(error) = runner_vault::harden_process() {
        return Line::fault(NAME, &error, error.next_step());
    }
    let limited = getrlimit(Resource::RLIMIT_CORE).is_ok_and(|(soft, hard)| soft == 0 && hard == 0);
    #[cfg(target_os = "linux")]
    let limited = limited && nix::sys::prctl::get_dumpable() == Ok(false);
    if limited {
        Line::ok(NAME, "off: neither the kernel nor a debugger of the same account gets this memory")
    } else {
        Line::fault(NAME, "the system did not keep to the limit", "start the Runner with LimitCORE=0")
    }
}

/// AES without hardware is slow, and its timing tells something about keys.
pub(super) fn aes() -> Line {
    const NAME: &str = "processor";
    if crypto::aead::hardware_aes() {
        return Line::ok(NAME, "AES runs in hardware");
    }
    let next = "choose a machine type with AES instructions, or let the virtual machine see them";
    Line::warn(NAME, "AES runs in software: sealing evidence is many times slower", next)
}

pub(super) fn folder(dir: &Path) -> Line {
    const NAME: &str = "folder";
    let meta = match std::fs::metadata(dir) {
        Ok(meta) => meta,
        Err(error) => {
            let next = "make a Runner with `proctor-runner --dir DIR init`, or name its folder with --dir";
            return Line::fault(NAME, format_args!("{}: {error}", dir.display()), next);
        }
    };
    let (mode, owner, own) = (meta.mode() & 0o7777, meta.uid(), geteuid().as_raw());
    if !meta.is_dir() {
        return Line::fault(NAME, format_args!("{} is not a folder", dir.display()), "name the Runner's folder");
    }
    if mode & 0o077 != 0 {
        let says = format!("{} has mode {mode:04o}: other accounts see its files", dir.display());
        return Line::fault(NAME, says, format_args!("chmod 700 {}", dir.display()));
    }
    if owner != own {
        let says = format!("{} belongs to account {owner}, this is account {own}", dir.display());
        return Line::warn(NAME, says, "use the Runner's account: files made by another one lock it out");
    }
    Line::ok(NAME, format_args!("{} mode {mode:04o}", dir.display()))
}

/// Space and inodes; nothing where the folder cannot be asked about.
pub(super) fn disk(dir: &Path) -> Option<Line> {
    const NAME: &str = "disk";
    let disk = statvfs(dir).ok()?;
    // Their widths differ between systems.
    #[expect(clippy::useless_conversion, reason = "the widths differ between systems")]
    let (blocks, size) = (u64::from(disk.blocks_available()), u64::from(disk.fragment_size()));
    #[expect(clippy::useless_conversion, reason = "the widths differ between systems")]
    let (inodes, free_inodes) = (u64::from(disk.files()), u64::from(disk.files_available()));
    let free = blocks.saturating_mul(size);
    let next = "free space or enlarge the disk; when it is full new runs stop, and nothing stored is lost";
    if disk.flags().contains(nix::sys::statvfs::FsFlags::ST_RDONLY) {
        return Some(Line::fault(NAME, "the file system is read-only", "mount it for writing, and see why it is not"));
    }
    let says = format!("{} MiB free", free / MIB);
    // Some file systems do not count inodes.
    let few_inodes = inodes > 0 && free_inodes < FEW_INODES;
    Some(if free < TOO_LITTLE {
        Line::fault(NAME, says, next)
    } else if few_inodes {
        Line::fault(NAME, format_args!("{free_inodes} inodes free"), "remove small files from this file system")
    } else if free < LITTLE {
        Line::warn(NAME, says, next)
    } else {
        Line::ok(NAME, says)
    })
}

/// A change of the root key that was cut off between the store and config.toml.
pub(super) fn half_changed_key(dir: &Path) -> Option<Line> {
    let (_, fresh) = config_files(dir);
    fresh.exists().then(|| {
        let says = format!("{} is left from `keys rewrap`", fresh.display());
        let next = "if the store does not open, put it in the place of config.toml; otherwise remove it";
        Line::warn("root key change", says, next)
    })
}

/// A checkpoint on the store's own disk is put back together with it.
pub(super) fn checkpoint_place(config: &Config, dir: &Path) -> Line {
    const NAME: &str = "checkpoint";
    let files = config.store.files(dir);
    let device = |path: &Path| std::fs::metadata(path).map(|meta| meta.dev());
    match (device(&files.store), device(&files.checkpoint)) {
        (Ok(store), Ok(checkpoint)) if store != checkpoint => {
            Line::ok(NAME, format_args!("{} is on another disk than the store", files.checkpoint.display()))
        }
        (Ok(_), Ok(_)) => {
            let says = "on the disk of the store: whoever puts back an old copy of the disk puts back both unseen";
            match config.profile {
                Profile::Standard => Line::ok(NAME, format_args!("{says}; the profile \"standard\" accepts that")),
                Profile::Production => {
                    Line::warn(NAME, says, "set store.checkpoint in config.toml to a path on another disk")
                }
            }
        }
        (Ok(_), Err(error)) => {
            let says = format!("{}: {error}", files.checkpoint.display());
            Line::fault(NAME, says, "put the file back, or see `proctor-runner journal acknowledge`")
        }
        (Err(error), _) => {
            let says = format!("{}: {error}", files.store.display());
            Line::fault(NAME, says, "restore the store from a backup, or name another folder")
        }
    }
}
