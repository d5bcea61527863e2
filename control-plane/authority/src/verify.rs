//! The one place that decides whether a certificate is a Runner's, and which Runner's. The handshake and the start of a
//! session both ask here.

use std::sync::Arc;
use std::time::Duration;

use clock::Timestamp;
use contract::identity::RunnerName;
use crypto::Digest;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use crate::certificate::Certificate;
use crate::signer::fingerprint;
use crate::trust::{TrustedAuthorities, TrustedAuthority};

/// Runner certificates live for 24 hours and five minutes; nothing that lives longer than this is one.
const LONGEST_LIFE_MS: i64 = 25 * 60 * 60 * 1000;

/// A Runner whose certificate was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRunner {
    /// Tenant and Runner.
    pub name: RunnerName,
    /// SHA-256 of the certificate's DER.
    pub fingerprint: Digest,
    /// The certificate's serial number.
    pub serial: [u8; 16],
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub key_digest: Digest,
    /// From when the certificate is valid.
    pub not_before: Timestamp,
    /// The last moment at which it is valid.
    pub not_after: Timestamp,
}

/// Why a certificate is not a Runner's, or an authority not a tenant's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each sentence is the documentation of its variant")]
pub enum Why {
    #[error("no certificate was presented")]
    NoCertificate,
    #[error("not one X.509 version 3 certificate in DER, or too long")]
    Encoding,
    #[error("an extension that certificates of ours do not have, or one that stands there twice")]
    Extension,
    #[error("the subject alternative name is not exactly one URI")]
    Name,
    #[error("the URI does not name a Runner of a tenant")]
    NotARunner,
    #[error("no tenant of this name has an authority here")]
    UnknownTenant,
    #[error("more is presented than the certificate and its tenant's authority")]
    Chain,
    #[error("the name is of another tenant than the issuing authority")]
    OtherTenant,
    #[error("the key is not P-256")]
    Key,
    #[error("the certificate is one of an authority")]
    Authority,
    #[error("not a certificate of an authority that issues to Runners and to nobody else")]
    NotAnAuthority,
    #[error("the certificate is not for TLS clients alone")]
    Purpose,
    #[error("the key may do more, or less, than sign")]
    KeyUsage,
    #[error("the serial number does not have 16 bytes")]
    Serial,
    #[error("the certificate lives longer than a Runner's may")]
    Life,
    #[error("the certificate is not valid yet")]
    NotYetValid,
    #[error("the certificate has expired")]
    Expired,
    #[error("the tenant's authority is not valid now")]
    AuthorityExpired,
    #[error("not signed by the tenant's authority")]
    Signature,
    #[error("the certificate does not verify: {0}")]
    Verification(webpki::Error),
}

impl Why {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCertificate => "E-AUTHORITY-101",
            Self::Encoding => "E-AUTHORITY-102",
            Self::Extension => "E-AUTHORITY-103",
            Self::Name => "E-AUTHORITY-104",
            Self::NotARunner => "E-AUTHORITY-105",
            Self::UnknownTenant => "E-AUTHORITY-106",
            Self::Chain => "E-AUTHORITY-107",
            Self::OtherTenant => "E-AUTHORITY-108",
            Self::Key => "E-AUTHORITY-109",
            Self::Authority => "E-AUTHORITY-110",
            Self::NotAnAuthority => "E-AUTHORITY-111",
            Self::Purpose => "E-AUTHORITY-112",
            Self::KeyUsage => "E-AUTHORITY-113",
            Self::Serial => "E-AUTHORITY-114",
            Self::Life => "E-AUTHORITY-115",
            Self::NotYetValid => "E-AUTHORITY-116",
            Self::Expired => "E-AUTHORITY-117",
            Self::AuthorityExpired => "E-AUTHORITY-118",
            Self::Signature => "E-AUTHORITY-119",
            Self::Verification(_) => "E-AUTHORITY-120",
        }
    }
}

impl From<webpki::Error> for Why {
    fn from(error: webpki::Error) -> Self {
        match error {
            webpki::Error::CertExpired { .. } => Self::Expired,
            webpki::Error::CertNotValidYet { .. } => Self::NotYetValid,
            webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => Self::Signature,
            webpki::Error::UnsupportedCriticalExtension => Self::Extension,
            // The list of that library is open; each of its reasons refuses.
            other => Self::Verification(other),
        }
    }
}

/// Whether the end of the certificate's life counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expiry {
    Counts,
    /// For a Runner that was away longer than its certificate lived and proves its other key besides.
    Overlooked,
}

impl TrustedAuthorities {
    /// Verifies what a peer presented, its own certificate first, at this time.
    pub fn verify_runner(&self, chain: &[impl AsRef<[u8]>], now: Timestamp) -> Result<VerifiedRunner, Why> {
        let (leaf, issuers) = chain.split_first().ok_or(Why::NoCertificate)?;
        let (verified, authority) = self.verify_leaf(leaf.as_ref(), now, Expiry::Counts)?;
        match issuers {
            [] => Ok(verified),
            [issuer] if issuer.as_ref() == authority.der() => Ok(verified),
            _ => Err(Why::Chain),
        }
    }

    /// Verifies a certificate that may have expired: everything counts but the end of its life.
    pub fn verify_expired(&self, leaf: &[u8], now: Timestamp) -> Result<VerifiedRunner, Why> {
        self.verify_leaf(leaf, now, Expiry::Overlooked).map(|(verified, _)| verified)
    }

    fn verify_leaf(
        &self,
        der: &[u8],
        now: Timestamp,
        expiry: Expiry,
    ) -> Result<(VerifiedRunner, Arc<TrustedAuthority>), Why> {
        let leaf = Certificate::read(der)?;
        let name: RunnerName = leaf.uri()?.parse().map_err(|_| Why::NotARunner)?;
        // What the certificate says of itself comes first: a refusal must not tell whether the tenant exists.
        let verified = check_shape(&leaf, name, der)?;
        if now < verified.not_before {
            return Err(Why::NotYetValid);
        }
        if now > verified.not_after && expiry == Expiry::Counts {
            return Err(Why::Expired);
        }
        let authority = self.of(name.tenant).ok_or(Why::UnknownTenant)?;
        if authority.tenant() != name.tenant {
            return Err(Why::OtherTenant);
        }
        if !authority.valid_at(now) {
            return Err(Why::AuthorityExpired);
        }
        check_signature(der, &authority, now.min(verified.not_after))?;
        Ok((verified, authority))
    }
}

/// Everything that the certificate says of itself, before anybody's signature is looked at.
fn check_shape(leaf: &Certificate<'_>, name: RunnerName, der: &[u8]) -> Result<VerifiedRunner, Why> {
    if leaf.may_issue() {
        return Err(Why::Authority);
    }
    if !leaf.client_only() {
        return Err(Why::Purpose);
    }
    if !leaf.signs_only() {
        return Err(Why::KeyUsage);
    }
    let (not_before, not_after) = (leaf.not_before(), leaf.not_after());
    if !(0..=LONGEST_LIFE_MS).contains(&not_after.since_ms(not_before)) {
        return Err(Why::Life);
    }
    Ok(VerifiedRunner {
        name,
        fingerprint: fingerprint(der),
        serial: leaf.serial()?,
        key_digest: leaf.key()?.key_id(),
        not_before,
        not_after,
    })
}

/// The chain, with the tenant's authority as the only anchor and ECDSA P-256 with SHA-256 as the only algorithm.
fn check_signature(der: &[u8], authority: &TrustedAuthority, at: Timestamp) -> Result<(), Why> {
    let der = CertificateDer::from(der);
    let certificate = EndEntityCert::try_from(&der).map_err(Why::from)?;
    let seconds = u64::try_from(at.as_millis() / 1000).unwrap_or(0);
    certificate
        .verify_for_usage(
            &[webpki::ring::ECDSA_P256_SHA256],
            std::slice::from_ref(authority.anchor()),
            &[],
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            KeyUsage::client_auth(),
            None,
            None,
        )
        .map(|_| ())
        .map_err(Why::from)
}
