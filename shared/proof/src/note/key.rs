//! Names and public keys of those who sign notes.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::digest::sha256_parts;
use crypto::ed25519::VerifyingKey;

/// A text that is not a verifier key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a verifier key NAME+HEX+BASE64: {0}")]
pub struct VerifierKeyError(&'static str);

/// The name of a key: not empty, no space, no `+`, no control character, at most 255 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = VerifierKeyError;

    fn from_str(name: &str) -> Result<Self, VerifierKeyError> {
        let refused = |c: char| c.is_whitespace() || c == '+' || crate::text::is_deceptive(c);
        if name.is_empty() || name.len() > 255 || name.contains(refused) {
            return Err(VerifierKeyError("the name is empty, too long, or has a space, a plus or a control character"));
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key signs with; the byte is its signature type in the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `0x01`: Ed25519 over the note's text.
    Ed25519,
    /// `0x04`: Ed25519 over a timestamp and the note's text (<https://c2sp.org/tlog-cosignature>).
    Cosignature,
}

impl Algorithm {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::Cosignature => 4,
        }
    }
}

/// A public key that verifies signatures under notes; its text form is a C2SP *vkey*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    algorithm: Algorithm,
    key: VerifyingKey,
}

impl VerifierKey {
    /// A key with its name.
    pub fn new(name: KeyName, algorithm: Algorithm, key: VerifyingKey) -> Self {
        Self { name, algorithm, key }
    }

    /// Its name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// `SHA-256(name || "\n" || type || key)[:4]`: what signatures name it by. Not a strong hash.
    pub fn key_id(&self) -> u32 {
        let digest = sha256_parts(&[self.name.0.as_bytes(), b"\n", &[self.algorithm.byte()], &self.key.to_bytes()]);
        digest.as_bytes().first_chunk::<4>().map_or(0, |id| u32::from_be_bytes(*id))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = STANDARD.encode([[self.algorithm.byte()].as_slice(), &self.key.to_bytes()].concat());
        write!(f, "{}+{:08x}+{encoded}", self.name, self.key_id())
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VerifierKeyError("fewer than three parts"));
        };
        let decoded = STANDARD.decode(encoded).map_err(|_| VerifierKeyError("the last part is not base64"))?;
        let (algorithm, key) = match decoded.split_first() {
            Some((1, key)) => (Algorithm::Ed25519, key),
            Some((4, key)) => (Algorithm::Cosignature, key),
            _ => return Err(VerifierKeyError("an unknown kind of key; Ed25519 (1) and its cosignatures (4) are read")),
        };
        let key = VerifyingKey::from_bytes(key).map_err(|_| VerifierKeyError("the key is not an Ed25519 key"))?;
        let read = Self { name: name.parse()?, algorithm, key };
        if format!("{:08x}", read.key_id()) == id { Ok(read) } else { Err(VerifierKeyError("the key id is another's")) }
    }
}
