//! The database and the operations over it.

use std::path::Path;
use std::sync::Arc;

use clock::{Clock, SystemClock};
use contract::Address;
use contract::token::CaPin;
use control_plane_authority::Authority;
use control_plane_operations::{Operations, Parts, Settings};
use control_plane_store::{Config as StoreConfig, PostgresConfig, PostgresTls, SqliteConfig, Store, StoreError};
use crypto::{Digest, SystemEntropy};
use proof::text::FreeText;
use terminal::Fail;

use super::{files, root_key};
use crate::config::{Config, DatabaseConfig, DatabaseTls};

/// The real clock.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// A runtime for one command.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Fail> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fail::fault("E-SERVE-001", error, "check the limits of threads and open files"))
}

/// Opens key and database.
pub(crate) async fn operations(config: &Config, clock: Arc<dyn Clock>) -> Result<Operations, Fail> {
    let root = root_key::read(&config.root_key)?;
    let store = Store::open(&database(&config.database, Role::Serves)?, Arc::clone(&clock)).await;
    let store = store.map_err(|error| stored(&error))?;
    let settings = Settings::new(address(&config.line_address())?);
    let authority = Arc::new(Authority::new(root));
    Ok(Operations::new(Parts { store, authority, clock, entropy: SystemEntropy::new(), settings }))
}

/// Refuses a root key under which the tenants' keys do not open.
pub(crate) async fn check_root_key(operations: &Operations) -> Result<(), Fail> {
    operations.check_root_key().await.map_err(|error| match error {
        control_plane_operations::Error::Key(_) => Fail::input(
            "E-KEY-003",
            "the root key is not the one under which the tenants' keys were sealed",
            "put the key back that this database was made with",
        ),
        other => operation(&other),
    })
}

/// Brings the tables to this version; the steps that were taken come back.
pub(crate) async fn migrate(config: &Config) -> Result<(u32, u32), Fail> {
    let database = database(&config.database, Role::Owns)?;
    let done = control_plane_store::migrate(&database).await.map_err(|error| stored(&error))?;
    Ok((done.from, done.to))
}

/// Copies the database to a new file.
pub(crate) async fn backup(config: &Config, to: &Path) -> Result<(), Fail> {
    let database = database(&config.database, Role::Serves)?;
    control_plane_store::backup(&database, to).await.map_err(|error| stored(&error))
}

/// Puts a backup in the place of the database; the one before is kept beside it.
pub(crate) async fn restore(config: &Config, from: &Path) -> Result<(), Fail> {
    let database = database(&config.database, Role::Serves)?;
    control_plane_store::restore(&database, from).await.map_err(|error| stored(&error))
}

/// What the API tells Runners' operators, and whose headers it believes.
pub(crate) fn web_settings(config: &Config, pin: Digest) -> Result<control_plane_web::Settings, Fail> {
    let mut settings = control_plane_web::Settings::new(address(&config.enrolment_address())?, CaPin(pin));
    settings.trusted_proxies.clone_from(&config.web.trusted_proxies);
    let console = config.console_url();
    let console = console.parse().map_err(|error| {
        Fail::input("E-CONF-003", format_args!("web.public_url: {console}: {error}"), "correct host or address")
    })?;
    settings.public_url = Some(console);
    Ok(settings)
}

/// The database in a few words.
pub(crate) fn describe(config: &Config) -> String {
    match &config.database {
        DatabaseConfig::Sqlite { path } => format!("SQLite {}", path.display()),
        DatabaseConfig::Postgres { .. } => "PostgreSQL".to_owned(),
    }
}

/// An operation that was refused or failed.
pub(crate) fn operation(error: &control_plane_operations::Error) -> Fail {
    use control_plane_operations::Kind;
    match error.kind() {
        Kind::Fault | Kind::Unavailable => Fail::fault(error.code(), error, error.next_step()),
        Kind::Unauthenticated
        | Kind::Forbidden
        | Kind::NotFound
        | Kind::Conflict
        | Kind::Invalid
        | Kind::Throttled { .. } => Fail::input(error.code(), error, error.next_step()),
    }
}

/// A text that a person typed.
pub(crate) fn text(argument: &str, text: &str) -> Result<FreeText, Fail> {
    text.parse().map_err(|error| {
        Fail::input("E-ADMIN-001", format_args!("{argument}: {error}"), "type it without control characters")
    })
}

/// As whom the database is opened.
#[derive(Clone, Copy)]
enum Role {
    Serves,
    Owns,
}

fn database(config: &DatabaseConfig, role: Role) -> Result<StoreConfig, Fail> {
    match config {
        DatabaseConfig::Sqlite { path } => Ok(StoreConfig::Sqlite(SqliteConfig::at(path))),
        DatabaseConfig::Postgres {
            url,
            password_file,
            owner_url,
            owner_password_file,
            tls,
            authorities,
            connections,
        } => {
            let (url, password_file) = match (role, owner_url) {
                (Role::Serves, _) => (url, password_file),
                (Role::Owns, Some(owner)) => (owner, owner_password_file),
                (Role::Owns, None) => {
                    return Err(Fail::input(
                        "E-CONF-005",
                        "database.owner_url is not configured",
                        "give the address of the database as the role that owns the tables",
                    ));
                }
            };
            let tls = match tls {
                DatabaseTls::Full => {
                    PostgresTls::Full { authorities_pem: authorities.as_deref().map(read).transpose()? }
                }
                DatabaseTls::Off => PostgresTls::Off,
            };
            Ok(StoreConfig::Postgres(PostgresConfig {
                url: url.clone(),
                password: password_file.as_deref().map(files::read_line).transpose()?,
                tls,
                max_connections: usize::try_from(*connections).unwrap_or(1),
            }))
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Fail> {
    std::fs::read(path).map_err(|error| {
        Fail::input("E-CONF-002", format_args!("{} cannot be read: {error}", path.display()), "check its path and mode")
    })
}

fn address(text: &str) -> Result<Address, Fail> {
    text.parse().map_err(|error| Fail::input("E-CONF-003", format_args!("{text}: {error}"), "correct host or address"))
}

fn stored(error: &StoreError) -> Fail {
    // The sentence begins with the code and ends with what to do.
    let says = error.to_string();
    let says = says.strip_prefix(error.code()).and_then(|says| says.strip_prefix(": ")).unwrap_or(&says);
    match error {
        StoreError::Busy => Fail::fault(error.code(), says, "stop the service if it runs, or try again in a moment"),
        StoreError::Unavailable(_) | StoreError::File { .. } => Fail::fault(
            error.code(),
            says,
            "check that the database is there, may be written, and has room on its disk",
        ),
        StoreError::Migration(_) | StoreError::Statement(_) | StoreError::Aborted | StoreError::Guarded { .. } => {
            Fail::fault(error.code(), says, "check the disk and the database's log; nothing was half done")
        }
        StoreError::Conflict { .. }
        | StoreError::Missing { .. }
        | StoreError::Inconsistency { .. }
        | StoreError::Reference { .. }
        | StoreError::UnknownTenant
        | StoreError::ActorGone
        | StoreError::Record(_)
        | StoreError::Cursor
        | StoreError::AuditBroken { .. }
        | StoreError::SchemaOlder { .. }
        | StoreError::SchemaNewer { .. }
        | StoreError::SchemaDiffers(_)
        | StoreError::Role(_)
        | StoreError::Config(_)
        | StoreError::NotADatabase { .. }
        | StoreError::OtherTool(_) => Fail::input(error.code(), says, ""),
    }
}
