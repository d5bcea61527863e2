//! Renewal in two phases. Each step makes the next identity, which is kept durably before anything is done with it:
//!
//! 1. [`Identity::prepared`]: a new key and its request. A lost answer is asked for again with the same request.
//! 2. [`Identity::adopted`]: the new certificate stands beside the old one.
//! 3. [`Identity::opening`]: a session is about to be opened with the new one. From here the old one must not be shown
//!    again, because the control plane takes a second use of it for a second holder.
//! 4. [`Identity::welcomed`]: the control plane accepted it; the old one is forgotten.
//!
//! If the TLS layer of the control plane refuses the new certificate at its very first use, no session was opened with it
//! and the old one is shown again ([`Identity::refused`]). A crash or a cut line may have come before that refusal was
//! read; then it is believed later too, if it says what is never said of a certificate that a session was opened with
//! ([`Identity::gives_way`]).

use clock::Timestamp;
use contract::{DerCertificate, DerRequest};
use crypto::SystemEntropy;

use super::{Holding, Identity, TlsKey};
use crate::error::LinkError;

/// A renewal that was asked for: its key, and the exact request.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) key: TlsKey,
    pub(crate) request: DerRequest,
}

/// A renewed certificate.
#[derive(Debug, Clone)]
pub(crate) struct Next {
    pub(crate) holding: Holding,
    /// A session may have been opened with it.
    pub(crate) opened: bool,
}

/// The certificate that the next session shows.
pub(crate) struct Presented<'a> {
    pub(crate) holding: &'a Holding,
    /// It is a renewed one that no session was opened with yet.
    pub(crate) first_use: bool,
}

impl Identity {
    pub(crate) fn presented(&self) -> Presented<'_> {
        match &self.next {
            Some(next) => Presented { holding: &next.holding, first_use: !next.opened },
            None => Presented { holding: &self.current, first_use: false },
        }
    }

    /// With a request for a renewal under way; the same one if there is one.
    pub(crate) fn prepared(&self, entropy: &SystemEntropy) -> Self {
        let mut changed = self.clone();
        changed.pending.get_or_insert_with(|| {
            let key = TlsKey::generate(entropy);
            let request = key.request();
            Pending { key, request }
        });
        changed
    }

    /// With the renewed certificate beside the current one, if it fits.
    pub(crate) fn adopted(
        &self,
        chain: Vec<DerCertificate>,
        generation: u64,
        now: Timestamp,
    ) -> Result<Self, LinkError> {
        let refused = |why: &str| LinkError::CertificateAnswer { why: why.to_owned() };
        let pending = self.pending.as_ref().ok_or_else(|| refused("no renewal was asked for"))?;
        if generation != self.current.generation.saturating_add(1) {
            return Err(refused("its generation is not the next one"));
        }
        let holding = Holding::issued(pending.key.clone(), chain, generation, &self.name)?;
        if holding.expired(now) {
            return Err(refused("it has expired by this host's clock"));
        }
        Ok(Self { next: Some(Next { holding, opened: false }), ..self.clone() })
    }

    /// A session is about to be opened with the presented certificate.
    pub(crate) fn opening(&self) -> Self {
        let mut changed = self.clone();
        if let Some(next) = &mut changed.next {
            next.opened = true;
        }
        changed
    }

    /// The control plane welcomed a session with the certificate of this generation.
    pub(crate) fn welcomed(&self, generation: u64) -> Self {
        match &self.next {
            Some(next) if next.holding.generation == generation => {
                Self { current: next.holding.clone(), pending: None, next: None, ..self.clone() }
            }
            Some(_) | None => self.clone(),
        }
    }

    /// Whether a renewed certificate that was not welcomed yet gives way to the current one when the TLS layer of the
    /// control plane refuses it with this alert. It must not if the control plane may have opened a session with it and
    /// the Welcome was lost: from then on it takes the current one for a copy's.
    pub(crate) fn gives_way(&self, first_use: bool, alert: &str) -> bool {
        match alert {
            _ if self.next.is_none() => false,
            _ if first_use => true,
            // These are about the certificate's own bytes, which were the same all along.
            "BadCertificate" | "UnsupportedCertificate" | "DecryptError" => true,
            // These can also mean that the tenant's authority is not known for a while, as one of a suspended tenant.
            "UnknownCA" | "CertificateUnknown" => self.is_of_another_authority(),
            // Expired, revoked, denied: what was good before can become that.
            _ => false,
        }
    }

    /// Whether a renewed certificate that was not welcomed yet came with another issuer than the current one. A control
    /// plane that knows the one does not know the other.
    pub(crate) fn is_of_another_authority(&self) -> bool {
        self.next.as_ref().is_some_and(|next| next.holding.chain.get(1..) != self.current.chain.get(1..))
    }

    /// The renewed certificate gives way: the current one is shown again, and the same request asks for the renewal anew.
    pub(crate) fn refused(&self) -> Self {
        Self { next: None, ..self.clone() }
    }

    /// With a certificate that recovery gave for the key that was presented last.
    pub(crate) fn recovered(
        &self,
        chain: Vec<DerCertificate>,
        generation: u64,
        now: Timestamp,
    ) -> Result<Self, LinkError> {
        let held = self.presented().holding;
        let refused = |why: &str| LinkError::CertificateAnswer { why: why.to_owned() };
        if generation < held.generation {
            return Err(refused("its generation is older"));
        }
        let current = Holding::issued(held.key.clone(), chain, generation, &self.name)?;
        if current.expired(now) {
            return Err(refused("it has expired by this host's clock"));
        }
        Ok(Self { current, pending: None, next: None, ..self.clone() })
    }
}
