//! Everything that the vault refuses or cannot do. Each error has a stable code, says where, and says what to do.
//!
//! No text in here comes out of evidence: tables, columns, ids, paths and step names only.

use std::path::PathBuf;

use rusqlite::ErrorCode;

/// The vault did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no store at the place that was named.
    #[error("there is no store at {0}")]
    NoStore(PathBuf),
    /// There is one already.
    #[error("there is a store at {0} already")]
    Exists(PathBuf),
    /// Another process writes to the store.
    #[error("another process has the store open for writing ({0})")]
    InUse(PathBuf),
    /// The file was written by a version that this one does not know.
    #[error("the store has schema {found}, this version knows {known}")]
    Schema { found: i64, known: i64 },
    /// The file is a database of somebody else, or none.
    #[error("{0} is not a Proctor store")]
    NotAStore(PathBuf),
    /// The provider gave a key that is not the store's.
    #[error("the key that {provider} gives is not the root key of this store")]
    WrongRootKey { provider: String },
    /// The provider gave no key.
    #[error("no root key from {provider}: {why}")]
    NoRootKey { provider: String, why: String },
    /// The key file lies beside what it protects.
    #[error("the key file {0} is on the same disk as the store: who takes the disk has both")]
    KeyOnStoreDisk(PathBuf),
    /// No space left.
    #[error("the disk of the store is full")]
    DiskFull,
    /// The store cannot be written to.
    #[error("the store cannot be written to: its file system or its files are read-only")]
    ReadOnlyMedia,
    /// It was opened for reading only.
    #[error("the store was opened for reading only")]
    OpenedReadOnly,
    /// The database's own structure is damaged.
    #[error("the database file is damaged: {0}")]
    Corrupt(String),
    /// A sealed value was changed, moved or cut off.
    #[error("{table}.{column} of {key} does not open: it was changed, moved, or sealed under another key")]
    Tampered { table: &'static str, column: &'static str, key: String },
    /// Stored records contradict each other.
    #[error("{table} {key}: {what}")]
    Inconsistent { table: &'static str, key: String, what: String },
    /// The rows that were read back are not those that were committed to.
    #[error("evidence item {0} is not what was committed to when it was stored")]
    Commitment(String),
    /// The store is older than its last checkpoint, or another one was put in its place.
    #[error("ROLLBACK: {0}")]
    Rollback(String),
    /// The item's keys were destroyed.
    #[error("evidence item {0} was destroyed (journal record {1})")]
    Destroyed(String, u64),
    /// What was named is not in the store.
    #[error("no {what} {key} in the store")]
    NotFound { what: &'static str, key: String },
    /// The state of a run or piece does not allow it.
    #[error("{what} {key}: {why}")]
    NotAllowed { what: &'static str, key: String, why: String },
    /// Too much waits for the control plane.
    #[error(
        "{records} reports of {bytes} bytes wait to be accepted, the limits are {limit} and {most}: no new run begins"
    )]
    OutboxFull { records: u64, limit: u64, bytes: u64, most: u64 },
    /// A signed note that is not what it is shown as.
    #[error("the {what} checkpoint is refused: {why}")]
    Note { what: &'static str, why: String },
    /// What was asked for was asked for before.
    #[error("request {0} was seen before")]
    Seen(String),
    /// Drill-downs are refused until somebody looked into a fork.
    #[error("the audit log was seen to fork (journal record {0})")]
    ForkSeen(u64),
    /// The checkpoint outside of the store cannot be written.
    #[error("the journal checkpoint {path} cannot be written: {why}")]
    CheckpointFile { path: PathBuf, why: String },
    /// A file operation failed.
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    /// The journal does not hold together.
    #[error("journal record {seq}: {why}")]
    Journal { seq: u64, why: String },
    /// What was handed in cannot be stored.
    #[error("{what} cannot be stored: {why}")]
    Unstorable { what: &'static str, why: String },
    /// A legal hold covers it.
    #[error("run {0} is under a legal hold")]
    OnHold(String),
    /// SQLite failed in another way.
    #[error("the database failed: {0}")]
    Database(rusqlite::Error),
    /// The process could not be protected.
    #[error("the process cannot be protected against core dumps: {0}")]
    Harden(String),
}

impl VaultError {
    /// The stable code of the error; its help page has the same name.
    pub fn code(&self) -> &'static str {
        self.facts().0
    }

    /// What to do about it, in one sentence.
    pub fn next_step(&self) -> &'static str {
        self.facts().1
    }

    fn facts(&self) -> (&'static str, &'static str) {
        match self {
            Self::NoStore(_) => ("E-VAULT-001", "name the folder that holds the store, or create one"),
            Self::Exists(_) => ("E-VAULT-002", "open it, or choose another folder; nothing is ever overwritten"),
            Self::InUse(_) => ("E-VAULT-003", "wait until the other process ends, or open the store for reading only"),
            Self::Schema { .. } => {
                ("E-VAULT-004", "use the version of the software that wrote the store, or a newer one")
            }
            Self::NotAStore(_) => ("E-VAULT-005", "check the path; the file is left as it is"),
            Self::WrongRootKey { .. } => {
                ("E-VAULT-006", "name the provider that the store was created with, or the key after the last change")
            }
            Self::NoRootKey { .. } => ("E-VAULT-007", "correct what the message names and start again"),
            Self::KeyOnStoreDisk(_) => (
                "E-VAULT-008",
                "use a passphrase or a systemd credential, move the key, or accept it in the configuration",
            ),
            Self::DiskFull => {
                ("E-VAULT-009", "free space; what was stored before is intact and nothing half-written is kept")
            }
            Self::ReadOnlyMedia => {
                ("E-VAULT-010", "make the folder writable for the Runner's account; nothing was changed")
            }
            Self::OpenedReadOnly => ("E-VAULT-011", "stop the process that writes, or ask it to do this"),
            Self::Corrupt(_) => ("E-VAULT-012", "restore the newest backup; the journal will show what is missing"),
            Self::Tampered { .. } => {
                ("E-VAULT-013", "treat the store as tampered with: keep a copy of it, then restore a backup")
            }
            Self::Inconsistent { .. } => {
                ("E-VAULT-014", "treat the store as tampered with: keep a copy of it, then restore a backup")
            }
            Self::Commitment(_) => {
                ("E-VAULT-015", "treat the store as tampered with: keep a copy of it, then restore a backup")
            }
            Self::Rollback(_) => (
                "E-VAULT-016",
                "put the newest store back, or acknowledge the rollback with a reason; the gap stays visible",
            ),
            Self::Destroyed(..) => {
                ("E-VAULT-017", "nothing can bring it back; the journal record says who destroyed it and why")
            }
            Self::NotFound { .. } => ("E-VAULT-018", "list what there is and check the id"),
            Self::NotAllowed { .. } => ("E-VAULT-019", "look at the run's state; a recorded fact is never replaced"),
            Self::OutboxFull { .. } => (
                "E-VAULT-020",
                "restore the connection to the control plane or raise the limit; the journal has a gap record",
            ),
            Self::CheckpointFile { .. } => {
                ("E-VAULT-021", "make its folder writable; without it an older store put back would not be noticed")
            }
            Self::File { .. } => ("E-VAULT-022", "check that the path exists and that the Runner's account may use it"),
            Self::Journal { .. } => {
                ("E-VAULT-023", "treat the store as tampered with: keep a copy of it, then restore a backup")
            }
            Self::Unstorable { .. } => ("E-VAULT-024", "a fault of the caller: report it with the message"),
            Self::OnHold(_) => ("E-VAULT-025", "release the hold first, if its reason is gone"),
            Self::Database(_) => ("E-VAULT-026", "look at the disk and the folder's permissions, then try again"),
            Self::Note { .. } => ("E-VAULT-029", "look at the control plane: it showed a note that does not verify"),
            Self::Seen(_) => ("E-VAULT-030", "make a new request; each is answered once"),
            Self::ForkSeen(_) => (
                "E-VAULT-031",
                "compare both checkpoints with the control plane's operator, then acknowledge the fork with a reason",
            ),
            Self::Harden(_) => {
                ("E-VAULT-027", "start the Runner without tracing and with the limits of its service file")
            }
        }
    }

    pub(crate) fn tampered(table: &'static str, column: &'static str, key: impl ToString) -> Self {
        Self::Tampered { table, column, key: key.to_string() }
    }

    pub(crate) fn inconsistent(table: &'static str, key: impl ToString, what: impl ToString) -> Self {
        Self::Inconsistent { table, key: key.to_string(), what: what.to_string() }
    }

    pub(crate) fn not_found(what: &'static str, key: impl ToString) -> Self {
        Self::NotFound { what, key: key.to_string() }
    }

    pub(crate) fn not_allowed(what: &'static str, key: impl ToString, why: impl ToString) -> Self {
        Self::NotAllowed { what, key: key.to_string(), why: why.to_string() }
    }

    pub(crate) fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::DiskFull,
            std::io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnlyMedia,
            _ => Self::File { path: path.to_owned(), source },
        }
    }
}

impl From<rusqlite::Error> for VaultError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::ReadOnly) => Self::ReadOnlyMedia,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error.to_string()),
            _ => Self::Database(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_faults_get_their_own_codes() {
        let fault = |code| {
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            VaultError::from(error).code()
        };
        assert_eq!(fault(rusqlite::ffi::SQLITE_FULL), "E-VAULT-009");
        assert_eq!(fault(rusqlite::ffi::SQLITE_READONLY), "E-VAULT-010");
        assert_eq!(fault(rusqlite::ffi::SQLITE_CORRUPT), "E-VAULT-012");
        assert_eq!(fault(rusqlite::ffi::SQLITE_NOTADB), "E-VAULT-012");
        assert_eq!(fault(rusqlite::ffi::SQLITE_IOERR), "E-VAULT-026");
    }
}
