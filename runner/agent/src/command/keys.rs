//! `keys`: the keys of the store.

use std::fs::{File, Permissions};
use std::io::Write;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use indicatif::ProgressStyle;
use serde_json::json;

use crate::config::{KeySource, Profile};
use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::files;
use crate::wiring::keys::PublicKeys;
use crate::wiring::root_key::{Chosen, RootKeyArgs, config_files, with_key};
use crate::wiring::runner::{Mode, Runner, vault};

/// Shows, rotates and exports the keys of the store. The root key wraps generations of key-encryption keys, and those
/// wrap one random key for each evidence item.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner keys status
  proctor-runner keys rotate                           new generations; every item's key is wrapped anew
  proctor-runner keys rewrap --key /media/token/new.key   another root key; config.toml is changed with it
  proctor-runner keys export --out ./for-the-auditor")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Seal level, generations and public keys.
    #[command(after_help = "Example:
  proctor-runner keys status --json")]
    Status,
    /// Make new key-encryption keys and wrap the key of every item with them. Goes on where an interrupted rotation
    /// stopped; the store can be used all the while.
    #[command(after_help = "Example:
  proctor-runner keys rotate")]
    Rotate,
    /// Change the root key, or the place it comes from. The line in config.toml is changed with it.
    #[command(after_help = "Examples:
  proctor-runner keys rewrap --key /media/token/root.key
  proctor-runner keys rewrap --provider passphrase --passphrase-file /run/secrets/proctor")]
    Rewrap(RootKeyArgs),
    /// Write the public keys, runner.pem, journal.vkey and witness.vkey, for auditors to pin; of an enrolled Runner also
    /// those of the control plane that it pinned.
    #[command(after_help = "Example:
  proctor-runner keys export --out ./for-the-auditor")]
    Export {
        /// Folder to write to; it is made if it does not exist.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

impl Args {
    /// Whether it wraps keys anew; changing the root key is for a Runner that is stopped.
    pub(crate) fn rotates(&self) -> bool {
        matches!(self.action, Action::Rotate)
    }
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    match args.action {
        Action::Status => status(place),
        Action::Rotate => rotate(place),
        Action::Rewrap(root) => rewrap(&root, place),
        Action::Export { out } => export(&out, place),
    }
}

fn status(place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let (level, keys) = runner.store.with(|store| Ok((store.seal_level(), PublicKeys::of(store))))?;
    let status = runner.store.with(|store| store.key_status())?;
    let out = place.out;
    out.line(format_args!("seal level       {}: {}", level.name(), level.sentence()));
    let (source, number) = (runner.config.store.key.to_toml(), status.root_generation);
    out.line(format_args!("root key         number {number}, from {source}"));
    out.line(format_args!("attestation key  sha256:{}", keys.key_id));
    out.line(format_args!("journal key      {}", keys.journal_vkey));
    let rows = status.generations.iter().map(|generation| {
        vec![
            generation.generation.into(),
            generation.epoch.as_str().into(),
            generation.state.as_str().into(),
            generation.created.into(),
            generation.wraps.into(),
            generation.in_use.into(),
        ]
    });
    out.table(&["generation", "epoch", "state", "since", "wraps", "in use"], rows.collect());
    let retiring = status.generations.iter().filter(|generation| generation.state == "retiring");
    let remaining: u64 = retiring.map(|generation| generation.in_use).sum();
    if status.rotating {
        out.line(format_args!(
            "A rotation is not finished: {remaining} keys remain. `proctor-runner keys rotate` goes on."
        ));
    }
    let generations: Vec<_> = status
        .generations
        .iter()
        .map(|generation| {
            json!({
                "generation": generation.generation, "epoch": generation.epoch, "state": generation.state,
                "created": generation.created, "wraps": generation.wraps, "in_use": generation.in_use,
            })
        })
        .collect();
    out.json(&json!({
        "seal_level": {"name": level.name(), "sentence": level.sentence()},
        "root_generation": status.root_generation, "hardware_aes": status.hardware_aes,
        "attestation_key": keys.key_id, "journal_vkey": keys.journal_vkey,
        "generations": generations, "rotating": status.rotating, "rotation_remaining": remaining,
    }));
    Ok(Exit::Pass)
}

/// Steps of a rotation for which the store is kept.
const PIECES: u32 = 16;

fn rotate(place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let bar = place.out.progress("wrapping keys anew");
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    let mut done = 0;
    // The store is given back again and again, so that a service goes on with its work meanwhile.
    let rotated = loop {
        let (before, mut pieces) = (done, 0_u32);
        let rotated = runner.store.lock()?.rotate(|progress| {
            done = before + progress.done;
            bar.set_length(done.saturating_add(progress.remaining));
            bar.set_position(done);
            pieces += 1;
            if pieces > PIECES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if !matches!(rotated, Ok(false)) {
            break rotated;
        }
    };
    bar.finish_and_clear();
    rotated.map_err(|error| {
        let mut fail = vault(error);
        fail.next = format!("{}; `proctor-runner keys rotate` goes on after {done} keys", fail.next);
        fail
    })?;
    place.out.line(format_args!(
        "rotated: every generation is a new one, and the keys of {done} runs and items are wrapped by them"
    ));
    place.out.json(&json!({"rotated": done}));
    Ok(Exit::Pass)
}

fn rewrap(root: &RootKeyArgs, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let accept = runner.config.profile == Profile::Standard || runner.config.store.accept_key_on_store_disk;
    let Chosen { source, provider } = root.choose(&runner.dir, accept)?;
    if source == runner.config.store.key {
        let message = format!("the root key comes from {} already", source.to_toml());
        return Err(Fail::input("E-KEYS-001", message, "name a new place; the old key stays where it is until then"));
    }
    let line = ConfigLine::prepare(&runner.dir, &source)?;
    let fresh_file = match &source {
        KeySource::File(path) => Some(runner.dir.join(path)).filter(|path| path.symlink_metadata().is_err()),
        _ => None,
    };
    if let Err(error) = runner.store.with(|store| store.change_root(&provider)) {
        line.abandon();
        if let Some(path) = fresh_file {
            // A key that wraps nothing is only in the way.
            let _ = std::fs::remove_file(path);
        }
        return Err(error);
    }
    line.take_effect()?;
    let level = runner.store.with(|store| Ok(store.seal_level()))?;
    let old = runner.config.store.key.to_toml();
    place.out.line(format_args!("root key         from {}, as config.toml says now", source.to_toml()));
    place.out.line(format_args!("seal level       {}: {}", level.name(), level.sentence()));
    place
        .out
        .line(format_args!("The key of {old} still opens older copies of the store. Destroy it when none is needed."));
    place.out.json(&json!({
        "key": source.to_toml(), "former_key": old,
        "seal_level": {"name": level.name(), "sentence": level.sentence()},
    }));
    Ok(Exit::Pass)
}

/// The configuration with its new key line, durable on the disk before the root key is changed, so that one rename is
/// all that remains.
struct ConfigLine {
    config: PathBuf,
    fresh: PathBuf,
}

impl ConfigLine {
    fn prepare(dir: &Path, source: &KeySource) -> Result<Self, Fail> {
        let (config, fresh) = config_files(dir);
        let line = Self { config, fresh };
        let bytes = files::read(&line.config, files::SMALL)?;
        let text = String::from_utf8_lossy(&bytes);
        let changed = with_key(&text, source)?;
        let write = || {
            let meta = std::fs::metadata(&line.config)?;
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&line.fresh)?;
            // Whoever could read the configuration before must be able to afterwards, and nobody else.
            std::os::unix::fs::fchown(&file, Some(meta.uid()), Some(meta.gid()))?;
            file.set_permissions(Permissions::from_mode(meta.mode() & 0o777))?;
            file.write_all(changed.as_bytes())?;
            file.sync_all()
        };
        match write() {
            Ok(()) => Ok(line),
            Err(error) => {
                let fail = line.failed(&error, "the root key was not changed; make the folder writable");
                line.abandon();
                Err(fail)
            }
        }
    }

    fn take_effect(self) -> Result<(), Fail> {
        let rename = || {
            std::fs::rename(&self.fresh, &self.config)?;
            File::open(self.config.parent().unwrap_or(Path::new(".")))?.sync_all()
        };
        rename().map_err(|error: std::io::Error| {
            let next = format!("the root key is changed: put {} in the place of config.toml", self.fresh.display());
            self.failed(&error, &next)
        })
    }

    fn abandon(&self) {
        // It may not have been made.
        let _ = std::fs::remove_file(&self.fresh);
    }

    fn failed(&self, error: &std::io::Error, next: &str) -> Fail {
        Fail::fault("E-KEYS-002", format_args!("{}: {error}", self.fresh.display()), next)
    }
}

fn export(folder: &Path, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    std::fs::create_dir_all(folder).map_err(|error| {
        let message = format_args!("{}: {error}", folder.display()).to_string();
        Fail::input("E-FILE-004", message, "name a place that can be written to")
    })?;
    let (keys, witness, pins) = runner
        .store
        .with(|store| Ok((PublicKeys::of(store), store.witness_key().clone(), store.control_plane_pins()?)))?;
    let mut more = vec![("witness.vkey", witness)];
    if let Some(pins) = pins {
        more.extend([("audit.vkey", pins.audit), ("control-plane-witness.vkey", pins.witness)]);
    }
    for (name, _) in &more {
        files::refuse_existing(&folder.join(name))?;
    }
    let [pem, vkey] = keys.write(folder)?;
    let mut written = serde_json::Map::new();
    for (name, key) in more {
        files::write_new(&folder.join(name), format!("{key}\n").as_bytes())?;
        place.out.line(format_args!("wrote {}  {key}", folder.join(name).display()));
        written.insert(name.to_owned(), json!({"file": folder.join(name), "vkey": key.to_string()}));
    }
    place.out.line(format_args!("wrote {}   sha256:{}", pem.display(), keys.key_id));
    place.out.line(format_args!("wrote {}  {}", vkey.display(), keys.journal_vkey));
    place.out.json(&json!({
        "runner_pem": pem, "attestation_key": keys.key_id, "journal_vkey_file": vkey, "journal_vkey": keys.journal_vkey,
        "further": written,
    }));
    Ok(Exit::Pass)
}
