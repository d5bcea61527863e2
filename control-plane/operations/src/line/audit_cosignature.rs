//! A Runner has seen an audit checkpoint, keeps it, and says so with its own signature.

use contract::{FromControlPlane, NoteText};
use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit::Action;
use control_plane_domain::audit_log::AuditCosignature;
use control_plane_store::Unlogged;
use proof::checkpoint::Checkpoint;
use proof::log::witness;
use proof::note::SignedNote;

use super::{LineError, Session};
use crate::{Error, Operations};

impl Operations {
    pub(super) async fn audit_cosignature(
        &self,
        session: &mut Session,
        text: &NoteText,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        let shown = text.note();
        let checkpoint = Checkpoint::from_text(shown.text()).map_err(|_| LineError::protocol("E-LINE-042"))?;
        let runner = session.name.runner;
        let permit = session.permit();
        let tx = self.store().write(&permit).await?;
        let ours = tx.audit_checkpoint_at(checkpoint.size).await?;
        let ours = ours.map(|ours| SignedNote::parse(&ours.note)).transpose();
        let ours = ours.map_err(|_| Error::invalid("note", "a stored checkpoint is no note"))?;
        let verified = ours.is_some_and(|ours| witness::cosignature_of(&shown, &ours, &session.witness_key).is_ok());
        if !verified {
            let evidence = Some(text.as_str().as_bytes().to_vec());
            let alarm = Alarm { evidence, ..self.alarm(AlarmKind::AuditCosignatureDiffers, runner) };
            if tx.raise_alarm(&alarm).await? {
                let Alarm { id, kind, runner, subject, .. } = alarm;
                tx.commit(&permit.record(Action::AlarmRaised { alarm: id, kind, runner, subject })).await?;
            }
            return Ok(Vec::new());
        }
        let (size, root, at) = (checkpoint.size, checkpoint.root, self.now());
        let cosignature = AuditCosignature { runner, size, root, note: text.as_str().to_owned(), at };
        if tx.add_audit_cosignature(&cosignature).await? {
            tx.commit_unlogged(Unlogged::Witnessing).await?;
        }
        session.audit.kept = session.audit.kept.max(size);
        if session.audit.under_way.is_some_and(|under_way| under_way <= size) {
            session.audit.under_way = None;
        }
        Ok(Vec::new())
    }
}
