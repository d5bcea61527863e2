//! `init`: the folder of a new Runner.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clock::{Clock, SystemClock};
use crypto::{SystemEntropy, entropy};
use ids::{RunnerId, TenantId};
use runner_vault::{Files, Provider, Vault};
use serde_json::json;

use crate::config::{Config, KeySource, SAMPLE};
use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::keys::PublicKeys;
use crate::wiring::root_key::{Chosen, RootKeyArgs, with_key};
use crate::wiring::runner::{absolute, vault};

/// Makes the folder of a new Runner: a root key, a configuration that allows nothing yet, the encrypted store with fresh
/// signing keys, and the public keys that an auditor pins. An existing Runner is never touched; if anything fails,
/// nothing is left behind.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner --dir ./here init
  proctor-runner --dir /var/lib/proctor-runner init --key /media/token/root.key
  proctor-runner --dir ./here init --provider passphrase --passphrase-env PROCTOR_PASSPHRASE
  proctor-runner --dir ./here init --prompt
  proctor-runner --dir /var/lib/proctor-runner init --credential proctor-root-key")]
pub(crate) struct Args {
    #[command(flatten)]
    root: RootKeyArgs,
}

/// What makes a folder one that holds a Runner, or a part of one.
const SIGNS: [&str; 7] =
    ["config.toml", "store.db", "store.db-wal", "journal.checkpoint", "runner.pem", "journal.vkey", "root.header"];

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    runner_vault::harden_process().map_err(vault)?;
    let dir = absolute(place)?;
    let (store, source) = make(&dir, &args.root, TenantId::NIL)?;
    report(place, &dir, &store, &source);
    Ok(Exit::Pass)
}

/// Makes the folder of a Runner of a tenant; the nil tenant is nobody's.
pub(crate) fn make(dir: &Path, root: &RootKeyArgs, tenant: TenantId) -> Result<(Vault, KeySource), Fail> {
    let mut attempt = Attempt::begin(dir)?;
    let Chosen { source, provider } = root.choose(dir, true)?;
    attempt.makes(&source, dir);
    let text = with_key(SAMPLE, &source)?;
    let config = Config::parse(&text)?;
    let store = fill(dir, &config.store.files(dir), &config, &provider, tenant)?;
    attempt.finish(&text)?;
    Ok((store, source))
}

/// Makes the store and writes its public keys.
pub(crate) fn fill(
    dir: &Path,
    files: &Files,
    config: &Config,
    provider: &Provider,
    tenant: TenantId,
) -> Result<Vault, Fail> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let entropy = SystemEntropy::new();
    let unix_ms = u64::try_from(clock.now().as_millis()).unwrap_or(0);
    let runner = RunnerId::from_parts(unix_ms, entropy::random_bytes(&entropy));
    let store =
        Vault::create(files, provider, tenant, runner, config.store.options(), clock, entropy).map_err(vault)?;
    PublicKeys::of(&store).write(dir)?;
    Ok(store)
}

fn report(place: &Place, dir: &Path, store: &Vault, source: &KeySource) {
    let (identity, level, keys) = (store.identity(), store.seal_level(), PublicKeys::of(store));
    let out = place.out;
    out.line(format_args!("folder           {}", dir.display()));
    out.line(format_args!("runner           {}", identity.runner));
    out.line(format_args!("attestation key  sha256:{}", keys.key_id));
    out.line(format_args!("                 {} for auditors to pin", dir.join(PublicKeys::RUNNER_PEM).display()));
    out.line(format_args!("journal key      {}", keys.journal_vkey));
    out.line(format_args!("                 {} likewise", dir.join(PublicKeys::JOURNAL_VKEY).display()));
    out.line(format_args!("root key         from {} at every start", source.to_toml()));
    out.line(format_args!("seal level       {}: {}", level.name(), level.sentence()));
    out.line("");
    out.line("Nothing is allowed yet. Next: say in config.toml what procedures may reach, then");
    out.line(format_args!("  proctor-runner --dir {} config check", dir.display()));
    out.line(format_args!("  proctor-runner --dir {} run FILE", dir.display()));
    out.json(&json!({
        "dir": dir, "runner": identity.runner, "tenant": identity.tenant, "store": identity.store, "key": source.to_toml(),
        "seal_level": {"name": level.name(), "sentence": level.sentence()},
        "attestation_key": keys.key_id, "journal_vkey": keys.journal_vkey,
        "runner_pem": dir.join(PublicKeys::RUNNER_PEM), "journal_vkey_file": dir.join(PublicKeys::JOURNAL_VKEY),
    }));
}

/// A folder that is being filled. Unless it is finished, everything that was made in it goes again. `config.toml` comes
/// last: a folder that has it is whole.
struct Attempt {
    dir: PathBuf,
    made_dir: bool,
    made: Vec<PathBuf>,
    config: File,
    finished: bool,
}

impl Attempt {
    const UNFINISHED: &str = "config.toml.new";

    fn begin(dir: &Path) -> Result<Self, Fail> {
        refuse_occupied(dir)?;
        let made_dir = make_folder(dir)?;
        let unfinished = dir.join(Self::UNFINISHED);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let config = options.open(&unfinished).map_err(|error| unwritable(&unfinished, &error))?;
        match config.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format_args!("another process makes a Runner in {}", dir.display()).to_string();
                return Err(Fail::input("E-INIT-002", message, "wait until it has ended"));
            }
            Err(TryLockError::Error(error)) => return Err(unwritable(&unfinished, &error)),
        }
        // Asked again: only now nobody else can be filling the folder.
        refuse_occupied(dir).inspect_err(|_| {
            if config.metadata().is_ok_and(|meta| meta.len() == 0) {
                let _ = std::fs::remove_file(&unfinished);
            }
        })?;
        Ok(Self { dir: dir.to_owned(), made_dir, made: vec![unfinished], config, finished: false })
    }

    /// Says what is about to be made, so that it can be removed again. A root key that was there before stays.
    fn makes(&mut self, source: &KeySource, dir: &Path) {
        let names = ["store.db", "store.lock", "journal.checkpoint", PublicKeys::RUNNER_PEM, PublicKeys::JOURNAL_VKEY];
        self.made.extend(names.into_iter().chain(["root.header"]).map(|name| dir.join(name)));
        for name in ["store.db-wal", "store.db-shm", "store.db.new", "store.db.new-wal", "store.db.new-shm"] {
            self.made.push(dir.join(name));
        }
        self.made.push(dir.join("journal.checkpoint.new"));
        if let KeySource::File(path) = source {
            self.made.push(dir.join(path));
        }
        // What is there already was not made here.
        let unfinished = dir.join(Self::UNFINISHED);
        self.made.retain(|path| *path == unfinished || path.symlink_metadata().is_err());
    }

    fn finish(mut self, text: &str) -> Result<(), Fail> {
        let (unfinished, path) = (self.dir.join(Self::UNFINISHED), self.dir.join("config.toml"));
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&unfinished, &path)?;
            File::open(&self.dir)?.sync_all()
        };
        write(&mut self.config).map_err(|error| unwritable(&path, &error))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        for path in &self.made {
            // What was not made yet cannot be removed, and that is fine.
            let _ = std::fs::remove_file(path);
        }
        if self.made_dir {
            let _ = std::fs::remove_dir(&self.dir);
        }
    }
}

fn refuse_occupied(dir: &Path) -> Result<(), Fail> {
    let found: Vec<_> = SIGNS.into_iter().filter(|name| dir.join(name).symlink_metadata().is_ok()).collect();
    if found.is_empty() {
        return Ok(());
    }
    let message = format!("{} holds a Runner, or a part of one: {}", dir.display(), found.join(", "));
    let next = "name another folder; if an init was interrupted here, remove these files first";
    Err(Fail::input("E-INIT-001", message, next))
}

/// Makes the folder private to the account; says whether it was made.
fn make_folder(dir: &Path) -> Result<bool, Fail> {
    let Ok(meta) = std::fs::metadata(dir) else {
        if let Some(parent) = dir.parent() {
            std::fs::create_dir_all(parent).map_err(|error| unwritable(parent, &error))?;
        }
        DirBuilder::new().mode(0o700).create(dir).map_err(|error| unwritable(dir, &error))?;
        return Ok(true);
    };
    if !meta.is_dir() {
        return Err(Fail::input("E-INIT-003", format_args!("{} is not a folder", dir.display()), "name another one"));
    }
    if meta.permissions().mode() & 0o077 == 0 {
        return Ok(false);
    }
    let mut entries = std::fs::read_dir(dir).map_err(|error| unwritable(dir, &error))?;
    if entries.next().is_some() {
        let message = format_args!("{} is open to other accounts and holds files", dir.display()).to_string();
        return Err(Fail::input("E-INIT-004", message, "run `chmod 700` on it, or name an empty or new folder"));
    }
    std::fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(|error| unwritable(dir, &error))?;
    Ok(false)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Fail {
    Fail::input(
        "E-INIT-005",
        format_args!("{}: {error}", path.display()),
        "name a folder that this account can write to",
    )
}
