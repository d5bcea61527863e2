//! How a drill-down goes on without the person: sent, given up, out of time.

use clock::Timestamp;
use control_plane_domain::audit::Action;
use control_plane_domain::drilldown::{DrillDown, DrillDownState, DrillDownWord};
use control_plane_domain::policy::{self, Permission};
use control_plane_store::{StoreError, Unlogged};
use ids::{RequestId, RunnerId, TenantId};

use super::code;
use crate::{Error, Operations};

/// An answer that has begun may take longer than the request was to wait; then its reader or its session ends it.
const ANSWERING_MS: i64 = 60 * 60 * 1000;

/// Drill-downs that one sweep looks at.
const BATCH: u32 = 200;

impl Operations {
    /// Writes down that a signed request was sent, or that its answer comes. Not audited: what was asked and what became
    /// of it are.
    pub(crate) async fn mark_delivered(
        &self,
        tenant: TenantId,
        runner: RunnerId,
        request: RequestId,
    ) -> Result<(), Error> {
        let permit = policy::runner(tenant, runner);
        let tx = self.store().write(&permit).await?;
        let Some(drilldown) = tx.drilldown(request).await? else { return Ok(()) };
        let DrillDownState::Signed(signed) = &drilldown.state else { return Ok(()) };
        let next = if self.relay().has_begun(request) {
            DrillDownState::Answering(signed.clone())
        } else {
            DrillDownState::Delivered(signed.clone())
        };
        let Ok(drilldown) = drilldown.becoming(next) else { return Ok(()) };
        tx.set_drilldown_state(&drilldown, DrillDownWord::Signed).await?;
        Ok(tx.commit_unlogged(Unlogged::Delivery).await?)
    }

    /// The reader of an answer left before its end.
    pub(crate) async fn reader_left(&self, tenant: TenantId, request: RequestId) -> Result<(), Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().write(&permit).await?;
        let Some(drilldown) = tx.drilldown(request).await? else { return Ok(()) };
        let from = drilldown.state.word();
        let state = DrillDownState::Cancelled { signed: drilldown.state.signed().cloned(), at: self.now() };
        // It may have ended in the meantime.
        let Ok(drilldown) = drilldown.becoming(state) else { return Ok(()) };
        tx.set_drilldown_state(&drilldown, from).await?;
        tx.commit(&permit.record(Action::EvidenceCancelled { request })).await?;
        Ok(())
    }

    /// Ends a drill-down of which nothing came in time, or that may not go on.
    pub(crate) async fn expire_drilldown(
        &self,
        tenant: TenantId,
        drilldown: DrillDown,
        why: &'static str,
    ) -> Result<bool, Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let (request, runner, from) = (drilldown.id, drilldown.runner, drilldown.state.word());
        let signed = drilldown.state.signed().cloned();
        let state = DrillDownState::Expired { signed, code: code(why), at: self.now() };
        let Ok(drilldown) = drilldown.becoming(state) else { return Ok(false) };
        let tx = self.store().write(&permit).await?;
        match tx.set_drilldown_state(&drilldown, from).await {
            Ok(()) => {}
            // Somebody else took it a step further.
            Err(StoreError::Conflict { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let committed = tx.commit(&permit.record(Action::EvidenceExpired { request, code: code(why) })).await?;
        self.relay().abandon(request);
        self.wake(tenant, runner, &committed);
        Ok(true)
    }

    /// Ends the drill-downs of a tenant whose time is over; how many.
    pub(crate) async fn sweep_drilldowns(&self, tenant: TenantId, now: Timestamp) -> Result<u64, Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().read(&permit).await?;
        let late = tx.drilldowns_expired_by(now, BATCH).await?;
        drop(tx);
        let mut ended = 0;
        for drilldown in late {
            let why = match drilldown.state.word() {
                DrillDownWord::WaitingForRunner => "E-OPS-065",
                DrillDownWord::ToSign => "E-OPS-066",
                DrillDownWord::Signed => "E-OPS-063",
                DrillDownWord::Delivered | DrillDownWord::Answering => {
                    if now < drilldown.expires.plus_ms(ANSWERING_MS) {
                        continue;
                    }
                    "E-OPS-067"
                }
                DrillDownWord::Answered
                | DrillDownWord::Refused
                | DrillDownWord::Expired
                | DrillDownWord::Cancelled => continue,
            };
            ended += u64::from(self.expire_drilldown(tenant, drilldown, why).await?);
        }
        Ok(ended)
    }
}
