//! Which database, and how it is reached.

use std::path::PathBuf;

use crypto::Secret;

/// Which database.
#[derive(Debug)]
pub enum Config {
    /// A file, for a control plane on one host.
    Sqlite(SqliteConfig),
    /// A server, for any number of replicas.
    Postgres(PostgresConfig),
}

/// A database file.
#[derive(Debug, Clone)]
pub struct SqliteConfig {
    /// The file. Beside it SQLite keeps its log.
    pub path: PathBuf,
    /// Connections that read beside the one that writes.
    pub readers: usize,
}

impl SqliteConfig {
    /// The file, with four readers.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), readers: 4 }
    }
}

/// A PostgreSQL server, 15 or later.
#[derive(Debug)]
pub struct PostgresConfig {
    /// `postgresql://user@host:port/database`, without a password. The server uses the role `proctor_app`, migrations
    /// the owner of the tables.
    pub url: String,
    /// The role's password.
    pub password: Option<Secret<String>>,
    /// How the server is recognised.
    pub tls: PostgresTls,
    /// Connections, at most.
    pub max_connections: usize,
}

/// How a PostgreSQL server is recognised.
#[derive(Debug, Clone)]
pub enum PostgresTls {
    /// TLS, with a certificate for the host's name from one of these authorities (PEM), or of the system's.
    Full {
        /// Trusted certificates; the system's when `None`.
        authorities_pem: Option<Vec<u8>>,
    },
    /// None: for a Unix socket or a loopback address, and refused for any other.
    Off,
}
