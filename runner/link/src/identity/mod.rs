//! Who this Runner is on the line: its certificate with the key, whom it believes, where the control plane is, and the
//! control plane's own keys as they were pinned at enrolment.
//!
//! An [`Identity`] is a value; the link changes it by making the next one, which the vault keeps before it is used. Only the
//! bytes of [`Identity::to_bytes`] leave this room, as a secret, to be sealed.

mod encoding;
mod key;
mod renewal;

use clock::Timestamp;
use contract::identity::RunnerName;
use contract::{DerCertificate, VerifierKey};
use crypto::{Digest, p256};
use rustls_pki_types::CertificateDer;

use crate::address::Address;
use crate::certificate;
use crate::error::LinkError;
use crate::trust::Trust;

pub(crate) use encoding::{Reader, Writer, address, read_trust, write_trust};
pub(crate) use key::TlsKey;
pub(crate) use renewal::{Next, Pending};

/// Kept bytes that are no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IdentityError(pub(crate) &'static str);

impl From<IdentityError> for LinkError {
    fn from(error: IdentityError) -> Self {
        Self::Identity { why: error.0 }
    }
}

/// The control plane's keys, pinned at enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPlaneKeys {
    /// Signs drill-down requests.
    pub drilldown: p256::VerifyingKey,
    /// Signs checkpoints of the audit log.
    pub audit: VerifierKey,
    /// Cosigns checkpoints of the journal.
    pub witness: VerifierKey,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub(crate) struct Holding {
    key: TlsKey,
    chain: Vec<DerCertificate>,
    generation: u64,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Holding {
    /// Takes in a chain that came back for `key`, if its first certificate is this Runner's with this key.
    pub(crate) fn new(
        key: TlsKey,
        chain: Vec<DerCertificate>,
        generation: u64,
        name: &RunnerName,
    ) -> Result<Self, LinkError> {
        let refused = |why: &str| LinkError::CertificateAnswer { why: why.to_owned() };
        let first = chain.first().ok_or_else(|| refused("the chain is empty"))?;
        let leaf = certificate::leaf(first.as_bytes()).ok_or_else(|| refused("the first is no certificate"))?;
        if leaf.spki != key.digest() {
            return Err(refused("it is for another key"));
        }
        if leaf.uris != [name.to_string()] {
            return Err(refused("it names somebody else"));
        }
        if leaf.authority {
            return Err(refused("it is a certificate authority"));
        }
        if leaf.not_after <= leaf.not_before {
            return Err(refused("it is never valid"));
        }
        Ok(Self { key, chain, generation, not_before: leaf.not_before, not_after: leaf.not_after })
    }

    /// Takes in a chain that the control plane sends now: its first certificate must also be signed by the one after it. A
    /// damaged one would be refused at its first use, when the old one may no longer be shown.
    pub(crate) fn issued(
        key: TlsKey,
        chain: Vec<DerCertificate>,
        generation: u64,
        name: &RunnerName,
    ) -> Result<Self, LinkError> {
        let issued = Self::new(key, chain, generation, name)?;
        let signed = match issued.chain.as_slice() {
            [leaf, issuer, ..] => certificate::is_signed_by(leaf.as_bytes(), issuer.as_bytes(), issued.not_before),
            _ => false,
        };
        let why = "its issuer, which must come after it, did not sign it".to_owned();
        if signed { Ok(issued) } else { Err(LinkError::CertificateAnswer { why }) }
    }

    pub(crate) fn key(&self) -> &TlsKey {
        &self.key
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn chain(&self) -> &[DerCertificate] {
        &self.chain
    }

    pub(crate) fn not_after(&self) -> Timestamp {
        self.not_after
    }

    pub(crate) fn expired(&self, now: Timestamp) -> bool {
        now >= self.not_after
    }

    pub(crate) fn half_life(&self) -> Timestamp {
        self.not_before.plus_ms(self.not_after.since_ms(self.not_before) / 2)
    }

    pub(crate) fn rustls_chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.iter().map(|certificate| CertificateDer::from(certificate.as_bytes().to_vec())).collect()
    }
}

/// Who this Runner is.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(crate) name: RunnerName,
    pub(crate) enrolment_address: Address,
    pub(crate) line_address: Address,
    pub(crate) trust: Trust,
    pub(crate) control_plane: ControlPlaneKeys,
    /// The certificate that was last welcomed.
    pub(crate) current: Holding,
    /// A renewal that was asked for and not answered yet.
    pub(crate) pending: Option<Pending>,
    /// A renewed certificate that was not welcomed yet.
    pub(crate) next: Option<Next>,
}

impl Identity {
    pub fn name(&self) -> RunnerName {
        self.name
    }

    /// The generation of the certificate that the next session shows.
    pub fn generation(&self) -> u64 {
        self.presented().holding.generation
    }

    /// The Runner's certificate, then its issuer's.
    pub fn chain(&self) -> &[DerCertificate] {
        &self.presented().holding.chain
    }

    /// The chain in PEM.
    pub fn chain_pem(&self) -> String {
        self.chain().iter().map(|certificate| crypto::pem::encode("CERTIFICATE", certificate.as_bytes())).collect()
    }

    /// Until when the certificate is valid.
    pub fn not_after(&self) -> Timestamp {
        self.presented().holding.not_after
    }

    /// Whether the certificate is no longer valid; the link then recovers it by itself.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.presented().holding.expired(now)
    }

    /// SHA-256 of the certificate's key.
    pub fn tls_key_digest(&self) -> Digest {
        self.presented().holding.key.digest()
    }

    pub fn line_address(&self) -> &Address {
        &self.line_address
    }

    pub fn enrolment_address(&self) -> &Address {
        &self.enrolment_address
    }

    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    pub fn control_plane(&self) -> &ControlPlaneKeys {
        &self.control_plane
    }
}

#[cfg(test)]
pub(crate) mod tests;
