//! The two documents that only bundles have: `opening.json` and `destroyed.json`. Nothing hashes their bytes, so spaces
//! and the order of fields are free; every value has one spelling, and a field that is unknown or comes twice is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::Digest;
use ids::ItemId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::commitment::{Commitment, Salt};
use crate::json::{self, JsonError};
use crate::text::printable;

/// Bytes of a document whose spaces or order of fields are others than ours; reading it takes several times as much.
const MAX_OTHER_FORM: usize = 256 * 1024 * 1024;

/// Levels of nesting: the document, a list, an entry, its path.
const MAX_DEPTH: u32 = 4;

/// Why a document of a bundle is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON of its shape.
    #[error("{0}")]
    Shape(String),
    /// It is too large or ambiguous.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A value in another spelling, such as an id in upper case, or a list where an object belongs.
    #[error("a value is not in the form of the format")]
    Spelling,
    /// A version that this program does not know.
    #[error("version {0}; version 1 is read")]
    Version(u64),
    /// A row or an item that comes twice.
    #[error("an entry comes twice")]
    Twice,
}

/// `opened/<item>/opening.json`: which rows of an item are opened, their salts and paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningFile {
    v: u64,
    /// The item.
    pub item: ItemId,
    /// Its number of rows.
    pub rows: u64,
    /// Its root.
    pub root: Digest,
    /// The opened rows; written ascending.
    pub opened: Vec<OpenedRow>,
}

/// One opened row; its bytes are in a file of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenedRow {
    /// Its position.
    #[serde(rename = "i")]
    pub index: u64,
    #[serde(with = "base64_salt")]
    /// Its salt.
    pub salt: Salt,
    /// Its inclusion path, sibling first.
    #[serde(with = "base64_digests")]
    pub path: Vec<Digest>,
}

impl OpeningFile {
    /// The document of an item.
    pub fn new(item: ItemId, commitment: Commitment, opened: Vec<OpenedRow>) -> Self {
        Self { v: 1, item, rows: commitment.rows, root: commitment.root, opened }
    }

    /// What it says was committed to.
    pub fn commitment(&self) -> Commitment {
        Commitment { rows: self.rows, root: self.root }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(self)
    }

    /// Reads it.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let read: Self = parse(bytes)?;
        version(read.v)?;
        distinct(read.opened.iter().map(|row| row.index).collect())?;
        Ok(read)
    }
}

/// `destroyed.json`: which items of the run were destroyed, and where the journal says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestroyedFile {
    v: u64,
    /// The items; written by the position of their records, ascending.
    pub destroyed: Vec<DestroyedItem>,
}

/// One destroyed item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestroyedItem {
    /// The item.
    pub item: ItemId,
    /// Position of the journal record that tells of it.
    pub seq: u64,
}

impl DestroyedFile {
    /// The document of these items, in any order.
    pub fn new(mut destroyed: Vec<DestroyedItem>) -> Self {
        destroyed.sort_by_key(|entry| entry.seq);
        Self { v: 1, destroyed }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(self)
    }

    /// Reads it.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let read: Self = parse(bytes)?;
        version(read.v)?;
        distinct(read.destroyed.iter().map(|entry| entry.seq).collect())?;
        distinct(read.destroyed.iter().map(|entry| entry.item).collect())?;
        Ok(read)
    }
}

fn to_bytes(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("ids, numbers and digests are written to memory")
}

fn parse<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, DocumentError> {
    let shape = |error: serde_json::Error| DocumentError::Shape(printable(&error.to_string()));
    let read: T = serde_json::from_slice(bytes).map_err(shape)?;
    if to_bytes(&read) == bytes {
        return Ok(read);
    }
    let value = json::parse(bytes, MAX_OTHER_FORM, MAX_DEPTH)?;
    if serde_json::to_value(&read).map_err(shape)? == value { Ok(read) } else { Err(DocumentError::Spelling) }
}

fn version(version: u64) -> Result<(), DocumentError> {
    if version == 1 { Ok(()) } else { Err(DocumentError::Version(version)) }
}

fn distinct<T: Ord>(mut entries: Vec<T>) -> Result<(), DocumentError> {
    entries.sort_unstable();
    if entries.is_sorted_by(|a, b| a < b) { Ok(()) } else { Err(DocumentError::Twice) }
}

/// 32 bytes in base64 without making a second buffer for each.
fn decode32<E: serde::de::Error>(text: &str) -> Result<[u8; 32], E> {
    let mut bytes = [0; 33];
    let length = STANDARD.decode_slice(text, &mut bytes).map_err(|_| E::custom("not the base64 of 32 bytes"))?;
    match bytes.first_chunk::<32>() {
        Some(bytes) if length == 32 => Ok(*bytes),
        _ => Err(E::custom("not the base64 of 32 bytes")),
    }
}

mod base64_salt {
    use super::{Deserialize, Deserializer, Engine, STANDARD, Salt, Serializer, decode32};

    pub(super) fn serialize<S: Serializer>(salt: &Salt, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(salt.as_bytes()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Salt, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        decode32(&text).map(Salt::from_bytes)
    }
}

mod base64_digests {
    use super::{Deserialize, Deserializer, Digest, Engine, STANDARD, Serializer, decode32};

    pub(super) fn serialize<S: Serializer>(path: &[Digest], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(path.iter().map(|hash| STANDARD.encode(hash.as_bytes())))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Digest>, D::Error> {
        let path = <Vec<std::borrow::Cow<'de, str>>>::deserialize(deserializer)?;
        path.iter().map(|text| decode32(text).map(Digest::from_bytes)).collect()
    }
}
