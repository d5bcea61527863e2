//! One record: a JSON line that begins `{"seq":N,"prev":HEX,"at":TIME,`.

use clock::Timestamp;
use crypto::Digest;
use crypto::digest::sha256;
use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::merkle::leaf_hash;

/// Bytes of a line, without its newline.
pub const MAX_LINE: usize = 65_536;

/// Levels of nesting in a line.
const MAX_DEPTH: u32 = 8;

/// Why a text is not a record, or a record cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Longer than [`MAX_LINE`].
    #[error("a record of {0} bytes; at most {MAX_LINE} are allowed")]
    TooLong(usize),
    /// Does not begin as every record does.
    #[error("a record begins {{\"seq\":N,\"prev\":HEX,\"at\":TIME, and this one has another {0}")]
    Head(&'static str),
    /// Not one JSON object, a field that comes twice, or nested too deeply.
    #[error("not a record: {0}")]
    Json(String),
    /// What is to be recorded is not a JSON object with at least one field.
    #[error("a record holds a JSON object with at least one field besides seq, prev and at")]
    NotAnObject,
}

/// What every record begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Position in the log, from 0.
    pub seq: u64,
    /// SHA-256 of the line before, without its newline; 64 zeros before the first.
    pub prev: Digest,
    /// When it was recorded.
    pub at: Timestamp,
}

/// A line that is a well-formed record. Whether it follows the line before is for [`Chain`](super::Chain) to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    text: &'a str,
    head: Head,
    rest: &'a str,
}

impl<'a> Line<'a> {
    /// Reads a line without its newline.
    pub fn parse(text: &'a str) -> Result<Self, LineError> {
        if text.len() > MAX_LINE {
            return Err(LineError::TooLong(text.len()));
        }
        let (head, rest) = Head::read(text)?;
        let mut json = serde_json::Deserializer::from_str(text);
        Scan { depth_left: MAX_DEPTH }
            .deserialize(&mut json)
            .and_then(|()| json.end())
            .map_err(|error| LineError::Json(error.to_string()))?;
        // A newline may be space in JSON; in a log it would be the end of the record.
        if !text.ends_with('}') || text.bytes().any(|byte| byte < b' ') {
            return Err(LineError::Json("a control character, or something after the record".into()));
        }
        Ok(Self { text, head, rest })
    }

    /// The line itself.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Position, previous hash and time.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The fields after `at`, up to and including the closing brace, without an opening one.
    pub fn rest(&self) -> &'a str {
        self.rest
    }

    /// SHA-256 of the line: what the next record's `prev` is.
    pub fn hash(&self) -> Digest {
        sha256(self.text.as_bytes())
    }

    /// The hash of the line as an entry of the Merkle tree.
    pub fn leaf(&self) -> Digest {
        leaf_hash(self.text.as_bytes())
    }
}

impl Head {
    /// Reads the beginning of a line; gives what follows it too.
    fn read(text: &str) -> Result<(Self, &str), LineError> {
        let rest = text.strip_prefix("{\"seq\":").ok_or(LineError::Head("beginning"))?;
        let (seq, rest) = rest.split_once(",\"prev\":\"").ok_or(LineError::Head("sequence number"))?;
        let canonical = seq == "0" || (!seq.starts_with('0') && seq.bytes().all(|byte| byte.is_ascii_digit()));
        let seq = seq.parse().ok().filter(|_| canonical).ok_or(LineError::Head("sequence number"))?;
        let (prev, rest) = rest.split_once("\",\"at\":\"").ok_or(LineError::Head("hash of the line before"))?;
        let prev = prev.parse().map_err(|_| LineError::Head("hash of the line before"))?;
        let (at, rest) = rest.split_once("\",").ok_or(LineError::Head("time"))?;
        let at = at.parse().map_err(|_| LineError::Head("time"))?;
        Ok((Self { seq, prev, at }, rest))
    }
}

/// The line of a record: the head, then the fields that `record` serialises to, in its order.
pub fn build_line(head: &Head, record: &impl Serialize) -> Result<String, LineError> {
    let fields = serde_json::to_string(record).map_err(|error| LineError::Json(error.to_string()))?;
    let rest = fields.strip_prefix('{').filter(|rest| *rest != "}").ok_or(LineError::NotAnObject)?;
    let Head { seq, prev, at } = head;
    let line = format!("{{\"seq\":{seq},\"prev\":\"{prev}\",\"at\":\"{at}\",{rest}");
    Line::parse(&line)?;
    Ok(line)
}

/// Walks a JSON value without keeping it; counts depth and refuses a field that comes twice.
struct Scan {
    depth_left: u32,
}

impl<'de> DeserializeSeed<'de> for Scan {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scan {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let depth_left = self.depth_left.checked_sub(1);
        let depth_left = depth_left.ok_or_else(|| serde::de::Error::custom("nested too deeply"))?;
        while items.next_element_seed(Scan { depth_left })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let depth_left = self.depth_left.checked_sub(1);
        let depth_left = depth_left.ok_or_else(|| serde::de::Error::custom("nested too deeply"))?;
        let mut seen: Vec<std::borrow::Cow<'de, str>> = Vec::with_capacity(8);
        while let Some(Name(name)) = entries.next_key()? {
            // A long record could make this search quadratic; no record has that many fields.
            if seen.len() == MAX_FIELDS || seen.contains(&name) {
                let IgnoredAny = entries.next_value()?;
                return Err(serde::de::Error::custom("a field comes twice, or there are too many"));
            }
            seen.push(name);
            entries.next_value_seed(Scan { depth_left })?;
        }
        Ok(())
    }
}

/// Fields of one object in a line.
const MAX_FIELDS: usize = 64;

/// A field's name, borrowed from the line where it has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);
