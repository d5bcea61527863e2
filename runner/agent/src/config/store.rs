//! The section `[store]`.

use std::path::{Path, PathBuf};

use crypto::Secret;
use runner_vault::{Files, Options, Provider, RetentionDays, SameDisk};

use crate::config::Profile;
use crate::fail::Fail;
use crate::wiring::files;

/// The encrypted store.
#[derive(Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreConfig {
    /// Where the root key comes from.
    pub(crate) key: KeySource,
    /// Take a key file on the store's own disk also in production.
    pub(crate) accept_key_on_store_disk: bool,
    /// The journal's last checkpoint, outside the database.
    pub(crate) checkpoint: PathBuf,
    /// Days that evidence is kept.
    pub(crate) retention: Retention,
}

/// Where the root key comes from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum KeySource {
    /// A file with mode 0600.
    File(PathBuf),
    /// A file that holds a passphrase.
    PassphraseFile(PathBuf),
    /// A variable of the environment that holds a passphrase.
    PassphraseEnv(String),
    /// A systemd credential.
    Credential(String),
}

/// Days by class.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retention {
    operational: u32,
    audit: u32,
    statutory: u32,
}

impl Default for Retention {
    fn default() -> Self {
        let RetentionDays { operational, audit, statutory } = Options::default().retention;
        Self { operational, audit, statutory }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            key: KeySource::File("root.key".into()),
            accept_key_on_store_disk: false,
            checkpoint: "journal.checkpoint".into(),
            retention: Retention::default(),
        }
    }
}

impl StoreConfig {
    /// Where the store's files are.
    pub(crate) fn files(&self, dir: &Path) -> Files {
        let mut files = Files::in_folder(dir);
        files.checkpoint = dir.join(&self.checkpoint);
        files
    }

    /// Choices of the store that are not kept in it.
    pub(crate) fn options(&self) -> Options {
        let Retention { operational, audit, statutory } = self.retention;
        Options { retention: RetentionDays { operational, audit, statutory }, ..Options::default() }
    }

    /// The provider of the root key.
    pub(crate) fn provider(&self, dir: &Path, profile: Profile) -> Result<Provider, Fail> {
        self.key.provider(dir, profile == Profile::Standard || self.accept_key_on_store_disk)
    }
}

impl KeySource {
    /// The provider behind the source.
    pub(crate) fn provider(&self, dir: &Path, accept_same_disk: bool) -> Result<Provider, Fail> {
        let same_disk = if accept_same_disk { SameDisk::Accept } else { SameDisk::Refuse };
        let header = dir.join("root.header");
        Ok(match self {
            Self::File(path) => Provider::KeyFile { path: dir.join(path), same_disk },
            Self::PassphraseFile(path) => {
                let bytes = files::read(&dir.join(path), 4096)?;
                let text = String::from_utf8(bytes).map_err(|_| {
                    let message = format_args!("{} is not UTF-8", path.display()).to_string();
                    Fail::input("E-CONF-010", message, "write the passphrase as UTF-8 text")
                })?;
                let passphrase = Secret::new(text.trim_end_matches(['\r', '\n']).to_owned());
                Provider::Passphrase { passphrase, header }
            }
            Self::PassphraseEnv(name) => {
                let value = std::env::var(name).map_err(|_| {
                    let message = format_args!("the environment has no {name}").to_string();
                    Fail::input("E-CONF-011", message, "set the variable that store.key names")
                })?;
                Provider::Passphrase { passphrase: Secret::new(value), header }
            }
            Self::Credential(name) => Provider::SystemdCredential { name: name.clone(), directory: None },
        })
    }
}
