//! Drill-downs of a whole tenant are switched off or on. The control plane can only tighten what a Runner's own policy
//! allows: off here is off, on here is whatever the Runner says.

use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Caller, Permission};

use crate::{Error, Operations};

impl Operations {
    /// Switches drill-downs of the tenant; switching to what it is already changes and logs nothing.
    pub async fn set_drilldowns(&self, caller: &Caller, enabled: bool) -> Result<(), Error> {
        let permit = caller.permit(Permission::DrillDownsSwitch)?;
        self.check_confirmed(caller)?;
        let tx = self.store().write(&permit).await?;
        let tenant = tx.tenant().await?.ok_or(Error::NotFound("tenant"))?;
        if tenant.drilldowns == enabled {
            return Ok(());
        }
        tx.set_drilldowns(enabled).await?;
        tx.commit(&permit.record(Action::DrillDownsSwitched { enabled })).await?;
        Ok(())
    }
}
