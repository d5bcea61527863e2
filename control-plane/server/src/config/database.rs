//! Where everything is kept, and the key under which the tenants' keys are sealed.

use std::path::{Path, PathBuf};

/// Where everything is kept.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum DatabaseConfig {
    /// A file: for one host.
    Sqlite {
        /// The file.
        #[serde(default = "sqlite_file")]
        path: PathBuf,
    },
    /// A PostgreSQL server, version 15 or newer: for several hosts.
    Postgres {
        /// `postgresql://proctor_app@HOST:PORT/DATABASE`: as the role that serves; it must not own the tables.
        url: String,
        /// A file with that role's password.
        #[serde(default)]
        password_file: Option<PathBuf>,
        /// The same database as the role that owns the tables; only `init` and `migrate` use it.
        #[serde(default)]
        owner_url: Option<String>,
        /// A file with the owner's password.
        #[serde(default)]
        owner_password_file: Option<PathBuf>,
        /// `off` is for a Unix socket or a loopback address.
        #[serde(default)]
        tls: DatabaseTls,
        /// Certification authorities of the server, PEM; without them the system's.
        #[serde(default)]
        authorities: Option<PathBuf>,
        /// Connections at most.
        #[serde(default = "connections")]
        connections: u32,
    },
}

/// How the database server is recognised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DatabaseTls {
    /// By a certificate for its name.
    #[default]
    Full,
    /// Not at all.
    Off,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self::Sqlite { path: sqlite_file() }
    }
}

impl DatabaseConfig {
    pub(super) fn start_at(&mut self, dir: &Path) {
        match self {
            Self::Sqlite { path } => *path = dir.join(&*path),
            Self::Postgres { password_file, owner_password_file, authorities, .. } => {
                for path in [password_file, owner_password_file, authorities].into_iter().flatten() {
                    *path = dir.join(&*path);
                }
            }
        }
    }
}

impl DatabaseConfig {
    /// The files that must be there, by the keys that name them.
    pub(super) fn files(&self) -> Vec<(&'static str, &Path)> {
        match self {
            Self::Sqlite { .. } => Vec::new(),
            Self::Postgres { password_file, owner_password_file, authorities, .. } => {
                let all = [
                    ("database.password_file", password_file),
                    ("database.owner_password_file", owner_password_file),
                    ("database.authorities", authorities),
                ];
                all.into_iter().filter_map(|(key, path)| Some((key, path.as_deref()?))).collect()
            }
        }
    }
}

/// The key under which the tenants' keys are sealed.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RootKeyConfig {
    /// A file of 32 bytes that only this program's user can read.
    pub(crate) file: PathBuf,
    /// The name of a systemd credential that holds the 32 bytes; used instead of the file.
    pub(crate) credential: Option<String>,
}

impl Default for RootKeyConfig {
    fn default() -> Self {
        Self { file: PathBuf::from("root.key"), credential: None }
    }
}

impl RootKeyConfig {
    /// Where the key is, for people.
    pub(crate) fn place(&self) -> String {
        match &self.credential {
            Some(name) => format!("systemd credential {name}"),
            None => self.file.display().to_string(),
        }
    }

    pub(super) fn start_at(&mut self, dir: &Path) {
        self.file = dir.join(&self.file);
    }
}

fn sqlite_file() -> PathBuf {
    PathBuf::from("control-plane.sqlite")
}

fn connections() -> u32 {
    16
}
