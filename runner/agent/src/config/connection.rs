//! The section `[connections]`: targets, and where their credentials are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crypto::Secret;
use runner_connectors::{Access, ClientIdentity, Connection, Http, HttpCredentials, Postgres, PostgresTls, Target};

use crate::fail::Fail;
use crate::wiring::files;

/// One connection as configured.
#[derive(Debug, serde::Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum ConnectionConfig {
    /// Environment of a command.
    Command {
        #[serde(default)]
        access: AccessConfig,
        #[serde(default)]
        environment: BTreeMap<String, String>,
        #[serde(default)]
        secret_environment: BTreeMap<String, SecretSource>,
    },
    /// A web API.
    Http {
        #[serde(default)]
        access: AccessConfig,
        base: url::Url,
        auth: Option<HttpAuth>,
        client: Option<ClientFiles>,
        authorities: Option<PathBuf>,
        #[serde(default)]
        plain: bool,
    },
    /// A PostgreSQL server.
    Postgres {
        #[serde(default)]
        access: AccessConfig,
        host: String,
        #[serde(default = "postgres_port")]
        port: u16,
        database: String,
        user: String,
        password: Option<SecretSource>,
        #[serde(default)]
        tls: PostgresTls,
        authorities: Option<PathBuf>,
    },
    /// An SQLite database.
    Sqlite { path: PathBuf },
}

/// What a connection may be used for; looking, unless it says otherwise.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct AccessConfig(Access);

impl Default for AccessConfig {
    fn default() -> Self {
        Self(Access::ReadOnly)
    }
}

/// Where a secret is.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum SecretSource {
    /// In a file; one newline at its end is not part of it.
    File(PathBuf),
    /// In a variable of the environment.
    Env(String),
    /// In the encrypted store, under this name.
    Store(String),
}

/// How the Runner says who it is to a web API.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum HttpAuth {
    Bearer(SecretSource),
    Basic { user: String, password: SecretSource },
    Header { name: String, value: SecretSource },
}

/// A client certificate, PEM files.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientFiles {
    chain: PathBuf,
    key: SecretSource,
}

fn postgres_port() -> u16 {
    5432
}

/// Gives the secret of a name in the encrypted store.
pub(crate) type FromStore<'a> = &'a dyn Fn(&str) -> Result<Secret<Vec<u8>>, Fail>;

impl ConnectionConfig {
    /// Fetches the credentials and binds the connection to its name.
    pub(crate) fn bind(&self, name: &str, dir: &Path, store: FromStore<'_>) -> Result<Connection, Fail> {
        let text = |source: &SecretSource| source.text(dir, store);
        let (access, target) = match self {
            Self::Command { access, environment, secret_environment } => {
                let plain = environment.iter().map(|(key, value)| Ok((key.clone(), Secret::new(value.clone()))));
                let secret = secret_environment.iter().map(|(key, source)| Ok((key.clone(), text(source)?)));
                let environment = plain.chain(secret).collect::<Result<_, Fail>>()?;
                (access.0, Target::Command { environment })
            }
            Self::Http { access, base, auth, client, authorities, plain } => {
                let credentials = match auth {
                    None => HttpCredentials::None,
                    Some(HttpAuth::Bearer(token)) => HttpCredentials::Bearer(text(token)?),
                    Some(HttpAuth::Basic { user, password }) => {
                        HttpCredentials::Basic { user: user.clone(), password: text(password)? }
                    }
                    Some(HttpAuth::Header { name, value }) => {
                        HttpCredentials::Header { name: name.clone(), value: text(value)? }
                    }
                };
                let identity = client.as_ref().map(|client| client.load(dir, store)).transpose()?;
                let authorities = read_pem(dir, authorities.as_deref())?;
                let http = Http { base: base.clone(), credentials, identity, authorities, plain: *plain };
                (access.0, Target::Http(http))
            }
            Self::Postgres { access, host, port, database, user, password, tls, authorities } => {
                let postgres = Postgres {
                    host: host.clone(),
                    port: *port,
                    database: database.clone(),
                    user: user.clone(),
                    password: password.as_ref().map(text).transpose()?,
                    tls: *tls,
                    authorities: read_pem(dir, authorities.as_deref())?,
                };
                (access.0, Target::Postgres(postgres))
            }
            Self::Sqlite { path } => (Access::ReadOnly, Target::Sqlite { path: dir.join(path) }),
        };
        Ok(Connection { name: name.to_owned(), access, target })
    }
}

/// Something that a connection needs to be bound.
pub(crate) enum Need<'a> {
    /// A secret, and whether it must be text.
    Secret { source: &'a SecretSource, text: bool },
    /// A file of PEM certificates.
    Certificates(&'a Path),
}

impl ConnectionConfig {
    /// Every secret and every file that binding the connection takes, each with the key that names it.
    pub(crate) fn needs(&self) -> Vec<(String, Need<'_>)> {
        let text = |field: &str, source| (field.to_owned(), Need::Secret { source, text: true });
        let pem = |path| ("authorities".to_owned(), Need::Certificates(path));
        let mut needs = Vec::new();
        match self {
            Self::Command { secret_environment, .. } => {
                needs.extend(
                    secret_environment.iter().map(|(name, source)| text(&format!("secret_environment.{name}"), source)),
                );
            }
            Self::Http { auth, client, authorities, .. } => {
                needs.extend(auth.as_ref().map(|auth| match auth {
                    HttpAuth::Bearer(source) => text("auth.bearer", source),
                    HttpAuth::Basic { password, .. } => text("auth.basic.password", password),
                    HttpAuth::Header { value, .. } => text("auth.header.value", value),
                }));
                if let Some(ClientFiles { chain, key }) = client {
                    needs.push(("client.chain".to_owned(), Need::Certificates(chain)));
                    needs.push(("client.key".to_owned(), Need::Secret { source: key, text: false }));
                }
                needs.extend(authorities.as_deref().map(pem));
            }
            Self::Postgres { password, authorities, .. } => {
                needs.extend(password.as_ref().map(|source| text("password", source)));
                needs.extend(authorities.as_deref().map(pem));
            }
            Self::Sqlite { .. } => {}
        }
        needs
    }
}

impl ClientFiles {
    fn load(&self, dir: &Path, store: FromStore<'_>) -> Result<ClientIdentity, Fail> {
        let chain = files::read(&dir.join(&self.chain), files::SMALL)?;
        Ok(ClientIdentity { chain, key: self.key.bytes(dir, store)? })
    }
}

impl SecretSource {
    /// Whether the secret can be had as it is needed.
    pub(crate) fn check(&self, text: bool, dir: &Path, store: FromStore<'_>) -> Result<(), Fail> {
        if text { self.text(dir, store).map(drop) } else { self.bytes(dir, store).map(drop) }
    }

    /// The file that it is in, if it is in one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Env(_) | Self::Store(_) => None,
        }
    }

    fn bytes(&self, dir: &Path, store: FromStore<'_>) -> Result<Secret<Vec<u8>>, Fail> {
        match self {
            Self::File(path) => {
                let mut bytes = files::read(&dir.join(path), files::SMALL)?;
                if bytes.last() == Some(&b'\n') {
                    bytes.pop();
                }
                Ok(Secret::new(bytes))
            }
            Self::Env(name) => std::env::var(name).map(|value| Secret::new(value.into_bytes())).map_err(|_| {
                let message = format!("the environment has no {name}, where a connection's secret should be");
                Fail::input("E-CONF-020", message, "set the variable, or name another place for the secret")
            }),
            Self::Store(name) => store(name),
        }
    }

    fn text(&self, dir: &Path, store: FromStore<'_>) -> Result<Secret<String>, Fail> {
        let bytes = self.bytes(dir, store)?;
        String::from_utf8(bytes.expose().clone()).map(Secret::new).map_err(|_| {
            Fail::input(
                "E-CONF-021",
                "a connection's secret is not UTF-8 text",
                "save it as UTF-8 without binary parts",
            )
        })
    }
}

fn read_pem(dir: &Path, path: Option<&Path>) -> Result<Option<Vec<u8>>, Fail> {
    path.map(|path| files::read(&dir.join(path), files::SMALL)).transpose()
}
