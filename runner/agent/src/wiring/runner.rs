//! The opened Runner: configuration, clock, randomness and store.

use std::path::PathBuf;
use std::sync::Arc;

use clock::{Clock, SystemClock};
use crypto::{Secret, SystemEntropy, entropy};
use ids::RunId;
use procedure::Procedure;
use runner_connectors::{Connection, Connectors, TrustedRoots};
use runner_vault::{Condition, Identity, Vault, VaultError};

use crate::config::Config;
use crate::fail::{Exit, Fail};
use crate::output::Output;
use crate::place::Place;
use crate::service::Board;
use crate::wiring::claims::Claims;
use crate::wiring::files;
use crate::wiring::move_aside;
use crate::wiring::store::Store;

/// What manifests and journals say made them.
pub(crate) const SOFTWARE: &str = concat!("proctor-runner ", env!("CARGO_PKG_VERSION"));

/// The Runner of a folder, ready for a command. Clones share the store.
#[derive(Clone)]
pub(crate) struct Runner {
    /// Its folder, absolute.
    pub(crate) dir: PathBuf,
    /// Its configuration.
    pub(crate) config: Arc<Config>,
    /// The encrypted store.
    pub(crate) store: Store,
    /// Who it is.
    pub(crate) identity: Identity,
    /// The only clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// The only source of randomness.
    pub(crate) entropy: SystemEntropy,
    /// Printer.
    pub(crate) out: Output,
    /// Runs that a thread of this process executes now.
    pub(crate) claims: Claims,
    /// How the service is, where one has this Runner open.
    pub(crate) board: Option<Arc<Board>>,
}

/// Whether a command changes the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It only looks, and may do so beside a process that writes.
    Look,
    /// It writes.
    Write,
}

impl Runner {
    /// Opens the Runner of the folder that the command line names.
    pub(crate) fn open(place: &Place, mode: Mode) -> Result<Self, Fail> {
        if let Some(runner) = &place.open {
            return Ok(Self { out: place.out, ..runner.clone() });
        }
        runner_vault::harden_process().map_err(vault)?;
        let dir = absolute(place)?;
        let config = Config::load(&dir)?;
        move_aside::refuse_unfinished(&dir)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let entropy = SystemEntropy::new();
        let provider = config.store.provider(&dir, config.profile)?;
        let (files, options) = (config.store.files(&dir), config.store.options());
        let open = match mode {
            Mode::Look => Vault::open_read_only,
            Mode::Write => Vault::open,
        };
        let vault = open(&files, &provider, options, Arc::clone(&clock), entropy.clone()).map_err(vault)?;
        let identity = vault.identity();
        let store = Store::new(vault);
        let (config, claims) = (Arc::new(config), Claims::default());
        let runner = Self { dir, config, store, identity, clock, entropy, out: place.out, claims, board: None };
        runner.warn_of_rollback();
        if mode == Mode::Write {
            runner.end_orphans();
            runner.sweep_scratch()?;
        }
        Ok(runner)
    }

    /// The store is locked, so no other Runner of this folder lives: what its commands left behind serves nobody.
    fn end_orphans(&self) {
        let ended = runner_connectors::command::end_orphans();
        if ended > 0 {
            self.out.note(format_args!("ended {ended} processes that an earlier Runner left behind"));
        }
    }

    /// Removes the scratch folders of runs that have ended: a Runner that was killed right after a run's end could not.
    fn sweep_scratch(&self) -> Result<(), Fail> {
        let Ok(folders) = std::fs::read_dir(self.dir.join("scratch")) else { return Ok(()) };
        let unfinished = self.store.with(|store| store.unfinished_runs())?;
        for folder in folders.flatten() {
            let run = folder.file_name().to_str().and_then(|name| name.parse::<RunId>().ok());
            if run.is_some_and(|run| !unfinished.contains(&run))
                && let Err(error) = std::fs::remove_dir_all(folder.path())
            {
                self.out.note(format_args!("the scratch folder {} stays: {error}", folder.path().display()));
            }
        }
        Ok(())
    }

    fn warn_of_rollback(&self) {
        let condition = self.store.with(|store| Ok(store.condition().clone()));
        if let Ok(Condition::Rollback(why)) = condition {
            self.out.note(format_args!("ROLLBACK: {why}"));
            self.out.note("  → no runs and no openings until `proctor-runner journal acknowledge --reason …`");
        }
    }

    /// A fresh run id.
    pub(crate) fn new_run(&self) -> RunId {
        let unix_ms = u64::try_from(self.clock.now().as_millis()).unwrap_or(0);
        RunId::from_parts(unix_ms, entropy::random_bytes(&self.entropy))
    }

    /// The folder that one run may write into; it is emptied when the run ends.
    pub(crate) fn scratch(&self, run: RunId) -> PathBuf {
        self.dir.join("scratch").join(run.to_string())
    }

    /// The connectors under this Runner's policy and limits.
    pub(crate) fn connectors(&self) -> Result<Connectors, Fail> {
        let read = |path: &PathBuf| files::read(&self.dir.join(path), files::SMALL);
        let authorities = self.config.authorities.as_ref().map(read).transpose()?;
        let roots = TrustedRoots::new(true, authorities.as_deref())
            .map_err(|error| Fail::input("E-CONF-030", error, "correct `authorities` in config.toml"))?;
        let (policy, limits) = (self.config.policy.clone(), self.config.limits.clone());
        Ok(Connectors::new(policy, limits, roots, Arc::clone(&self.clock), Arc::new(self.entropy.clone())))
    }

    /// The connections that the procedure declares, bound as the configuration says. All that are missing are named at
    /// once.
    pub(crate) fn connections(&self, procedure: &Procedure) -> Result<Vec<Connection>, Fail> {
        let binding = self.config.binding(&procedure.id);
        let mut bound = Vec::with_capacity(procedure.connections.len());
        let mut missing = Vec::new();
        for declared in &procedure.connections {
            let name = binding.and_then(|binding| binding.connections.get(&declared.name)).unwrap_or(&declared.name);
            let Some(config) = self.config.connections.get(name) else {
                let ask = declared.ask.as_deref().unwrap_or("no description");
                missing.push(format!("[connections.{name}] of type {} ({ask})", declared.kind));
                continue;
            };
            let connection = config.bind(&declared.name, &self.dir, &|secret| self.secret(secret))?;
            if connection.target.kind() != declared.kind {
                let kind = connection.target.kind();
                missing.push(format!("[connections.{name}] is of type {kind} and must be {}", declared.kind));
            }
            bound.push(connection);
        }
        if missing.is_empty() {
            return Ok(bound);
        }
        let message = format!("{} is not bound here: {}", procedure.id, missing.join("; "));
        Err(Fail::input(
            "E-RUN-001",
            message,
            "add the connections to config.toml; `proctor-runner config sample` shows how",
        ))
    }

    fn secret(&self, name: &str) -> Result<Secret<Vec<u8>>, Fail> {
        let parsed = name.parse().map_err(|_| {
            let message = format!("`{name}` cannot be the name of a secret");
            Fail::input("E-CONF-022", message, "names have letters, digits, `_`, `.` and `-`")
        })?;
        self.store.with(|store| store.secret(&parsed))
    }
}

/// An error of the store as an error of the command.
#[expect(clippy::needless_pass_by_value, reason = "used as a function to map errors with")]
pub(crate) fn vault(error: VaultError) -> Fail {
    let exit = match &error {
        VaultError::NoStore(_)
        | VaultError::Exists(_)
        | VaultError::InUse(_)
        | VaultError::WrongRootKey { .. }
        | VaultError::NoRootKey { .. }
        | VaultError::KeyOnStoreDisk(_)
        | VaultError::OpenedReadOnly
        | VaultError::Destroyed(..)
        | VaultError::NotFound { .. }
        | VaultError::NotAllowed { .. }
        | VaultError::OnHold(_) => Exit::BadInput,
        _ => Exit::Fault,
    };
    Fail { exit, code: error.code().to_owned(), message: error.to_string(), next: error.next_step().to_owned() }
}

/// The Runner's folder, wherever the command was started.
pub(crate) fn absolute(place: &Place) -> Result<PathBuf, Fail> {
    std::path::absolute(&place.dir).map_err(|error| {
        Fail::input("E-CONF-004", format_args!("{}: {error}", place.dir.display()), "name another folder")
    })
}
