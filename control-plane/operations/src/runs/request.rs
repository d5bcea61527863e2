//! Somebody asks a Runner to run a procedure now.

use std::time::Duration;

use control_plane_domain::audit::Action;
use control_plane_domain::audit_log::AuditRef;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::run_request::{RunRequest, RunRequestState};
use control_plane_domain::runner::RunnerState;
use crypto::Digest;
use ids::{RequestId, RunnerId};

use crate::{Error, Operations};

/// The longest that a request may wait for its Runner.
const LONGEST_WAIT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What is to be run where.
#[derive(Debug, Clone)]
pub struct RequestRun {
    /// The Runner.
    pub runner: RunnerId,
    /// The digest of an installed procedure.
    pub procedure: Digest,
    /// How long to wait for the Runner.
    pub wait: Option<Duration>,
}

impl Operations {
    /// Logs the request; the Runner's session takes it from there, and repeats it in every new session until the Runner
    /// has said something or the time is over.
    pub async fn request_run(&self, caller: &Caller, input: RequestRun) -> Result<RunRequest, Error> {
        let permit = caller.permit(Permission::RunsRequest)?;
        let wait = input.wait.unwrap_or(self.settings().run_wait);
        if wait.is_zero() || wait > LONGEST_WAIT {
            return Err(Error::invalid("wait", "between a second and a week"));
        }
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let (ms, random) = self.fresh();
        let id = RequestId::from_parts(ms, random);
        let now = self.now();
        let RequestRun { runner, procedure, .. } = input;

        let tx = self.store().write(&permit).await?;
        let found = tx.runner(runner).await?.ok_or(Error::NotFound("Runner"))?;
        if !matches!(found.state, RunnerState::Active { .. }) {
            return Err(Error::RunnerIs(found.state.standing()));
        }
        tx.installed_procedure(runner, &procedure).await?.ok_or(Error::NotInstalled)?;
        let expires = now.plus_ms(wait_ms);
        let action = Action::RunRequested { request: id, runner, procedure_sha256: procedure, expires };
        let (logged, appended) = tx.log(&permit.record(action)).await?;
        let request = RunRequest {
            id,
            runner,
            procedure,
            person: caller.person(),
            requested: now,
            expires,
            audit: AuditRef::from(&appended),
            state: RunRequestState::Waiting,
        };
        logged.add_run_request(&request).await?;
        logged.commit().await?;
        self.wake(permit.tenant(), runner, &appended);
        Ok(request)
    }
}
