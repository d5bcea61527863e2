//! JSON read strictly: no duplicate or unknown field, no other type, no more depth or bytes than allowed.
//!
//! Whoever signs a document and whoever reads it must mean the same by it, and parsers differ most in what they let
//! through. Names that come from the input are escaped before they stand in an error.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// More bytes than allowed.
    #[error("{found} bytes of JSON, at most {limit} are read")]
    TooLarge {
        /// Bytes given.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The right fields in another spelling: reordered, spaced or escaped differently than the format writes them.
    #[error("it is spelt otherwise than the format writes it")]
    Spelling,
    /// Not JSON, a duplicate field, or nested too deeply.
    #[error("{0}")]
    Syntax(String),
    /// Something else than an object.
    #[error("{0} is not an object")]
    NotAnObject(String),
    /// A field is not there.
    #[error("`{0}` is missing")]
    Missing(String),
    /// A field holds another type, or a value that its type does not allow.
    #[error("`{field}` is not {expected}")]
    Wrong {
        /// The field.
        field: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A field that the format does not have.
    #[error("unknown field {0}")]
    Unknown(String),
}

/// An object of which every field must be taken, once.
#[derive(Debug)]
pub(crate) struct Object {
    place: String,
    fields: Map<String, Value>,
}

impl Object {
    /// Reads a document that is one object.
    pub(crate) fn parse(bytes: &[u8], max_bytes: usize, max_depth: u32) -> Result<Self, JsonError> {
        Self::from_value(parse(bytes, max_bytes, max_depth)?, "the document")
    }

    fn from_value(value: Value, place: &str) -> Result<Self, JsonError> {
        match value {
            Value::Object(fields) => Ok(Self { place: place.to_owned(), fields }),
            _ => Err(JsonError::NotAnObject(place.to_owned())),
        }
    }

    fn path(&self, name: &str) -> String {
        if self.place == "the document" { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    fn take(&mut self, name: &'static str) -> Result<Value, JsonError> {
        self.fields.remove(name).ok_or_else(|| JsonError::Missing(self.path(name)))
    }

    pub(crate) fn wrong(&self, name: &str, expected: &'static str) -> JsonError {
        JsonError::Wrong { field: self.path(name), expected }
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<String, JsonError> {
        match self.take(name)? {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong(name, "a string")),
        }
    }

    /// A string that parses as `T`.
    pub(crate) fn parsed<T: std::str::FromStr>(
        &mut self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<T, JsonError> {
        self.text(name)?.parse().map_err(|_| self.wrong(name, expected))
    }

    /// A string of standard, padded base64.
    pub(crate) fn base64(&mut self, name: &'static str) -> Result<Vec<u8>, JsonError> {
        STANDARD.decode(self.text(name)?).map_err(|_| self.wrong(name, "standard base64 with padding"))
    }

    pub(crate) fn integer(&mut self, name: &'static str) -> Result<u64, JsonError> {
        self.take(name)?.as_u64().ok_or_else(|| self.wrong(name, "a non-negative integer"))
    }

    pub(crate) fn object(&mut self, name: &'static str) -> Result<Self, JsonError> {
        let path = self.path(name);
        Self::from_value(self.take(name)?, &path)
    }

    /// Whether a field, which must be there, holds something else than null.
    pub(crate) fn present(&self, name: &'static str) -> Result<bool, JsonError> {
        let value = self.fields.get(name).ok_or_else(|| JsonError::Missing(self.path(name)))?;
        Ok(!value.is_null())
    }

    /// Takes a field that must be null.
    pub(crate) fn null(&mut self, name: &'static str) -> Result<(), JsonError> {
        if self.take(name)?.is_null() { Ok(()) } else { Err(self.wrong(name, "null")) }
    }

    pub(crate) fn array(&mut self, name: &'static str) -> Result<Vec<Value>, JsonError> {
        match self.take(name)? {
            Value::Array(values) => Ok(values),
            _ => Err(self.wrong(name, "an array")),
        }
    }

    pub(crate) fn objects(&mut self, name: &'static str) -> Result<Vec<Self>, JsonError> {
        let path = self.path(name);
        let values = self.array(name)?.into_iter().enumerate();
        values.map(|(index, value)| Self::from_value(value, &format!("{path}[{index}]"))).collect()
    }

    pub(crate) fn texts(&mut self, name: &'static str) -> Result<Vec<String>, JsonError> {
        let values = self.array(name)?.into_iter();
        let texts = values.map(|value| match value {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong(name, "an array of strings")),
        });
        texts.collect()
    }

    /// A list of strings that need not be there.
    pub(crate) fn optional_texts(&mut self, name: &'static str) -> Result<Vec<String>, JsonError> {
        if self.fields.contains_key(name) { self.texts(name) } else { Ok(Vec::new()) }
    }

    /// Refuses what has not been taken.
    pub(crate) fn finish(self) -> Result<(), JsonError> {
        match self.fields.keys().next() {
            Some(name) => Err(JsonError::Unknown(format!("{name:?} in {}", self.place))),
            None => Ok(()),
        }
    }
}

/// Reads one JSON value and nothing after it.
pub(crate) fn parse(bytes: &[u8], max_bytes: usize, max_depth: u32) -> Result<Value, JsonError> {
    if bytes.len() > max_bytes {
        return Err(JsonError::TooLarge { found: bytes.len(), limit: max_bytes });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth_left: max_depth }.deserialize(&mut deserializer);
    let value = value.and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|error| JsonError::Syntax(format!("not accepted as JSON: {error}")))
}

/// Reads a value like `serde_json` does, but counts depth and refuses a field that comes twice.
struct Strict {
    depth_left: u32,
}

impl Strict {
    fn below<E: serde::de::Error>(&self) -> Result<u32, E> {
        self.depth_left.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth_left = self.below()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(Strict { depth_left })? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let depth_left = self.below()?;
        let mut fields = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Strict { depth_left })?;
            if fields.contains_key(&name) {
                return Err(serde::de::Error::custom(format!("the field {name:?} comes twice")));
            }
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(text.as_bytes(), 100, 3).unwrap_err().to_string()
    }

    #[test]
    fn duplicates_depth_size_and_rests_are_refused() {
        assert!(parse(br#"{"a":{"b":[1]},"c":1}"#, 100, 3).is_ok());
        assert!(refusal(r#"{"a":1,"a":1}"#).contains(r#"the field "a" comes twice"#));
        assert!(refusal(r#"{"x":{"a":1,"\u0061":1}}"#).contains("comes twice"));
        assert!(refusal("[[[[1]]]]").contains("nested too deeply"));
        assert!(refusal("{} {}").contains("trailing characters"));
        assert!(refusal(&" ".repeat(101)).contains("at most 100"));
        assert!(refusal("1e999").contains("not accepted"));
        assert!(!refusal("{\"\u{202e}\u{7}\":1,\"\u{202e}\u{7}\":1}").contains('\u{202e}'));
    }

    #[test]
    fn every_field_must_be_taken() {
        let mut object = Object::parse(br#"{"a":1,"o":{"t":"x"},"z":1}"#, 100, 3).unwrap();
        assert_eq!(object.integer("a").unwrap(), 1);
        let mut inner = object.object("o").unwrap();
        assert_eq!(inner.integer("t").unwrap_err(), inner.wrong("t", "a non-negative integer"));
        assert_eq!(inner.text("t").unwrap_err(), JsonError::Missing("o.t".into()));
        assert_eq!(object.finish().unwrap_err().to_string(), r#"unknown field "z" in the document"#);
        assert!(Object::parse(b"[]", 100, 3).is_err());
    }
}
