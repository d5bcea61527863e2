//! The sealed answer, as it comes from the Runner, to the one who asked.

use control_plane_domain::drilldown::DrillDownState;
use control_plane_domain::policy::{Caller, Permission};
use ids::RequestId;

use super::check_asker;
use crate::relay::AnswerReader;
use crate::{Error, Operations};

impl Operations {
    /// The one reader of an answer that is signed for and on its way.
    pub async fn answer_drilldown(&self, caller: &Caller, request: RequestId) -> Result<AnswerReader, Error> {
        let permit = caller.permit(Permission::DrillDownsRequest)?;
        let tx = self.store().read(&permit).await?;
        let drilldown = tx.drilldown(request).await?.ok_or(Error::NotFound("drill-down"))?;
        check_asker(caller, &drilldown)?;
        if !tx.tenant().await?.is_some_and(|tenant| tenant.drilldowns) {
            return Err(Error::DrillDownsOff);
        }
        match &drilldown.state {
            DrillDownState::Signed(_) | DrillDownState::Delivered(_) | DrillDownState::Answering(_) => {}
            DrillDownState::Answered { .. } => return Err(Error::AnswerIsTaken),
            DrillDownState::WaitingForRunner
            | DrillDownState::ToSign(_)
            | DrillDownState::Refused { .. }
            | DrillDownState::Expired { .. }
            | DrillDownState::Cancelled { .. } => return Err(Error::DrillDownIs(drilldown.state.word())),
        }
        let reader = AnswerReader::attach(self, request).ok_or(Error::AnswerIsTaken)?;
        // If the Runner has begun already, its session has to hear that there is room now.
        self.nudges().nudge(permit.tenant(), drilldown.runner);
        Ok(reader)
    }
}
