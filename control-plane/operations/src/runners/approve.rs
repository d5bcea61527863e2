//! A Runner is let in by an administrator who compared its fingerprint.

use contract::enrolment::Fingerprint;
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::runner::{Runner, RunnerState};
use crypto::equal_constant_time;
use ids::RunnerId;

use crate::{Error, Operations};

impl Operations {
    /// Approves exactly the keys that were compared: the fingerprint is part of the request, so that nobody approves by
    /// name what somebody else put there.
    pub async fn approve_runner(
        &self,
        caller: &Caller,
        runner: RunnerId,
        fingerprint: &Fingerprint,
    ) -> Result<Runner, Error> {
        let permit = caller.permit(Permission::RunnersApprove)?;
        self.check_confirmed(caller)?;
        let tx = self.store().write(&permit).await?;
        let found = tx.runner(runner).await?.ok_or(Error::NotFound("Runner"))?;
        let statement_sha256 = found.keys.fingerprint;
        if !equal_constant_time(statement_sha256.as_bytes(), fingerprint.digest().as_bytes()) {
            return Err(Error::OtherFingerprint);
        }
        match found.state {
            // Approving twice is approving.
            RunnerState::Active { .. } => return Ok(found),
            RunnerState::Pending => {}
            RunnerState::Locked { .. } | RunnerState::Revoked { .. } => {
                return Err(Error::RunnerIs(found.state.standing()));
            }
        }
        let state = RunnerState::Active { since: self.now() };
        tx.set_runner_state(runner, &state).await?;
        tx.commit(&permit.record(Action::RunnerApproved { runner, statement_sha256 })).await?;
        Ok(Runner { state, ..found })
    }
}
