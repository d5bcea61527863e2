//! Rows on their way into evidence, with the limits on them.

use runner_evidence::RawEvidence;
use serde_json::{Map, Number, Value, json};
use verdict::Code;

use crate::limits::Limits;
use crate::request::{Fault, Found, Result};

/// Largest whole number that every reader of JSON understands.
const EXACT: f64 = 9_007_199_254_740_991.0;

/// Takes rows in until there is one too many.
pub(super) struct Rows {
    names: Vec<String>,
    records: Vec<Value>,
    max: usize,
    bytes: u64,
    max_bytes: u64,
}

impl Rows {
    /// Rows with these columns; two of one name cannot be told apart in a record.
    pub(super) fn new<'n>(names: impl IntoIterator<Item = &'n str>, max_rows: u32, limits: &Limits) -> Result<Self> {
        let names: Vec<_> = names.into_iter().map(str::to_owned).collect();
        for (index, name) in names.iter().enumerate() {
            if names.iter().take(index).any(|earlier| earlier == name) {
                return Err(Fault::new(
                    Code::BadOutput,
                    format!("two columns have the name {name:?}: give one an alias"),
                ));
            }
        }
        let max = usize::try_from(u64::from(max_rows).min(limits.rows)).unwrap_or(usize::MAX);
        Ok(Self { names, records: Vec::new(), max, bytes: 0, max_bytes: limits.step_bytes })
    }

    /// The most rows there may be.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Takes one row in, `size` bytes as the database sent it.
    pub(super) fn push(&mut self, size: usize, cell: impl Fn(usize) -> Result<Value>) -> Result<()> {
        if self.records.len() >= self.max {
            return Err(Fault::new(Code::TooLarge, format!("there are more than {} rows", self.max)));
        }
        self.bytes = self.bytes.saturating_add(size as u64);
        if self.bytes > self.max_bytes {
            return Err(Fault::new(Code::TooLarge, format!("the rows hold more than {} bytes", self.max_bytes)));
        }
        let mut record = Map::new();
        for (index, name) in self.names.iter().enumerate() {
            let value =
                cell(index).map_err(|fault| Fault { detail: format!("column {name:?}: {}", fault.detail), ..fault })?;
            record.insert(name.clone(), value);
        }
        self.records.push(Value::Object(record));
        Ok(())
    }

    /// The evidence.
    pub(super) fn finish(self, changed: Option<u64>, source: Value) -> Result<Found> {
        let count = match changed {
            Some(changed) if self.names.is_empty() => changed,
            _ => self.records.len() as u64,
        };
        let frame = Map::from_iter([("count".to_owned(), json!(count))]);
        let evidence = RawEvidence::table(frame, "rows", self.records)?;
        Ok(Found { evidence, source, complete: None, bytes: self.bytes })
    }
}

/// A floating-point number; what JSON cannot say exactly becomes a text.
pub(super) fn float(number: f64) -> Value {
    match Number::from_f64(number) {
        Some(exact) if number.abs() <= EXACT => Value::Number(exact),
        _ if number.is_nan() => "NaN".into(),
        _ if number == f64::INFINITY => "Infinity".into(),
        _ if number == f64::NEG_INFINITY => "-Infinity".into(),
        _ => number.to_string().into(),
    }
}
