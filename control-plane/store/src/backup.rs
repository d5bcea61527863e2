//! Copies of a database file, made while it is in use. A PostgreSQL server has tools of its own.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use crate::StoreError;
use crate::config::Config;
use crate::migrate::require_current;
use crate::sqlite::{check_integrity, open_raw, refused};

/// All pages at once: with a write-ahead log a reader holds nobody up, and a copy in several steps begins anew whenever
/// somebody writes between two of them.
const PAGES: i32 = i32::MAX;

const BACKUP: &str = "a backup of PostgreSQL is made with its own tools: `pg_dump --format=custom --file=FILE DATABASE`, \
                      as the owner of the tables";
const RESTORE: &str = "a backup of PostgreSQL is put back with its own tools, while the control plane is stopped: \
                       `pg_restore --clean --if-exists --dbname=DATABASE FILE`, as the owner of the tables";

/// Copies the database into a new file that only its owner can read, and checks that the copy is whole.
pub async fn backup(config: &Config, to: &Path) -> Result<(), StoreError> {
    let Config::Sqlite(sqlite) = config else { return Err(StoreError::OtherTool(BACKUP)) };
    require_current(config).await?;
    let (from, to) = (sqlite.path.clone(), to.to_owned());
    blocking(move || copy(&open_raw(&from)?, &to)).await
}

/// Puts a copy in the place of the database, while the control plane is stopped. The database that was there is kept
/// beside it under another name. Runners notice that their control plane has gone back in time and say so.
pub async fn restore(config: &Config, from: &Path) -> Result<(), StoreError> {
    let Config::Sqlite(sqlite) = config else { return Err(StoreError::OtherTool(RESTORE)) };
    let copy_config = Config::Sqlite(crate::SqliteConfig { path: from.to_owned(), readers: 1 });
    require_current(&copy_config).await?;
    let (from, path) = (from.to_owned(), sqlite.path.clone());
    blocking(move || put_back(&from, &path)).await
}

fn copy(db: &Connection, to: &Path) -> Result<(), StoreError> {
    let new = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    new.map_err(|error| StoreError::file(to, error))?;
    copy_pages(db, to).inspect_err(|_| {
        // What was written is no backup. If it cannot be removed either, the error that is reported says enough.
        drop(std::fs::remove_file(to));
    })
}

fn copy_pages(db: &Connection, to: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(to, flags).map_err(|error| refused(to, &error))?;
    Backup::new(db, &mut target)
        .and_then(|backup| backup.run_to_completion(PAGES, Duration::ZERO, None))
        .map_err(|error| refused(to, &error))?;
    // One file, with nothing left beside it.
    target
        .query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0))
        .map_err(|error| refused(to, &error))?;
    check_integrity(&target, to)?;
    target.close().map_err(|(_, error)| refused(to, &error))?;
    sync(to)
}

fn put_back(from: &Path, path: &Path) -> Result<(), StoreError> {
    let source = open_raw(from)?;
    check_integrity(&source, from)?;
    let (fresh, kept) = (beside(path, "restoring"), beside(path, "before-restore"));
    let there = path.exists();
    if there {
        in_nobodys_use(path)?;
        if kept.exists() {
            let source = std::io::Error::new(
                std::io::ErrorKind::AlreadyExists,
                "an earlier restore kept a database here: move it away first",
            );
            return Err(StoreError::file(&kept, source));
        }
    }
    if fresh.exists() {
        // An earlier restore did not come to its end.
        std::fs::remove_file(&fresh).map_err(|error| StoreError::file(&fresh, error))?;
    }
    copy(&source, &fresh)?;
    if there {
        std::fs::rename(path, &kept).map_err(|error| StoreError::file(path, error))?;
    }
    std::fs::rename(&fresh, path).map_err(|error| StoreError::file(path, error))?;
    path.parent().filter(|folder| *folder != Path::new("")).map_or(Ok(()), sync)
}

/// Refuses while another process has the database open, and folds its log into the file.
fn in_nobodys_use(path: &Path) -> Result<(), StoreError> {
    let db = open_raw(path)?;
    let taken = |error: rusqlite::Error| refused(path, &error);
    db.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(taken)?;
    db.busy_timeout(Duration::from_secs(1)).map_err(taken)?;
    let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(taken)?;
    if busy != 0 {
        return Err(StoreError::Busy);
    }
    let mode: String = db.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).map_err(taken)?;
    if mode == "delete" { Ok(()) } else { Err(StoreError::Busy) }
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(what);
    path.with_file_name(name)
}

fn sync(path: &Path) -> Result<(), StoreError> {
    std::fs::File::open(path).and_then(|file| file.sync_all()).map_err(|error| StoreError::file(path, error))
}

async fn blocking(work: impl FnOnce() -> Result<(), StoreError> + Send + 'static) -> Result<(), StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Unavailable(error.to_string()))?
}
