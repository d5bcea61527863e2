//! The narrow palette of columns that both databases have, and how our words are written in it.

use std::fmt;
use std::str::FromStr;

use clock::Timestamp;
use control_plane_domain::account::ZoneName;
use control_plane_domain::alarm::AlarmKind;
use control_plane_domain::audit::Purpose;
use control_plane_domain::drilldown::DrillDownWord;
use control_plane_domain::link::LinkKind;
use control_plane_domain::person::{Email, PersonState};
use control_plane_domain::policy::{Role, Scopes};
use control_plane_domain::run_request::RunRequestWord;
use control_plane_domain::runner::{CertificateState, Condition, LockReason, Standing};
use control_plane_domain::sealed::Sealed;
use control_plane_domain::secret::SecretWord;
use control_plane_domain::session::SessionEnd;
use control_plane_domain::standing::ChangeKind;
use control_plane_domain::tenant::{Plan, TenantKeyKind, TenantState};
use crypto::Digest;
use ids::{AlarmId, ApiKeyId, ItemId, LinkId, PersonId, RequestId, RunId, RunnerId, SessionId, TenantId, TokenId};
use proof::text::{FreeText, Name, Software};
use verdict::{Code, EvidenceClass, EvidenceForm, Severity, Status, StepStatus, Trigger};

use crate::StoreError;

/// A column's value. Shown by kind and length alone: some hold sealed keys.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// A number that no column can hold; the statement that is given one fails.
    Unfit,
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "text of {}", text.len()),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Unfit => f.write_str("unfit"),
        }
    }
}

/// What can be written to a column.
pub(crate) trait ToValue {
    fn to_value(&self) -> Value;
}

/// What can be read from a column; the error says what it should have been.
pub(crate) trait FromValue: Sized {
    fn from_value(value: Value) -> Result<Self, String>;
}

macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::ToValue::to_value(&$value)),*] };
}

pub(crate) use values;

/// A row that was read, column after column.
pub(crate) struct Cells {
    table: &'static str,
    cells: Vec<Value>,
    next: usize,
}

impl Cells {
    pub(crate) fn new(table: &'static str, row: Vec<Value>) -> Self {
        Self { table, cells: row, next: 0 }
    }

    /// The next column; `name` is said when it does not hold what it should.
    pub(crate) fn take<T: FromValue>(&mut self, name: &'static str) -> Result<T, StoreError> {
        let place = self.next;
        self.next += 1;
        // The first column names the row in errors, so it stays.
        let value = match self.cells.get_mut(place) {
            Some(first) if place == 0 => first.clone(),
            Some(cell) => std::mem::replace(cell, Value::Null),
            None => return Err(self.wrong(&format!("it has no column for `{name}`"))),
        };
        T::from_value(value).map_err(|expected| self.wrong(&format!("`{name}` is not {expected}")))
    }

    /// An error about this row.
    pub(crate) fn wrong(&self, what: &str) -> StoreError {
        let key = match self.cells.first() {
            Some(Value::Text(text)) => proof::text::printable(text),
            Some(Value::Int(number)) => number.to_string(),
            Some(Value::Bytes(bytes)) => bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect(),
            Some(Value::Null | Value::Unfit) | None => "?".to_owned(),
        };
        StoreError::inconsistent(self.table, key, what)
    }
}

impl ToValue for Value {
    fn to_value(&self) -> Value {
        self.clone()
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        if value == Value::Null { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl ToValue for $type {
            fn to_value(&self) -> Value {
                i64::try_from(*self).map_or(Value::Unfit, Value::Int)
            }
        }
        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, String> {
                let Value::Int(number) = value else { return Err("a number".to_owned()) };
                Self::try_from(number).map_err(|_| concat!("a number of type ", stringify!($type)).to_owned())
            }
        }
    )*};
}
integers!(i64, i32, u64, u32, u16, u8);

impl ToValue for bool {
    fn to_value(&self) -> Value {
        Value::Int(i64::from(*self))
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Int(0) => Ok(false),
            Value::Int(1) => Ok(true),
            Value::Null | Value::Int(_) | Value::Text(_) | Value::Bytes(_) | Value::Unfit => Err("0 or 1".to_owned()),
        }
    }
}

impl ToValue for Timestamp {
    fn to_value(&self) -> Value {
        Value::Int(self.as_millis())
    }
}

impl FromValue for Timestamp {
    fn from_value(value: Value) -> Result<Self, String> {
        let millis = i64::from_value(value)?;
        let time = Self::from_millis(millis);
        if time.as_millis() == millis { Ok(time) } else { Err("a time of the years 0000 to 9999".to_owned()) }
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, String> {
        let Value::Text(text) = value else { return Err("a text".to_owned()) };
        Ok(text)
    }
}

impl ToValue for [u8] {
    fn to_value(&self) -> Value {
        Value::Bytes(self.to_vec())
    }
}

impl ToValue for Vec<u8> {
    fn to_value(&self) -> Value {
        Value::Bytes(self.clone())
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self, String> {
        let Value::Bytes(bytes) = value else { return Err("bytes".to_owned()) };
        Ok(bytes)
    }
}

impl<const N: usize> ToValue for [u8; N] {
    fn to_value(&self) -> Value {
        Value::Bytes(self.to_vec())
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Value) -> Result<Self, String> {
        Vec::from_value(value)?.try_into().map_err(|_| format!("{N} bytes"))
    }
}

impl ToValue for Digest {
    fn to_value(&self) -> Value {
        Value::Bytes(self.as_bytes().to_vec())
    }
}

impl FromValue for Digest {
    fn from_value(value: Value) -> Result<Self, String> {
        <[u8; 32]>::from_value(value).map(Self::from_bytes)
    }
}

impl ToValue for Sealed {
    fn to_value(&self) -> Value {
        Value::Bytes(self.as_bytes().to_vec())
    }
}

impl FromValue for Sealed {
    fn from_value(value: Value) -> Result<Self, String> {
        Vec::from_value(value).map(Self::new)
    }
}

fn parsed<T: FromStr>(value: Value, expected: &'static str) -> Result<T, String> {
    let Value::Text(text) = value else { return Err(expected.to_owned()) };
    text.parse().map_err(|_| expected.to_owned())
}

macro_rules! texts {
    ($($type:ty),* $(,)?) => {$(
        impl ToValue for $type {
            fn to_value(&self) -> Value {
                Value::Text(self.to_string())
            }
        }
        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, String> {
                parsed(value, concat!("a ", stringify!($type)))
            }
        }
    )*};
}
texts!(TenantId, RunnerId, RunId, ItemId, PersonId, RequestId, ApiKeyId, TokenId, AlarmId, SessionId, LinkId);
texts!(Name, Software, FreeText, Email, Scopes);
texts!(Status, Severity, StepStatus, Code, EvidenceClass, EvidenceForm, Trigger);
texts!(TenantState, Plan, TenantKeyKind, Role, PersonState, Standing, LockReason, Condition, CertificateState);
texts!(Purpose, RunRequestWord, DrillDownWord, SecretWord, AlarmKind, LinkKind, SessionEnd);
texts!(ChangeKind, ZoneName);
