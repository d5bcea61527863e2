//! The public keys of tenants.

use control_plane_domain::policy::{self, Permission};
use control_plane_domain::tenant::TenantState;
use crypto::p256;
use ids::TenantId;
use proof::note::VerifierKey;

use crate::{Error, Operations};

/// What an auditor pins, and what verifies the tenant's Runners.
#[derive(Debug, Clone)]
pub struct PublicKeys {
    /// The certificate of the issuing authority, DER.
    pub issuing_authority: Vec<u8>,
    /// The key of the audit log.
    pub audit: VerifierKey,
    /// The key that cosigns journals.
    pub witness: VerifierKey,
    /// The key that signs drill-down requests.
    pub drilldown: p256::VerifyingKey,
}

impl Operations {
    /// A tenant's public keys, for the operator.
    pub async fn tenant_keys(&self, tenant: TenantId) -> Result<PublicKeys, Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().read(&permit).await?;
        tx.tenant().await?.ok_or(Error::NotFound("tenant"))?;
        let pinned = self.pinned_keys(&tx).await?;
        let issuing_authority = self.issuing_certificate(&tx).await?;
        let crate::keys::PinnedKeys { drilldown, audit, witness } = pinned;
        Ok(PublicKeys { issuing_authority, audit, witness, drilldown })
    }

    /// Opens one sealed key of every tenant: a wrong root key is found before anybody relies on it.
    pub async fn check_root_key(&self) -> Result<(), Error> {
        for tenant in self.store().tenants().await? {
            let permit = policy::system(tenant.id, Permission::Upkeep)?;
            let tx = self.store().read(&permit).await?;
            self.drilldown_key(&tx, tenant.id).await?;
        }
        Ok(())
    }

    /// Reads every tenant's issuing authority into the map that the verifier of Runner certificates uses; how many are
    /// trusted. To be called at the start, and now and then for tenants that another replica made.
    pub async fn refresh_trust(&self) -> Result<usize, Error> {
        let mut authorities = Vec::new();
        for tenant in self.store().tenants().await?.iter().filter(|tenant| tenant.state == TenantState::Active) {
            let permit = policy::system(tenant.id, Permission::Upkeep)?;
            let tx = self.store().read(&permit).await?;
            authorities.push((tenant.id, self.issuing_certificate(&tx).await?));
        }
        let all = authorities.len();
        let refused = self.authority().trusted().replace(authorities);
        for (tenant, why) in &refused {
            tracing::error!(%tenant, code = why.code(), %why, "the issuing authority of a tenant is not trusted");
        }
        Ok(all - refused.len())
    }
}
