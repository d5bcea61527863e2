//! The person who asked takes it back.

use control_plane_domain::audit::Action;
use control_plane_domain::drilldown::{DrillDown, DrillDownState};
use control_plane_domain::policy::{Caller, Permission};
use ids::RequestId;

use super::check_asker;
use crate::{Error, Operations};

impl Operations {
    /// Takes a drill-down back that is not over.
    pub async fn cancel_drilldown(&self, caller: &Caller, request: RequestId) -> Result<DrillDown, Error> {
        let permit = caller.permit(Permission::DrillDownsRequest)?;
        let tx = self.store().write(&permit).await?;
        let drilldown = tx.drilldown(request).await?.ok_or(Error::NotFound("drill-down"))?;
        check_asker(caller, &drilldown)?;
        let from = drilldown.state.word();
        let state = DrillDownState::Cancelled { signed: drilldown.state.signed().cloned(), at: self.now() };
        let drilldown = drilldown.becoming(state).map_err(|illegal| Error::DrillDownIs(illegal.from))?;
        tx.set_drilldown_state(&drilldown, from).await?;
        let committed = tx.commit(&permit.record(Action::EvidenceCancelled { request })).await?;
        self.relay().abandon(request);
        self.wake(permit.tenant(), drilldown.runner, &committed);
        Ok(drilldown)
    }
}
