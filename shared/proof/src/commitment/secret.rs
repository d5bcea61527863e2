//! The secret of an evidence item and the salts that come from it.

use crypto::digest::HmacKey;
use crypto::{Entropy, Secret};

/// What the salt of row `i` is derived over, before `u64(i)`.
const SALT_LABEL: &[u8] = b"proctor/v1/salt";

/// The 32 random bytes that salt the rows of one evidence item. They live and die with it: once destroyed, the
/// commitment says nothing about what it was made from.
#[derive(Debug)]
pub struct ItemSecret(Secret<[u8; 32]>);

impl ItemSecret {
    /// A fresh secret.
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self(Secret::random(entropy))
    }

    /// The secret with these bytes, as the vault kept them sealed.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// The bytes, to be sealed, or to be handed over when a whole item is opened.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

/// The salt of one row. Opening a row reveals its own salt and no other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// The salt with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// Derives the salts of an item; the key is prepared once for all of its rows.
pub struct Salts(HmacKey);

impl Salts {
    /// The salts of the item with this secret.
    pub fn new(secret: &ItemSecret) -> Self {
        Self(HmacKey::new(secret.expose()))
    }

    /// `HMAC-SHA-256(k, "proctor/v1/salt" || u64(index))`.
    pub fn of(&self, index: u64) -> Salt {
        Salt(self.0.sign(&[SALT_LABEL, &index.to_be_bytes()]))
    }
}
