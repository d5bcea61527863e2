//! Who asked for which evidence, and what became of it.

use control_plane_domain::drilldown::{DrillDown, DrillDownFilter, DrillDownReceipt};
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission, Permit};
use ids::{RequestId, RunnerId};

use super::check_asker;
use crate::{Error, Operations};

impl Operations {
    /// The tenant's drill-downs.
    pub async fn list_drilldowns(
        &self,
        caller: &Caller,
        runner: Option<RunnerId>,
        page: &Page,
    ) -> Result<Listed<DrillDown>, Error> {
        let permit = caller.permit(Permission::DrillDownsList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.drilldowns(runner, page).await?)
    }

    /// Drill-downs that fit, newest first.
    pub async fn drilldowns_by(
        &self,
        caller: &Caller,
        filter: &DrillDownFilter,
        page: &Page,
    ) -> Result<Listed<DrillDown>, Error> {
        let permit = caller.permit(Permission::DrillDownsList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.drilldowns_by(filter, page).await?)
    }

    /// One drill-down: for those who see all of them, and for the person who asked.
    pub async fn get_drilldown(&self, caller: &Caller, request: RequestId) -> Result<DrillDown, Error> {
        let permit = see(caller)?;
        let tx = self.store().read(&permit).await?;
        let drilldown = tx.drilldown(request).await?.ok_or(Error::NotFound("drill-down"))?;
        if permit.permission() == Permission::DrillDownsRequest {
            check_asker(caller, &drilldown)?;
        }
        Ok(drilldown)
    }

    /// What the Runner signed about it: the first receipt, exact bytes.
    pub async fn drilldown_receipt(&self, caller: &Caller, request: RequestId) -> Result<DrillDownReceipt, Error> {
        let permit = see(caller)?;
        let tx = self.store().read(&permit).await?;
        let drilldown = tx.drilldown(request).await?.ok_or(Error::NotFound("drill-down"))?;
        if permit.permission() == Permission::DrillDownsRequest {
            check_asker(caller, &drilldown)?;
        }
        let first = tx.drilldown_receipts(request).await?.into_iter().next();
        first.ok_or(Error::NotFound("receipt: the Runner has not sent it yet"))
    }
}

fn see(caller: &Caller) -> Result<Permit, Error> {
    let needed =
        if caller.may(Permission::DrillDownsList) { Permission::DrillDownsList } else { Permission::DrillDownsRequest };
    Ok(caller.permit(needed)?)
}
