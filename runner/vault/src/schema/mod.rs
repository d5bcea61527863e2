//! How the database file is made, brought up to date and opened.

mod tables;

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::VaultError;
use crate::secrets::EarlierSecrets;

/// `PRAGMA application_id`: "PRCT".
const APPLICATION: i64 = 0x5052_4354;
/// `PRAGMA user_version` of a store that this version makes: each of the texts in [`tables`] was carried out. A file with
/// a higher number is refused, not guessed at.
const SCHEMA: i64 = 4;

/// Opens a new database and makes the tables.
pub(crate) fn create(path: &Path) -> Result<Connection, VaultError> {
    let mut db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    set_up(&db)?;
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(tables::FIRST)?;
    transaction.execute_batch(tables::SECOND)?;
    transaction.execute_batch(tables::THIRD)?;
    transaction.execute_batch(tables::FOURTH)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    transaction.commit()?;
    Ok(db)
}

/// Whether a store has the tables that this version works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    /// It has.
    Current,
    /// They are of the first version; [`migrate`] brings them up to date.
    First,
    /// They are of the second version; [`migrate`] brings them up to date.
    Second,
    /// They are of the third version; [`migrate`] brings them up to date.
    Third,
}

/// Opens a store for writing.
pub(crate) fn open(path: &Path) -> Result<(Connection, Tables), VaultError> {
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let tables = check_kind(&db, path)?;
    set_up(&db)?;
    Ok((db, tables))
}

/// Opens a store for reading, beside a process that writes.
pub(crate) fn open_read_only(path: &Path) -> Result<(Connection, Tables), VaultError> {
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let tables = check_kind(&db, path)?;
    db.pragma_update(None, "query_only", true)?;
    Ok((db, tables))
}

/// Brings the tables up to date within the transaction of the caller, who adds what the new ones need.
/// Gives the secrets as the earlier tables had them: their new place is bound to a record of the journal.
pub(crate) fn migrate(transaction: &Transaction<'_>, found: Tables) -> Result<EarlierSecrets, VaultError> {
    if found == Tables::First {
        transaction.execute_batch(tables::SECOND)?;
    }
    if found != Tables::Third {
        transaction.execute_batch(tables::THIRD)?;
    }
    let secrets = EarlierSecrets::read(transaction)?;
    transaction.execute_batch(tables::FOURTH)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    Ok(secrets)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, VaultError> {
    let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.set_prepared_statement_cache_capacity(128);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Without it SQLite looks at bound values for a better plan and compiles a statement anew whenever they change,
    // which took more than half of the time of reading an item.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "cell_size_check", true)?;
    Ok(db)
}

fn set_up(db: &Connection) -> Result<(), VaultError> {
    let mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(VaultError::inconsistent("store", "journal_mode", format!("SQLite answers `{mode}` to WAL")));
    }
    db.pragma_update(None, "synchronous", "FULL")?;
    // 16 MiB: every step rewrites the last pages of the same few tables, which a later checkpoint moves only once.
    let _: i64 = db.query_row("PRAGMA wal_autocheckpoint = 4000", [], |row| row.get(0))?;
    let _: i64 = db.query_row("PRAGMA secure_delete = ON", [], |row| row.get(0))?;
    // Absent where SQLite was built without memory mapping, which is what is asked for.
    db.query_row("PRAGMA mmap_size = 0", [], |_| Ok(())).or_else(|error| match error {
        rusqlite::Error::QueryReturnedNoRows => Ok(()),
        other => Err(other),
    })?;
    Ok(())
}

fn check_kind(db: &Connection, path: &Path) -> Result<Tables, VaultError> {
    let number = |pragma: &str| db.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id").map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => VaultError::NotAStore(path.to_owned()),
        _ => error.into(),
    })?;
    if application != APPLICATION {
        return Err(VaultError::NotAStore(path.to_owned()));
    }
    match number("PRAGMA user_version")? {
        SCHEMA => Ok(Tables::Current),
        1 => Ok(Tables::First),
        2 => Ok(Tables::Second),
        3 => Ok(Tables::Third),
        found => Err(VaultError::Schema { found, known: SCHEMA }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_set_up_as_documented() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        drop(create(&path).unwrap());
        let (db, tables) = open(&path).unwrap();
        assert_eq!(tables, Tables::Current);
        let number = |pragma: &str| db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((number("synchronous"), number("secure_delete"), number("temp_store")), (2, 1, 2));
        assert_eq!((number("foreign_keys"), number("trusted_schema")), (1, 0));
        assert_eq!(db.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0)).unwrap(), "wal");
    }

    #[test]
    fn a_statement_is_compiled_once_whatever_is_bound_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let db = create(&folder.path().join("store.db")).unwrap();
        let sql = "SELECT number FROM history WHERE piece = ?1 UNION ALL SELECT number FROM piece WHERE id = ?1 \
                   ORDER BY number";
        let mut statement = db.prepare(sql).unwrap();
        for piece in 0..5 {
            assert_eq!(statement.query_map([piece], |_| Ok(())).unwrap().count(), 0);
        }
        assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }

    #[test]
    fn other_files_and_other_versions_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.db");
        std::fs::write(&path, "no database, only a text of some length\n".repeat(40)).unwrap();
        assert_eq!(open(&path).unwrap_err().code(), "E-VAULT-005");
        let path = folder.path().join("other.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        assert_eq!(open(&path).unwrap_err().code(), "E-VAULT-005");
        let path = folder.path().join("newer.db");
        create(&path).unwrap().pragma_update(None, "user_version", 5).unwrap();
        assert_eq!(open(&path).unwrap_err().to_string(), "the store has schema 5, this version knows 4");
    }
}
