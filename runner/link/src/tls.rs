//! TLS 1.3 and nothing older, no tickets, no early data, HTTP/2.

use std::sync::Arc;

use clock::Clock;
use rustls::client::Resumption;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, ClientConfig, Error, PeerIncompatible};
use rustls_pki_types::UnixTime;

use crate::certificate::printable;
use crate::error::LinkError;
use crate::identity::Holding;
use crate::trust::{Judge, Seen, Trust};

/// The protocol of gRPC.
pub(crate) const ALPN: &[u8] = b"h2";

/// A client configuration that believes as `trust` says and shows `holding`'s certificate, if one is asked for.
pub(crate) fn client_config(
    trust: &Trust,
    holding: Option<&Holding>,
    clock: &Arc<dyn Clock>,
    seen: &Arc<Seen>,
) -> Result<ClientConfig, LinkError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let judge = Judge::new(trust, Arc::clone(&provider), Arc::clone(seen))?;
    let unusable = |error: Error| LinkError::Authorities { why: error.to_string() };
    let builder = ClientConfig::builder_with_details(provider, Arc::new(ClockTime(Arc::clone(clock))))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(judge));
    let mut config = match holding {
        None => builder.with_no_client_auth(),
        Some(holding) => {
            let certified = CertifiedKey::new(holding.rustls_chain(), Arc::new(holding.key().clone()));
            certified.keys_match().map_err(|_| LinkError::Identity { why: "key and certificate do not match" })?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
        }
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Ok(config)
}

/// What a handshake that failed means.
pub(crate) fn handshake_error(target: &str, error: &Error, seen: &Seen, trust: &Trust) -> LinkError {
    let target = target.to_owned();
    match error {
        Error::InvalidCertificate(error) => certificate_error(target, error, seen, trust),
        Error::AlertReceived(alert) if is_about_our_certificate(*alert) => {
            LinkError::OwnCertificateRefused { target, alert: format!("{alert:?}") }
        }
        Error::AlertReceived(rustls::AlertDescription::ProtocolVersion)
        | Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)
        | Error::PeerIncompatible(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig) => {
            LinkError::OldTls { target }
        }
        Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol) => LinkError::NoHttp2 { target },
        other => LinkError::Tls { target, why: printable(&other.to_string()) },
    }
}

/// Whether a peer says with this alert that it does not accept the certificate it was shown.
pub(crate) fn is_about_our_certificate(alert: rustls::AlertDescription) -> bool {
    use rustls::AlertDescription as Alert;
    matches!(
        alert,
        Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::CertificateRequired
    )
}

fn certificate_error(target: String, error: &CertificateError, seen: &Seen, trust: &Trust) -> LinkError {
    let chain = seen.sight().chain;
    let time = || chain.first().map_or_else(String::new, |leaf| format!("{} to {}", leaf.not_before, leaf.not_after));
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            LinkError::ServerCertificateTime { target, why: format!("it has expired; it was for {}", time()) }
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            LinkError::ServerCertificateTime { target, why: format!("its time has not come; it is for {}", time()) }
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = chain.first().map_or_else(String::new, |leaf| leaf.names.join(", "));
            LinkError::ServerName { target, names: if names.is_empty() { "none".to_owned() } else { names } }
        }
        // An authority that has the name of a trusted one and another key is as unknown as any other. A bad signature that
        // is not the chain's is the peer's own, and means that it does not have the key of its certificate.
        CertificateError::UnknownIssuer | CertificateError::BadSignature if seen.sight().refusal.is_some() => {
            match trust {
                Trust::Pinned { .. } => {
                    let authorities = chain.iter().filter(|shown| shown.authority);
                    let shown: Vec<_> = authorities.map(|shown| format!("sha256:{}", shown.spki)).collect();
                    let shown = if shown.is_empty() { "none".to_owned() } else { shown.join(", ") };
                    LinkError::Pin { target, shown }
                }
                Trust::Authorities(_) | Trust::System => LinkError::UnknownAuthority { target },
            }
        }
        other => LinkError::Tls { target, why: printable(&other.to_string()) },
    }
}

/// The Runner's clock, for certificates.
pub(crate) struct ClockTime(pub(crate) Arc<dyn Clock>);

impl rustls::time_provider::TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let milliseconds = u64::try_from(self.0.now().as_millis()).unwrap_or(0);
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_millis(milliseconds)))
    }
}

impl std::fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClockTime")
    }
}
