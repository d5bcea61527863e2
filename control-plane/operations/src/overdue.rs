//! A due time passed, and neither a run nor a reason came: the one thing that a Runner that is gone cannot say itself.

use clock::Timestamp;
use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{self, Permission};
use ids::{AlarmId, TenantId};

use crate::{Error, Operations};

/// How long after a due time its run, or the reason for none, may still be on its way.
const GRACE_MS: i64 = 15 * 60 * 1000;

/// Due times that one sweep looks at.
const BATCH: u32 = 200;

impl Operations {
    /// Marks the due times of a tenant that have passed, each with an alarm; how many.
    pub(crate) async fn sweep_overdue(&self, tenant: TenantId, now: Timestamp) -> Result<u64, Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().read(&permit).await?;
        let late = tx.due_before(now.plus_ms(-GRACE_MS), BATCH).await?;
        drop(tx);
        let mut marked = 0;
        for due in late {
            let tx = self.store().write(&permit).await?;
            // A new schedule may have come in since.
            let still = tx.schedule(due.runner).await?.into_iter().any(|known| {
                known.procedure == due.procedure && known.next_due == due.next_due && known.overdue_since.is_none()
            });
            if !still {
                continue;
            }
            tx.mark_overdue(due.runner, &due.procedure, due.next_due).await?;
            let (ms, random) = self.fresh();
            let alarm = Alarm {
                id: AlarmId::from_parts(ms, random),
                kind: AlarmKind::Overdue,
                runner: Some(due.runner),
                subject: Some(due.procedure),
                opened: now,
                evidence: None,
                acknowledged: None,
            };
            // An open alarm about it is enough; that it is overdue again is recorded all the same.
            tx.raise_alarm(&alarm).await?;
            let Alarm { id, kind, runner, subject, .. } = alarm;
            tx.commit(&permit.record(Action::AlarmRaised { alarm: id, kind, runner, subject })).await?;
            marked += 1;
        }
        Ok(marked)
    }
}
