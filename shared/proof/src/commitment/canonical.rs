//! The canonical bytes of a tabular row: RFC 8785 (JSON Canonicalization Scheme).
//!
//! RFC 8785 numbers are doubles. A number that a double may not hold exactly is refused here: collection turns it into
//! a string first, so that nothing is rounded in silence.

use serde_json::{Number, Value};

/// 2^53 − 1: up to here every integer is exactly a double (RFC 8785 §3.2.2.3, I-JSON).
pub const MAX_EXACT_INTEGER: u64 = (1 << 53) - 1;

/// Values nested deeper are refused; the JSON parsers of Proctor allow no more either.
const MAX_DEPTH: u32 = 128;

/// Why a value has no canonical row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A number beyond ±(2^53 − 1).
    #[error("{at}: a number beyond ±(2^53 − 1) is not exact as a JSON number; it must be collected as a string")]
    InexactNumber {
        /// Where in the value, as a JSON Pointer (RFC 6901).
        at: String,
    },
    /// Not a number that JSON can carry.
    #[error("{at}: not a finite number")]
    NotFinite {
        /// Where in the value, as a JSON Pointer (RFC 6901).
        at: String,
    },
    /// Nested too deeply.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
}

/// The RFC 8785 bytes of a value.
pub fn canonical_row(value: &Value) -> Result<Vec<u8>, RowError> {
    let mut row = Vec::with_capacity(256);
    write_canonical_row(value, &mut row)?;
    Ok(row)
}

/// Appends the RFC 8785 bytes of a value to `out`; on an error what was appended is a fragment.
pub fn write_canonical_row(value: &Value, out: &mut Vec<u8>) -> Result<(), RowError> {
    write_value(value, out, 0).map_err(|fault| fault.into_error())
}

/// A fault and the way back up to the root, innermost step first; strings are made only when something is wrong.
struct Fault {
    kind: FaultKind,
    steps: Vec<String>,
}

enum FaultKind {
    Inexact,
    NotFinite,
    TooDeep,
}

impl Fault {
    fn new(kind: FaultKind) -> Self {
        Self { kind, steps: Vec::new() }
    }

    fn under(mut self, step: &str) -> Self {
        self.steps.push(step.replace('~', "~0").replace('/', "~1"));
        self
    }

    fn into_error(self) -> RowError {
        let pointer: String = self.steps.iter().rev().map(|step| format!("/{step}")).collect();
        let at = if pointer.is_empty() { "the value itself".to_owned() } else { pointer };
        match self.kind {
            FaultKind::Inexact => RowError::InexactNumber { at },
            FaultKind::NotFinite => RowError::NotFinite { at },
            FaultKind::TooDeep => RowError::TooDeep,
        }
    }
}

fn write_value(value: &Value, out: &mut Vec<u8>, depth: u32) -> Result<(), Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::new(FaultKind::TooDeep));
    }
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out)?,
        Value::String(text) => write_string(text, out),
        Value::Array(values) => {
            out.push(b'[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(value, out, depth + 1).map_err(|fault| fault.under(&index.to_string()))?;
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            // RFC 8785 §3.2.3 sorts by UTF-16 code units; for ASCII names, nearly all there are, bytes sort the same.
            let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
            if sorted.iter().all(|(name, _)| name.is_ascii()) {
                sorted.sort_unstable_by_key(|(name, _)| *name);
            } else {
                sorted.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            }
            out.push(b'{');
            for (position, (name, value)) in sorted.into_iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_string(name, out);
                out.push(b':');
                write_value(value, out, depth + 1).map_err(|fault| fault.under(name))?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_number(number: &Number, out: &mut Vec<u8>) -> Result<(), Fault> {
    if let Some(magnitude) = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs)) {
        if magnitude > MAX_EXACT_INTEGER {
            return Err(Fault::new(FaultKind::Inexact));
        }
        out.extend_from_slice(number.to_string().as_bytes());
        return Ok(());
    }
    let double = number.as_f64().filter(|double| double.is_finite()).ok_or(Fault::new(FaultKind::NotFinite))?;
    // Every double beyond is an integer, and the text that it was read from may have been another one.
    if double.abs() > MAX_EXACT_INTEGER as f64 {
        return Err(Fault::new(FaultKind::Inexact));
    }
    let text = serde_json_canonicalizer::to_vec(&double).map_err(|_| Fault::new(FaultKind::NotFinite))?;
    out.extend_from_slice(&text);
    Ok(())
}

/// RFC 8785 §3.2.2.2 escapes what serde_json escapes, in the same way.
fn write_string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a text is written to memory");
}
