//! Whom to believe to be the control plane: the system's certificate authorities, those of a file, or one by its key.

use std::path::Path;
use std::sync::Arc;

use crypto::Digest;
use crypto::digest::sha256;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::fail::Fail;
use crate::input;

const MAX_CA_FILE: usize = 1024 * 1024;

/// The configuration for connections to the control plane.
pub(super) fn config(file: Option<&Path>, pin: Option<&str>) -> Result<ClientConfig, Fail> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| fault(&error))?;
    let builder = match (file, pin) {
        (Some(file), _) => builder.with_root_certificates(roots(file)?),
        (None, Some(pin)) => {
            let pinned = Pinned { pin: parse_pin(pin)?, provider };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(pinned))
        }
        (None, None) => builder.with_platform_verifier().map_err(|error| fault(&error))?,
    };
    Ok(builder.with_no_client_auth())
}

fn fault(error: &Error) -> Fail {
    Fail::fault(
        "E-OPEN-005",
        format!("no TLS connection can be set up: {error}"),
        "name the certificate authority of the control plane with --ca-file or --ca-pin",
    )
}

fn roots(path: &Path) -> Result<RootCertStore, Fail> {
    let refused = |why: String| {
        let next = "name a PEM file of the certificate authority that issued the control plane's certificate";
        Fail::usage("E-OPEN-005", format!("--ca-file {why}"), next)
    };
    let text = String::from_utf8(input::read(path, MAX_CA_FILE).map_err(refused)?);
    let text = text.map_err(|_| refused(format!("{}: not text", path.display())))?;
    let blocks = crypto::pem::decode_all("CERTIFICATE", &text);
    let mut store = RootCertStore::empty();
    for der in blocks.map_err(|error| refused(format!("{}: {error}", path.display())))? {
        store.add(CertificateDer::from(der)).map_err(|error| refused(format!("{}: {error}", path.display())))?;
    }
    Ok(store)
}

fn parse_pin(text: &str) -> Result<Digest, Fail> {
    text.strip_prefix("sha256:").and_then(|digest| digest.parse().ok()).ok_or_else(|| {
        let next = "the control plane's operator has it: sha256: and 64 lower-case hex digits";
        Fail::usage("E-OPEN-005", format!("--ca-pin {text:?} is no pin"), next)
    })
}

/// Believes a chain under an authority that stands in it and has this key, and in no other.
#[derive(Debug)]
struct Pinned {
    pin: Digest,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    /// The certificates of the chain that have the pinned key. The server's own is none of them: the pin is of who
    /// issued it.
    fn anchors(&self, chain: &[CertificateDer<'_>]) -> RootCertStore {
        let mut store = RootCertStore::empty();
        for certificate in chain {
            let mut one = RootCertStore::empty();
            let read = one.add(certificate.clone().into_owned());
            let key = one.roots.first().map(|anchor| sha256(&sequence(&anchor.subject_public_key_info)));
            if read.is_ok() && key == Some(self.pin) {
                store.extend(one.roots);
            }
        }
        store
    }
}

/// The content of a DER SEQUENCE with its tag and length (X.690 §8.1), as keys are hashed.
fn sequence(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = length.get(length.iter().take_while(|byte| **byte == 0).count()..).unwrap_or_default();
    let mut der = vec![0x30];
    match (content.len(), u8::try_from(length.len())) {
        (0..=0x7f, _) => der.push(content.len().to_le_bytes()[0]),
        (_, Ok(octets)) => {
            der.push(0x80 | octets);
            der.extend_from_slice(length);
        }
        // A length has at most eight octets.
        (_, Err(_)) => {}
    }
    der.extend_from_slice(content);
    der
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let anchors = self.anchors(intermediates);
        if anchors.is_empty() {
            return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        }
        WebPkiServerVerifier::builder_with_provider(Arc::new(anchors), Arc::clone(&self.provider))
            .build()
            .map_err(|error| Error::General(error.to_string()))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp, now)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_has_the_length_that_it_says() {
        assert_eq!(sequence(&[7; 3]), [0x30, 3, 7, 7, 7]);
        assert_eq!(&sequence(&[7; 0x80])[..3], [0x30, 0x81, 0x80]);
        assert_eq!(&sequence(&[7; 0x102])[..4], [0x30, 0x82, 1, 2]);
        let spki = crypto::p256::SigningKey::generate(&crypto::SystemEntropy::new()).verifying_key().to_spki();
        assert_eq!(sequence(&spki[2..]), spki);
    }

    #[test]
    fn a_pin_has_one_spelling() {
        let pin = format!("sha256:{}", Digest::ZERO);
        assert!(parse_pin(&pin).is_ok());
        for bad in ["", "sha256:", &pin.to_uppercase(), &pin[7..], &format!("{pin}0")] {
            assert_eq!(parse_pin(bad).unwrap_err().code, "E-OPEN-005", "{bad}");
        }
    }
}
