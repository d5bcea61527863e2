//! The key of the Runner's certificate. It is made, kept and used in one type: rustls and rcgen ask it for signatures and
//! never hold the private key themselves.

use std::sync::Arc;

use contract::DerRequest;
use crypto::p256::SigningKey;
use crypto::{Digest, Secret, SystemEntropy};
use rcgen::{CertificateParams, DistinguishedName, PublicKeyData};
use rustls::sign::{Signer, SigningKey as RustlsKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::SubjectPublicKeyInfoDer;

use super::IdentityError;

/// SubjectPublicKeyInfo of P-256 up to the point (RFC 5480 §2).
const SPKI_PREFIX: usize = 26;

#[derive(Clone)]
pub(crate) struct TlsKey(Arc<Inner>);

struct Inner {
    key: SigningKey,
    spki: Vec<u8>,
}

impl TlsKey {
    pub(crate) fn generate(entropy: &SystemEntropy) -> Self {
        Self::from_key(SigningKey::generate(entropy))
    }

    pub(crate) fn from_pkcs8(pkcs8: Secret<Vec<u8>>, entropy: &SystemEntropy) -> Result<Self, IdentityError> {
        let key = SigningKey::from_pkcs8(pkcs8, entropy).map_err(|_| IdentityError("a key is damaged"))?;
        Ok(Self::from_key(key))
    }

    fn from_key(key: SigningKey) -> Self {
        let spki = key.verifying_key().to_spki();
        Self(Arc::new(Inner { key, spki }))
    }

    pub(crate) fn pkcs8(&self) -> &Secret<Vec<u8>> {
        self.0.key.to_pkcs8()
    }

    /// SHA-256 of the SubjectPublicKeyInfo.
    pub(crate) fn digest(&self) -> Digest {
        self.0.key.verifying_key().key_id()
    }

    /// A certificate signing request (RFC 2986) that says nothing but the key: the name in the certificate is the control
    /// plane's to write. Each call signs anew, so the bytes differ; who repeats a request keeps the first.
    pub(crate) fn request(&self) -> DerRequest {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        let request = parameters.serialize_request(self).expect("a request without names or extensions is written");
        DerRequest::new(request.der().to_vec()).expect("a request that holds only a P-256 key is a few hundred bytes")
    }
}

impl std::fmt::Debug for TlsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TlsKey({})", self.digest())
    }
}

impl PublicKeyData for TlsKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.spki.get(SPKI_PREFIX..).unwrap_or_default()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for TlsKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.0.key.sign(message))
    }
}

impl RustlsKey for TlsKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let offered = offered.contains(&SignatureScheme::ECDSA_NISTP256_SHA256);
        offered.then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(self.0.spki.as_slice()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for TlsKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(self.0.key.sign(message))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::{FromDer, X509CertificationRequest};

    use super::*;

    #[test]
    fn a_request_carries_the_key_and_nothing_else() {
        let key = TlsKey::generate(&SystemEntropy::new());
        let request = key.request();
        let (rest, read) = X509CertificationRequest::from_der(request.as_bytes()).unwrap();
        assert!(rest.is_empty());
        let info = &read.certification_request_info;
        assert_eq!(crypto::digest::sha256(info.subject_pki.raw), key.digest());
        assert_eq!(info.subject.iter().count(), 0);
        assert!(read.requested_extensions().is_none());
        let signature = &read.signature_value.data;
        assert_eq!(key.0.key.verifying_key().verify(info.raw, signature), Ok(()));
    }
}
