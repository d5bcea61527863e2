//! A Runner is shut out until somebody has looked at it: there may be a second holder of its identity, or a second
//! history. It is done at once, by whoever sees it, and cuts the live stream.

use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{self, Permission};
use control_plane_domain::runner::{LockReason, RunnerState};
use ids::{AlarmId, RunnerId, TenantId};

use crate::{Error, Operations};

impl Operations {
    /// Locks a Runner that is active, with an alarm; one that is not active is left as it is.
    pub(crate) async fn lock_runner(
        &self,
        tenant: TenantId,
        runner: RunnerId,
        reason: LockReason,
        evidence: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().write(&permit).await?;
        let found = tx.runner(runner).await?.ok_or(Error::NotFound("Runner"))?;
        if !matches!(found.state, RunnerState::Active { .. }) {
            return Ok(());
        }
        let now = self.now();
        tx.set_runner_state(runner, &RunnerState::Locked { since: now, reason }).await?;
        let (ms, random) = self.fresh();
        let alarm = Alarm {
            id: AlarmId::from_parts(ms, random),
            kind: alarm_of(reason),
            runner: Some(runner),
            subject: None,
            opened: now,
            evidence,
            acknowledged: None,
        };
        let alarm = tx.raise_alarm(&alarm).await?.then_some(alarm.id);
        let committed = tx.commit(&permit.record(Action::RunnerLocked { runner, cause: reason, alarm })).await?;
        self.wake(tenant, runner, &committed);
        tracing::warn!(%tenant, %runner, %reason, "a Runner was locked");
        Ok(())
    }
}

fn alarm_of(reason: LockReason) -> AlarmKind {
    match reason {
        LockReason::GenerationReused => AlarmKind::GenerationReused,
        LockReason::RenewalConflict => AlarmKind::RenewalConflict,
        LockReason::TakenOver => AlarmKind::TakenOver,
        LockReason::JournalForked => AlarmKind::JournalForked,
        LockReason::JournalRolledBack => AlarmKind::JournalRolledBack,
    }
}
