//! PostgreSQL: one session, one transaction, one statement.

use std::sync::Arc;

use futures_util::TryStreamExt;
use serde_json::{Value, json};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Error, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;
use verdict::Code;

use crate::connection::Postgres;
use crate::registry::Context;
use crate::request::{Fault, Found, Request, Result};
use crate::sql::SqlArguments;
use crate::sql::cell::{self, Raw};
use crate::sql::parameter::Parameter;
use crate::sql::rows::Rows;
use crate::sql::wire::{self, Counted, Meter, Recorder};

/// Rows that are asked for at a time.
const CHUNK: usize = 1_000;

/// A session, driven by a task of its own that ends with it.
struct Session {
    client: Client,
    driver: tokio::task::JoinHandle<()>,
    meter: Arc<Meter>,
    peer: String,
    certificate: Option<String>,
    version: String,
}

pub(super) async fn collect(
    context: &Context,
    server: &Postgres,
    arguments: &SqlArguments,
    request: &Request<'_>,
) -> Result<Found> {
    let mut session = Session::open(context, server, arguments.database.as_deref()).await?;
    let meter = Arc::clone(&session.meter);
    let limit = context.limits.step_bytes;
    session.collect(context, arguments, request).await.map_err(|fault| {
        // The line was cut on purpose; what the client makes of that is not what happened.
        let too_large = || Fault::new(Code::TooLarge, format!("the answer is longer than {limit} bytes"));
        if meter.is_exceeded() { too_large() } else { fault }
    })
}

impl Session {
    async fn open(context: &Context, server: &Postgres, database: Option<&str>) -> Result<Self> {
        let line = wire::open(context, server).await?;
        let mut config = Config::new();
        config.user(&server.user).dbname(database.unwrap_or(&server.database)).application_name("proctor-runner");
        if let Some(password) = &server.password {
            config.password(password.expose());
        }
        let (meter, peer) = (line.meter, line.peer);
        let Some(name) = line.tls else {
            config.ssl_mode(SslMode::Disable);
            let (client, driver, version) = start(&config, line.stream, NoTls).await?;
            return Ok(Self { client, driver, meter, peer, certificate: None, version });
        };
        config.ssl_mode(SslMode::Require);
        let roots = context.roots.store(server.authorities.as_deref())?;
        let (recorder, tls) = Recorder::new(roots, context)?;
        let connector = MakeTlsConnect::<Counted>::make_tls_connect(&mut MakeRustlsConnect::new(tls), &name);
        let connector = connector.map_err(|error| Fault::new(Code::Tls, error.to_string()))?;
        let (client, driver, version) = start(&config, line.stream, connector).await?;
        Ok(Self { client, driver, meter, peer, certificate: recorder.sha256(), version })
    }

    async fn collect(&mut self, context: &Context, arguments: &SqlArguments, request: &Request<'_>) -> Result<Found> {
        let source = self.source().await?;
        let transaction = self.client.build_transaction().read_only(!request.changes).start().await.map_err(fault)?;
        let timeout = request.timeout.as_millis().clamp(1, i32::MAX as u128);
        let settings = format!(
            "set local statement_timeout = {timeout}; set local lock_timeout = {timeout}; \
             set local idle_in_transaction_session_timeout = {timeout}; set local timezone = 'UTC'; \
             set local datestyle = 'ISO, YMD'; set local intervalstyle = 'iso_8601'; set local bytea_output = 'hex'"
        );
        transaction.batch_execute(&settings).await.map_err(fault)?;
        // The extended protocol takes one statement and refuses more.
        let statement = transaction.prepare(&arguments.query).await.map_err(fault)?;
        let (wanted, given) = (statement.params().len(), arguments.params.len());
        if wanted != given {
            let detail = format!("params: the statement has {wanted} parameters and {given} are given");
            return Err(Fault::new(Code::WrongType, detail));
        }
        let columns = statement.columns();
        let mut rows = Rows::new(columns.iter().map(|column| column.name()), arguments.max_rows, &context.limits)?;
        let parameters: Vec<_> = arguments.params.iter().map(Parameter).collect();
        let portal = transaction.bind_raw(&statement, &parameters).await.map_err(fault)?;
        let mut changed;
        loop {
            // One more than there may be tells whether there are too many.
            let chunk = (rows.max() + 1).saturating_sub(rows.len()).clamp(1, CHUNK);
            let before = rows.len();
            let chunk_size = i32::try_from(chunk).unwrap_or(i32::MAX);
            let stream = transaction.query_portal_raw(&portal, chunk_size).await.map_err(fault)?;
            let mut stream = std::pin::pin!(stream);
            while let Some(row) = stream.try_next().await.map_err(fault)? {
                rows.push(row.raw_size_bytes(), |index| cell(&row, index))?;
            }
            changed = stream.rows_affected();
            if rows.len() - before < chunk {
                break;
            }
        }
        if request.changes {
            transaction.commit().await.map_err(fault)?;
        }
        rows.finish(changed, source)
    }

    /// Who answers. The system identifier tells a cluster from every other one, but not every role may read it.
    async fn source(&self) -> Result<Value> {
        let database = self.client.query_one("select current_database()::text", &[]).await.map_err(fault)?;
        let database: String = database.try_get(0).map_err(fault)?;
        let identity = "select system_identifier::text from pg_catalog.pg_control_system()";
        let identifier = match self.client.query_one(identity, &[]).await {
            Ok(row) => Some(row.try_get::<_, String>(0).map_err(fault)?),
            Err(error) if error.as_db_error().is_some() => None,
            Err(error) => return Err(fault(error)),
        };
        Ok(json!({
            "address": self.peer,
            "certificate_sha256": self.certificate,
            "system_identifier": identifier,
            "database": database,
            "server_version": self.version,
        }))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn start<T>(config: &Config, stream: Counted, tls: T) -> Result<(Client, tokio::task::JoinHandle<()>, String)>
where
    T: TlsConnect<Counted>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect_raw(stream, tls).await.map_err(fault)?;
    let version = connection.parameter("server_version").unwrap_or_default().to_owned();
    let driver = tokio::spawn(async move {
        // What ends the line also ends the statement that waits for it, and is told there.
        let _ = connection.await;
    });
    Ok((client, driver, version))
}

fn cell(row: &Row, index: usize) -> Result<Value> {
    let raw: Option<Raw<'_>> = row.try_get(index).map_err(fault)?;
    match (raw, row.columns().get(index)) {
        (Some(Raw(bytes)), Some(column)) => {
            cell::value(column.type_(), bytes).map_err(|why| Fault::new(Code::BadOutput, why))
        }
        _ => Ok(Value::Null),
    }
}

/// The code for an error of the server or of the line to it.
fn fault(error: Error) -> Fault {
    if let Some(db) = error.as_db_error() {
        let state = db.code().code();
        let detail = format!("{}: {} (SQLSTATE {state})", db.severity(), db.message());
        return match state {
            _ if state.starts_with("28") => Fault::new(Code::Auth, detail),
            "42501" | "25006" => Fault::new(Code::PermissionDenied, detail),
            "42P01" | "3D000" | "3F000" | "42704" => Fault::new(Code::NotFound, detail),
            "57014" | "55P03" | "25P03" => Fault::new(Code::Timeout, detail),
            "53300" => Fault::transport(Code::RateLimited, detail),
            "57P03" => Fault::transport(Code::Unreachable, detail),
            "57P01" | "57P02" => Fault::transport(Code::Truncated, detail),
            "53200" | "54000" => Fault::new(Code::TooLarge, detail),
            _ => Fault::new(Code::BadOutput, detail),
        };
    }
    let mut detail = error.to_string();
    let mut io = None;
    let mut cause = std::error::Error::source(&error);
    while let Some(source) = cause {
        detail.push_str(&format!(": {source}"));
        io = io.or_else(|| source.downcast_ref::<std::io::Error>());
        cause = source.source();
    }
    // The kind of the error is known by its text alone.
    match error.to_string().as_str() {
        "error performing TLS handshake" => Fault::new(Code::Tls, detail),
        "authentication error" | "invalid configuration" => Fault::new(Code::Auth, detail),
        text if text.starts_with("error serializing parameter") => Fault::new(Code::WrongType, detail),
        _ if error.is_closed() => Fault::transport(Code::Truncated, detail),
        _ => match io {
            Some(io) => Fault { detail, ..Fault::network("", io) },
            None => Fault::new(Code::BadOutput, detail),
        },
    }
}
