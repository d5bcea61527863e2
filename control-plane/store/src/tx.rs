//! Transactions as values: what may be read and written in one, and the only ways in which a writing one ends.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clock::Timestamp;
use control_plane_domain::audit::AuditRecord;
use control_plane_domain::list::{Cursor, Listed, Page};
use ids::TenantId;
use proof::log::{Appended, Chain};

use crate::StoreError;
use crate::audit::{self, AuditTail};
use crate::dialect::Dialect;
use crate::error::Failure;
use crate::postgres::PostgresTx;
use crate::sql::Sql;
use crate::sqlite::{Rows, SqliteTx, Step};
use crate::value::{Cells, ToValue, Value};

pub(crate) struct Tx {
    pub(crate) on: On,
    /// Times that the database was asked, of all transactions of a store.
    pub(crate) trips: Arc<AtomicU64>,
    /// Times that something was made durable, likewise.
    pub(crate) commits: Arc<AtomicU64>,
}

pub(crate) enum On {
    Sqlite(SqliteTx),
    Postgres(Box<PostgresTx>),
}

impl Tx {
    pub(crate) const fn dialect(&self) -> Dialect {
        match &self.on {
            On::Sqlite(_) => Dialect::Sqlite,
            On::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(crate) async fn query(&self, sql: Sql, values: Vec<Value>) -> Result<Rows, Failure> {
        Ok(self.query_each(sql, vec![values]).await?.pop().unwrap_or_default())
    }

    /// The answer to the query with each of these values, for the price of about one.
    pub(crate) async fn query_each(&self, sql: Sql, each: Vec<Vec<Value>>) -> Result<Vec<Rows>, Failure> {
        if each.is_empty() {
            return Ok(Vec::new());
        }
        self.trips.fetch_add(1, Ordering::Relaxed);
        match &self.on {
            On::Sqlite(tx) => tx.query(sql, each).await,
            On::Postgres(tx) => tx.query(sql, each).await,
        }
    }

    pub(crate) async fn execute(&self, steps: Vec<Step>) -> Result<Vec<u64>, Failure> {
        self.trips.fetch_add(1, Ordering::Relaxed);
        match &self.on {
            On::Sqlite(tx) => tx.execute(steps).await,
            On::Postgres(tx) => tx.execute(steps).await,
        }
    }

    pub(crate) async fn commit(self) -> Result<(), Failure> {
        match self.on {
            On::Sqlite(tx) => tx.commit().await?,
            On::Postgres(tx) => tx.commit().await?,
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// What can be read in a transaction: one tenant's rows, as of one moment.
pub struct Reads {
    pub(crate) tx: Tx,
    pub(crate) tenant: TenantId,
}

/// A transaction that reads. Dropping it ends it.
pub struct ReadTx(pub(crate) Reads);

/// What can be written in a transaction, beside what can be read.
pub struct Writes {
    pub(crate) reads: Reads,
    pub(crate) now: Timestamp,
}

/// A transaction that writes. It ends in the audit record of what was done; dropping it rolls everything back.
///
/// Writers of one tenant come one after the other, so what was read here is still so when it is written.
pub struct WriteTx {
    pub(crate) writes: Writes,
    pub(crate) tail: Option<AuditTail>,
}

/// A writing transaction whose audit record is appended, so that rows can name it.
pub struct Logged {
    writes: Writes,
    tail: AuditTail,
}

/// Why a change needs no audit record: no person and no Runner made it, or the record stands elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlogged {
    /// Signs of life of a Runner.
    Presence,
    /// When a key was used last.
    KeyUsed,
    /// When a session was used last, and from where.
    SessionSeen,
    /// How a person wants to read things, which nobody else sees.
    Preference,
    /// How far somebody is on their way in: the log hears of it when they are in, or were refused.
    SignIn,
    /// Answers kept for repeated requests.
    Idempotency,
    /// Checkpoints and cosignatures, which speak of the log themselves.
    Witnessing,
    /// How far something already logged has got on its way to a Runner.
    Delivery,
}

impl Deref for ReadTx {
    type Target = Reads;

    fn deref(&self) -> &Reads {
        &self.0
    }
}

impl Deref for Writes {
    type Target = Reads;

    fn deref(&self) -> &Reads {
        &self.reads
    }
}

impl Deref for WriteTx {
    type Target = Writes;

    fn deref(&self) -> &Writes {
        &self.writes
    }
}

impl Deref for Logged {
    type Target = Writes;

    fn deref(&self) -> &Writes {
        &self.writes
    }
}

impl WriteTx {
    /// Ends the transaction: appends the record to the tenant's audit log and makes everything durable, in one commit.
    pub async fn commit(self, record: &AuditRecord) -> Result<Appended, StoreError> {
        let (logged, appended) = self.log(record).await?;
        logged.commit().await?;
        Ok(appended)
    }

    /// Appends the record now, for rows that name it. The transaction still has to be committed.
    pub async fn log(self, record: &AuditRecord) -> Result<(Logged, Appended), StoreError> {
        let Self { writes, tail } = self;
        let tail = match tail {
            Some(tail) => tail,
            // The tenant begins in this very transaction.
            None => audit::head(&writes.reads, false).await?.ok_or(StoreError::UnknownTenant)?,
        };
        let mut logged = Logged { writes, tail };
        let appended = logged.log(record).await?;
        Ok((logged, appended))
    }

    /// Ends the transaction without a record.
    pub async fn commit_unlogged(self, why: Unlogged) -> Result<(), StoreError> {
        tracing::trace!(?why, "committed without an audit record");
        commit(self.writes.reads.tx).await
    }
}

impl Logged {
    /// Appends a further record.
    pub async fn log(&mut self, record: &AuditRecord) -> Result<Appended, StoreError> {
        let mut appended = self.log_all(std::slice::from_ref(record)).await?;
        appended.pop().ok_or_else(|| StoreError::Record("nothing was appended".to_owned()))
    }

    /// Appends further records, in their order, for the price of about one.
    pub async fn log_all(&mut self, records: &[AuditRecord]) -> Result<Vec<Appended>, StoreError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        audit::append(&self.writes, &mut self.tail, records).await
    }

    /// The audit log as it will be after the commit.
    pub fn audit_chain(&self) -> &Chain {
        self.tail.chain()
    }

    /// Makes everything durable.
    pub async fn commit(self) -> Result<(), StoreError> {
        commit(self.writes.reads.tx).await
    }
}

async fn commit(tx: Tx) -> Result<(), StoreError> {
    tx.commit().await.map_err(|failure| failure.at("transaction", "commit"))
}

impl Reads {
    /// The tenant whose rows are seen.
    pub fn tenant_id(&self) -> TenantId {
        self.tenant
    }

    pub(crate) async fn rows(
        &self,
        table: &'static str,
        sql: Sql,
        values: Vec<Value>,
    ) -> Result<impl Iterator<Item = Cells> + use<>, StoreError> {
        let rows = self.tx.query(sql, values).await.map_err(|failure| failure.at(table, "a query"))?;
        Ok(rows.into_iter().map(move |row| Cells::new(table, row)))
    }

    /// All rows, read.
    pub(crate) async fn all<T>(
        &self,
        table: &'static str,
        sql: Sql,
        values: Vec<Value>,
        read: impl FnMut(Cells) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.rows(table, sql, values).await?.map(read).collect()
    }

    /// All rows of the query with each of these values.
    pub(crate) async fn all_of_each<T>(
        &self,
        table: &'static str,
        sql: Sql,
        each: Vec<Vec<Value>>,
        read: impl FnMut(Cells) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let answers = self.tx.query_each(sql, each).await.map_err(|failure| failure.at(table, "a query"))?;
        answers.into_iter().flatten().map(|row| Cells::new(table, row)).map(read).collect()
    }

    /// The rows of the query with each of these values, apart.
    pub(crate) async fn each_of<T>(
        &self,
        table: &'static str,
        sql: Sql,
        each: Vec<Vec<Value>>,
        mut read: impl FnMut(Cells) -> Result<T, StoreError>,
    ) -> Result<Vec<Vec<T>>, StoreError> {
        let answers = self.tx.query_each(sql, each).await.map_err(|failure| failure.at(table, "a query"))?;
        answers.into_iter().map(|rows| rows.into_iter().map(|row| read(Cells::new(table, row))).collect()).collect()
    }

    /// The one row that there is, if there is one.
    pub(crate) async fn one<T>(
        &self,
        table: &'static str,
        sql: Sql,
        values: Vec<Value>,
        read: impl FnOnce(Cells) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut rows = self.rows(table, sql, values).await?;
        let first = rows.next();
        match (first, rows.next()) {
            (None, _) => Ok(None),
            (Some(row), None) => read(row).map(Some),
            (Some(row), Some(_)) => Err(row.wrong("there are two of it")),
        }
    }

    /// A page of a list. The statement's last value is the limit; one row more than wanted is asked for, to know
    /// whether there is a next page. `place` gives the row's values in the columns of the list's order.
    pub(crate) async fn list<T>(
        &self,
        table: &'static str,
        sql: Sql,
        mut values: Vec<Value>,
        page: &Page,
        read: impl FnMut(Cells) -> Result<T, StoreError>,
        place: impl Fn(&T) -> Vec<String>,
    ) -> Result<Listed<T>, StoreError> {
        values.push(u64::from(page.limit()).saturating_add(1).to_value());
        let mut items = self.all(table, sql, values, read).await?;
        let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| Cursor::at(place(last)));
        Ok(Listed { items, next })
    }
}

impl Writes {
    /// One statement about one row, which it must change: no row is `Missing`, a taken key `Conflict`.
    pub(crate) async fn change(
        &self,
        table: &'static str,
        key: impl ToString,
        sql: Sql,
        values: Vec<Value>,
    ) -> Result<(), StoreError> {
        let key = key.to_string();
        match self.count(table, &key, sql, values).await? {
            1 => Ok(()),
            0 => Err(StoreError::Missing { table, key }),
            many => Err(StoreError::inconsistent(table, key, format!("{many} rows were changed instead of one"))),
        }
    }

    /// One statement, and how many rows it changed.
    pub(crate) async fn count(
        &self,
        table: &'static str,
        key: impl ToString,
        sql: Sql,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let changed = self.reads.tx.execute(vec![(sql, vec![values])]).await;
        let changed = changed.map_err(|failure| failure.at(table, key))?;
        Ok(changed.first().copied().unwrap_or_default())
    }

    /// One statement that changes exactly one row for each row of values.
    pub(crate) async fn each(
        &self,
        table: &'static str,
        key: impl ToString,
        sql: Sql,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), StoreError> {
        self.steps(table, key, vec![(sql, rows)]).await
    }

    /// Several statements, each of which changes exactly one row for each of its rows of values.
    pub(crate) async fn steps(
        &self,
        table: &'static str,
        key: impl ToString,
        steps: Vec<Step>,
    ) -> Result<(), StoreError> {
        let steps: Vec<_> = steps.into_iter().filter(|(_, rows)| !rows.is_empty()).collect();
        let expected: Vec<_> = steps.iter().map(|(_, rows)| rows.len() as u64).collect();
        let key = key.to_string();
        let changed = self.reads.tx.execute(steps).await.map_err(|failure| failure.at(table, &key))?;
        if changed == expected {
            Ok(())
        } else {
            let what = format!("{changed:?} rows were changed instead of {expected:?}");
            Err(StoreError::inconsistent(table, key, what))
        }
    }
}

/// Where a page of a list begins, as values for its statement.
pub(crate) struct After<'a> {
    parts: Option<&'a [String]>,
}

impl<'a> After<'a> {
    /// The cursor must have as many values as the list's order has columns.
    pub(crate) fn of(page: &'a Page, columns: usize) -> Result<Self, StoreError> {
        let parts = page.after().map(Cursor::parts);
        if parts.is_some_and(|parts| parts.len() != columns) { Err(StoreError::Cursor) } else { Ok(Self { parts }) }
    }

    /// A text column; before the first page it is before every text.
    pub(crate) fn text(&self, column: usize) -> Value {
        self.parts.and_then(|parts| parts.get(column)).map_or_else(|| Value::Text(String::new()), ToValue::to_value)
    }

    /// A text column of a list that runs backwards; before the first page it is after every text.
    pub(crate) fn text_down(&self, column: usize) -> Value {
        self.parts
            .and_then(|parts| parts.get(column))
            .map_or_else(|| Value::Text("\u{10ffff}".to_owned()), ToValue::to_value)
    }

    /// A number; before the first page it is `first`.
    pub(crate) fn number(&self, column: usize, first: i64) -> Result<Value, StoreError> {
        let Some(parts) = self.parts else { return Ok(Value::Int(first)) };
        let number = parts.get(column).and_then(|part| part.parse().ok());
        number.map(Value::Int).ok_or(StoreError::Cursor)
    }

    /// Bytes, written in hex; before the first page they are before all bytes.
    pub(crate) fn digest(&self, column: usize) -> Result<Value, StoreError> {
        let Some(parts) = self.parts else { return Ok(Value::Bytes(Vec::new())) };
        let digest: Option<crypto::Digest> = parts.get(column).and_then(|part| part.parse().ok());
        digest.map(|digest| digest.to_value()).ok_or(StoreError::Cursor)
    }
}
