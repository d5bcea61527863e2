//! Bringing a database to the schema of this version, and refusing any other.

use std::path::Path;

use refinery::{Migration, Runner};
use tokio_postgres::Client;

use crate::StoreError;
use crate::config::{Config, PostgresConfig};
use crate::dialect::{Dialect, SERVER_ROLE};
use crate::postgres::connect_once;
use crate::sqlite::{create_file, open_raw};

/// Names the lock that migrations hold: "PRCT" in hex.
const MIGRATION_LOCK: i64 = 0x5052_4354;

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The schema before; 0 when there was none.
    pub from: u32,
    /// The schema now.
    pub to: u32,
}

/// Which schema a database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    /// None: the database is empty, or its file is not there.
    Fresh,
    /// The one of this version.
    Current,
    /// An older one.
    Older {
        /// Its number.
        found: u32,
    },
    /// One of a newer version.
    Newer {
        /// Its number.
        found: u32,
    },
}

/// Makes the tables, or brings them to this version. On PostgreSQL the address must name the owner of the tables, not
/// the server's role.
pub async fn migrate(config: &Config) -> Result<Migrated, StoreError> {
    match config {
        Config::Sqlite(sqlite) => {
            let path = sqlite.path.clone();
            blocking(move || migrate_sqlite(&path)).await
        }
        Config::Postgres(postgres) => migrate_postgres(postgres).await,
    }
}

/// Which schema the database has.
pub async fn schema_state(config: &Config) -> Result<SchemaState, StoreError> {
    let (dialect, applied) = applied(config).await?;
    Ok(state(dialect, &applied))
}

/// Refuses every schema but this version's, with what to do about it.
pub(crate) async fn require_current(config: &Config) -> Result<(), StoreError> {
    let (dialect, applied) = applied(config).await?;
    let known = newest(dialect);
    match state(dialect, &applied) {
        SchemaState::Fresh => Err(StoreError::SchemaOlder { found: 0, known }),
        SchemaState::Older { found } => Err(StoreError::SchemaOlder { found, known }),
        SchemaState::Newer { found } => Err(StoreError::SchemaNewer { found, known }),
        SchemaState::Current => same_migrations(dialect, &applied),
    }
}

fn newest(dialect: Dialect) -> u32 {
    dialect.migrations().last().map_or(0, |(version, _, _)| *version)
}

fn state(dialect: Dialect, applied: &[Applied]) -> SchemaState {
    let found = applied.iter().map(|applied| applied.version).max().unwrap_or(0);
    let known = newest(dialect);
    match found.cmp(&known) {
        std::cmp::Ordering::Less if found == 0 => SchemaState::Fresh,
        std::cmp::Ordering::Less => SchemaState::Older { found },
        std::cmp::Ordering::Equal => SchemaState::Current,
        std::cmp::Ordering::Greater => SchemaState::Newer { found },
    }
}

/// A migration that the database says it had.
struct Applied {
    version: u32,
    checksum: String,
}

/// The texts that were applied must be the texts of this version.
fn same_migrations(dialect: Dialect, applied: &[Applied]) -> Result<(), StoreError> {
    for known in migrations(dialect)? {
        let version = u32::try_from(known.version()).unwrap_or(u32::MAX);
        let found = applied.iter().find(|applied| applied.version == version);
        if found.is_none_or(|found| found.checksum != known.checksum().to_string()) {
            return Err(StoreError::SchemaDiffers(format!("migration {version} is missing or has another text")));
        }
    }
    Ok(())
}

fn migrations(dialect: Dialect) -> Result<Vec<Migration>, StoreError> {
    let texts = dialect.migrations().iter();
    texts.map(|(_, name, text)| Migration::unapplied(name, text).map_err(failed)).collect()
}

fn runner(dialect: Dialect) -> Result<Runner, StoreError> {
    // All or nothing, and an edited or vanished migration is an error.
    let runner = Runner::new(&migrations(dialect)?);
    Ok(runner.set_grouped(true).set_abort_divergent(true).set_abort_missing(true))
}

async fn applied(config: &Config) -> Result<(Dialect, Vec<Applied>), StoreError> {
    match config {
        Config::Sqlite(sqlite) => {
            let path = sqlite.path.clone();
            let applied = blocking(move || applied_sqlite(&path)).await?;
            Ok((Dialect::Sqlite, applied))
        }
        Config::Postgres(postgres) => {
            let client = connect_once(postgres).await?;
            Ok((Dialect::Postgres, applied_postgres(&client).await?))
        }
    }
}

fn applied_sqlite(path: &Path) -> Result<Vec<Applied>, StoreError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let db = open_raw(path)?;
    let read = |row: &rusqlite::Row<'_>| Ok(Applied { version: row.get(0)?, checksum: row.get(1)? });
    let there: bool = db
        .query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history')", [], |row| {
            row.get(0)
        })
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    if !there {
        return Ok(Vec::new());
    }
    let query = || {
        let mut statement = db.prepare("SELECT version, checksum FROM refinery_schema_history ORDER BY version")?;
        statement.query_map([], read)?.collect::<rusqlite::Result<Vec<_>>>()
    };
    query().map_err(|error| StoreError::SchemaDiffers(error.to_string()))
}

async fn applied_postgres(client: &Client) -> Result<Vec<Applied>, StoreError> {
    let unavailable = |error: tokio_postgres::Error| StoreError::Unavailable(error.to_string());
    let there = "SELECT to_regclass('public.refinery_schema_history') IS NOT NULL";
    let there: bool = client.query_one(there, &[]).await.map_err(unavailable)?.get(0);
    if !there {
        return Ok(Vec::new());
    }
    let sql = "SELECT version, checksum FROM public.refinery_schema_history ORDER BY version";
    let rows = client.query(sql, &[]).await.map_err(|error| match error.as_db_error() {
        Some(said) => StoreError::Role(format!("the schema's history cannot be read: {}", said.message())),
        None => unavailable(error),
    })?;
    let read = |row: &tokio_postgres::Row| {
        let version: i32 = row.get(0);
        Applied { version: u32::try_from(version).unwrap_or(0), checksum: row.get(1) }
    };
    Ok(rows.iter().map(read).collect())
}

fn migrate_sqlite(path: &Path) -> Result<Migrated, StoreError> {
    if !path.exists() {
        create_file(path)?;
    }
    let before = refuse_newer(Dialect::Sqlite, &applied_sqlite(path)?)?;
    let mut db = open_raw(path)?;
    runner(Dialect::Sqlite)?.run(&mut db).map_err(failed)?;
    Ok(Migrated { from: before, to: newest(Dialect::Sqlite) })
}

async fn migrate_postgres(config: &PostgresConfig) -> Result<Migrated, StoreError> {
    let mut client = connect_once(config).await?;
    let unavailable = |error: tokio_postgres::Error| StoreError::Unavailable(error.to_string());
    let sql = "SELECT current_user::text, EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1), \
               current_setting('server_version_num')::int8, current_setting('server_encoding')";
    let row = client.query_one(sql, &[&SERVER_ROLE]).await.map_err(unavailable)?;
    if row.get::<_, String>(0) == SERVER_ROLE {
        let why =
            format!("migrations run as the owner of the tables and not as `{SERVER_ROLE}`, which must own nothing");
        return Err(StoreError::Role(why));
    }
    if !row.get::<_, bool>(1) {
        let why = format!(
            "the role `{SERVER_ROLE}` does not exist: as an administrator of the server run \
             `CREATE ROLE {SERVER_ROLE} LOGIN PASSWORD '…' NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS`"
        );
        return Err(StoreError::Role(why));
    }
    if row.get::<_, i64>(2) < 150_000 {
        return Err(StoreError::Config("PostgreSQL 15 or later is needed".to_owned()));
    }
    if row.get::<_, String>(3) != "UTF8" {
        return Err(StoreError::Config("the database's encoding is not UTF8: make it anew with UTF8".to_owned()));
    }
    // One migration at a time, also when several replicas are started at once; the lock ends with the connection.
    client.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).await.map_err(unavailable)?;
    let before = refuse_newer(Dialect::Postgres, &applied_postgres(&client).await?)?;
    runner(Dialect::Postgres)?.run_async(&mut client).await.map_err(failed)?;
    Ok(Migrated { from: before, to: newest(Dialect::Postgres) })
}

fn refuse_newer(dialect: Dialect, applied: &[Applied]) -> Result<u32, StoreError> {
    match state(dialect, applied) {
        SchemaState::Newer { found } => Err(StoreError::SchemaNewer { found, known: newest(dialect) }),
        SchemaState::Fresh => Ok(0),
        SchemaState::Older { found } => Ok(found),
        SchemaState::Current => Ok(newest(dialect)),
    }
}

fn failed(error: refinery::Error) -> StoreError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    StoreError::Migration(text)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Unavailable(error.to_string()))?
}
