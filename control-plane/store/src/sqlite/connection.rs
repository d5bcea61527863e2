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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;

    const A: &str = "019aa7f0-0000-7000-8000-00000000000a";

    fn opened() -> (tempfile::TempDir, Opened, Opened) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        create_file(&path).unwrap();
        let db = open_raw(&path).unwrap();
        Dialect::Sqlite.migrations().iter().for_each(|(_, _, text)| db.execute_batch(text).unwrap());
        let fill = format!(
            "INSERT INTO platform_tenant VALUES ('{A}', 'active', 0), ('b', 'active', 0);
             INSERT INTO tenant (tenant, name, plan, drilldowns, created)
                 VALUES ('{A}', 'A', 'free', 1, 0), ('b', 'B', 'free', 1, 0);
             INSERT INTO audit_head VALUES ('{A}', 0, x'', NULL, x'');
             INSERT INTO audit_line VALUES ('{A}', 0, 0, 'x', 'x', 'system');
             INSERT INTO idempotency VALUES ('b', x'01', x'01', 0, 'running', NULL, NULL);"
        );
        db.execute_batch(&fill).unwrap();
        let (writer, reader) = (open_writer(&path).unwrap(), open_reader(&path).unwrap());
        (folder, writer, reader)
    }

    fn refusal(db: &Connection, sql: &str) -> String {
        db.execute_batch(sql).expect_err(sql).to_string()
    }

    #[test]
    fn a_row_of_another_tenant_is_not_written() {
        let (_folder, writer, _reader) = opened();
        writer.guarded.set(A);
        writer.db.execute_batch("UPDATE tenant SET name = 'C' WHERE tenant <> 'b'").unwrap();
        for sql in [
            "UPDATE tenant SET name = 'C'",
            "UPDATE tenant SET name = 'C' WHERE tenant = 'b'",
            "DELETE FROM idempotency",
            "INSERT INTO tenant_key VALUES ('b', 'audit', 1, x'', x'', 0)",
            "INSERT INTO person (tenant, person, name, email, role, state, created) VALUES (NULL, 'p', 'n', 'e', 'r', 'active', 0)",
        ] {
            assert!(refusal(&writer.db, sql).contains("another tenant"), "{sql}");
        }
        let moved = format!("UPDATE tenant SET tenant = 'b' WHERE tenant = '{A}'");
        assert!(refusal(&writer.db, &moved).contains("another tenant"));
        writer.guarded.set("");
        assert!(refusal(&writer.db, "UPDATE tenant SET name = 'D'").contains("another tenant"));
    }

    #[test]
    fn logs_are_only_ever_added_to_and_records_are_not_deleted() {
        let (_folder, writer, reader) = opened();
        writer.guarded.set(A);
        for sql in ["UPDATE audit_line SET line = 'y'", "DELETE FROM audit_line", "DELETE FROM tenant"] {
            assert!(refusal(&writer.db, sql).contains("only ever added"), "{sql}");
        }
        assert!(refusal(&reader.db, "UPDATE tenant SET name = 'C'").contains("readonly"));
        assert!(
            refusal(&writer.db, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = ''")
                .contains("may not be modified")
        );
    }

    #[test]
    fn every_table_of_a_tenant_is_guarded() {
        let (_folder, writer, _reader) = opened();
        let count = |sql: &str| writer.db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let tables = count(
            "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'platform%'",
        );
        let triggers = count("SELECT count(*) FROM temp.sqlite_schema WHERE type = 'trigger'");
        assert_eq!(triggers, tables * 3);
    }

    #[test]
    fn connections_are_set_up_as_documented() {
        let (_folder, writer, reader) = opened();
        for db in [&writer.db, &reader.db] {
            let number = |name: &str| db.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).unwrap();
            assert_eq!((number("synchronous"), number("secure_delete"), number("temp_store")), (2, 1, 2));
            assert_eq!((number("foreign_keys"), number("trusted_schema")), (1, 0));
        }
    }
}
