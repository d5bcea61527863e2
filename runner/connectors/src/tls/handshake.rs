//! The certificate chain of an endpoint, by a whole handshake where possible.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio_rustls::TlsConnector;
use verdict::Code;

use crate::guard::{self, Admitted};
use crate::registry::Context;
use crate::request::{Fault, Result};
use crate::tls::probe;
use crate::trust;

/// A chain, and whether the endpoint has shown that it holds the key of its own certificate.
pub(super) struct Presented {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) holds_key: bool,
    pub(super) address: SocketAddr,
}

/// What is to be thought of a chain.
pub(super) struct Judged {
    pub(super) trusted: bool,
    pub(super) hostname_ok: bool,
}

/// Collects the chain. An endpoint that speaks old versions only, or proves its key in a way that is no longer
/// accepted, is asked again without the rest of the handshake; its chain is then not trusted.
pub(super) async fn chain(context: &Context, target: &Admitted, name: &ServerName<'static>) -> Result<Presented> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let witness = Arc::new(Witness { provider: Arc::clone(&provider), seen: Mutex::default() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::new(Code::Internal, error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&witness) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let stream = guard::connect(target, context.limits.connect()).await?;
    let address = stream.peer_addr().map_err(|error| Fault::network("the endpoint", &error))?;
    let outcome = TlsConnector::from(Arc::new(config)).connect(name.clone(), stream).await;
    let Seen { chain, holds_key } = witness.take();
    if !chain.is_empty() {
        return Ok(Presented { chain, holds_key, address });
    }
    match outcome {
        Ok(_) => Err(Fault::new(Code::BadOutput, "the endpoint presented no certificate")),
        Err(error) => {
            let what = format!("{} at {address}: {error}", target.host);
            match probe::chain(context, target).await {
                Ok(chain) if !chain.is_empty() => Ok(Presented { chain, holds_key: false, address }),
                Ok(_) => Err(Fault::transport(Code::Tls, what)),
                Err(fault) => Err(Fault { detail: format!("{what}; {}", fault.detail), ..fault }),
            }
        }
    }
}

/// Judges the chain and the name apart from each other.
pub(super) fn judge(context: &Context, presented: &Presented, name: &ServerName<'_>) -> Result<Judged> {
    let Some((own, others)) = presented.chain.split_first() else {
        return Err(Fault::new(Code::BadOutput, "the endpoint presented no certificate"));
    };
    let Ok(parsed) = ParsedCertificate::try_from(own) else {
        return Ok(Judged { trusted: false, hostname_ok: false });
    };
    let roots = context.roots.store(None)?;
    let now = trust::unix_time(&*context.clock);
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
    let vouched = verify_server_cert_signed_by_trust_anchor(&parsed, &roots, others, now, algorithms);
    Ok(Judged {
        trusted: vouched.is_ok() && presented.holds_key,
        hostname_ok: verify_server_name(&parsed, name).is_ok(),
    })
}

/// Lets every chain pass and remembers it. Used to look at endpoints; nothing is ever sent over such a connection.
#[derive(Debug)]
struct Witness {
    provider: Arc<CryptoProvider>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    chain: Vec<CertificateDer<'static>>,
    holds_key: bool,
}

impl Witness {
    fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, result: &Result<HandshakeSignatureValid, Error>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).holds_key = result.is_ok();
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let chain = chain.map(|certificate| certificate.clone().into_owned()).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen { chain, holds_key: false };
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let result = rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms);
        self.note(&result);
        result
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let result = rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms);
        self.note(&result);
        result
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
