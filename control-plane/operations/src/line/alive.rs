//! A sign of life.

use contract::{Alive, FromControlPlane};
use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit::Action;
use control_plane_domain::policy::Permit;
use control_plane_domain::runner::Condition;

use super::hello::condition;
use super::{LineError, Session};
use crate::Operations;

impl Operations {
    pub(super) async fn alive(
        &self,
        session: &mut Session,
        message: &Alive,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        let now = condition(message.condition);
        let before = session.presence.condition.replace(now);
        session.presence.last_seen = Some(self.now());
        session.presence.waiting = message.waiting;
        if now == Condition::Full && before != Some(Condition::Full) {
            self.alarm_full(session, &session.permit()).await?;
        }
        let (tenant, runner) = (session.name.tenant, session.name.runner);
        if self.0.sessions.is_live(tenant, runner, session.id) {
            self.0.presences.put(tenant, runner, session.presence.clone());
        }
        Ok(Vec::new())
    }

    async fn alarm_full(&self, session: &Session, permit: &Permit) -> Result<(), LineError> {
        let alarm = self.alarm(AlarmKind::RunnerFull, session.name.runner);
        let tx = self.store().write(permit).await?;
        if tx.raise_alarm(&alarm).await? {
            let Alarm { id, kind, runner, subject, .. } = alarm;
            tx.commit(&permit.record(Action::AlarmRaised { alarm: id, kind, runner, subject })).await?;
        }
        Ok(())
    }
}
