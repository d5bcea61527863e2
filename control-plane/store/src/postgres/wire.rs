//! Our values as PostgreSQL's driver wants them, and its errors as ours.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type};

use crate::error::Failure;
use crate::value::Value;

#[derive(Debug)]
pub(super) struct Bound(pub(super) Value);

impl ToSql for Bound {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (&self.0, ty) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(number), &Type::INT8) => number.to_sql(ty, out),
            (Value::Text(text), &Type::TEXT) => text.to_sql(ty, out),
            (Value::Bytes(bytes), &Type::BYTEA) => bytes.to_sql(ty, out),
            (value, ty) => Err(format!("{value:?} where the statement has {ty}").into()),
        }
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA].contains(ty)
    }

    tokio_postgres::types::to_sql_checked!();
}

pub(super) fn read(row: &tokio_postgres::Row) -> Result<Vec<Value>, Failure> {
    let cells = row.columns().iter().enumerate().map(|(index, column)| {
        let value = match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(index).map(|value| value.map(Value::Int)),
            Type::INT4 => row.try_get::<_, Option<i32>>(index).map(|value| value.map(|n| Value::Int(i64::from(n)))),
            Type::TEXT => row.try_get::<_, Option<String>>(index).map(|value| value.map(Value::Text)),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index).map(|value| value.map(Value::Bytes)),
            ref other => return Err(Failure::Statement(format!("it answers with a column of type {other}"))),
        };
        value.map(|value| value.unwrap_or(Value::Null)).map_err(|error| failure(&error))
    });
    cells.collect()
}

/// A row behind the number of the values that it answers, and its place in that answer.
pub(super) fn placed(row: &tokio_postgres::Row) -> Result<(usize, usize, Vec<Value>), Failure> {
    let mut cells = read(row)?;
    let is_number = |cell: Value| match cell {
        Value::Int(number) => usize::try_from(number).ok(),
        Value::Null | Value::Text(_) | Value::Bytes(_) | Value::Unfit => None,
    };
    let mut numbers = cells.drain(..cells.len().min(2)).filter_map(is_number);
    let (Some(nth), Some(place)) = (numbers.next(), numbers.next()) else {
        return Err(Failure::Statement("it does not say which values a row answers".to_owned()));
    };
    drop(numbers);
    Ok((nth, place, cells))
}

/// What an error of the server or of the connection means. The server's own words can quote values, so they go to the
/// log of the control plane only; here stands its code and message without detail.
pub(super) fn failure(error: &tokio_postgres::Error) -> Failure {
    let Some(said) = error.as_db_error() else {
        if error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>()) {
            return Failure::Unavailable(error.to_string());
        }
        return Failure::Statement(chain(error));
    };
    let code = said.code();
    match *code {
        SqlState::UNIQUE_VIOLATION => Failure::Taken,
        SqlState::FOREIGN_KEY_VIOLATION => Failure::Reference,
        SqlState::INSUFFICIENT_PRIVILEGE => Failure::Guarded,
        SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::LOCK_NOT_AVAILABLE
        | SqlState::QUERY_CANCELED
        | SqlState::TOO_MANY_CONNECTIONS => Failure::Busy,
        SqlState::IN_FAILED_SQL_TRANSACTION => Failure::Aborted,
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::DISK_FULL
        | SqlState::OUT_OF_MEMORY
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        | SqlState::READ_ONLY_SQL_TRANSACTION => Failure::Unavailable(said.message().to_owned()),
        _ => Failure::Statement(format!("{}: {}", code.code(), said.message())),
    }
}

/// The error with the errors behind it.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
