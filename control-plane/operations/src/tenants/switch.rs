//! Drill-downs of a whole tenant are switched off or on. The control plane can only tighten what a Runner's own policy
//! allows: off here is off, on here is whatever the Runner says.

use control_plane_domain::audit::Action;
use control_plane_domain::drilldown::DrillDownState;
use control_plane_domain::policy::{Caller, Permission};

use crate::drilldowns::code;
use crate::{Error, Operations};

/// Why those end that were not over.
const SWITCHED_OFF: &str = "E-OPS-064";

impl Operations {
    /// Switches drill-downs of the tenant; switching to what it is already changes and logs nothing. Off ends every one that
    /// is not over, in the same transaction, and answers that are on their way are cut off.
    pub async fn set_drilldowns(&self, caller: &Caller, enabled: bool) -> Result<(), Error> {
        let permit = caller.permit(Permission::DrillDownsSwitch)?;
        self.check_confirmed(caller)?;
        let tx = self.store().write(&permit).await?;
        let tenant = tx.tenant().await?.ok_or(Error::NotFound("tenant"))?;
        if tenant.drilldowns == enabled {
            return Ok(());
        }
        tx.set_drilldowns(enabled).await?;
        let open = if enabled { Vec::new() } else { tx.all_open_drilldowns().await? };
        let (mut logged, mut last) = tx.log(&permit.record(Action::DrillDownsSwitched { enabled })).await?;
        let mut ended = Vec::new();
        for drilldown in open {
            let from = drilldown.state.word();
            let (request, signed) = (drilldown.id, drilldown.state.signed().cloned());
            let state = DrillDownState::Expired { signed, code: code(SWITCHED_OFF), at: self.now() };
            let Ok(drilldown) = drilldown.becoming(state) else { continue };
            logged.set_drilldown_state(&drilldown, from).await?;
            last = logged.log(&permit.record(Action::EvidenceExpired { request, code: code(SWITCHED_OFF) })).await?;
            ended.push((request, drilldown.runner));
        }
        logged.commit().await?;
        for (request, runner) in ended {
            self.relay().abandon(request);
            self.wake(permit.tenant(), runner, &last);
        }
        Ok(())
    }
}
