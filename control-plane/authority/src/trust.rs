//! Which authority is trusted for which tenant, in memory: read at every handshake without a lock, swapped when the
//! server learns of a new tenant.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use clock::Timestamp;
use contract::identity::TenantName;
use crypto::p256::VerifyingKey;
use ids::TenantId;
use rustls_pki_types::{CertificateDer, TrustAnchor};

use crate::certificate::Certificate;
use crate::verify::Why;

/// The issuing authority of one tenant, checked once when it is taken in: a trust anchor is not looked at again when a
/// chain is verified.
#[derive(Debug)]
pub(crate) struct TrustedAuthority {
    tenant: TenantId,
    der: CertificateDer<'static>,
    anchor: TrustAnchor<'static>,
    key: VerifyingKey,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl TrustedAuthority {
    /// Reads a tenant's authority: named after the tenant, signed by itself, P-256, and good for issuing to Runners
    /// only.
    pub(crate) fn read(tenant: TenantId, der: &[u8]) -> Result<Self, Why> {
        let certificate = Certificate::read(der)?;
        if certificate.uri()? != TenantName(tenant).to_string() {
            return Err(Why::OtherTenant);
        }
        if !certificate.issues_leaves_only() || certificate.has_purposes() {
            return Err(Why::NotAnAuthority);
        }
        if !certificate.signed_by_itself()? {
            return Err(Why::Signature);
        }
        let der = CertificateDer::from(der.to_vec());
        let anchor = webpki::anchor_from_trusted_cert(&der).map_err(Why::from)?.to_owned();
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        let key = certificate.key()?;
        Ok(Self { tenant, der, anchor, key, not_before, not_after })
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(crate) fn anchor(&self) -> &TrustAnchor<'static> {
        &self.anchor
    }

    pub(crate) fn key(&self) -> &VerifyingKey {
        &self.key
    }

    pub(crate) fn valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

type Map = HashMap<TenantId, Arc<TrustedAuthority>>;

/// The authorities that Runner certificates are verified against, by tenant.
#[derive(Debug, Default)]
pub struct TrustedAuthorities {
    map: ArcSwap<Map>,
}

impl TrustedAuthorities {
    /// Nobody is trusted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts exactly these. An authority that cannot be trusted is returned with the reason; the others stand, so
    /// that one damaged row does not lock every tenant out.
    pub fn replace(&self, authorities: impl IntoIterator<Item = (TenantId, Vec<u8>)>) -> Vec<(TenantId, Why)> {
        let mut refused = Vec::new();
        let mut map = Map::new();
        for (tenant, der) in authorities {
            match TrustedAuthority::read(tenant, &der) {
                Ok(authority) => drop(map.insert(tenant, Arc::new(authority))),
                Err(why) => refused.push((tenant, why)),
            }
        }
        self.map.store(Arc::new(map));
        refused
    }

    /// Trusts one more, or another one for the same tenant; the one that is trusted already costs a comparison.
    pub fn insert(&self, tenant: TenantId, der: &[u8]) -> Result<(), Why> {
        if self.of(tenant).is_some_and(|trusted| trusted.der() == der) {
            return Ok(());
        }
        let authority = Arc::new(TrustedAuthority::read(tenant, der)?);
        self.map.rcu(|map| {
            let mut map = Map::clone(map);
            map.insert(tenant, Arc::clone(&authority));
            map
        });
        Ok(())
    }

    /// Trusts nobody for this tenant any more.
    pub fn remove(&self, tenant: TenantId) {
        self.map.rcu(|map| {
            let mut map = Map::clone(map);
            map.remove(&tenant);
            map
        });
    }

    /// How many tenants have a trusted authority.
    pub fn len(&self) -> usize {
        self.map.load().len()
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.map.load().is_empty()
    }

    pub(crate) fn of(&self, tenant: TenantId) -> Option<Arc<TrustedAuthority>> {
        self.map.load().get(&tenant).cloned()
    }
}
