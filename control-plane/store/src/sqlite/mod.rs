//! SQLite behind threads of its own, so that a write to disk never holds up the async runtime: one connection that
//! writes, several that read.
//!
//! Knows connections, statements and values; must never know what a table means. Only the transaction type uses it.

mod connection;
mod worker;

use std::path::Path;
use std::sync::{Arc, Mutex, mpsc as channel};

use tokio::sync::oneshot;

use crate::StoreError;
use crate::error::Failure;
use crate::sql::Sql;
use crate::value::Value;

pub(crate) use connection::{check_integrity, create_file, open_raw, refused};
use worker::{Start, Worker};

/// Rows of a statement's answer.
pub(crate) type Rows = Vec<Vec<Value>>;

/// Whether a transaction writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Read,
    Write,
}

/// One statement of a batch: its text, and the values of each row that it is executed for.
pub(crate) type Step = (Sql, Vec<Vec<Value>>);

pub(super) enum Command {
    Query { sql: Sql, each: Vec<Vec<Value>>, reply: oneshot::Sender<Result<Vec<Rows>, Failure>> },
    Execute { steps: Vec<Step>, reply: oneshot::Sender<Result<Vec<u64>, Failure>> },
    Commit { reply: oneshot::Sender<Result<(), Failure>> },
}

/// The connections of one file.
#[derive(Clone)]
pub(crate) struct Sqlite {
    writer: channel::Sender<Start>,
    readers: channel::Sender<Start>,
}

impl Sqlite {
    /// Opens the connections; the file must have the right schema.
    pub(crate) fn open(path: &Path, readers: usize) -> Result<Self, StoreError> {
        let (writer, starts) = channel::channel();
        Worker::spawn(connection::open_writer(path)?, Arc::new(Mutex::new(starts)))?;
        let (reader, starts) = channel::channel();
        let starts = Arc::new(Mutex::new(starts));
        for _ in 0..readers.max(1) {
            Worker::spawn(connection::open_reader(path)?, Arc::clone(&starts))?;
        }
        Ok(Self { writer, readers: reader })
    }

    /// Begins a transaction for a tenant, or for none.
    pub(crate) async fn begin(&self, tenant: &str, mode: Mode) -> Result<SqliteTx, Failure> {
        let (commands, orders) = channel::channel();
        let (begun, began) = oneshot::channel();
        let start = Start { tenant: tenant.to_owned(), mode, orders, begun };
        let queue = if mode == Mode::Write { &self.writer } else { &self.readers };
        queue.send(start).map_err(|_| gone())?;
        began.await.map_err(|_| gone())??;
        Ok(SqliteTx { commands })
    }
}

/// A transaction that a worker's thread holds open for us. Dropping it rolls back: the worker sees the channel close.
pub(crate) struct SqliteTx {
    commands: channel::Sender<Command>,
}

impl SqliteTx {
    /// The answer to the query with each of these values.
    pub(crate) async fn query(&self, sql: Sql, each: Vec<Vec<Value>>) -> Result<Vec<Rows>, Failure> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Query { sql, each, reply }).map_err(|_| idle())?;
        answer.await.map_err(|_| idle())?
    }

    pub(crate) async fn execute(&self, steps: Vec<Step>) -> Result<Vec<u64>, Failure> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Execute { steps, reply }).map_err(|_| idle())?;
        answer.await.map_err(|_| idle())?
    }

    pub(crate) async fn commit(self) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Commit { reply }).map_err(|_| idle())?;
        answer.await.map_err(|_| idle())?
    }
}

fn gone() -> Failure {
    Failure::Unavailable("the thread of the database file has ended".to_owned())
}

fn idle() -> Failure {
    Failure::Unavailable("the transaction was left alone for too long and was rolled back".to_owned())
}
