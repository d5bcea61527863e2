//! Which alarms there are.

use control_plane_domain::alarm::{Alarm, AlarmFilter};
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{self, Caller, Permission};
use ids::{AlarmId, TenantId};

use crate::{Error, Operations};

impl Operations {
    /// The tenant's alarms, newest first.
    pub async fn list_alarms(&self, caller: &Caller, open_only: bool, page: &Page) -> Result<Listed<Alarm>, Error> {
        let permit = caller.permit(Permission::AlarmsList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.alarms(open_only, page).await?)
    }

    /// Alarms that fit, newest first.
    pub async fn alarms_by(&self, caller: &Caller, filter: &AlarmFilter, page: &Page) -> Result<Listed<Alarm>, Error> {
        let permit = caller.permit(Permission::AlarmsList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.alarms_by(filter, page).await?)
    }

    /// One alarm, with what proves it.
    pub async fn get_alarm(&self, caller: &Caller, alarm: AlarmId) -> Result<Alarm, Error> {
        let permit = caller.permit(Permission::AlarmsList)?;
        let tx = self.store().read(&permit).await?;
        tx.alarm(alarm).await?.ok_or(Error::NotFound("alarm"))
    }

    /// The same list, for the operator of the platform.
    pub async fn list_alarms_as_operator(
        &self,
        tenant: TenantId,
        open_only: bool,
        page: &Page,
    ) -> Result<Listed<Alarm>, Error> {
        let permit = policy::operator(tenant, Permission::AlarmsList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.alarms(open_only, page).await?)
    }
}
