//! A checkpoint of a Runner's journal is cosigned, if its root is the one that the accepted records have.

use contract::{FromControlPlane, JournalCosignature, NoteText, StopReason};
use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit::Action;
use control_plane_domain::journal::JournalCheckpoint;
use control_plane_domain::runner::LockReason;
use control_plane_store::Unlogged;
use proof::checkpoint::Checkpoint;

use super::{LineError, Session};
use crate::{Error, Operations};

impl Operations {
    pub(super) async fn journal_checkpoint(
        &self,
        session: &mut Session,
        note: NoteText,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        session.checkpoint_ahead = Some(note);
        let tx = self.store().read(&session.permit()).await?;
        let accepted = tx.journal(session.name.runner).await?.chain().size();
        drop(tx);
        self.cosign_when_accepted(session, accepted).await
    }

    /// Cosigns the newest checkpoint that the Runner showed, once every record under it has been accepted.
    pub(super) async fn cosign_when_accepted(
        &self,
        session: &mut Session,
        accepted: u64,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        let Some(text) = session.checkpoint_ahead.take() else { return Ok(Vec::new()) };
        let mut note = text.note();
        let shown = Checkpoint::open(&note, &session.journal_key).map_err(|_| LineError::protocol("E-LINE-040"))?;
        if shown.size > accepted {
            session.checkpoint_ahead = Some(text);
            return Ok(Vec::new());
        }
        let runner = session.name.runner;
        let permit = session.permit();
        let tx = self.store().write(&permit).await?;
        if tx.journal_root(runner, shown.size).await? != Some(shown.root) {
            drop(tx);
            return Err(self.differs(session, &text).await?);
        }
        let newest = tx.journal_checkpoint(runner).await?;
        if let Some(known) = newest.filter(|known| known.size >= shown.size) {
            // Cosigned before; of an older one nobody needs to hear.
            let same = known.size == shown.size;
            let again = same.then(|| NoteText::new(known.note)).transpose().map_err(|_| damaged())?;
            return Ok(again.map(|note| JournalCosignature { note }.into()).into_iter().collect());
        }
        self.cosign_journal(&tx, session.name.tenant, &mut note).await?;
        let cosigned = NoteText::new(note.to_text()).map_err(|_| damaged())?;
        let (size, root, at) = (shown.size, shown.root, self.now());
        let note = cosigned.as_str().to_owned();
        tx.add_journal_checkpoint(&JournalCheckpoint { runner, size, root, note, at }).await?;
        tx.commit_unlogged(Unlogged::Witnessing).await?;
        Ok(vec![JournalCosignature { note: cosigned }.into()])
    }

    /// The Runner signed another history than the one it reported: its own signature is the proof, and is kept.
    async fn differs(&self, session: &Session, note: &NoteText) -> Result<LineError, LineError> {
        let (tenant, runner) = (session.name.tenant, session.name.runner);
        let permit = session.permit();
        let evidence = Some(note.as_str().as_bytes().to_vec());
        let alarm = Alarm { evidence: evidence.clone(), ..self.alarm(AlarmKind::CheckpointDiffers, runner) };
        let tx = self.store().write(&permit).await?;
        if tx.raise_alarm(&alarm).await? {
            let Alarm { id, kind, runner, subject, .. } = alarm;
            tx.commit(&permit.record(Action::AlarmRaised { alarm: id, kind, runner, subject })).await?;
        } else {
            drop(tx);
        }
        self.lock_runner(tenant, runner, LockReason::JournalForked, evidence).await?;
        Ok(LineError::stop(StopReason::Locked, "E-LINE-041"))
    }
}

fn damaged() -> LineError {
    Error::invalid("note", "a stored checkpoint is no note").into()
}
