//! What the link reads in a certificate: whose it is, which key, how long.

use std::time::Duration;

use clock::Timestamp;
use crypto::Digest;
use crypto::digest::sha256;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What a peer showed, for people. Texts are made printable, because the peer chose them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCertificate {
    pub subject: String,
    pub issuer: String,
    /// The names that it is for.
    pub names: Vec<String>,
    /// SHA-256 of the SubjectPublicKeyInfo: what a pin is compared with.
    pub spki: Digest,
    /// Whether it is a certificate authority that may sign certificates.
    pub authority: bool,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

impl ShownCertificate {
    pub(crate) fn valid_at(&self, now: UnixTime) -> bool {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX).saturating_mul(1000);
        self.not_before.as_millis() <= now && now <= self.not_after.as_millis()
    }
}

/// Reads a certificate, if it is one.
pub(crate) fn shown(der: &CertificateDer<'_>) -> Option<ShownCertificate> {
    let certificate = parse(der)?;
    let may_sign = certificate.key_usage().ok()?.is_none_or(|usage| usage.value.key_cert_sign());
    let (not_before, not_after) = life(&certificate);
    Some(ShownCertificate {
        subject: printable(&certificate.subject().to_string()),
        issuer: printable(&certificate.issuer().to_string()),
        names: names(&certificate),
        spki: sha256(certificate.public_key().raw),
        authority: certificate.is_ca() && may_sign,
        not_before,
        not_after,
    })
}

/// The parts of the Runner's own certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) spki: Digest,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) authority: bool,
    /// Every URI among its alternative names.
    pub(crate) uris: Vec<String>,
}

/// Reads the Runner's own certificate.
pub(crate) fn leaf(der: &[u8]) -> Option<Leaf> {
    let certificate = parse(der)?;
    let (not_before, not_after) = life(&certificate);
    let names = certificate.subject_alternative_name().ok()?;
    let uris = names.map(|names| &names.value.general_names).into_iter().flatten();
    let uris = uris.filter_map(|name| if let GeneralName::URI(uri) = name { Some((*uri).to_owned()) } else { None });
    Some(Leaf {
        spki: sha256(certificate.public_key().raw),
        not_before,
        not_after,
        authority: certificate.is_ca(),
        uris: uris.collect(),
    })
}

/// Whether the issuer signed the certificate of a client, as whoever is shown it will ask.
pub(crate) fn is_signed_by(leaf: &[u8], issuer: &[u8], at: Timestamp) -> bool {
    let (leaf, issuer) = (CertificateDer::from(leaf), CertificateDer::from(issuer));
    let (Ok(leaf), Ok(anchor)) = (EndEntityCert::try_from(&leaf), webpki::anchor_from_trusted_cert(&issuer)) else {
        return false;
    };
    let seconds = u64::try_from(at.as_millis() / 1000).unwrap_or(0);
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let algorithms = &[webpki::ring::ECDSA_P256_SHA256];
    leaf.verify_for_usage(algorithms, &[anchor], &[], at, KeyUsage::client_auth(), None, None).is_ok()
}

/// A peer's text on one line, in characters that no terminal interprets.
pub(crate) fn printable(text: &str) -> String {
    const LONGEST: usize = 200;
    text.chars().take(LONGEST).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(certificate)
}

fn life(certificate: &X509Certificate<'_>) -> (Timestamp, Timestamp) {
    let validity = certificate.validity();
    let time = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
    (time(validity.not_before.timestamp()), time(validity.not_after.timestamp()))
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    const MOST: usize = 20;
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(printable(name)),
        GeneralName::IPAddress(bytes) => ip(bytes),
        GeneralName::URI(uri) => Some(printable(uri)),
        _ => None,
    };
    names.value.general_names.iter().filter_map(text).take(MOST).collect()
}

fn ip(bytes: &[u8]) -> Option<String> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|octets| std::net::Ipv4Addr::from(octets).to_string()),
        16 => <[u8; 16]>::try_from(bytes).ok().map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_text_cannot_drive_a_terminal() {
        assert_eq!(printable("CN=\u{1b}[2Jx\n\u{202e}y"), "CN=?[2Jx??y");
        assert_eq!(printable(&"x".repeat(1000)).len(), 200);
    }

    #[test]
    fn bytes_that_are_no_certificate_are_none() {
        assert_eq!(leaf(b""), None);
        assert_eq!(shown(&CertificateDer::from(vec![0x30, 0x00])), None);
    }
}
