//! PostgreSQL behind a pool. A transaction owns its connection and gives it back when it ends, however it ends.
//!
//! Knows connections, statements and values; must never know what a table means. Only the transaction type uses it.

mod connect;
mod together;
mod wire;

use std::sync::atomic::{AtomicBool, Ordering};

use deadpool_postgres::{Object, Pool};
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use tokio_postgres::Statement;

use crate::dialect::{BATCHES, repeat_values};
use crate::error::Failure;
use crate::sql::Sql;
use crate::sqlite::{Mode, Rows, Step};
use crate::value::Value;

pub(crate) use connect::{check_server_role, connect_once, open_pool};
use together::{Parameter, Together};
use wire::{Bound, failure, placed, read};

/// The pool.
#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
}

impl Postgres {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// Begins a transaction for a tenant, or for none (an empty text, which no row has).
    pub(crate) async fn begin(&self, tenant: &str, mode: Mode) -> Result<PostgresTx, Failure> {
        let client = self.pool.get().await.map_err(|error| match error {
            deadpool_postgres::PoolError::Timeout(_) => Failure::Busy,
            other => Failure::Unavailable(other.to_string()),
        })?;
        let tx = PostgresTx { client: Some(client), tenant: tenant.to_owned(), failed: AtomicBool::new(false) };
        let begin = match mode {
            Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Mode::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        };
        // The tenant is an id that was parsed, or empty: there is nothing in it to escape.
        let text = format!("{begin}; SELECT set_config('app.tenant', '{tenant}', true)");
        tx.client()?.batch_execute(&text).await.map_err(|error| failure(&error))?;
        Ok(tx)
    }
}

/// Bytes of values that one statement carries when it carries several rows.
const MAX_BATCH: usize = 4 * 1024 * 1024;

/// Whether so many of the rows may go in one statement.
fn fits(rows: &[Vec<Value>], count: usize) -> bool {
    let bytes = |value: &Value| match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Null | Value::Int(_) | Value::Unfit => 8,
    };
    rows.get(..count).is_some_and(|rows| rows.iter().flatten().map(bytes).sum::<usize>() <= MAX_BATCH)
}

/// A transaction. Dropping it rolls back and gives the connection back.
pub(crate) struct PostgresTx {
    client: Option<Object>,
    tenant: String,
    /// Whether a statement failed. The server would answer a COMMIT then by rolling back, and call that a success.
    failed: AtomicBool,
}

impl PostgresTx {
    fn client(&self) -> Result<&Object, Failure> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(Failure::Aborted);
        }
        self.client.as_ref().ok_or(Failure::Aborted)
    }

    fn noting<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        self.failed.fetch_or(result.is_err(), Ordering::Relaxed);
        result
    }

    /// The answer to the query with each of these values: as one statement if it can be, and otherwise sent without waiting
    /// for one another.
    pub(crate) async fn query(&self, sql: Sql, each: Vec<Vec<Value>>) -> Result<Vec<Rows>, Failure> {
        self.noting(self.try_query(sql, &each).await)
    }

    async fn try_query(&self, sql: Sql, each: &[Vec<Value>]) -> Result<Vec<Rows>, Failure> {
        let client = self.client()?;
        let statement = client.prepare_cached(sql.text()).await.map_err(|error| failure(&error))?;
        let is_fit = !each.iter().flatten().any(|value| *value == Value::Unfit);
        if !self.tenant.is_empty()
            && is_fit
            && let Some(together) = Together::new(sql.text(), statement.params(), each)
        {
            return self.query_together(&together, each.len()).await;
        }
        let statement = &statement;
        let running = each.iter().map(|values| async move {
            let bound = self.bind(statement, std::slice::from_ref(values))?;
            let rows = client.query_raw(statement, bound).await.map_err(|error| failure(&error))?;
            let rows: Vec<_> = rows.try_collect().await.map_err(|error| failure(&error))?;
            rows.iter().map(read).collect::<Result<Rows, Failure>>()
        });
        try_join_all(running).await
    }

    async fn query_together(&self, together: &Together, count: usize) -> Result<Vec<Rows>, Failure> {
        let client = self.client()?;
        let prepared = client.prepare_typed_cached(&together.text, &together.types).await;
        let statement = prepared.map_err(|error| failure(&error))?;
        let tenant = Parameter::One(Value::Text(self.tenant.clone()));
        let bound: Vec<&Parameter> = std::iter::once(&tenant).chain(&together.parameters).collect();
        let rows = client.query_raw(&statement, bound).await.map_err(|error| failure(&error))?;
        let rows: Vec<_> = rows.try_collect().await.map_err(|error| failure(&error))?;
        let mut found = rows.iter().map(placed).collect::<Result<Vec<_>, Failure>>()?;
        found.sort_by_key(|(nth, place, _)| (*nth, *place));
        let mut answers: Vec<Rows> = (0..count).map(|_| Rows::new()).collect();
        for (nth, _, cells) in found {
            let answer = nth.checked_sub(1).and_then(|nth| answers.get_mut(nth));
            answer
                .ok_or_else(|| Failure::Statement("it answers for values that it was not given".to_owned()))?
                .push(cells);
        }
        Ok(answers)
    }

    /// Executes the statements of all steps in order. They are sent without waiting for one another.
    pub(crate) async fn execute(&self, steps: Vec<Step>) -> Result<Vec<u64>, Failure> {
        self.noting(self.try_execute(steps).await)
    }

    async fn try_execute(&self, steps: Vec<Step>) -> Result<Vec<u64>, Failure> {
        let client = self.client()?;
        let mut sent = Vec::new();
        for (index, (sql, rows)) in steps.iter().enumerate() {
            let mut rest = rows.as_slice();
            while !rest.is_empty() {
                let many = BATCHES.into_iter().find(|size| fits(rest, *size)).unwrap_or(1);
                let (statement, size) = self.prepare(*sql, rest.first().map_or(0, Vec::len), many).await?;
                let (now, later) = rest.split_at_checked(size).unwrap_or((rest, &[]));
                rest = later;
                let bound = self.bind(&statement, now)?;
                sent.push((index, statement, bound));
            }
        }
        let running = sent.iter().map(|(index, statement, bound)| async move {
            let changed = client.execute_raw(statement, bound.iter()).await.map_err(|error| failure(&error))?;
            Ok::<_, Failure>((*index, changed))
        });
        let mut changed = vec![0; steps.len()];
        for (index, rows) in try_join_all(running).await? {
            if let Some(total) = changed.get_mut(index) {
                *total += rows;
            }
        }
        Ok(changed)
    }

    /// The statement for so many rows at once, if it can carry them, else for one.
    async fn prepare(&self, sql: Sql, columns: usize, rows: usize) -> Result<(Statement, usize), Failure> {
        let client = self.client()?;
        let one = client.prepare_cached(sql.text()).await.map_err(|error| failure(&error))?;
        let repeated =
            if rows > 1 && !self.tenant.is_empty() { repeat_values(sql.text(), columns, rows) } else { None };
        let Some(repeated) = repeated else { return Ok((one, 1)) };
        // The types are those of the one row: in a list of rows the server would guess.
        let mut types = one.params().to_vec();
        let own: Vec<_> = types.iter().skip(types.len().saturating_sub(columns)).cloned().collect();
        (1..rows).for_each(|_| types.extend(own.iter().cloned()));
        let many = client.prepare_typed_cached(&repeated, &types).await.map_err(|error| failure(&error))?;
        Ok((many, rows))
    }

    fn bind(&self, statement: &Statement, rows: &[Vec<Value>]) -> Result<Vec<Bound>, Failure> {
        let tenant = Some(&self.tenant).filter(|tenant| !tenant.is_empty());
        let tenant = tenant.map(|tenant| Bound(Value::Text(tenant.clone())));
        let bound: Vec<_> = tenant.into_iter().chain(rows.iter().flatten().cloned().map(Bound)).collect();
        if bound.len() != statement.params().len() {
            let (expected, found) = (statement.params().len(), bound.len());
            return Err(Failure::Statement(format!("it has {expected} placeholders and got {found} values")));
        }
        if bound.iter().any(|value| value.0 == Value::Unfit) { Err(Failure::Unfit) } else { Ok(bound) }
    }

    pub(crate) async fn commit(mut self) -> Result<(), Failure> {
        self.client()?.batch_execute("COMMIT").await.map_err(|error| failure(&error))?;
        // From here on there is nothing to roll back.
        drop(self.client.take());
        Ok(())
    }
}

impl Drop for PostgresTx {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // Without a runtime nothing can be sent; closing the connection rolls back too.
            drop(Object::take(client));
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = client.batch_execute("ROLLBACK").await {
                tracing::warn!(code = "E-STORE-008", %error, "a transaction could not be rolled back");
                drop(Object::take(client));
            }
        });
    }
}
