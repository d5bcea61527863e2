//! Tenants: the platform's list of them, each one's own record, and the keys that are held for it.

use control_plane_domain::tenant::{PlatformTenant, Tenant, TenantKey, TenantKeyKind, TenantState};
use ids::TenantId;

use crate::sql::sql;
use crate::sqlite::Mode;
use crate::tx::{Reads, Writes};
use crate::value::{Cells, values};
use crate::{Store, StoreError};

/// Tenants that are read at a time.
const PAGE: u32 = 1_000;

impl Store {
    /// Every tenant of the platform. What belongs to a tenant is not in it.
    pub async fn tenants(&self) -> Result<Vec<PlatformTenant>, StoreError> {
        let mut all: Vec<PlatformTenant> = Vec::new();
        loop {
            let after = all.last().map(|tenant| tenant.id.to_string()).unwrap_or_default();
            let page = self.tenants_after(&after, PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    pub(crate) async fn tenants_after(&self, after: &str, limit: u32) -> Result<Vec<PlatformTenant>, StoreError> {
        let tx = self.platform(Mode::Read).await?;
        let sql = sql!("SELECT id, state, created FROM platform_tenant WHERE id > $1 ORDER BY id LIMIT $2");
        let rows = tx.query(sql, values![after, limit]).await;
        let rows = rows.map_err(|failure| failure.at("platform_tenant", after))?;
        rows.into_iter().map(|row| read_platform(Cells::new("platform_tenant", row))).collect()
    }

    /// What the platform knows of a tenant.
    pub async fn platform_tenant(&self, tenant: TenantId) -> Result<Option<PlatformTenant>, StoreError> {
        let tx = self.platform(Mode::Read).await?;
        let sql = sql!("SELECT id, state, created FROM platform_tenant WHERE id = $1");
        let rows = tx.query(sql, values![tenant]).await;
        let rows = rows.map_err(|failure| failure.at("platform_tenant", tenant))?;
        rows.into_iter().next().map(|row| read_platform(Cells::new("platform_tenant", row))).transpose()
    }
}

impl Reads {
    /// The tenant's own record.
    pub async fn tenant(&self) -> Result<Option<Tenant>, StoreError> {
        let sql = sql!("SELECT tenant, name, plan, drilldowns, created FROM tenant WHERE tenant = $1");
        let read = |mut cells: Cells| {
            Ok(Tenant {
                id: cells.take("tenant")?,
                name: cells.take("name")?,
                plan: cells.take("plan")?,
                drilldowns: cells.take("drilldowns")?,
                created: cells.take("created")?,
            })
        };
        self.one("tenant", sql, values![], read).await
    }

    /// Whether the tenant is served.
    pub async fn tenant_state(&self) -> Result<Option<TenantState>, StoreError> {
        let sql = sql!("SELECT state FROM platform_tenant WHERE id = $1");
        self.one("platform_tenant", sql, values![], |mut cells| cells.take("state")).await
    }

    /// The key that is in use.
    pub async fn tenant_key(&self, kind: TenantKeyKind) -> Result<Option<TenantKey>, StoreError> {
        let sql = sql!(
            "SELECT kind, generation, sealed, public_part, created FROM tenant_key \
             WHERE tenant = $1 AND kind = $2 ORDER BY generation DESC LIMIT 1"
        );
        self.one("tenant_key", sql, values![kind], read_key).await
    }

    /// Every key, older ones included.
    pub async fn tenant_keys(&self) -> Result<Vec<TenantKey>, StoreError> {
        let sql = sql!(
            "SELECT kind, generation, sealed, public_part, created FROM tenant_key WHERE tenant = $1 \
             ORDER BY kind, generation"
        );
        self.all("tenant_key", sql, values![], read_key).await
    }
}

impl Writes {
    /// Begins a tenant: the permit's. Its audit log begins with the record that this transaction is committed with.
    pub async fn create_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        if tenant.id != self.tenant_id() {
            return Err(StoreError::Guarded { table: "tenant", key: tenant.id.to_string() });
        }
        let steps = vec![
            (
                sql!("INSERT INTO platform_tenant (id, state, created) VALUES ($1, $2, $3)"),
                vec![values![TenantState::Active, tenant.created]],
            ),
            (
                sql!("INSERT INTO tenant (tenant, name, plan, drilldowns, created) VALUES ($1, $2, $3, $4, $5)"),
                vec![values![tenant.name, tenant.plan, tenant.drilldowns, tenant.created]],
            ),
        ];
        self.steps("tenant", tenant.id, steps).await?;
        self.begin_audit_log().await
    }

    /// Switches drill-downs of the whole tenant.
    pub async fn set_drilldowns(&self, enabled: bool) -> Result<(), StoreError> {
        let sql = sql!("UPDATE tenant SET drilldowns = $2 WHERE tenant = $1");
        self.change("tenant", self.tenant_id(), sql, values![enabled]).await
    }

    /// Whether the tenant is to be served.
    pub async fn set_tenant_state(&self, state: TenantState) -> Result<(), StoreError> {
        let sql = sql!("UPDATE platform_tenant SET state = $2 WHERE id = $1");
        self.change("platform_tenant", self.tenant_id(), sql, values![state]).await
    }

    /// Keeps a key; the one of the highest generation is in use.
    pub async fn add_tenant_key(&self, key: &TenantKey) -> Result<(), StoreError> {
        let TenantKey { kind, generation, sealed, public, created } = key;
        let sql = sql!(
            "INSERT INTO tenant_key (tenant, kind, generation, sealed, public_part, created) \
             VALUES ($1, $2, $3, $4, $5, $6)"
        );
        self.change("tenant_key", kind, sql, values![kind, generation, sealed, public, created]).await
    }
}

fn read_platform(mut cells: Cells) -> Result<PlatformTenant, StoreError> {
    Ok(PlatformTenant { id: cells.take("id")?, state: cells.take("state")?, created: cells.take("created")? })
}

fn read_key(mut cells: Cells) -> Result<TenantKey, StoreError> {
    Ok(TenantKey {
        kind: cells.take("kind")?,
        generation: cells.take("generation")?,
        sealed: cells.take("sealed")?,
        public: cells.take("public_part")?,
        created: cells.take("created")?,
    })
}
