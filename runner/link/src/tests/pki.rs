//! Certificates of the control plane, right and wrong.

use std::sync::Arc;

use clock::{ManualClock, Timestamp};
use contract::token::CaPin;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::identity::tests::{Authority, now, validity};
use crate::tls::ClockTime;
use crate::trust::pin_of;

/// The authority of a control plane's own certificate.
pub(super) struct ServerCa {
    issuer: Issuer<'static, KeyPair>,
    pub(super) der: CertificateDer<'static>,
    pub(super) pin: CaPin,
}

impl ServerCa {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let der = params.self_signed(&key).unwrap().der().clone();
        let pin = pin_of(&rcgen::PublicKeyData::subject_public_key_info(&key));
        Self { issuer: Issuer::new(params, key), der, pin }
    }
}

/// How a test server speaks TLS.
pub(super) struct Tls {
    pub(super) ca: ServerCa,
    pub(super) names: Vec<&'static str>,
    pub(super) from: Timestamp,
    pub(super) version: &'static SupportedProtocolVersion,
    pub(super) alpn: Vec<Vec<u8>>,
    pub(super) shows_ca: bool,
    /// The purpose that its certificate is for.
    pub(super) purpose: ExtendedKeyUsagePurpose,
}

impl Tls {
    pub(super) fn new() -> Self {
        Self {
            ca: ServerCa::new(),
            names: vec!["localhost", "127.0.0.1", "::1", "cp.example.org"],
            from: now(),
            version: &rustls::version::TLS13,
            alpn: vec![b"h2".to_vec()],
            shows_ca: true,
            purpose: ExtendedKeyUsagePurpose::ServerAuth,
        }
    }

    fn leaf(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = self.names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![self.purpose.clone()];
        validity(&mut params, self.from, 24);
        let leaf = params.signed_by(&key, &self.ca.issuer).unwrap().der().clone();
        let mut chain = vec![leaf];
        chain.extend(self.shows_ca.then(|| self.ca.der.clone()));
        (chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }

    /// With clients of `authority` alone, if there is one.
    pub(super) fn config(&self, authority: Option<&Authority>, clock: &Arc<ManualClock>) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let time = Arc::new(ClockTime(Arc::clone(clock) as Arc<dyn clock::Clock>));
        let builder = ServerConfig::builder_with_details(Arc::clone(&provider), time);
        let builder = builder.with_protocol_versions(&[self.version]).unwrap();
        let builder = match authority {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from(authority.der.clone())).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let (chain, key) = self.leaf();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = self.alpn.clone();
        Arc::new(config)
    }
}
