//! What a Runner asks a certificate with (PKCS#10, RFC 2986). Only its public key is taken; name, purposes and times of
//! the certificate are ours alone.

use crypto::Digest;
use crypto::digest::sha256;
use crypto::p256::VerifyingKey;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

/// What contract allows a request to have.
const MAX_LENGTH: usize = 2048;

/// AlgorithmIdentifier of ECDSA with SHA-256 (RFC 5758 §3.2), without parameters.
const ALGORITHM: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not one PKCS#10 request in DER.
    #[error("E-AUTHORITY-002: not a certificate request: expected PKCS#10 in DER and nothing after it")]
    Encoding,
    /// Another kind of key.
    #[error("E-AUTHORITY-002: the certificate request is for another kind of key than P-256")]
    Key,
    /// Not signed by its own key with ECDSA and SHA-256.
    #[error("E-AUTHORITY-002: the certificate request is not signed by the key that it asks for")]
    Signature,
}

/// A request whose maker has shown to hold the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRequest {
    key: VerifyingKey,
    digest: Digest,
}

impl CertificateRequest {
    /// Reads a request and verifies that its own key signed it.
    pub fn parse(der: &[u8]) -> Result<Self, RequestError> {
        if der.len() > MAX_LENGTH {
            return Err(RequestError::Encoding);
        }
        let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| RequestError::Encoding)?;
        if !rest.is_empty() {
            return Err(RequestError::Encoding);
        }
        let info = &request.certification_request_info;
        let key = VerifyingKey::from_spki(info.subject_pki.raw).map_err(|_| RequestError::Key)?;
        // The parser overlooks some departures from DER; a request has one spelling, because its digest is compared.
        let signature: &[u8] = &request.signature_value.data;
        if der != assemble(info.raw, signature) {
            return Err(RequestError::Signature);
        }
        key.verify(info.raw, signature).map_err(|_| RequestError::Signature)?;
        Ok(Self { key, digest: sha256(der) })
    }

    /// The key that the certificate is for.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub fn key_digest(&self) -> Digest {
        self.key.key_id()
    }

    /// SubjectPublicKeyInfo of the key, DER.
    pub fn spki(&self) -> Vec<u8> {
        self.key.to_spki()
    }

    /// SHA-256 of the request's DER: the same request again is the same request.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// The request as DER writes it.
fn assemble(info: &[u8], signature: &[u8]) -> Vec<u8> {
    let signature = value(0x03, &[&[0], signature]);
    value(0x30, &[info, &ALGORITHM, &signature])
}

/// Tag, length and content (X.690 §8.1); requests are far below the 64 KiB that two bytes of length can say.
fn value(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let header: &[u8] = match (high, low) {
        (0, 0..=0x7f) => &[tag, low],
        (0, _) => &[tag, 0x81, low],
        (_, _) => &[tag, 0x82, high, low],
    };
    [header, &content].concat()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SigningKey as _};

    use super::*;

    fn request(key: &KeyPair) -> Vec<u8> {
        CertificateParams::new(vec!["ca.example.org".to_owned()])
            .unwrap()
            .serialize_request(key)
            .unwrap()
            .der()
            .to_vec()
    }

    #[test]
    fn takes_the_key_and_only_from_who_holds_it() {
        let key = KeyPair::generate().unwrap();
        let der = request(&key);
        let read = CertificateRequest::parse(&der).unwrap();
        assert_eq!(read.spki(), rcgen::PublicKeyData::subject_public_key_info(&key));
        assert_eq!(read.key_digest(), sha256(&read.spki()));
        assert_eq!(read.digest(), sha256(&der));
        assert!(key.sign(b"x").is_ok());
    }

    #[test]
    fn changed_cut_and_longer_requests_are_refused() {
        let der = request(&KeyPair::generate().unwrap());
        for at in 0..der.len() {
            let mut changed = der.clone();
            changed[at] ^= 0x01;
            assert!(CertificateRequest::parse(&changed).is_err(), "byte {at}");
            assert!(CertificateRequest::parse(&der[..at]).is_err(), "length {at}");
        }
        assert_eq!(CertificateRequest::parse(&[der.clone(), vec![0]].concat()), Err(RequestError::Encoding));
        assert_eq!(CertificateRequest::parse(&vec![0x30; MAX_LENGTH + 1]), Err(RequestError::Encoding));
    }

    #[test]
    fn other_keys_are_refused() {
        for algorithm in [&PKCS_ED25519, &PKCS_ECDSA_P384_SHA384] {
            let der = request(&KeyPair::generate_for(algorithm).unwrap());
            assert_eq!(CertificateRequest::parse(&der), Err(RequestError::Key));
        }
    }
}
