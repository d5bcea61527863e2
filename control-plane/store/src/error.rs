//! What can go wrong, where, and what to do about it.

use std::path::PathBuf;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A key that is taken.
    #[error("E-STORE-001: {table}: `{key}` is there already")]
    Conflict {
        /// The table.
        table: &'static str,
        /// The key.
        key: String,
    },
    /// A write that should have changed a row and found none.
    #[error("E-STORE-002: {table}: there is no `{key}` that could be changed so")]
    Missing {
        /// The table.
        table: &'static str,
        /// The key.
        key: String,
    },
    /// A row that the control plane never wrote so.
    #[error("E-STORE-003: {table}: the row `{key}` is not as it was written: {what}")]
    Inconsistency {
        /// The table.
        table: &'static str,
        /// The key.
        key: String,
        /// What does not fit.
        what: String,
    },
    /// A row that names another row which is not there.
    #[error("E-STORE-004: {table}: `{key}` names a row that does not exist")]
    Reference {
        /// The table.
        table: &'static str,
        /// The key.
        key: String,
    },
    /// A row of another tenant, or of no tenant, was about to be written. A fault of ours that the database stopped.
    #[error("E-STORE-005: {table}: the database refused to write `{key}` for this tenant")]
    Guarded {
        /// The table.
        table: &'static str,
        /// The key.
        key: String,
    },
    /// The tenant is not in this database.
    #[error("E-STORE-006: this database has no such tenant")]
    UnknownTenant,
    /// Somebody else holds what is needed, or there are no connections left. Try again.
    #[error("E-STORE-007: the database is busy")]
    Busy,
    /// The database does not answer. Try again.
    #[error("E-STORE-008: the database does not answer: {0}")]
    Unavailable(String),
    /// A statement before this one failed, so the transaction can only be dropped.
    #[error("E-STORE-009: a statement of this transaction failed before")]
    Aborted,
    /// The audit record, or a list, cannot be written.
    #[error("E-STORE-010: the record cannot be written: {0}")]
    Record(String),
    /// A page that does not belong to this list.
    #[error("E-STORE-011: the cursor is not one of this list: pass `next` of the page before, unchanged")]
    Cursor,
    /// The audit log in the database is not whole.
    #[error(
        "E-STORE-012: the audit log is not intact at record {seq}: {why}. Keep a copy of the database as evidence and compare it with the checkpoints that the Runners keep"
    )]
    AuditBroken {
        /// The first record that is wrong.
        seq: u64,
        /// What is wrong.
        why: String,
    },
    /// The key or the session that something was to be done with has ended since, or its person may do it no more.
    #[error("E-STORE-013: the key or the session has ended, or its person may not do this any more")]
    ActorGone,
    /// The database has no tables of Proctor, or older ones.
    #[error(
        "E-STORE-020: the database has schema {found} and this version needs {known}: run `proctor-control-plane migrate`"
    )]
    SchemaOlder {
        /// What it has; 0 when it is empty.
        found: u32,
        /// What is needed.
        known: u32,
    },
    /// The database was written by a newer version.
    #[error(
        "E-STORE-021: the database has schema {found} and this version knows {known}: install the newer version again"
    )]
    SchemaNewer {
        /// What it has.
        found: u32,
        /// What is known.
        known: u32,
    },
    /// The migrations that were applied are not the ones of this version.
    #[error("E-STORE-022: the database was made by other migrations than this version has: {0}")]
    SchemaDiffers(String),
    /// A migration failed; the database is as it was.
    #[error("E-STORE-023: the migration failed and changed nothing: {0}")]
    Migration(String),
    /// The role that the server would use may do too much, or is not prepared.
    #[error("E-STORE-024: {0}")]
    Role(String),
    /// The settings cannot be used.
    #[error("E-STORE-025: {0}")]
    Config(String),
    /// A file could not be read or written.
    #[error("E-STORE-026: {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no database of Proctor, or is damaged.
    #[error("E-STORE-027: {}: {why}", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Something that this database does with its own tools.
    #[error("E-STORE-028: {0}")]
    OtherTool(&'static str),
    /// The database refused a statement for a reason that is a fault of ours.
    #[error("E-STORE-029: the database refused a statement: {0}")]
    Statement(String),
}

impl StoreError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "E-STORE-001",
            Self::Missing { .. } => "E-STORE-002",
            Self::Inconsistency { .. } => "E-STORE-003",
            Self::Reference { .. } => "E-STORE-004",
            Self::Guarded { .. } => "E-STORE-005",
            Self::UnknownTenant => "E-STORE-006",
            Self::Busy => "E-STORE-007",
            Self::Unavailable(_) => "E-STORE-008",
            Self::Aborted => "E-STORE-009",
            Self::Record(_) => "E-STORE-010",
            Self::Cursor => "E-STORE-011",
            Self::AuditBroken { .. } => "E-STORE-012",
            Self::ActorGone => "E-STORE-013",
            Self::SchemaOlder { .. } => "E-STORE-020",
            Self::SchemaNewer { .. } => "E-STORE-021",
            Self::SchemaDiffers(_) => "E-STORE-022",
            Self::Migration(_) => "E-STORE-023",
            Self::Role(_) => "E-STORE-024",
            Self::Config(_) => "E-STORE-025",
            Self::File { .. } => "E-STORE-026",
            Self::NotADatabase { .. } => "E-STORE-027",
            Self::OtherTool(_) => "E-STORE-028",
            Self::Statement(_) => "E-STORE-029",
        }
    }

    /// Whether the same request may succeed a little later.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable(_))
    }

    pub(crate) fn inconsistent(table: &'static str, key: impl ToString, what: impl ToString) -> Self {
        Self::Inconsistency { table, key: key.to_string(), what: what.to_string() }
    }

    pub(crate) fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}

/// What a database says of a statement that failed, before it is known which row it was about.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A key is taken.
    Taken,
    /// A referenced row is missing.
    Reference,
    /// Another tenant's row, or a log that must not change.
    Guarded,
    Busy,
    Unavailable(String),
    Aborted,
    /// A number that the database's integers cannot hold.
    Unfit,
    Statement(String),
}

impl Failure {
    /// The failure of a statement about this row.
    pub(crate) fn at(self, table: &'static str, key: impl ToString) -> StoreError {
        match self {
            Self::Taken => StoreError::Conflict { table, key: key.to_string() },
            Self::Reference => StoreError::Reference { table, key: key.to_string() },
            Self::Guarded => StoreError::Guarded { table, key: key.to_string() },
            Self::Busy => StoreError::Busy,
            Self::Unavailable(why) => StoreError::Unavailable(why),
            Self::Aborted => StoreError::Aborted,
            Self::Unfit => {
                StoreError::Record(format!("{table}: `{key}` has a number beyond 2^63 - 1", key = key.to_string()))
            }
            Self::Statement(why) => StoreError::Statement(why),
        }
    }
}
