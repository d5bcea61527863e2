//! How far a requested run is. A Runner says it again in every session; what is known already changes nothing.

use contract::{FromControlPlane, RunProgress, RunStage};
use control_plane_domain::audit::{Action, RequestEnd};
use control_plane_domain::run_request::RunRequestState;
use proof::text::Name;

use super::{LineError, Session};
use crate::{Error, Operations};

impl Operations {
    pub(super) async fn run_progress(
        &self,
        session: &mut Session,
        message: RunProgress,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        // Runs that nobody asked for over the line are known by their reports.
        let Some(request) = message.request else { return Ok(Vec::new()) };
        let runner = session.name.runner;
        let permit = session.permit();
        let tx = self.store().write(&permit).await?;
        let known = tx.run_request(request).await?.filter(|known| known.runner == runner);
        let Some(known) = known else {
            tracing::warn!(%runner, %request, "progress of a run that was not requested here");
            return Ok(Vec::new());
        };
        let code = message.code.map(|code| code.as_str().parse::<Name>());
        let code = code.transpose().map_err(|why| Error::invalid("code", why))?;
        let at = self.now();
        let (next, end) = match (message.stage, message.run, &code) {
            (RunStage::Refused, _, Some(code)) => {
                (RunRequestState::Refused { code: code.clone(), at }, RequestEnd::Refused)
            }
            (RunStage::Begun, Some(run), _) => (RunRequestState::Begun { run, at }, RequestEnd::Begun),
            (RunStage::Ended, Some(run), _) => {
                (RunRequestState::Ended { run, at, code: code.clone() }, RequestEnd::Ended)
            }
            (RunStage::Refused, _, None) | (RunStage::Begun | RunStage::Ended, None, _) => {
                return Err(LineError::protocol("E-LINE-022"));
            }
        };
        if known.state.word() == next.word() {
            return Ok(Vec::new());
        }
        let Ok(next) = known.state.become_state(next) else {
            // Messages of an earlier stage can arrive late, after a reconnect.
            return Ok(Vec::new());
        };
        tx.set_run_request_state(request, &next).await?;
        let action = Action::RunRequestAnswered { request, end, run: message.run, code };
        tx.commit(&permit.record(action)).await?;
        Ok(Vec::new())
    }
}
