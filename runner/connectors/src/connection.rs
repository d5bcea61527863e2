//! Where a step is to reach out to and with what credentials: what the Runner's operator binds to a name that a
//! procedure declares.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crypto::Secret;

/// A bound connection.
#[derive(Debug)]
pub struct Connection {
    /// The name that procedures use in `via`.
    pub name: String,
    /// Whether a step may change the target, if the policy allows that step to.
    pub access: Access,
    /// The target.
    pub target: Target,
}

/// What a connection may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Looking only.
    ReadOnly,
    /// Changing too.
    ReadWrite,
}

/// A system of one of the types of the language.
#[derive(Debug)]
pub enum Target {
    /// Environment of a command.
    Command {
        /// Added to the otherwise empty environment.
        environment: BTreeMap<String, Secret<String>>,
    },
    /// A web API.
    Http(Http),
    /// A PostgreSQL server.
    Postgres(Postgres),
    /// An SQLite database.
    Sqlite {
        /// The database file, below an allowed root.
        path: PathBuf,
    },
    /// A type of the language that this version cannot reach.
    Unavailable {
        /// The type's name.
        kind: String,
    },
}

impl Target {
    /// The type's name in procedures.
    pub fn kind(&self) -> &str {
        match self {
            Self::Command { .. } => "command",
            Self::Http(_) => "http",
            Self::Postgres(_) => "postgres",
            Self::Sqlite { .. } => "sqlite",
            Self::Unavailable { kind } => kind,
        }
    }
}

/// A web API.
#[derive(Debug)]
pub struct Http {
    /// Everything that is asked for lies below this address.
    pub base: url::Url,
    /// Credentials, sent to this origin alone.
    pub credentials: HttpCredentials,
    /// A client certificate.
    pub identity: Option<ClientIdentity>,
    /// Further certification authorities, PEM.
    pub authorities: Option<Vec<u8>>,
    /// Accept `http://` to another machine, where everybody on the way can read and change everything.
    pub plain: bool,
}

/// How the Runner says who it is to a web API.
#[derive(Debug)]
pub enum HttpCredentials {
    /// It does not.
    None,
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer(Secret<String>),
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: Secret<String>,
    },
    /// A header of the API's own.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: Secret<String>,
    },
}

/// A client certificate and its key.
#[derive(Debug)]
pub struct ClientIdentity {
    /// The chain, PEM.
    pub chain: Vec<u8>,
    /// The private key, PEM.
    pub key: Secret<Vec<u8>>,
}

/// A PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    /// Host name, address, or the folder of the Unix socket.
    pub host: String,
    /// TCP port, also part of the socket's name.
    pub port: u16,
    /// Database, unless the step names another.
    pub database: String,
    /// Role.
    pub user: String,
    /// Password, if the role has one.
    pub password: Option<Secret<String>>,
    /// How the line is protected.
    pub tls: PostgresTls,
    /// Further certification authorities, PEM.
    pub authorities: Option<Vec<u8>>,
}

/// How the line to a PostgreSQL server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PostgresTls {
    /// TLS with a trusted certificate for the host name; on this machine's Unix socket there is no line to protect.
    #[default]
    VerifyFull,
    /// No TLS, for a server on this machine only.
    OffLocal,
    /// No TLS, even to another machine, where everybody on the way can read and change everything.
    OffAnywhere,
}
