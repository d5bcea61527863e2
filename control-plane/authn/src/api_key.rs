//! Keys to the API: `pck_<tenant, 32 hex>_<key id, 32 hex>_<secret, base64url>`.
//!
//! The text names its tenant and its record, so that finding it is one look-up by key in one tenant. The secret is 256
//! random bits; only a hash of it, bound to tenant and key, is stored. A hash made slow on purpose would gain nothing
//! against guessing 256 bits and would let anybody spend our processor.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::digest::sha256_parts;
use crypto::entropy::random_bytes;
use crypto::{Digest, Entropy, Secret, equal_constant_time};
use ids::{ApiKeyId, TenantId};

/// What every key begins with, so that scanners for leaked secrets know one when they see one.
pub const PREFIX: &str = "pck_";

/// Bytes of a key's text: three underscores, two ids, and 43 characters of secret.
const LENGTH: usize = PREFIX.len() + 32 + 1 + 32 + 1 + SECRET_TEXT;
const SECRET_TEXT: usize = 43;

/// Keeps this hash apart from every other hash of 32 bytes in the system.
const CONTEXT: &[u8] = b"proctor/v1/api-key\0";

/// A text that is not an API key. It says no more, because the text may be somebody's other secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API key: expected pck_ followed by tenant, key and secret")]
pub struct NotAKey;

/// A fresh key: the text goes to its owner once, the digest is stored.
#[derive(Debug)]
pub struct Minted {
    /// The whole key.
    pub text: Secret<String>,
    /// What is stored.
    pub digest: Digest,
}

/// A key that somebody presents; nothing about it has been checked but its form.
pub struct Presented {
    tenant: TenantId,
    key: ApiKeyId,
    secret: Secret<[u8; 32]>,
}

/// A fresh key under this id.
pub fn mint(tenant: TenantId, key: ApiKeyId, entropy: &dyn Entropy) -> Minted {
    let secret = Secret::new(random_bytes::<32>(entropy));
    let encoded = Secret::new(URL_SAFE_NO_PAD.encode(secret.expose()));
    let (tenant_hex, key_hex) = (hex::encode(tenant.as_bytes()), hex::encode(key.as_bytes()));
    let text = Secret::new(format!("{PREFIX}{tenant_hex}_{key_hex}_{}", encoded.expose()));
    Minted { text, digest: Presented { tenant, key, secret }.digest() }
}

impl Presented {
    /// Reads the text of a key.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        if text.len() != LENGTH || !text.is_ascii() {
            return Err(NotAKey);
        }
        let rest = text.strip_prefix(PREFIX).ok_or(NotAKey)?;
        let (tenant, rest) = rest.split_once('_').ok_or(NotAKey)?;
        let (key, secret) = rest.split_once('_').ok_or(NotAKey)?;
        let mut bytes = [0; 32];
        let length = URL_SAFE_NO_PAD.decode_slice(secret, &mut bytes).map_err(|_| NotAKey)?;
        let secret = Secret::new(bytes);
        if length != 32 {
            return Err(NotAKey);
        }
        Ok(Self { tenant: TenantId::from_bytes(id(tenant)?), key: ApiKeyId::from_bytes(id(key)?), secret })
    }

    /// The tenant that it names.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The record that it names.
    pub fn key(&self) -> ApiKeyId {
        self.key
    }

    /// Whether its secret is the one of which this digest is stored; takes as long when it is not.
    pub fn matches(&self, stored: &Digest) -> bool {
        equal_constant_time(self.digest().as_bytes(), stored.as_bytes())
    }

    fn digest(&self) -> Digest {
        sha256_parts(&[CONTEXT, self.tenant.as_bytes(), self.key.as_bytes(), self.secret.expose()])
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").field("tenant", &self.tenant).field("key", &self.key).finish_non_exhaustive()
    }
}

fn id(text: &str) -> Result<[u8; 16], NotAKey> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| NotAKey)?;
    // One spelling: the hex decoder would take upper case too.
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { Err(NotAKey) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            (0u8..).zip(buffer).for_each(|(n, byte)| *byte = n);
        }
    }

    fn ids() -> (TenantId, ApiKeyId) {
        (TenantId::from_parts(1, [1; 10]), ApiKeyId::from_parts(2, [2; 10]))
    }

    #[test]
    fn a_key_is_spelled_exactly_and_found_again() {
        let (tenant, key) = ids();
        let minted = mint(tenant, key, &Counting);
        let text = minted.text.expose();
        assert_eq!(
            text,
            "pck_00000000000171018101010101010101_00000000000272028202020202020202_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
        );
        let presented = Presented::parse(text).unwrap();
        assert_eq!((presented.tenant(), presented.key()), (tenant, key));
        assert!(presented.matches(&minted.digest));
        assert!(!format!("{presented:?} {minted:?}").contains("AAEC"), "secrets are not printed");
        // The same secret under another record or tenant is another key.
        let other = Presented::parse(&text.replace("_0000000000027202", "_0000000000027203")).unwrap();
        assert!(!other.matches(&minted.digest));
        let other = Presented::parse(&text.replace("pck_0000000000017101", "pck_0000000000017102")).unwrap();
        assert!(!other.matches(&minted.digest));
        let other = Presented::parse(&text.replace("_AAEC", "_AAED")).unwrap();
        assert!(!other.matches(&minted.digest));
    }

    #[test]
    fn anything_else_is_not_a_key() {
        let (tenant, key) = ids();
        let minted = mint(tenant, key, &Counting);
        let text = minted.text.expose();
        for other in [
            String::new(),
            "pck_".into(),
            text.to_uppercase(),
            text.replace("pck_", "pjt_"),
            text.replace("8101", "81Aa"),
            text.replace("Hh8", "Hh9"),
            text.replace("Hh8", "Hh="),
            text.replace("Hh8", "H/8"),
            text.replace("_0000000000027202", "00000000000272020"),
            format!("{text}A"),
            format!(" {text}"),
            text.replace("AAEC", "ÄÄ"),
        ] {
            assert!(Presented::parse(&other).is_err(), "{other}");
        }
    }
}
