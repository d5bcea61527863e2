//! When each scheduled procedure of a Runner is due next. With it the control plane sees that a due time passed with
//! neither a run nor a reason.

use contract::{FromControlPlane, Schedule};
use control_plane_domain::audit::Action;
use control_plane_domain::procedure::ScheduleDue;
use crypto::digest::Sha256;

use super::{LineError, Session};
use crate::Operations;

impl Operations {
    pub(super) async fn schedule(
        &self,
        session: &Session,
        message: Schedule,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        let runner = session.name.runner;
        let permit = session.permit();
        let reported = self.now();
        let mut said: Vec<ScheduleDue> = message
            .due
            .into_iter()
            .map(|due| ScheduleDue {
                runner,
                procedure: due.procedure,
                next_due: due.next_due,
                reported,
                overdue_since: None,
            })
            .collect();
        said.sort_by(|a, b| a.procedure.cmp(&b.procedure));
        if said.is_sorted_by(|a, b| a.procedure < b.procedure) {
            let tx = self.store().write(&permit).await?;
            let mut known = tx.schedule(runner).await?;
            known.sort_by(|a, b| a.procedure.cmp(&b.procedure));
            let same = known.len() == said.len()
                && known.iter().zip(&said).all(|(a, b)| a.procedure == b.procedure && a.next_due == b.next_due);
            if same {
                return Ok(Vec::new());
            }
            tx.replace_schedule(runner, &said).await?;
            let mut hash = Sha256::new();
            for due in &said {
                hash.update(format!("{} {}\n", due.procedure, due.next_due).as_bytes());
            }
            let due = u64::try_from(said.len()).unwrap_or(u64::MAX);
            let action = Action::RunnerScheduled { runner, due, schedule_sha256: hash.finish() };
            tx.commit(&permit.record(action)).await?;
            return Ok(Vec::new());
        }
        Err(LineError::protocol("E-LINE-021"))
    }
}
