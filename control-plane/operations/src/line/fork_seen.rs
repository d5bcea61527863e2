//! A Runner was shown an audit log that did not grow from the one it keeps. From then on it opens no evidence, and an
//! administrator here hears why.

use contract::{AuditForkSeen, FromControlPlane};
use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit::Action;
use control_plane_domain::runner::Condition;
use crypto::digest::sha256;
use proof::log::journal::TreeHead;

use super::{LineError, Session};
use crate::Operations;

impl Operations {
    pub(super) async fn audit_fork_seen(
        &self,
        session: &mut Session,
        message: &AuditForkSeen,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        session.audit.forked = true;
        session.presence.condition = Some(Condition::ForkSeen);
        let runner = session.name.runner;
        let permit = session.permit();
        let kept = TreeHead { size: message.kept_size, root: message.kept_root };
        let shown = message.shown.as_str().as_bytes();
        let alarm = Alarm { evidence: Some(shown.to_vec()), ..self.alarm(AlarmKind::AuditForkSeen, runner) };
        let tx = self.store().write(&permit).await?;
        let raised = tx.raise_alarm(&alarm).await?.then_some(alarm.id);
        // What the Runner says is recorded each time: which log it saw may be another one.
        let action = Action::AuditForkReported { runner, kept, shown_sha256: sha256(shown), alarm: raised };
        tx.commit(&permit.record(action)).await?;
        Ok(Vec::new())
    }
}
