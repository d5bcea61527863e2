//! Asks a database: PostgreSQL over its own protocol, SQLite as a file.
//!
//! One statement, in a transaction that cannot write unless the step declares changes, the policy allows them and the
//! connection is read-write. All rows or none: one row more than `max_rows` is an error.

mod cell;
mod parameter;
mod postgres;
mod rows;
mod sqlite;
mod statement;
mod time;
mod wire;

use serde_json::{Map, Value, json};
use verdict::Code;

use crate::connection::{Access, Target};
use crate::registry::{Connector, Context};
use crate::request::{Fault, Found, Request, Result};
use statement::Dialect;

pub(crate) struct Sql;

/// Arguments of `sql`.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlArguments {
    /// One statement.
    pub query: String,
    /// Values of the statement's parameters (`$1`, `$2` …; `?1` in SQLite), in order.
    #[serde(default)]
    #[schemars(length(max = 1_000))]
    pub params: Vec<Value>,
    /// More rows are an error.
    #[serde(default = "ten_thousand")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_rows: u32,
    /// The database, if not the connection's own.
    pub database: Option<String>,
}

/// What `sql` gives.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct SqlValue {
    /// One record a row, by column name. Whole numbers beyond 2^53, decimals, times (RFC 3339; without a time zone they
    /// are UTC) and bytes (base64) are texts.
    pub rows: Vec<Map<String, Value>>,
    /// Number of rows; of a statement that gives none, how many it changed.
    pub count: u64,
}

impl Connector for Sql {
    const NAME: &'static str = "sql";
    const REMOTE: bool = true;
    type Arguments = SqlArguments;
    type Value = SqlValue;

    fn describe(arguments: &SqlArguments, request: &Request<'_>) -> Value {
        let own = match request.connection.map(|connection| &connection.target) {
            Some(Target::Postgres(server)) => Some(server.database.as_str()),
            _ => None,
        };
        json!({
            "query": arguments.query,
            "params": arguments.params,
            "max_rows": arguments.max_rows,
            "database": arguments.database.as_deref().or(own),
        })
    }

    async fn collect(context: &Context, arguments: SqlArguments, request: &Request<'_>) -> Result<Found> {
        let Some(connection) = request.connection else {
            return Err(Fault::denied(
                "sql needs a connection: name it in via and bind it in the Runner's configuration",
            ));
        };
        if request.changes && connection.access != Access::ReadWrite {
            return Err(Fault::denied(format!(
                "the step changes something and connection {} has access = \"read-only\"",
                connection.name
            )));
        }
        match &connection.target {
            Target::Postgres(server) => {
                statement::admit(&arguments.query, Dialect::Postgres, request.changes)?;
                postgres::collect(context, server, &arguments, request).await
            }
            Target::Sqlite { path } => {
                statement::admit(&arguments.query, Dialect::Sqlite, request.changes)?;
                sqlite::collect(context, path, arguments, request).await
            }
            Target::Unavailable { kind } => {
                Err(Fault::new(Code::Internal, format!("this version cannot ask databases of type {kind}")))
            }
            other @ (Target::Command { .. } | Target::Http(_)) => {
                let (name, kind) = (&connection.name, other.kind());
                Err(Fault::denied(format!("connection {name} is of type {kind}; sql takes postgres or sqlite")))
            }
        }
    }
}

fn ten_thousand() -> u32 {
    10_000
}
