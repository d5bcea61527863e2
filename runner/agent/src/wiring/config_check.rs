//! What can be said about a configuration without connecting to anything.

use std::cell::OnceCell;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};
use std::sync::Arc;

use clock::SystemClock;
use crypto::{Secret, SystemEntropy};
use proof::text::Name;
use runner_connectors::TrustedRoots;
use runner_vault::{Provider, Vault};

use crate::config::{Config, ConnectionConfig, KeySource, Need};
use crate::fail::Fail;
use crate::wiring::files;
use crate::wiring::runner::vault;

/// Something to know about a configuration.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Whether it must be corrected.
    pub(crate) weight: Weight,
    /// Stable code.
    pub(crate) code: String,
    /// The key that it is about, such as `connections.erp.auth`.
    pub(crate) place: String,
    /// What is the matter.
    pub(crate) says: String,
    /// What to do.
    pub(crate) next: String,
}

/// Whether a finding must be corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// It works, and somebody should look at it.
    Warning,
    /// Something will not work, or is not safe.
    Fault,
}

impl Weight {
    /// Its word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

/// Everything that is wrong with the configuration that was read from `path`, for the Runner in `dir`.
pub(crate) fn findings(config: &Config, path: &Path, dir: &Path) -> Vec<Finding> {
    let mut check = Check { config, dir, store: OnceCell::new(), found: Vec::new() };
    check.own_file(path);
    check.store();
    check.policy();
    check.connections();
    check.bindings();
    check.service();
    check.found
}

struct Check<'a> {
    config: &'a Config,
    dir: &'a Path,
    /// Opened when the first secret in it is asked for.
    store: OnceCell<Result<Vault, (String, String)>>,
    found: Vec<Finding>,
}

impl Check<'_> {
    fn fault(&mut self, code: &str, place: impl ToString, says: impl ToString, next: impl ToString) {
        self.add(Weight::Fault, code, place, says, next);
    }

    fn warn(&mut self, code: &str, place: impl ToString, says: impl ToString, next: impl ToString) {
        self.add(Weight::Warning, code, place, says, next);
    }

    fn add(&mut self, weight: Weight, code: &str, place: impl ToString, says: impl ToString, next: impl ToString) {
        let (place, says, next) = (place.to_string(), says.to_string(), next.to_string());
        self.found.push(Finding { weight, code: code.to_owned(), place, says, next });
    }

    fn failed(&mut self, place: impl ToString, fail: Fail) {
        let Fail { code, message, next, .. } = fail;
        self.fault(&code, place, message, next);
    }

    /// Whoever can write the configuration decides what is allowed.
    fn own_file(&mut self, path: &Path) {
        let Ok(meta) = std::fs::metadata(path) else { return };
        if meta.mode() & 0o022 != 0 {
            let says = format!("mode {:04o}: others than its owner may change what is allowed", meta.mode() & 0o7777);
            self.fault("E-CONF-040", "file", says, "chmod 600");
        }
    }

    fn store(&mut self) {
        let store = &self.config.store;
        match store.provider(self.dir, self.config.profile) {
            Err(fail) => self.failed("store.key", fail),
            Ok(Provider::SystemdCredential { name, .. }) if std::env::var_os("CREDENTIALS_DIRECTORY").is_none() => {
                let says = format!("the credential {name} can be read only where systemd starts the Runner");
                self.warn("E-CONF-041", "store.key", says, "see LoadCredentialEncrypted= of its unit");
            }
            // Stretching a passphrase takes a second; whether it is right is said when the store opens.
            Ok(Provider::Passphrase { header, .. }) if !header.exists() => {
                let says = format!("{} does not exist: the store was not made with a passphrase", header.display());
                self.fault(
                    "E-CONF-042",
                    "store.key",
                    says,
                    "`proctor-runner keys rewrap` changes the place of the root key",
                );
            }
            Ok(Provider::Passphrase { .. }) => {}
            Ok(provider) => {
                if let Err(error) = provider.root_key(self.dir) {
                    self.failed("store.key", vault(error));
                }
            }
        }
        if let KeySource::PassphraseFile(path) = &store.key {
            self.private("store.key", &self.dir.join(path));
        }
        let checkpoint = self.dir.join(&store.checkpoint);
        if !checkpoint.parent().is_some_and(Path::is_dir) {
            let says = format!("there is no folder for {}", checkpoint.display());
            self.fault("E-CONF-043", "store.checkpoint", says, "make the folder, writable for the Runner's account");
        }
        let days = store.options().retention;
        for (class, days) in [("operational", days.operational), ("audit", days.audit), ("statutory", days.statutory)] {
            if days == 0 {
                let says = "0 days: the next purge destroys its evidence as soon as a run has ended";
                self.warn("E-CONF-044", format!("store.retention.{class}"), says, "say how many days it is kept");
            }
        }
    }

    fn policy(&mut self) {
        let policy = &self.config.policy;
        for path in &policy.files {
            let at = format!("policy.files {}", path.display());
            if !is_plain(path) {
                self.fault(
                    "E-CONF-045",
                    at,
                    "not an absolute path without \"..\": it allows nothing",
                    "write it in full",
                );
            } else if path.symlink_metadata().is_err() {
                self.warn(
                    "E-CONF-046",
                    at,
                    "it does not exist here, or this account may not see it",
                    "check the spelling",
                );
            }
        }
        for rule in &policy.commands {
            self.command(&rule.path);
        }
        for rule in &policy.changes {
            let parts = rule.split_once('/');
            let is_id = |text: &str| text.parse::<Name>().is_ok();
            if !parts.is_some_and(|(procedure, step)| is_id(procedure) && (step == "*" || is_id(step))) {
                let at = format!("policy.changes {rule:?}");
                self.fault(
                    "E-CONF-047",
                    at,
                    "not PROCEDURE/STEP or PROCEDURE/*: it allows nothing",
                    "name the step by ids",
                );
            }
        }
        if let Some(path) = &self.config.authorities {
            self.certificates("authorities", &self.dir.join(path));
        }
    }

    fn command(&mut self, path: &Path) {
        let at = format!("policy.commands {}", path.display());
        if !is_plain(path) {
            self.fault("E-CONF-045", at, "not an absolute path without \"..\": it allows nothing", "write it in full");
            return;
        }
        match std::fs::metadata(path) {
            Err(error) => self.warn("E-CONF-046", at, error, "check the spelling, or install the program"),
            Ok(meta) if !meta.is_file() || meta.mode() & 0o111 == 0 => {
                self.fault("E-CONF-048", at, "it is not a program", "name the executable file itself");
            }
            Ok(meta) if meta.mode() & 0o002 != 0 => {
                let says = "every account may replace this program";
                self.fault("E-CONF-049", at, says, "chmod o-w on it");
            }
            Ok(_) => {}
        }
    }

    fn connections(&mut self) {
        for (name, connection) in &self.config.connections {
            for (field, need) in connection.needs() {
                let at = format!("connections.{name}.{field}");
                match need {
                    Need::Certificates(path) => self.certificates(&at, &self.dir.join(path)),
                    Need::Secret { source, text } => {
                        if let Some(path) = source.file() {
                            self.private(&at, &self.dir.join(path));
                        }
                        if let Err(fail) = source.check(text, self.dir, &|secret| self.stored(secret)) {
                            self.failed(at, fail);
                        }
                    }
                }
            }
            match connection {
                ConnectionConfig::Sqlite { path } => self.sqlite(name, &self.dir.join(path)),
                ConnectionConfig::Http { base, plain, .. } if base.scheme() != "https" && !plain => {
                    let at = format!("connections.{name}.base");
                    let says = format!("{}:// is not protected on its way", base.scheme());
                    self.fault("E-CONF-050", at, says, "use https://, or say `plain = true` if that is meant");
                }
                ConnectionConfig::Http { .. }
                | ConnectionConfig::Postgres { .. }
                | ConnectionConfig::Command { .. } => {}
            }
        }
    }

    fn sqlite(&mut self, name: &str, path: &Path) {
        let at = format!("connections.{name}.path");
        if !path.is_file() {
            self.warn("E-CONF-046", &at, format!("there is no file {}", path.display()), "check the spelling");
        }
        if !self.config.policy.files.iter().any(|root| is_plain(root) && path.starts_with(root)) {
            let says = format!("{} is not below an allowed folder", path.display());
            self.fault("E-CONF-051", at, says, "add it or its folder to policy.files");
        }
    }

    /// Bindings of procedures to connections that are there.
    fn bindings(&mut self) {
        for (procedure, binding) in &self.config.procedures {
            for (name, connection) in &binding.connections {
                if !self.config.connections.contains_key(connection) {
                    let at = format!("procedures.{procedure}.connections.{name}");
                    let says = format!("there is no [connections.{connection}]");
                    self.fault("E-CONF-052", at, says, "add the connection, or bind the name to another one");
                }
            }
        }
    }

    /// The sections of the service.
    fn service(&mut self) {
        let config = self.config;
        if let Err(fail) = config.serve.check() {
            self.failed("serve.runs_at_once", fail);
        }
        if let Err(fail) = config.health.address() {
            self.failed("health.listen", fail);
        }
        if let Err(fail) = config.drilldowns.policy(self.dir) {
            self.failed("drilldowns.policy", fail);
        }
        let line = &config.control_plane;
        if let Err(fail) = line.enrolment_address() {
            self.failed("control_plane.address", fail);
        }
        if let Some(path) = &line.ca_file {
            self.certificates("control_plane.ca_file", &self.dir.join(path));
        }
        if let Some(path) = line.password_file() {
            self.private("control_plane.proxy.password_file", &self.dir.join(path));
        }
        if let Err(fail) = line.dialer(self.dir) {
            self.failed("control_plane.proxy", fail);
        }
    }

    fn certificates(&mut self, at: &str, path: &Path) {
        let pem = match files::read(path, files::SMALL) {
            Ok(pem) => pem,
            Err(fail) => return self.failed(at, fail),
        };
        if let Err(error) = TrustedRoots::new(false, Some(&pem)) {
            self.fault("E-CONF-053", at, format!("{}: {error}", path.display()), "name a file of PEM certificates");
        }
    }

    /// A secret in a file that others can read is one no longer.
    fn private(&mut self, at: &str, path: &Path) {
        let Ok(meta) = std::fs::metadata(path) else { return };
        if meta.mode() & 0o077 != 0 {
            let says = format!("{} has mode {:04o}: other accounts may use it", path.display(), meta.mode() & 0o7777);
            self.warn("E-CONF-054", at, says, "chmod 600, and change the secret");
        }
    }

    fn stored(&self, name: &str) -> Result<Secret<Vec<u8>>, Fail> {
        let open = || {
            let provider = self.config.store.provider(self.dir, self.config.profile)?;
            let (files, options) = (self.config.store.files(self.dir), self.config.store.options());
            let clock = Arc::new(SystemClock::new());
            Vault::open_read_only(&files, &provider, options, clock, SystemEntropy::new()).map_err(vault)
        };
        let store = self.store.get_or_init(|| open().map_err(|fail| (fail.code, fail.message)));
        let store = store.as_ref().map_err(|(code, message)| {
            Fail::input(code, format_args!("the store does not open: {message}"), "see `proctor-runner doctor`")
        })?;
        let known: Name = name.parse().map_err(|error| {
            Fail::input(
                "E-CONF-055",
                format_args!("{name:?} is {error}"),
                "`proctor-runner secret list` shows the names",
            )
        })?;
        store.secret(&known).map_err(|error| {
            let next = format!("keep it with `proctor-runner secret set {name}`");
            Fail { next, ..vault(error) }
        })
    }
}

/// Absolute, without `..`.
fn is_plain(path: &Path) -> bool {
    path.is_absolute() && path.components().all(|part| !matches!(part, Component::ParentDir))
}
