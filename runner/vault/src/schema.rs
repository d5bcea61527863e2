//! The tables, and how the database file is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::VaultError;

/// `PRAGMA application_id`: "PRCT".
const APPLICATION: i64 = 0x5052_4354;
/// `PRAGMA user_version`: the tables below. A file with another number is refused, not guessed at.
const SCHEMA: i64 = 1;

/// In clear stands what the control plane may know anyway; `sealed`, `head`, `inputs`, `key` and `wrapped` columns are
/// ciphertext. Times are milliseconds since the Unix epoch, ids are their 16 bytes.
///
/// A step of truth touches few pages, as each is written to the log again: an item's number is its piece's times four
/// plus its place in it, and a chunk's is its item's times 2^32 plus its first row, so neither needs an index; `history`
/// holds only what came before a piece's present state.
const TABLES: &str = "
CREATE TABLE store (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    store BLOB NOT NULL, tenant BLOB NOT NULL, runner BLOB NOT NULL,
    created INTEGER NOT NULL,
    root_check BLOB NOT NULL, root_generation INTEGER NOT NULL DEFAULT 1, seal_level TEXT NOT NULL,
    outbox_gap INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE kek (
    generation INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'full', 'retiring', 'retired')),
    created INTEGER NOT NULL,
    wraps INTEGER NOT NULL,
    wrapped BLOB
) STRICT;
CREATE UNIQUE INDEX kek_active ON kek (epoch) WHERE state = 'active';
CREATE TABLE signing_key (
    name TEXT PRIMARY KEY,
    generation INTEGER NOT NULL REFERENCES kek, sealed BLOB NOT NULL, created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE secret (
    name TEXT PRIMARY KEY,
    generation INTEGER NOT NULL REFERENCES kek, sealed BLOB NOT NULL, set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE exception (
    name TEXT PRIMARY KEY,
    generation INTEGER NOT NULL REFERENCES kek, sealed BLOB NOT NULL,
    recorded INTEGER NOT NULL, seq INTEGER NOT NULL REFERENCES journal, removed INTEGER, removed_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE procedure (
    digest BLOB NOT NULL, notation TEXT NOT NULL,
    id TEXT NOT NULL, version INTEGER NOT NULL, source BLOB NOT NULL,
    stored INTEGER NOT NULL, approved INTEGER, withdrawn INTEGER,
    PRIMARY KEY (digest, notation)
) STRICT;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    run BLOB NOT NULL UNIQUE,
    procedure BLOB NOT NULL, notation TEXT NOT NULL, procedure_id TEXT NOT NULL, procedure_version INTEGER NOT NULL,
    trigger TEXT NOT NULL, due INTEGER, started INTEGER NOT NULL,
    period_start INTEGER, period_end INTEGER,
    only_ids TEXT, software TEXT NOT NULL, retention TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'final', 'ended')),
    ended INTEGER, code TEXT, verdict TEXT, score INTEGER, score_with_exceptions INTEGER,
    generation INTEGER NOT NULL, wrapped_by INTEGER REFERENCES kek, wrapped BLOB, inputs BLOB,
    FOREIGN KEY (procedure, notation) REFERENCES procedure (digest, notation)
) STRICT;
CREATE INDEX run_unfinished ON run (id) WHERE state = 'running';
CREATE INDEX run_ended ON run (retention, ended) WHERE state != 'running' AND wrapped IS NOT NULL;
CREATE INDEX run_by_procedure ON run (procedure_id, id);
CREATE TABLE piece (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run, step TEXT NOT NULL, position INTEGER NOT NULL,
    key BLOB,
    number INTEGER NOT NULL, state TEXT NOT NULL, code TEXT,
    started INTEGER NOT NULL, ended INTEGER NOT NULL, until INTEGER, sealed BLOB,
    UNIQUE (run, step, position)
) STRICT;
CREATE TABLE history (
    piece INTEGER NOT NULL, number INTEGER NOT NULL,
    state TEXT NOT NULL, code TEXT, started INTEGER NOT NULL, ended INTEGER NOT NULL, until INTEGER,
    sealed BLOB,
    PRIMARY KEY (piece, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE item (
    id INTEGER PRIMARY KEY,
    item BLOB NOT NULL UNIQUE,
    form TEXT NOT NULL, class TEXT NOT NULL, collected INTEGER NOT NULL,
    rows INTEGER NOT NULL, root BLOB NOT NULL,
    generation INTEGER NOT NULL, wrapped_by INTEGER REFERENCES kek, wrapped BLOB,
    nodes BLOB, head BLOB,
    destroyed INTEGER
) STRICT;
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    rows INTEGER NOT NULL, last INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE TABLE attestation (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run, seq INTEGER NOT NULL UNIQUE REFERENCES journal,
    at INTEGER NOT NULL, final INTEGER NOT NULL, verdict TEXT NOT NULL,
    manifest BLOB NOT NULL, envelope BLOB NOT NULL
) STRICT;
CREATE INDEX attestation_by_run ON attestation (run);
CREATE TABLE check_state (
    procedure_id TEXT NOT NULL, check_id TEXT NOT NULL,
    status TEXT NOT NULL, severity TEXT NOT NULL, since INTEGER NOT NULL, failing_since INTEGER, run BLOB NOT NULL,
    PRIMARY KEY (procedure_id, check_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE hold (
    run INTEGER PRIMARY KEY REFERENCES run, placed INTEGER NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE TABLE journal (seq INTEGER PRIMARY KEY, line TEXT NOT NULL) STRICT;
CREATE TABLE journal_node (
    level INTEGER NOT NULL, place INTEGER NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (level, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE journal_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    prev BLOB NOT NULL, last_at INTEGER, frontier BLOB NOT NULL, note TEXT NOT NULL
) STRICT;
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    attestation INTEGER NOT NULL UNIQUE REFERENCES attestation,
    queued INTEGER NOT NULL, acknowledged INTEGER
) STRICT;
CREATE INDEX outbox_waiting ON outbox (seq) WHERE acknowledged IS NULL;
";

/// Opens a new database and makes the tables.
pub(crate) fn create(path: &Path) -> Result<Connection, VaultError> {
    let mut db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    set_up(&db)?;
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    transaction.commit()?;
    Ok(db)
}

/// Opens a store for writing.
pub(crate) fn open(path: &Path) -> Result<Connection, VaultError> {
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    check_kind(&db, path)?;
    set_up(&db)?;
    Ok(db)
}

/// Opens a store for reading, beside a process that writes.
pub(crate) fn open_read_only(path: &Path) -> Result<Connection, VaultError> {
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    check_kind(&db, path)?;
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
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

fn check_kind(db: &Connection, path: &Path) -> Result<(), VaultError> {
    let number = |pragma: &str| db.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id").map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => VaultError::NotAStore(path.to_owned()),
        _ => error.into(),
    })?;
    if application != APPLICATION {
        return Err(VaultError::NotAStore(path.to_owned()));
    }
    match number("PRAGMA user_version")? {
        SCHEMA => Ok(()),
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
        let db = open(&path).unwrap();
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
        create(&path).unwrap().pragma_update(None, "user_version", 2).unwrap();
        assert_eq!(open(&path).unwrap_err().to_string(), "the store has schema 2, this version knows 1");
    }
}
