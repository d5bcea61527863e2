//! Everything in which the two databases differ and that is not the driver: the migrations, how a transaction begins,
//! how the tenant's audit head is locked, which tables must not change, and how many rows one statement can carry.

use crate::sql::{Sql, sql};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// The one role of the server on PostgreSQL.
pub(crate) const SERVER_ROLE: &str = "proctor_app";

/// Tables to which rows are only ever added. On PostgreSQL the server's role has no right to change them, on SQLite
/// triggers of its connections say no.
pub(crate) const APPEND_ONLY: &[&str] = &[
    "tenant_key",
    "missed_due",
    "run_report",
    "run_item",
    "journal_line",
    "journal_node",
    "journal_checkpoint",
    "audit_line",
    "audit_node",
    "audit_checkpoint",
    "audit_cosignature",
    "drilldown_receipt",
    "connector_secret_receipt",
    "procedure_text",
    "procedure_past",
    "item_destroyed",
    "result_change",
];

/// Tables of which rows may be deleted.
pub(crate) const DELETABLE: &[&str] = &[
    "procedure_installed",
    "procedure_source",
    "schedule_due",
    "run_under_way",
    "idempotency",
    "platform_lease",
    "platform_attempt",
    "credential",
    "recovery_code",
    "session",
    "device",
    "coverage_framework",
    "coverage_scope",
];

/// `(version, name, text)` of every migration, in order.
type Migrations = &'static [(u32, &'static str, &'static str)];

impl Dialect {
    pub(crate) const fn migrations(self) -> Migrations {
        match self {
            Self::Sqlite => &[
                (1, "V1__tables", include_str!("../migrations/sqlite/V1__tables.sql")),
                (2, "V2__accounts", include_str!("../migrations/sqlite/V2__accounts.sql")),
                (3, "V3__summaries", include_str!("../migrations/sqlite/V3__summaries.sql")),
                (4, "V4__secrets", include_str!("../migrations/sqlite/V4__secrets.sql")),
                (5, "V5__people", include_str!("../migrations/sqlite/V5__people.sql")),
                (6, "V6__reads", include_str!("../migrations/sqlite/V6__reads.sql")),
                (7, "V7__progress", include_str!("../migrations/sqlite/V7__progress.sql")),
                (8, "V8__bounds", include_str!("../migrations/sqlite/V8__bounds.sql")),
            ],
            Self::Postgres => &[
                (1, "V1__tables", include_str!("../migrations/postgres/V1__tables.sql")),
                (2, "V2__accounts", include_str!("../migrations/postgres/V2__accounts.sql")),
                (3, "V3__summaries", include_str!("../migrations/postgres/V3__summaries.sql")),
                (4, "V4__secrets", include_str!("../migrations/postgres/V4__secrets.sql")),
                (5, "V5__people", include_str!("../migrations/postgres/V5__people.sql")),
                (6, "V6__reads", include_str!("../migrations/postgres/V6__reads.sql")),
                (7, "V7__progress", include_str!("../migrations/postgres/V7__progress.sql")),
                (8, "V8__bounds", include_str!("../migrations/postgres/V8__bounds.sql")),
            ],
        }
    }

    /// The end of the tenant's audit log; in a writing transaction also the lock that lets one writer of a tenant in at
    /// a time. SQLite has one writer anyway.
    pub(crate) const fn audit_head(self, locked: bool) -> Sql {
        match (self, locked) {
            (Self::Postgres, true) => {
                sql!("SELECT prev, last_at, frontier, size FROM audit_head WHERE tenant = $1 FOR UPDATE")
            }
            (Self::Postgres | Self::Sqlite, false) | (Self::Sqlite, true) => {
                sql!("SELECT prev, last_at, frontier, size FROM audit_head WHERE tenant = $1")
            }
        }
    }
}

/// Rows that one statement carries: few different numbers, so that few texts are prepared.
pub(crate) const BATCHES: [usize; 3] = [128, 16, 1];

/// An INSERT of one row as one of `rows` rows, for databases where a statement costs a message. `$1` stays the tenant;
/// the others are numbered on. `None` if the statement is not of that form.
pub(crate) fn repeat_values(text: &str, columns: usize, rows: usize) -> Option<String> {
    let (before, rest) = text.split_once(" VALUES (")?;
    let (tuple, after) = rest.split_once(')')?;
    let mut repeated = String::with_capacity(before.len() + after.len() + rows * (tuple.len() + 8));
    repeated.push_str(before);
    repeated.push_str(" VALUES ");
    for row in 0..rows {
        repeated.push_str(if row == 0 { "(" } else { ", (" });
        for (index, part) in tuple.split('$').enumerate() {
            if index == 0 {
                repeated.push_str(part);
                continue;
            }
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after_number) = part.split_at(digits);
            let number: usize = number.parse().ok()?;
            let number = if number == 1 { 1 } else { number + row * columns };
            repeated.push_str(&format!("${number}{after_number}"));
        }
        repeated.push(')');
    }
    repeated.push_str(after);
    Some(repeated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_repeated_with_its_own_numbers() {
        let text = "INSERT INTO t (tenant, a, b) VALUES ($1, $2, $3) ON CONFLICT (tenant, a) DO NOTHING";
        assert_eq!(
            repeat_values(text, 2, 3).unwrap(),
            "INSERT INTO t (tenant, a, b) VALUES ($1, $2, $3), ($1, $4, $5), ($1, $6, $7) \
             ON CONFLICT (tenant, a) DO NOTHING"
        );
        assert_eq!(repeat_values("UPDATE t SET a = $2 WHERE tenant = $1", 1, 2), None);
    }
}
