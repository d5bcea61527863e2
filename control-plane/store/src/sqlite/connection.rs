//! How a database file is opened, and what keeps a connection from writing for another tenant.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::StoreError;
use crate::dialect::{APPEND_ONLY, DELETABLE};

/// `PRAGMA application_id`: "PRCC".
const APPLICATION: i64 = 0x5052_4343;

/// The tenant that a connection may write for now; none while it has no transaction.
#[derive(Clone)]
pub(super) struct Guarded(Arc<Mutex<String>>);

impl Guarded {
    pub(super) fn set(&self, tenant: &str) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        current.clear();
        current.push_str(tenant);
    }

    fn is(&self, tenant: Option<&str>) -> bool {
        let current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !current.is_empty() && tenant == Some(current.as_str())
    }
}

/// A connection for a worker.
pub(super) struct Opened {
    pub(super) db: Connection,
    pub(super) guarded: Guarded,
}

/// The connection that writes, with triggers on every tenant's table.
pub(super) fn open_writer(path: &Path) -> Result<Opened, StoreError> {
    let db = open_raw(path)?;
    let guarded = Guarded(Arc::new(Mutex::new(String::new())));
    let asked = guarded.clone();
    let guard = move |context: &rusqlite::functions::Context<'_>| Ok(asked.is(context.get_raw(0).as_str().ok()));
    db.create_scalar_function("proctor_is_tenant", 1, FunctionFlags::SQLITE_UTF8, guard)
        .and_then(|()| guard_tables(&db))
        .map_err(|error| refused(path, &error))?;
    Ok(Opened { db, guarded })
}

/// A connection that reads.
pub(super) fn open_reader(path: &Path) -> Result<Opened, StoreError> {
    let db = open_raw(path)?;
    db.pragma_update(None, "query_only", true).map_err(|error| refused(path, &error))?;
    Ok(Opened { db, guarded: Guarded(Arc::new(Mutex::new(String::new()))) })
}

/// Opens a file that is there, and sets it up as every connection of ours is.
pub(crate) fn open_raw(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(|error| refused(path, &error))?;
    let application: i64 =
        db.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(|error| refused(path, &error))?;
    if application != APPLICATION {
        let why = "it is not a database of the control plane".to_owned();
        return Err(StoreError::NotADatabase { path: path.to_owned(), why });
    }
    set_up(&db).map_err(|error| refused(path, &error))?;
    Ok(db)
}

/// Makes an empty file that is ours; the tables come by migration.
pub(crate) fn create_file(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| StoreError::file(path, error))?;
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE);
    db.and_then(|db| db.pragma_update(None, "application_id", APPLICATION)).map_err(|error| refused(path, &error))
}

fn set_up(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(Duration::from_secs(10))?;
    db.set_prepared_statement_cache_capacity(256);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Without it SQLite looks at bound values for a better plan and compiles a statement anew whenever they change.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "cell_size_check", true)?;
    let _: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    db.pragma_update(None, "synchronous", "FULL")?;
    let _: i64 = db.query_row("PRAGMA wal_autocheckpoint = 4000", [], |row| row.get(0))?;
    let _: i64 = db.query_row("PRAGMA secure_delete = ON", [], |row| row.get(0))?;
    Ok(())
}

/// Triggers that live with the connection alone, one set for each table that has a tenant: a table that a migration
/// adds is guarded without anybody thinking of it.
fn guard_tables(db: &Connection) -> rusqlite::Result<()> {
    let mut statement = db.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'platform\\_%' ESCAPE '\\' \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> 'refinery_schema_history'",
    )?;
    let tables: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for table in tables {
        let refuse = |why: &str| format!("BEGIN SELECT RAISE(ABORT, '{table}: {why}'); END;");
        let other = refuse("a row of another tenant");
        let fixed = refuse("rows are only ever added");
        let append_only = APPEND_ONLY.contains(&table.as_str());
        let update = if append_only {
            format!("CREATE TEMP TRIGGER guard_update_{table} BEFORE UPDATE ON main.{table} {fixed}")
        } else {
            format!(
                "CREATE TEMP TRIGGER guard_update_{table} BEFORE UPDATE ON main.{table} \
                 WHEN NOT (proctor_is_tenant(OLD.tenant) AND proctor_is_tenant(NEW.tenant)) {other}"
            )
        };
        let delete = if DELETABLE.contains(&table.as_str()) {
            format!(
                "CREATE TEMP TRIGGER guard_delete_{table} BEFORE DELETE ON main.{table} \
                 WHEN NOT proctor_is_tenant(OLD.tenant) {other}"
            )
        } else {
            format!("CREATE TEMP TRIGGER guard_delete_{table} BEFORE DELETE ON main.{table} {fixed}")
        };
        db.execute_batch(&format!(
            "CREATE TEMP TRIGGER guard_insert_{table} BEFORE INSERT ON main.{table} \
             WHEN NOT proctor_is_tenant(NEW.tenant) {other} {update} {delete}"
        ))?;
    }
    Ok(())
}

/// Whether the file is whole.
pub(crate) fn check_integrity(db: &Connection, path: &Path) -> Result<(), StoreError> {
    let first = |pragma: &str| db.query_row(pragma, [], |row| row.get::<_, String>(0));
    let integrity = first("PRAGMA integrity_check").map_err(|error| refused(path, &error))?;
    if integrity != "ok" {
        let why = format!("it is damaged: {}", proof::text::printable(&integrity));
        return Err(StoreError::NotADatabase { path: path.to_owned(), why });
    }
    match first("PRAGMA foreign_key_check") {
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(()),
        Ok(table) => {
            let why = format!("a row of `{}` names a row that does not exist", proof::text::printable(&table));
            Err(StoreError::NotADatabase { path: path.to_owned(), why })
        }
        Err(error) => Err(refused(path, &error)),
    }
}

/// The error of a file that cannot be used.
pub(crate) fn refused(path: &Path, error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            StoreError::NotADatabase { path: path.to_owned(), why: "it is not a SQLite database".to_owned() }
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            StoreError::NotADatabase { path: path.to_owned(), why: "it is damaged".to_owned() }
        }
        Some(ErrorCode::CannotOpen) if !path.exists() => {
            let source = std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "the file does not exist: run `proctor-control-plane migrate`",
            );
            StoreError::file(path, source)
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        _ => StoreError::Unavailable(error.to_string()),
    }
}
