//! A server certificate with its key, and the place that all listeners take the current one from.

use std::sync::Arc;

use arc_swap::ArcSwap;
use clock::Timestamp;
use crypto::digest::sha256;
use crypto::p256::SigningKey;
use crypto::{Digest, Secret};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::tenant::OpenError;

/// A chain, the server's own certificate first, with its key.
#[derive(Debug, Clone)]
pub struct ServerIdentity {
    certified: Arc<CertifiedKey>,
    not_before: Timestamp,
    not_after: Timestamp,
    pins: Vec<Digest>,
}

impl ServerIdentity {
    /// Reads the operator's own files: the chain, server's certificate first, and its private key.
    pub fn from_pem(chain: &str, key: &Secret<Vec<u8>>) -> Result<Self, OpenError> {
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| OpenError::Pem(format!("the certificate file cannot be read: {error}")))?;
        if chain.is_empty() {
            return Err(OpenError::Pem("the certificate file holds no certificate".into()));
        }
        let key = PrivateKeyDer::from_pem_slice(key.expose())
            .map_err(|error| OpenError::Pem(format!("the private key file cannot be read: {error}")))?;
        Self::new(chain, key)
    }

    /// What the local authority just made.
    pub(super) fn issued(chain: Vec<Vec<u8>>, key: &SigningKey) -> Self {
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        let key = PrivatePkcs8KeyDer::from(key.to_pkcs8().expose().clone());
        Self::new(chain, key.into()).expect("the authority issues certificates that can be read, for the key at hand")
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, OpenError> {
        let mut pins = Vec::with_capacity(chain.len());
        let mut validity = None;
        for der in &chain {
            let (_, read) = X509Certificate::from_der(der)
                .map_err(|_| OpenError::Pem("the chain holds something that is no certificate".into()))?;
            pins.push(sha256(read.public_key().raw));
            let seconds = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
            let times = (read.validity().not_before.timestamp(), read.validity().not_after.timestamp());
            validity.get_or_insert((seconds(times.0), seconds(times.1)));
        }
        let (not_before, not_after) = validity.ok_or_else(|| OpenError::Pem("the chain is empty".into()))?;
        let provider = rustls::crypto::ring::default_provider();
        let certified = Arc::new(CertifiedKey::from_der(chain, key, &provider)?);
        Ok(Self { certified, not_before, not_after, pins })
    }

    /// The last moment at which the certificate is valid.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// When two thirds of its life are over.
    pub fn renew_at(&self) -> Timestamp {
        self.not_before.plus_ms(self.not_after.since_ms(self.not_before) / 3 * 2)
    }

    /// SHA-256 of the SubjectPublicKeyInfo of each certificate of the chain.
    pub fn pins(&self) -> &[Digest] {
        &self.pins
    }

    /// The chain as it is presented, DER.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.certified.cert.iter().map(AsRef::as_ref)
    }
}

/// The identity in use. Every listener shares one, so a renewed certificate is presented from the next handshake on.
#[derive(Debug)]
pub struct ServerCertificate {
    current: ArcSwap<ServerIdentity>,
}

impl ServerCertificate {
    /// Starts with this identity.
    pub fn new(identity: ServerIdentity) -> Arc<Self> {
        Arc::new(Self { current: ArcSwap::from_pointee(identity) })
    }

    /// Presents another identity from now on.
    pub fn replace(&self, identity: ServerIdentity) {
        self.current.store(Arc::new(identity));
    }

    /// The identity that is presented now.
    pub fn current(&self) -> Arc<ServerIdentity> {
        self.current.load_full()
    }

    /// The last moment at which it is valid.
    pub fn not_after(&self) -> Timestamp {
        self.current.load().not_after()
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.load().certified))
    }
}
