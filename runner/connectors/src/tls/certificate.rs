//! What a certificate says.

use std::net::{Ipv4Addr, Ipv6Addr};

use clock::Timestamp;
use verdict::Code;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;

use crate::request::{Fault, Result};
use crate::tls::name;

/// One certificate of a chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct CertificateFacts {
    /// RFC 4514 name.
    pub subject: String,
    /// RFC 4514 name.
    pub issuer: String,
    /// Begin of validity, RFC 3339.
    pub not_before: String,
    /// End of validity, RFC 3339.
    pub not_after: String,
    /// `rsa`, `ec`, `ed25519` or `other`.
    pub key_type: String,
    /// Size of the key; 0 if it is of another type.
    pub key_bits: u64,
    /// Subject alternative names: host names, addresses, e-mail addresses, URIs.
    pub sans: Vec<String>,
    /// Digest of the certificate in lower-case hex.
    pub sha256: String,
}

/// Reads a certificate.
pub(super) fn describe(der: &[u8]) -> Result<CertificateFacts> {
    let bad = |why: &dyn std::fmt::Display| Fault::new(Code::BadOutput, format!("a certificate of the chain: {why}"));
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| bad(&error))?;
    let (key_type, key_bits) = key(&certificate);
    let extension = certificate.subject_alternative_name().map_err(|error| bad(&error))?;
    let sans = extension.map(|found| found.value.general_names.iter().map(san).collect()).unwrap_or_default();
    Ok(CertificateFacts {
        subject: name::rfc4514(certificate.subject()),
        issuer: name::rfc4514(certificate.issuer()),
        not_before: time(certificate.validity().not_before),
        not_after: time(certificate.validity().not_after),
        key_type: key_type.to_owned(),
        key_bits,
        sans,
        sha256: crypto::digest::sha256(der).to_string(),
    })
}

fn key(certificate: &X509Certificate<'_>) -> (&'static str, u64) {
    const ED25519: &str = "1.3.101.112";
    const SECP521R1: &str = "1.3.132.0.35";
    let info = certificate.public_key();
    if info.algorithm.algorithm.to_id_string() == ED25519 {
        return ("ed25519", 256);
    }
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let significant = rsa.modulus.iter().skip_while(|byte| **byte == 0);
            let leading = rsa.modulus.iter().find(|byte| **byte != 0).map_or(0, |byte| byte.leading_zeros());
            ("rsa", (significant.count() as u64 * 8).saturating_sub(leading.into()))
        }
        Ok(PublicKey::EC(point)) => {
            let curve = info.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
            // The one common curve whose size is not a whole number of bytes.
            let is_521 = curve.is_some_and(|curve| curve.to_id_string() == SECP521R1);
            ("ec", if is_521 { 521 } else { point.key_size() as u64 })
        }
        _ => ("other", 0),
    }
}

fn san(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => (*text).to_owned(),
        GeneralName::IPAddress(bytes) => match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
            (Ok(v4), _) => Ipv4Addr::from(v4).to_string(),
            (_, Ok(v6)) => Ipv6Addr::from(v6).to_string(),
            _ => format!("#{}", hex::encode(bytes)),
        },
        GeneralName::DirectoryName(directory) => name::rfc4514(directory),
        GeneralName::RegisteredID(id) => id.to_id_string(),
        GeneralName::OtherName(id, bytes) => format!("{}#{}", id.to_id_string(), hex::encode(bytes)),
        GeneralName::X400Address(any) | GeneralName::EDIPartyName(any) => format!("#{}", hex::encode(any.data)),
        GeneralName::Invalid(_, bytes) => format!("#{}", hex::encode(bytes)),
    }
}

fn time(time: ASN1Time) -> String {
    Timestamp::from_millis(time.timestamp().saturating_mul(1_000)).to_string()
}
