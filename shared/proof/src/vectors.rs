//! The golden values of the formats, made by an independent implementation.

use serde_json::Value;

const TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/vectors/formats-v1.json"));

pub(crate) fn load() -> &'static Value {
    static VECTORS: std::sync::OnceLock<Value> = std::sync::OnceLock::new();
    VECTORS.get_or_init(|| serde_json::from_str(TEXT).unwrap())
}

/// A test key by its name in the vectors.
pub(crate) fn ed25519_key(name: &str) -> crypto::ed25519::SigningKey {
    let pem = load()["keys"][name]["private_pem"].as_str().unwrap().to_owned();
    let der = crypto::pem::decode("PRIVATE KEY", &pem).unwrap();
    crypto::ed25519::SigningKey::from_seed(*der.last_chunk::<32>().unwrap())
}

/// A test key by its name in the vectors.
pub(crate) fn p256_key(name: &str) -> crypto::p256::SigningKey {
    let pem = load()["keys"][name]["private_pem"].as_str().unwrap().to_owned();
    let der = crypto::pem::decode("PRIVATE KEY", &pem).unwrap();
    crypto::p256::SigningKey::from_pkcs8(crypto::Secret::new(der), &crypto::SystemEntropy::new()).unwrap()
}
