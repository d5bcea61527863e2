//! Tenants: made by the operator of the platform, at the host's console.

mod create;
mod keys;
mod switch;

pub use create::{CreateTenant, CreatedTenant};
pub use keys::PublicKeys;

use control_plane_domain::policy::{self, Permission};
use control_plane_domain::tenant::{PlatformTenant, Tenant};
use ids::TenantId;

use crate::{Error, Operations};

impl Operations {
    /// Every tenant of the platform.
    pub async fn tenants(&self) -> Result<Vec<PlatformTenant>, Error> {
        Ok(self.store().tenants().await?)
    }

    /// A tenant's record, for the operator.
    pub async fn tenant(&self, tenant: TenantId) -> Result<Tenant, Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().read(&permit).await?;
        tx.tenant().await?.ok_or(Error::NotFound("tenant"))
    }
}
