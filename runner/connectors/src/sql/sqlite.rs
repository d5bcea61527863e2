//! SQLite: the file itself, opened for reading.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, Value as Cell, ValueRef};
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, ToSql, params_from_iter};
use serde_json::{Value, json};
use verdict::Code;

use crate::limits::Limits;
use crate::policy::Policy;
use crate::registry::Context;
use crate::request::{Fault, Found, Request, Result};
use crate::sql::SqlArguments;
use crate::sql::rows::{self, Rows};

/// Instructions between two looks at the clock.
const STEPS: i32 = 10_000;
/// Pragmas that tell something and change nothing.
const PRAGMAS: &[&str] = &[
    "application_id",
    "collation_list",
    "compile_options",
    "database_list",
    "encoding",
    "foreign_key_check",
    "foreign_key_list",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "page_count",
    "page_size",
    "quick_check",
    "schema_version",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];

pub(super) async fn collect(
    context: &Context,
    path: &Path,
    arguments: SqlArguments,
    request: &Request<'_>,
) -> Result<Found> {
    if arguments.database.is_some() {
        return Err(Fault::new(Code::WrongType, "database: an SQLite connection is one database"));
    }
    let job = Job {
        path: path.to_owned(),
        policy: Arc::clone(&context.policy),
        limits: context.limits.clone(),
        scratch: request.scratch.map(Path::to_owned),
        changes: request.changes,
        patience: request.timeout,
        stop: Arc::new(AtomicBool::new(false)),
    };
    let _stop = StopOnDrop(Arc::clone(&job.stop));
    let work = tokio::task::spawn_blocking(move || job.run(&arguments));
    work.await.map_err(|error| Fault::new(Code::Internal, format!("SQLite: {error}")))?
}

/// Everything that the reading thread needs.
struct Job {
    path: PathBuf,
    policy: Arc<Policy>,
    limits: Limits,
    scratch: Option<PathBuf>,
    changes: bool,
    patience: Duration,
    stop: Arc<AtomicBool>,
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Job {
    fn run(&self, arguments: &SqlArguments) -> Result<Found> {
        let path = self.locate()?;
        let mut connection = self.open(&path)?;
        let source = source(&connection, &path)?;
        self.fence(&mut connection)?;
        let begin = if self.changes { "begin immediate" } else { "begin deferred" };
        connection.execute_batch(begin).map_err(fault)?;
        connection.authorizer(Some(authorizer(self.changes))).map_err(fault)?;
        let (rows, changed) = self.ask(&connection, arguments)?;
        connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).map_err(fault)?;
        connection.execute_batch(if self.changes { "commit" } else { "rollback" }).map_err(fault)?;
        rows.finish(changed, source)
    }

    fn ask(&self, connection: &Connection, arguments: &SqlArguments) -> Result<(Rows, Option<u64>)> {
        let mut statement = connection.prepare(&arguments.query).map_err(fault)?;
        let (wanted, given) = (statement.parameter_count(), arguments.params.len());
        if wanted != given {
            let detail = format!("params: the statement has {wanted} parameters and {given} are given");
            return Err(Fault::new(Code::WrongType, detail));
        }
        if !self.changes && !statement.readonly() {
            return Err(Fault::new(Code::PermissionDenied, "the statement writes, and the step declares no changes"));
        }
        let mut rows = Rows::new(statement.column_names(), arguments.max_rows, &self.limits)?;
        let gives_rows = statement.column_count() > 0;
        let width = statement.column_count();
        let mut found = statement.query(params_from_iter(arguments.params.iter().map(Parameter))).map_err(fault)?;
        while let Some(row) = found.next().map_err(fault)? {
            let size = (0..width).map(|index| row.get_ref(index).map_or(0, size)).sum();
            rows.push(size, |index| cell(row.get_ref(index).map_err(fault)?))?;
        }
        drop(found);
        let changed = (!gives_rows).then(|| connection.changes());
        Ok((rows, changed))
    }

    /// The file behind all links, if it lies below an allowed root.
    fn locate(&self) -> Result<PathBuf> {
        self.policy.file_root(&self.path, self.scratch.as_deref())?;
        let shown = self.path.display().to_string();
        let path = std::fs::canonicalize(&self.path).map_err(|error| Fault::local(&shown, error))?;
        let roots = self.policy.files.iter().map(PathBuf::as_path).chain(self.scratch.as_deref());
        let mut roots = roots.filter_map(|root| std::fs::canonicalize(root).ok());
        if !roots.any(|root| path.starts_with(root)) {
            let target = path.display();
            return Err(Fault::denied(format!("{shown} is a link to {target}, out of the allowed folders")));
        }
        if !path.is_file() {
            return Err(Fault::new(Code::BadOutput, format!("{shown} is not a regular file")));
        }
        Ok(path)
    }

    fn open(&self, path: &Path) -> Result<Connection> {
        let mode = if self.changes { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
        let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
        connection.busy_timeout(self.patience).map_err(fault)?;
        if !self.changes {
            connection.pragma_update(None, "query_only", true).map_err(fault)?;
        }
        connection.pragma_update(None, "trusted_schema", false).map_err(fault)?;
        Ok(connection)
    }

    /// Limits on the library itself, and the end when nobody waits any more.
    fn fence(&self, connection: &mut Connection) -> Result<()> {
        let bytes = i32::try_from(self.limits.step_bytes).unwrap_or(i32::MAX);
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, bytes).map_err(fault)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).map_err(fault)?;
        let stop = Arc::clone(&self.stop);
        connection.progress_handler(STEPS, Some(move || stop.load(Ordering::Relaxed))).map_err(fault)
    }
}

fn authorizer(changes: bool) -> impl FnMut(AuthContext<'_>) -> Authorization + Send {
    move |context| {
        let allowed = match context.action {
            AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
            AuthAction::Function { function_name } => !function_name.eq_ignore_ascii_case("load_extension"),
            AuthAction::Pragma { pragma_name, .. } => PRAGMAS.contains(&pragma_name.to_ascii_lowercase().as_str()),
            AuthAction::Attach { .. } | AuthAction::Detach { .. } | AuthAction::Transaction { .. } => false,
            _ => changes,
        };
        if allowed { Authorization::Allow } else { Authorization::Deny }
    }
}

/// Which database answers: the file, and a digest of its schema.
fn source(connection: &Connection, path: &Path) -> Result<Value> {
    use std::os::unix::fs::MetadataExt;
    let mut schema =
        connection.prepare("select coalesce(sql, name) from sqlite_schema order by type, name").map_err(fault)?;
    let texts = schema.query_map([], |row| row.get::<_, String>(0)).map_err(fault)?;
    let mut hasher = crypto::digest::Sha256::new();
    for text in texts {
        hasher.update(text.map_err(fault)?.as_bytes());
        hasher.update(&[0]);
    }
    let metadata = std::fs::metadata(path).map_err(|error| Fault::local(&path.display().to_string(), error))?;
    Ok(json!({
        "path": path.to_string_lossy(),
        "device": metadata.dev().to_string(),
        "inode": metadata.ino().to_string(),
        "schema_sha256": hasher.finish().to_string(),
        "sqlite_version": rusqlite::version(),
    }))
}

struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Owned(Cell::Null),
            Value::Bool(flag) => ToSqlOutput::Owned(Cell::Integer((*flag).into())),
            Value::String(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => ToSqlOutput::Owned(Cell::Integer(integer)),
                (None, Some(float)) if number.is_f64() => ToSqlOutput::Owned(Cell::Real(float)),
                _ => return Err(Error::ToSqlConversionFailure("a number beyond 64 bits".into())),
            },
            Value::Array(_) | Value::Object(_) => {
                return Err(Error::ToSqlConversionFailure("a list or a map stands for a parameter".into()));
            }
        })
    }
}

fn size(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Null => 0,
        ValueRef::Integer(_) | ValueRef::Real(_) => 8,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
    }
}

fn cell(value: ValueRef<'_>) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => integer.into(),
        ValueRef::Real(float) => rows::float(float),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => return Err(Fault::new(Code::Parse, "a text that is not UTF-8")),
        },
        ValueRef::Blob(bytes) => base64::engine::general_purpose::STANDARD.encode(bytes).into(),
    })
}

fn fault(error: Error) -> Fault {
    let detail = error.to_string();
    match error {
        Error::MultipleStatement => Fault::new(Code::BadOutput, "query: more than one statement"),
        Error::ToSqlConversionFailure(_) => Fault::new(Code::WrongType, format!("params: {detail}")),
        Error::SqliteFailure(code, _) | Error::SqlInputError { error: code, .. } => match code.code {
            ErrorCode::AuthorizationForStatementDenied | ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
                Fault::new(Code::PermissionDenied, detail)
            }
            ErrorCode::CannotOpen => Fault::new(Code::PermissionDenied, detail),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Fault::transport(Code::Timeout, detail),
            ErrorCode::OperationInterrupted => Fault::new(Code::Cancelled, detail),
            ErrorCode::TooBig | ErrorCode::OutOfMemory => Fault::new(Code::TooLarge, detail),
            ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => Fault::new(Code::Parse, detail),
            _ if detail.contains("not authorized") => Fault::new(Code::PermissionDenied, detail),
            _ if detail.contains("no such table") => Fault::new(Code::NotFound, detail),
            _ => Fault::new(Code::BadOutput, detail),
        },
        _ => Fault::new(Code::BadOutput, detail),
    }
}
