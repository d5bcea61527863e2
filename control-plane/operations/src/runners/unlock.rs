//! A locked Runner is let in again by an administrator who knows why it was locked.
//!
//! Unlocking believes the Runner's present certificate; it rewrites no history. A Runner whose journal was put back or
//! forked is locked again at its next Hello: it needs a new enrolment, under a new name.

use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::runner::{Runner, RunnerState};
use ids::RunnerId;
use proof::text::FreeText;

use crate::{Error, Operations};

impl Operations {
    /// Unlocks a locked Runner.
    pub async fn unlock_runner(
        &self,
        caller: &Caller,
        runner: RunnerId,
        justification: FreeText,
    ) -> Result<Runner, Error> {
        let permit = caller.permit(Permission::RunnersUnlock)?;
        self.check_confirmed(caller)?;
        let tx = self.store().write(&permit).await?;
        let found = tx.runner(runner).await?.ok_or(Error::NotFound("Runner"))?;
        if !matches!(found.state, RunnerState::Locked { .. }) {
            return Err(Error::RunnerIs(found.state.standing()));
        }
        let state = RunnerState::Active { since: self.now() };
        tx.set_runner_state(runner, &state).await?;
        tx.commit(&permit.record(Action::RunnerUnlocked { runner, justification })).await?;
        Ok(Runner { state, ..found })
    }
}
