//! What happens because time passes. Every function can be called at any time, by any replica, as often as one likes.

use clock::Timestamp;
use control_plane_domain::tenant::{PlatformTenant, TenantState};
use ids::TenantId;

use crate::{Error, Operations};

/// Of an answer of which nothing was taken for so long nobody takes anything more.
const ANSWER_MS: u64 = 2 * 60 * 60 * 1000;

/// What one sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Requests to run that nobody took in time.
    pub run_requests: u64,
    /// Drill-downs of which nothing came in time.
    pub drilldowns: u64,
    /// Connector secrets of which nothing came in time.
    pub secrets: u64,
    /// Due times that passed with neither a run nor a reason.
    pub overdue: u64,
    /// Kept answers that were forgotten.
    pub idempotency: u64,
    /// Records that say who was guessed at.
    pub refusals: u64,
    /// Counters of attempts that were forgotten.
    pub attempts: u64,
    /// Half sessions that were forgotten.
    pub half_sessions: u64,
    /// Sessions that were forgotten, and from where they were used.
    pub sessions: u64,
    /// Answers under way that were forgotten.
    pub answers: u64,
    /// Tenants for which something failed; the log says what.
    pub failed: u64,
}

impl Operations {
    /// Ends what is over, in every tenant. To be called every ten seconds or so. A fault in one tenant keeps no other from
    /// its turn.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        let now = self.now();
        let forgotten = self.relay().sweep(self.clock().monotonic_ms(), ANSWER_MS);
        let mut swept = Swept { answers: u64::try_from(forgotten).unwrap_or(u64::MAX), ..Swept::default() };
        swept.refusals = self.log_refusals(false).await?;
        swept.attempts = self.store().sweep_attempts().await?;
        for tenant in self.active_tenants().await? {
            if let Err(error) = self.sweep_tenant(tenant, now, &mut swept).await {
                tracing::error!(%tenant, code = error.code(), %error, "the upkeep of a tenant failed");
                swept.failed += 1;
            }
        }
        Ok(swept)
    }

    async fn sweep_tenant(&self, tenant: TenantId, now: Timestamp, swept: &mut Swept) -> Result<(), Error> {
        swept.run_requests += self.sweep_run_requests(tenant, now).await?;
        swept.drilldowns += self.sweep_drilldowns(tenant, now).await?;
        swept.secrets += self.sweep_secrets(tenant, now).await?;
        swept.overdue += self.sweep_overdue(tenant, now).await?;
        swept.idempotency += self.sweep_idempotency(tenant, now).await?;
        swept.half_sessions += self.sweep_half_sessions(tenant, now).await?;
        swept.sessions += self.sweep_sessions(tenant, now).await?;
        Ok(())
    }

    /// The tenants that are served.
    pub(crate) async fn active_tenants(&self) -> Result<Vec<TenantId>, Error> {
        let tenants = self.store().tenants().await?;
        let active = tenants.into_iter().filter(|tenant| tenant.state == TenantState::Active);
        Ok(active.map(|PlatformTenant { id, .. }| id).collect())
    }
}
