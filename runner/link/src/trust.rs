//! Whom the Runner believes to be its control plane.

use std::sync::{Arc, Mutex, PoisonError};

use contract::token::CaPin;
use crypto::digest::sha256;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::certificate::{ShownCertificate, shown};
use crate::error::LinkError;

/// Whom to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The certificate authority with this key. Its certificate comes in the chain that the control plane presents; it is
    /// kept once it was seen, so that a listener may also present its own certificate alone.
    Pinned {
        pin: CaPin,
        /// The authority's certificate, once seen.
        authority: Option<CertificateDer<'static>>,
    },
    /// These authorities.
    Authorities(Vec<CertificateDer<'static>>),
    /// Those of the operating system.
    System,
}

impl Trust {
    /// The authority with this key.
    pub fn pinned(pin: CaPin) -> Self {
        Self::Pinned { pin, authority: None }
    }

    /// The authorities of a PEM file.
    pub fn roots_from_pem(pem: &[u8]) -> Result<Self, LinkError> {
        let refused = |why: String| LinkError::Authorities { why };
        let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let found = found.map_err(|error| refused(error.to_string()))?;
        if found.is_empty() {
            return Err(refused("there is no certificate in the PEM text".to_owned()));
        }
        let mut store = RootCertStore::empty();
        for certificate in &found {
            store.add(certificate.clone()).map_err(|error| refused(error.to_string()))?;
        }
        Ok(Self::Authorities(found))
    }
}

/// What a handshake saw, for messages and for `doctor`.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<Sight>);

#[derive(Debug, Default, Clone)]
pub(crate) struct Sight {
    pub(crate) chain: Vec<ShownCertificate>,
    /// Why the chain was refused.
    pub(crate) refusal: Option<Error>,
    /// The certificate of the pinned authority, once the chain was accepted under it.
    pub(crate) authority: Option<CertificateDer<'static>>,
}

impl Seen {
    pub(crate) fn sight(&self) -> Sight {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, change: impl FnOnce(&mut Sight)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Judges the control plane's certificate, and notes what was shown.
#[derive(Debug)]
pub(crate) struct Judge {
    rule: Rule,
    provider: Arc<CryptoProvider>,
    seen: Arc<Seen>,
}

#[derive(Debug)]
enum Rule {
    Pinned { pin: CaPin, authority: Option<CertificateDer<'static>> },
    Under(Arc<dyn ServerCertVerifier>),
}

impl Judge {
    pub(crate) fn new(trust: &Trust, provider: Arc<CryptoProvider>, seen: Arc<Seen>) -> Result<Self, LinkError> {
        let refused = |why: String| LinkError::Authorities { why };
        let rule = match trust {
            Trust::Pinned { pin, authority } => Rule::Pinned { pin: *pin, authority: authority.clone() },
            Trust::Authorities(authorities) => {
                Rule::Under(under(authorities, &provider).map_err(|error| refused(error.to_string()))?)
            }
            Trust::System => {
                let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(&provider));
                Rule::Under(Arc::new(verifier.map_err(|error| refused(error.to_string()))?))
            }
        };
        Ok(Self { rule, provider, seen })
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        match &self.rule {
            Rule::Under(verifier) => verifier.verify_server_cert(end_entity, intermediates, name, &[], now).map(drop),
            Rule::Pinned { pin, authority } => {
                let candidates = intermediates.iter().chain(authority);
                let pinned: Vec<_> = candidates
                    .filter(|der| {
                        shown(der).is_some_and(|shown| shown.authority && shown.spki == pin.0 && shown.valid_at(now))
                    })
                    .map(|der| der.clone().into_owned())
                    .collect();
                let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
                let first = pinned.first().cloned().ok_or(unknown)?;
                let verifier = under(&pinned, &self.provider)?;
                verifier.verify_server_cert(end_entity, intermediates, name, &[], now)?;
                self.seen.note(|sight| sight.authority = Some(first));
                Ok(())
            }
        }
    }
}

fn under(
    authorities: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let mut store = RootCertStore::empty();
    authorities.iter().try_for_each(|authority| store.add(authority.clone()))?;
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
        .build()
        .map_err(|error| Error::General(error.to_string()))
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates).filter_map(|der| shown(der)).collect();
        self.seen.note(|sight| sight.chain = chain);
        match self.judge(end_entity, intermediates, server_name, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(error) => {
                self.seen.note(|sight| sight.refusal = Some(error.clone()));
                Err(error)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The pin of a certificate authority's key.
pub fn pin_of(spki: &[u8]) -> CaPin {
    CaPin(sha256(spki))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_the_operators_fault() {
        assert_eq!(Trust::roots_from_pem(b"nothing").unwrap_err().code(), "E-LINK-019");
        let broken = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert_eq!(Trust::roots_from_pem(broken).unwrap_err().code(), "E-LINK-019");
    }
}
