//! Somebody has looked at an alarm and says what it was.

use control_plane_domain::alarm::{Acknowledged, Alarm};
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Caller, Permission};
use ids::AlarmId;
use proof::text::FreeText;

use crate::{Error, Operations};

impl Operations {
    /// Acknowledges an alarm. It mends nothing by itself: a locked Runner stays locked.
    pub async fn acknowledge_alarm(
        &self,
        caller: &Caller,
        alarm: AlarmId,
        justification: FreeText,
    ) -> Result<Alarm, Error> {
        let permit = caller.permit(Permission::AlarmsAcknowledge)?;
        let tx = self.store().write(&permit).await?;
        let found = tx.alarm(alarm).await?.ok_or(Error::NotFound("alarm"))?;
        if found.acknowledged.is_some() {
            return Err(Error::AlarmIsAcknowledged);
        }
        let acknowledged = Acknowledged { by: caller.person(), at: self.now() };
        tx.acknowledge_alarm(alarm, acknowledged).await?;
        tx.commit(&permit.record(Action::AlarmAcknowledged { alarm, justification })).await?;
        Ok(Alarm { acknowledged: Some(acknowledged), ..found })
    }
}
