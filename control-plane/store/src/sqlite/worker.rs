//! A thread that holds a connection and works off one transaction after the other.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::ffi;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode};
use tokio::sync::oneshot;

use super::connection::{Guarded, Opened};
use super::{Command, Mode, Rows, Step};
use crate::StoreError;
use crate::error::Failure;
use crate::sql::Sql;
use crate::value::Value;

/// How long a transaction may be left alone before it is rolled back, so that a caller that hangs keeps nobody out.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// The names of the placeholders.
const PLACEHOLDERS: [&str; 33] = [
    "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12", "$13", "$14", "$15", "$16", "$17",
    "$18", "$19", "$20", "$21", "$22", "$23", "$24", "$25", "$26", "$27", "$28", "$29", "$30", "$31", "$32", "$33",
];

/// A transaction that somebody wants.
pub(super) struct Start {
    pub(super) tenant: String,
    pub(super) mode: Mode,
    pub(super) orders: Receiver<Command>,
    pub(super) begun: oneshot::Sender<Result<(), Failure>>,
}

pub(super) struct Worker {
    db: Connection,
    guarded: Guarded,
}

impl Worker {
    /// Starts the thread. It ends when nobody can ask for a transaction any more.
    pub(super) fn spawn(opened: Opened, starts: Arc<Mutex<Receiver<Start>>>) -> Result<(), StoreError> {
        let Opened { db, guarded } = opened;
        let worker = Self { db, guarded };
        let run = move || {
            loop {
                let next = starts.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(start) = next else { return };
                worker.serve(start);
            }
        };
        let thread = std::thread::Builder::new().name("store-sqlite".to_owned()).spawn(run);
        thread.map(drop).map_err(|error| StoreError::Unavailable(format!("no thread for the database: {error}")))
    }

    fn serve(&self, start: Start) {
        let Start { tenant, mode, orders, begun } = start;
        // Whoever asked may have gone while others were served.
        if begun.is_closed() {
            return;
        }
        self.guarded.set(&tenant);
        let begin = match mode {
            Mode::Read => "BEGIN DEFERRED",
            Mode::Write => "BEGIN IMMEDIATE",
        };
        let result = self.db.execute_batch(begin).map_err(|error| failure(&error));
        let failed = result.is_err();
        if begun.send(result).is_err() || failed {
            self.roll_back();
            return;
        }
        self.work(&tenant, &orders);
        if !self.db.is_autocommit() {
            self.roll_back();
        }
        self.guarded.set("");
    }

    /// Works off commands until the transaction ends. After a failure only the end is accepted, as on PostgreSQL.
    fn work(&self, tenant: &str, orders: &Receiver<Command>) {
        let mut failed = false;
        loop {
            let command = match orders.recv_timeout(IDLE_LIMIT) {
                Ok(command) => command,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    tracing::warn!(code = "E-STORE-008", "a transaction was left alone and is rolled back");
                    return;
                }
            };
            match command {
                Command::Query { sql, each, reply } => {
                    let result = if failed { Err(Failure::Aborted) } else { self.query(tenant, sql, &each) };
                    failed |= result.is_err();
                    drop(reply.send(result));
                }
                Command::Execute { steps, reply } => {
                    let result = if failed { Err(Failure::Aborted) } else { self.execute(tenant, &steps) };
                    failed |= result.is_err();
                    drop(reply.send(result));
                }
                Command::Commit { reply } => {
                    let result = if failed {
                        Err(Failure::Aborted)
                    } else {
                        self.db.execute_batch("COMMIT").map_err(|error| failure(&error))
                    };
                    drop(reply.send(result));
                    return;
                }
            }
        }
    }

    fn roll_back(&self) {
        if !self.db.is_autocommit()
            && let Err(error) = self.db.execute_batch("ROLLBACK")
        {
            tracing::error!(code = "E-STORE-008", %error, "a transaction could not be rolled back");
        }
    }

    fn query(&self, tenant: &str, sql: Sql, each: &[Vec<Value>]) -> Result<Vec<Rows>, Failure> {
        self.try_query(tenant, sql, each).map_err(|error| failure(&error))
    }

    fn try_query(&self, tenant: &str, sql: Sql, each: &[Vec<Value>]) -> rusqlite::Result<Vec<Rows>> {
        let mut statement = self.db.prepare_cached(sql.text())?;
        let places = Places::of(&statement, tenant, each.first().map_or(0, Vec::len))?;
        places.bind_tenant(&mut statement, tenant)?;
        let columns = statement.column_count();
        let mut answers = Vec::with_capacity(each.len());
        for values in each {
            places.bind(&mut statement, values)?;
            let mut found = Vec::new();
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                let cells = (0..columns).map(|column| row.get_ref(column).and_then(|cell| read(column, cell)));
                found.push(cells.collect::<rusqlite::Result<_>>()?);
            }
            answers.push(found);
        }
        Ok(answers)
    }

    fn execute(&self, tenant: &str, steps: &[Step]) -> Result<Vec<u64>, Failure> {
        steps.iter().map(|(sql, rows)| self.run(tenant, *sql, rows).map_err(|error| failure(&error))).collect()
    }

    /// Executes a statement once for each row of values; gives the number of rows it changed in all.
    fn run(&self, tenant: &str, sql: Sql, rows: &[Vec<Value>]) -> rusqlite::Result<u64> {
        let mut statement = self.db.prepare_cached(sql.text())?;
        let places = Places::of(&statement, tenant, rows.first().map_or(0, Vec::len))?;
        places.bind_tenant(&mut statement, tenant)?;
        let mut changed = 0;
        for row in rows {
            places.bind(&mut statement, row)?;
            changed += statement.raw_execute()? as u64;
        }
        Ok(changed)
    }
}

/// Where SQLite has the placeholders: it numbers them as they appear, not by their names.
struct Places {
    tenant: Option<usize>,
    values: Vec<usize>,
}

impl Places {
    /// A tenant's transaction binds the tenant as `$1`, and a statement that does not ask for it is refused.
    fn of(statement: &CachedStatement<'_>, tenant: &str, count: usize) -> rusqlite::Result<Self> {
        let mut names = PLACEHOLDERS.iter();
        let place = |name: &&str| {
            let index = statement.parameter_index(name)?;
            index.ok_or_else(|| rusqlite::Error::InvalidParameterName((*name).to_owned()))
        };
        let tenant = if tenant.is_empty() { None } else { names.next().map(place).transpose()? };
        let values: Vec<_> = names.take(count).map(place).collect::<rusqlite::Result<_>>()?;
        let expected = values.len() + usize::from(tenant.is_some());
        if values.len() != count || statement.parameter_count() != expected {
            return Err(rusqlite::Error::InvalidParameterCount(count, statement.parameter_count()));
        }
        Ok(Self { tenant, values })
    }

    fn bind_tenant(&self, statement: &mut CachedStatement<'_>, tenant: &str) -> rusqlite::Result<()> {
        self.tenant.map_or(Ok(()), |place| statement.raw_bind_parameter(place, tenant))
    }

    fn bind(&self, statement: &mut CachedStatement<'_>, values: &[Value]) -> rusqlite::Result<()> {
        if values.len() != self.values.len() {
            return Err(rusqlite::Error::InvalidParameterCount(values.len(), self.values.len()));
        }
        self.values.iter().zip(values).try_for_each(|(place, value)| statement.raw_bind_parameter(*place, Bound(value)))
    }
}

struct Bound<'a>(&'a Value);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            Value::Unfit => return Err(rusqlite::Error::ToSqlConversionFailure(UNFIT.into())),
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

/// Marks a number that no column holds, on its way through the driver.
const UNFIT: &str = "a number beyond 2^63 - 1";

fn read(column: usize, cell: ValueRef<'_>) -> rusqlite::Result<Value> {
    match cell {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|error| rusqlite::Error::Utf8Error(column, error))?;
            Ok(Value::Text(text.to_owned()))
        }
        ValueRef::Blob(bytes) => Ok(Value::Bytes(bytes.to_vec())),
        ValueRef::Real(_) => {
            Err(rusqlite::Error::InvalidColumnType(column, "a real".to_owned(), rusqlite::types::Type::Real))
        }
    }
}

fn failure(error: &rusqlite::Error) -> Failure {
    if let rusqlite::Error::ToSqlConversionFailure(source) = error
        && source.to_string() == UNFIT
    {
        return Failure::Unfit;
    }
    let Some(reason) = error.sqlite_error() else { return Failure::Statement(error.to_string()) };
    match (reason.code, reason.extended_code) {
        (ErrorCode::ConstraintViolation, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
            Failure::Taken
        }
        (ErrorCode::ConstraintViolation, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => Failure::Reference,
        (ErrorCode::ConstraintViolation, ffi::SQLITE_CONSTRAINT_TRIGGER) => Failure::Guarded,
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Failure::Busy,
        (ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly, _) => {
            Failure::Unavailable(error.to_string())
        }
        _ => Failure::Statement(error.to_string()),
    }
}
