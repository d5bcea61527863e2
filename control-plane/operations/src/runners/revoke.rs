//! A Runner is shut out for good. Its live stream is cut within seconds; what it reported stays.

use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::runner::{Runner, RunnerState};
use ids::RunnerId;
use proof::text::FreeText;

use crate::{Error, Operations};

impl Operations {
    /// Revokes a Runner, in whatever state it is.
    pub async fn revoke_runner(
        &self,
        caller: &Caller,
        runner: RunnerId,
        justification: FreeText,
    ) -> Result<Runner, Error> {
        let permit = caller.permit(Permission::RunnersRevoke)?;
        self.check_confirmed(caller)?;
        let tx = self.store().write(&permit).await?;
        let found = tx.runner(runner).await?.ok_or(Error::NotFound("Runner"))?;
        if matches!(found.state, RunnerState::Revoked { .. }) {
            return Err(Error::RunnerIs(found.state.standing()));
        }
        let state = RunnerState::Revoked { since: self.now() };
        tx.set_runner_state(runner, &state).await?;
        tx.replace_under_way(&[(runner, Vec::new())]).await?;
        let committed = tx.commit(&permit.record(Action::RunnerRevoked { runner, justification })).await?;
        self.wake(permit.tenant(), runner, &committed);
        self.0.presences.put_runs(permit.tenant(), runner, Vec::new());
        Ok(Runner { state, ..found })
    }
}
