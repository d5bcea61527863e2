//! The verifier in the shape that the TLS library asks for.

use std::fmt;
use std::sync::Arc;

use clock::Clock;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, PeerIncompatible, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::trust::TrustedAuthorities;
use crate::verify::Why;

/// Lets Runners in and nobody else. A certificate is required; what it must be stands in one function,
/// [`TrustedAuthorities::verify_runner`].
pub struct RunnerVerifier {
    trusted: Arc<TrustedAuthorities>,
    clock: Arc<dyn Clock>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl RunnerVerifier {
    /// A verifier that reads this map and this clock.
    pub fn new(trusted: Arc<TrustedAuthorities>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        Arc::new(Self { trusted, clock, algorithms })
    }
}

impl fmt::Debug for RunnerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunnerVerifier({} tenants)", self.trusted.len())
    }
}

impl ClientCertVerifier for RunnerVerifier {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // The list of tenants is nobody's business.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let chain: Vec<&[u8]> = std::iter::once(end_entity).chain(intermediates).map(AsRef::as_ref).collect();
        match self.trusted.verify_runner(&chain, self.clock.now()) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(why) => Err(rustls::Error::InvalidCertificate(alert(why))),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if signed.scheme != SignatureScheme::ECDSA_NISTP256_SHA256 {
            return Err(PeerIncompatible::NoSignatureSchemesInCommon.into());
        }
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// The error that makes the TLS library send the fitting alert: a Runner must be able to tell an expired certificate,
/// which it can replace by itself, from one that is refused.
fn alert(why: Why) -> CertificateError {
    match why {
        Why::Expired => CertificateError::Expired,
        Why::NotYetValid => CertificateError::NotValidYet,
        Why::Encoding => CertificateError::BadEncoding,
        // One answer for all of these, so that a handshake does not tell which tenants there are.
        Why::UnknownTenant | Why::Signature | Why::OtherTenant | Why::AuthorityExpired => {
            CertificateError::UnknownIssuer
        }
        Why::NoCertificate
        | Why::Extension
        | Why::Name
        | Why::NotARunner
        | Why::Chain
        | Why::Key
        | Why::Authority
        | Why::NotAnAuthority
        | Why::Purpose
        | Why::KeyUsage
        | Why::Serial
        | Why::Life
        | Why::Verification(_) => CertificateError::Other(OtherError(Arc::new(why))),
    }
}
