//! The golden values of the formats, made by an independent implementation.

use serde_json::Value;

const TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/vectors/formats-v1.json"));

pub(crate) fn load() -> Value {
    serde_json::from_str(TEXT).unwrap()
}
