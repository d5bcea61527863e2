//! What a Runner is to be told, as the database says now. Asked on every nudge and every second or two, so that it also
//! works when the change was made by another process.

use contract::{AuditCheckpoint, DrillDown, DrillDownBytes, FromControlPlane, NoteText, RunRequest, StopReason};
use control_plane_domain::drilldown::{self, DrillDownState};
use control_plane_domain::runner::{CertificateState, Standing};
use control_plane_store::{ReadTx, Reads};
use crypto::ed25519;

use super::leave::still_holds;
use super::{LineError, Session};
use crate::drilldowns::{Readiness, may_ask};
use crate::{Error, Operations};

/// The time that this process gives to each cosignature of an audit checkpoint: some fifty in a second.
const COSIGNATURE_MS: u64 = 20;

impl Operations {
    /// The messages that are due; cheap when there is nothing new.
    pub async fn pending(&self, session: &mut Session) -> Result<Vec<FromControlPlane>, LineError> {
        let (tenant, runner) = (session.name.tenant, session.name.runner);
        let due = self.relay().due(session.origin());
        for request in due.cancelled {
            self.reader_left(tenant, request).await?;
        }
        let mut messages = due.messages;
        if !self.0.sessions.is_live(tenant, runner, session.id) {
            return Err(LineError::stop(StopReason::Replaced, "E-LINE-050"));
        }
        for request in std::mem::take(&mut session.to_mark) {
            self.mark_delivered(tenant, runner, request).await?;
        }
        for request in std::mem::take(&mut session.secrets_to_mark) {
            self.mark_secret_delivered(tenant, runner, request).await?;
        }
        let now = self.now();
        if now > session.not_after {
            return Err(LineError::stop(StopReason::Expired, "E-LINE-001"));
        }
        let size = self.audit_size(session).await?;
        let again = session.look_again.is_some_and(|at| now >= at);
        if session.looked_at != Some(size) || again {
            session.look_again = None;
            messages.extend(self.look(session).await?);
            session.looked_at = Some(size);
        }
        if session.audit.kept != size {
            messages.extend(self.checkpoint_to_show(session).await?);
        }
        Ok(messages)
    }

    /// How long the tenant's audit log is; one look a second serves all sessions of the tenant.
    async fn audit_size(&self, session: &Session) -> Result<u64, LineError> {
        let (tenant, now_ms) = (session.name.tenant, self.clock().monotonic_ms());
        if let Some(size) = self.0.growth.seen(tenant, now_ms) {
            return Ok(size);
        }
        let tx = self.store().read(&session.permit()).await?;
        let size = tx.audit_chain().await?.size();
        self.0.growth.saw(tenant, size, now_ms);
        Ok(size)
    }

    async fn look(&self, session: &mut Session) -> Result<Vec<FromControlPlane>, LineError> {
        let tx = self.store().read(&session.permit()).await?;
        check_standing(&tx, session).await?;
        let mut messages = self.runs_to_request(&tx, session).await?;
        let open = tx.open_drilldowns(session.name.runner).await?;
        session.sent_drilldowns.retain(|sent| open.iter().any(|drilldown| drilldown.id == *sent));
        let secrets = tx.open_connector_secrets(session.name.runner).await?;
        session.sent_secrets.retain(|sent| secrets.iter().any(|secret| secret.id == *sent));
        drop(tx);
        for drilldown in open {
            messages.extend(self.drilldown_step(session, drilldown).await?);
        }
        for secret in secrets {
            messages.extend(self.secret_step(session, secret).await?);
        }
        Ok(messages)
    }

    async fn runs_to_request(&self, tx: &ReadTx, session: &mut Session) -> Result<Vec<FromControlPlane>, LineError> {
        let waiting = tx.waiting_run_requests(session.name.runner).await?;
        session.sent_runs.retain(|sent| waiting.iter().any(|request| request.id == *sent));
        let now = self.now();
        let mut messages = Vec::new();
        for request in waiting.into_iter().filter(|request| now < request.expires) {
            if session.sent_runs.insert(request.id) {
                messages.push(FromControlPlane::RunRequest(RunRequest {
                    request: request.id,
                    procedure: request.procedure,
                    epoch: session.epoch,
                    expires: request.expires,
                    audit_seq: request.audit.seq,
                    audit_hash: request.audit.hash,
                }));
            }
        }
        Ok(messages)
    }

    /// Takes a drill-down one step further, if it is this session's turn.
    async fn drilldown_step(
        &self,
        session: &mut Session,
        drilldown: drilldown::DrillDown,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        let ours = session.epoch.as_bytes();
        let now = self.now();
        match &drilldown.state {
            DrillDownState::WaitingForRunner => self.get_ready(session, &drilldown).await?,
            DrillDownState::ToSign(to_sign) if to_sign.epoch != *ours || now >= to_sign.until => {
                self.get_ready(session, &drilldown).await?;
            }
            DrillDownState::ToSign(to_sign) => session.look_again_at(to_sign.until),
            DrillDownState::Signed(signed) if signed.epoch != *ours || now >= signed.until => {
                // Signed for a session that is gone, or too long ago: the Runner would refuse it.
                self.expire_drilldown(session.name.tenant, drilldown, "E-OPS-063").await?;
            }
            DrillDownState::Signed(_) if !self.may_go_on(session, &drilldown).await? => {
                self.expire_drilldown(session.name.tenant, drilldown, "E-OPS-064").await?;
            }
            DrillDownState::Signed(signed) => {
                if session.sent_drilldowns.insert(drilldown.id) {
                    // That it was sent is written at the next look: the person waits, and nothing depends on it.
                    session.to_mark.push(drilldown.id);
                    let envelope = DrillDownBytes::new(signed.envelope.clone());
                    let envelope = envelope.map_err(|why| Error::invalid("envelope", why))?;
                    let device_key = ed25519::VerifyingKey::from_spki(&drilldown.device_key).ok();
                    return Ok(vec![DrillDown { envelope, device_key }.into()]);
                }
            }
            DrillDownState::Delivered(_) | DrillDownState::Answering(_) => {}
            DrillDownState::Answered { .. }
            | DrillDownState::Refused { .. }
            | DrillDownState::Expired { .. }
            | DrillDownState::Cancelled { .. } => {}
        }
        Ok(Vec::new())
    }

    /// Leave can end between signing and sending.
    async fn may_go_on(&self, session: &Session, drilldown: &drilldown::DrillDown) -> Result<bool, LineError> {
        let tx = self.store().read(&session.permit()).await?;
        let enabled = tx.tenant().await?.is_some_and(|tenant| tenant.drilldowns);
        let may = tx.person(drilldown.person).await?.is_some_and(|person| may_ask(&person));
        Ok(enabled && may && still_holds(&tx, drilldown.person, drilldown.with, &drilldown.device_key).await?)
    }

    async fn get_ready(&self, session: &mut Session, drilldown: &drilldown::DrillDown) -> Result<(), LineError> {
        match self.prepare_drilldown(session.name.tenant, drilldown.id, session.epoch).await? {
            Readiness::Until(until) => session.look_again_at(until),
            Readiness::Over => {}
        }
        Ok(())
    }

    /// The newest audit checkpoint, with the proof that it grew from what the Runner keeps.
    async fn checkpoint_to_show(&self, session: &mut Session) -> Result<Option<FromControlPlane>, LineError> {
        let now_ms = self.clock().monotonic_ms();
        let pause = u64::try_from(self.settings().checkpoint_pause.as_millis()).unwrap_or(u64::MAX);
        // Each checkpoint that is shown comes back cosigned and is written down; with many Runners, each has its turn.
        let sessions = u64::try_from(self.0.sessions.count()).unwrap_or(u64::MAX);
        let pause = pause.max(sessions.saturating_mul(COSIGNATURE_MS));
        let too_soon = session.audit.at_ms.is_some_and(|at| now_ms < at.saturating_add(pause));
        if session.audit.forked || too_soon {
            return Ok(None);
        }
        let tx = self.store().read(&session.permit()).await?;
        session.audit.at_ms = Some(now_ms);
        let Some(newest) = tx.audit_checkpoint().await? else { return Ok(None) };
        if newest.size == session.audit.kept || session.audit.under_way == Some(newest.size) {
            return Ok(None);
        }
        let from_size = session.audit.kept;
        let proof = consistency(&tx, from_size, newest.size).await?;
        let note = NoteText::new(newest.note).map_err(|why| Error::invalid("note", why))?;
        session.audit.under_way = Some(newest.size);
        Ok(Some(AuditCheckpoint { note, from_size, proof }.into()))
    }
}

/// A Runner that keeps more than we have is shown what we have: it then holds the proof that our log was put back.
async fn consistency(reads: &Reads, from: u64, to: u64) -> Result<Vec<crypto::Digest>, LineError> {
    if from == 0 || from >= to { Ok(Vec::new()) } else { Ok(reads.audit_consistency(from, to).await?) }
}

async fn check_standing(tx: &ReadTx, session: &Session) -> Result<(), LineError> {
    match tx.runner(session.name.runner).await?.map(|runner| runner.state.standing()) {
        Some(Standing::Active) => {}
        Some(Standing::Locked) => return Err(LineError::stop(StopReason::Locked, "E-LINE-004")),
        Some(Standing::Pending | Standing::Revoked) | None => {
            return Err(LineError::stop(StopReason::Revoked, "E-LINE-003"));
        }
    }
    match tx.certificate(&session.certificate).await?.map(|certificate| certificate.state) {
        Some(CertificateState::Current | CertificateState::Next) => Ok(()),
        Some(CertificateState::Superseded | CertificateState::Abandoned) | None => {
            Err(LineError::stop(StopReason::Expired, "E-LINE-051"))
        }
    }
}
