//! Keys from keys (HKDF-SHA-256, RFC 5869) and keys from passphrases (Argon2id, RFC 9106).

use ring::hkdf;

use crate::Secret;

/// A 256-bit key for one purpose, derived from a root key. Different labels or salts give unrelated keys.
pub fn hkdf_sha256(root: &Secret<[u8; 32]>, salt: &[u8], label: &[u8]) -> Secret<[u8; 32]> {
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(root.expose())
        .expand(&[label], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .expect("HKDF-SHA-256 gives up to 8,160 bytes and 32 are asked for");
    Secret::new(key)
}

/// What deriving a key from a passphrase costs; stored beside the salt, so that it can be raised later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Argon2Cost {
    /// 64 MiB, three passes, four lanes: the second recommended option of RFC 9106 §4.
    pub const RECOMMENDED: Self = Self { memory_kib: 65_536, passes: 3, lanes: 4 };
}

/// The cost or the salt is outside of what Argon2id allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Argon2id refuses these parameters: {0}")]
pub struct Argon2Error(String);

/// A 256-bit key from a passphrase and a salt of at least 16 bytes.
pub fn argon2id(passphrase: &[u8], salt: &[u8], cost: Argon2Cost) -> Result<Secret<[u8; 32]>, Argon2Error> {
    use argon2::{Algorithm, Argon2, Params, Version};
    // A damaged header must not make the process ask for a terabyte.
    if salt.len() < 16 || cost.memory_kib > 4 * 1024 * 1024 || cost.passes > 64 {
        return Err(Argon2Error("a salt below 16 bytes, above 4 GiB of memory or above 64 passes".into()));
    }
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))
        .map_err(|error| Argon2Error(error.to_string()))?;
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, &mut key)
        .map_err(|error| Argon2Error(error.to_string()))?;
    Ok(Secret::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_salts_separate_keys() {
        let root = Secret::new([7; 32]);
        let key = *hkdf_sha256(&root, b"salt", b"kek").expose();
        assert_eq!(key, *hkdf_sha256(&root, b"salt", b"kek").expose());
        assert_ne!(key, *hkdf_sha256(&root, b"salt", b"other").expose());
        assert_ne!(key, *hkdf_sha256(&root, b"pepper", b"kek").expose());
    }

    #[test]
    fn argon2id_depends_on_everything_and_refuses_absurd_costs() {
        let cost = Argon2Cost { memory_kib: 64, passes: 1, lanes: 1 };
        let key = *argon2id(b"correct horse", &[1; 16], cost).unwrap().expose();
        assert_eq!(key, *argon2id(b"correct horse", &[1; 16], cost).unwrap().expose());
        assert_ne!(key, *argon2id(b"correct horsf", &[1; 16], cost).unwrap().expose());
        assert_ne!(key, *argon2id(b"correct horse", &[2; 16], cost).unwrap().expose());
        assert!(argon2id(b"x", &[1; 8], cost).is_err());
        assert!(argon2id(b"x", &[1; 16], Argon2Cost { memory_kib: u32::MAX, ..cost }).is_err());
        assert!(argon2id(b"x", &[1; 16], Argon2Cost { lanes: 0, ..cost }).is_err());
    }
}
