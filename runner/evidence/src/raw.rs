//! Evidence in memory and as rows.

use serde_json::{Map, Value};
use verdict::EvidenceForm;
use zeroize::Zeroize;

use crate::parse::{Parse, ParseError};
use crate::wipe::wipe;

/// A blob is cut into rows of this many bytes, the last one shorter.
pub const BLOB_ROW: usize = 65_536;

/// One collected piece of evidence. It cannot be cloned or serialised, and is wiped when dropped.
///
/// A piece is a *frame*, the object of everything small (an exit code, a mode, a count), and at most one *body*: the
/// table or the bytes that the piece is about, which stands in the value under a field of its own.
pub struct RawEvidence {
    frame: Value,
    body: Body,
}

enum Body {
    None,
    Rows { field: String, rows: Vec<Vec<u8>> },
    Blob { field: String, parse: Parse, bytes: Vec<u8> },
}

/// Where the rows of an item belong in the value of their piece. Fixed words and the connector's own field names only:
/// nothing in it comes from a target.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Place {
    /// The object that the other item's field is put into.
    Frame,
    /// A list under this field, one element a row.
    Rows {
        /// The field of the value.
        field: String,
    },
    /// The bytes under this field, read so.
    Blob {
        /// The field of the value.
        field: String,
        /// How the bytes become a value.
        parse: Parse,
    },
}

/// One evidence item of a piece: rows of bytes, in order.
pub struct ItemContent {
    /// Where the rows belong.
    pub place: Place,
    /// Tabular, or bytes.
    pub form: EvidenceForm,
    /// The rows; each is sealed and committed to as it is.
    pub rows: Vec<Vec<u8>>,
}

/// Why evidence cannot be taken in or read back. The texts name fields of the connector, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// The body is not what the procedure says it is.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A row has no canonical form.
    #[error("row {row} has no RFC 8785 form: {why}")]
    Row {
        /// Index of the row, from 0.
        row: usize,
        /// What stands in the way.
        why: String,
    },
    /// Stored rows do not fit together.
    #[error("the stored items do not form one piece of evidence: {0}")]
    Inconsistent(&'static str),
}

impl RawEvidence {
    /// A piece that is its frame alone.
    pub fn object(mut frame: Map<String, Value>) -> Self {
        frame.values_mut().for_each(make_canonical);
        Self { frame: Value::Object(frame), body: Body::None }
    }

    /// A piece with a table under `field`: one row a record.
    pub fn table(frame: Map<String, Value>, field: &str, records: Vec<Value>) -> Result<Self, EvidenceError> {
        let mut piece = Self::object(frame);
        let mut rows = Vec::with_capacity(records.len());
        for (row, mut record) in records.into_iter().enumerate() {
            make_canonical(&mut record);
            let bytes = canonical(&record, row)?;
            wipe(&mut record);
            rows.push(bytes);
        }
        piece.body = Body::Rows { field: field.to_owned(), rows };
        Ok(piece)
    }

    /// A piece with an output or a file under `field`. Tables (CSV, checksum lists, a JSON or YAML list) become rows,
    /// one a record; everything else keeps its exact bytes. Fails if the bytes are not what `parse` says.
    pub fn document(
        frame: Map<String, Value>,
        field: &str,
        parse: Parse,
        bytes: Vec<u8>,
    ) -> Result<Self, EvidenceError> {
        match parse.read(&bytes)? {
            Value::Array(records) if parse.is_tabular() => Self::table(frame, field, records),
            mut value => {
                wipe(&mut value);
                let mut piece = Self::object(frame);
                piece.body = Body::Blob { field: field.to_owned(), parse, bytes };
                Ok(piece)
            }
        }
    }

    /// Removes every field with one of these names, at any depth, and returns the names that were found. The exact
    /// bytes of a document that held one are replaced by the canonical JSON of what remains.
    pub fn drop_fields(&mut self, names: &[String]) -> Result<Vec<String>, EvidenceError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = vec![false; names.len()];
        remove_fields(&mut self.frame, names, &mut found);
        match &mut self.body {
            Body::None => {}
            Body::Rows { rows, .. } => {
                for (index, row) in rows.iter_mut().enumerate() {
                    let mut record = parse_row(row)?;
                    remove_fields(&mut record, names, &mut found);
                    row.zeroize();
                    *row = canonical(&record, index)?;
                    wipe(&mut record);
                }
            }
            Body::Blob { parse, bytes, .. } => {
                let mut value = parse.read(bytes)?;
                let before = found.clone();
                remove_fields(&mut value, names, &mut found);
                make_canonical(&mut value);
                if found != before {
                    bytes.zeroize();
                    *bytes = canonical(&value, 0)?;
                    *parse = Parse::Json;
                }
                wipe(&mut value);
            }
        }
        Ok(names.iter().zip(found).filter(|(_, found)| *found).map(|(name, _)| name.clone()).collect())
    }

    /// What expressions see.
    pub fn value(&self) -> Result<Value, EvidenceError> {
        let mut value = self.frame.clone();
        let Value::Object(object) = &mut value else {
            return Err(EvidenceError::Inconsistent("the frame is not an object"));
        };
        match &self.body {
            Body::None => {}
            Body::Rows { field, rows } => {
                let records = rows.iter().map(|row| parse_row(row)).collect::<Result<Vec<_>, _>>()?;
                object.insert(field.clone(), Value::Array(records));
            }
            Body::Blob { field, parse, bytes } => {
                let mut content = parse.read(bytes)?;
                make_canonical(&mut content);
                object.insert(field.clone(), content);
            }
        }
        Ok(value)
    }

    /// How many bytes the piece holds, frame and body.
    pub fn size(&self) -> u64 {
        let body = match &self.body {
            Body::None => 0,
            Body::Rows { rows, .. } => rows.iter().map(Vec::len).sum(),
            Body::Blob { bytes, .. } => bytes.len(),
        };
        let frame = serde_json::to_vec(&self.frame).map_or(0, |bytes| bytes.len());
        (body as u64).saturating_add(frame as u64)
    }

    /// The items to seal and commit to: the body, if there is one, then the frame, if it holds anything or stands alone.
    pub fn into_items(mut self) -> Result<Vec<ItemContent>, EvidenceError> {
        let mut items = Vec::with_capacity(2);
        match std::mem::replace(&mut self.body, Body::None) {
            Body::None => {}
            Body::Rows { field, rows } => {
                items.push(ItemContent { place: Place::Rows { field }, form: EvidenceForm::Rows, rows });
            }
            Body::Blob { field, parse, mut bytes } => {
                let rows = bytes.chunks(BLOB_ROW).map(<[u8]>::to_vec).collect();
                bytes.zeroize();
                items.push(ItemContent { place: Place::Blob { field, parse }, form: EvidenceForm::Blob, rows });
            }
        }
        let frame_is_empty = self.frame.as_object().is_none_or(Map::is_empty);
        if items.is_empty() || !frame_is_empty {
            let bytes = canonical(&self.frame, 0)?;
            let rows = bytes.chunks(BLOB_ROW).map(<[u8]>::to_vec).collect();
            items.push(ItemContent { place: Place::Frame, form: EvidenceForm::Blob, rows });
        }
        Ok(items)
    }

    /// The piece whose items these are, in any order.
    pub fn from_items(items: Vec<ItemContent>) -> Result<Self, EvidenceError> {
        let mut piece = Self { frame: Value::Object(Map::new()), body: Body::None };
        let (mut frames, mut bodies) = (0, 0);
        for mut item in items {
            match item.place.clone() {
                Place::Frame => {
                    frames += 1;
                    let mut bytes = std::mem::take(&mut item.rows).concat();
                    piece.frame = parse_row(&bytes)?;
                    bytes.zeroize();
                }
                Place::Rows { field } => {
                    bodies += 1;
                    piece.body = Body::Rows { field, rows: std::mem::take(&mut item.rows) };
                }
                Place::Blob { field, parse } => {
                    bodies += 1;
                    piece.body = Body::Blob { field, parse, bytes: item.rows.concat() };
                }
            }
        }
        if frames > 1 || bodies > 1 || frames + bodies == 0 {
            return Err(EvidenceError::Inconsistent("one frame and at most one body belong to a piece"));
        }
        if !piece.frame.is_object() {
            return Err(EvidenceError::Inconsistent("the frame is not an object"));
        }
        Ok(piece)
    }
}

impl Drop for RawEvidence {
    fn drop(&mut self) {
        wipe(&mut self.frame);
        match &mut self.body {
            Body::None => {}
            Body::Rows { rows, .. } => rows.iter_mut().for_each(Zeroize::zeroize),
            Body::Blob { bytes, .. } => bytes.zeroize(),
        }
    }
}

impl std::fmt::Debug for RawEvidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawEvidence(…)")
    }
}

impl Drop for ItemContent {
    fn drop(&mut self) {
        self.rows.iter_mut().for_each(Zeroize::zeroize);
    }
}

impl std::fmt::Debug for ItemContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ItemContent({:?}, {} rows)", self.place, self.rows.len())
    }
}

/// RFC 8785 numbers are doubles. A number beyond what a double holds to the unit becomes its decimal text, so that what
/// is stored is what the target said.
fn make_canonical(value: &mut Value) {
    const EXACT: u64 = (1 << 53) - 1;
    match value {
        Value::Number(number) => {
            let exact = match (number.as_u64(), number.as_i64()) {
                (Some(unsigned), _) => unsigned <= EXACT,
                (None, Some(signed)) => signed.unsigned_abs() <= EXACT,
                (None, None) => number.as_f64().is_some_and(|double| double.abs() <= EXACT as f64),
            };
            if !exact {
                *value = Value::String(number.to_string());
            }
        }
        Value::Array(list) => list.iter_mut().for_each(make_canonical),
        Value::Object(object) => object.values_mut().for_each(make_canonical),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn canonical(value: &Value, row: usize) -> Result<Vec<u8>, EvidenceError> {
    proof::commitment::canonical_row(value).map_err(|error| EvidenceError::Row { row, why: error.to_string() })
}

fn parse_row(row: &[u8]) -> Result<Value, EvidenceError> {
    serde_json::from_slice(row).map_err(|_| EvidenceError::Inconsistent("a stored row is not JSON"))
}

fn remove_fields(value: &mut Value, names: &[String], found: &mut [bool]) {
    match value {
        Value::Object(object) => {
            for (name, found) in names.iter().zip(found.iter_mut()) {
                if let Some(mut removed) = object.remove(name) {
                    wipe(&mut removed);
                    *found = true;
                }
            }
            object.values_mut().for_each(|value| remove_fields(value, names, found));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| remove_fields(value, names, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests;
