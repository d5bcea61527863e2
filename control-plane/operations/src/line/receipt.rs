//! A sealed answer comes, and the receipt that says what the Runner decided. The first receipt of a request is the truth
//! about it; every one is kept, and every one is acknowledged, so that none is sent for ever.

use contract::{FromControlPlane, Receipt as Message, ReceiptAccepted, SealedFrame, SealedStart};
use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit::Action;
use control_plane_domain::drilldown::{DrillDown, DrillDownReceipt, DrillDownState};
use control_plane_store::WriteTx;
use crypto::Digest;
use crypto::digest::sha256;
use proof::drilldown::{Decision, Receipt};

use super::{LineError, Session};
use crate::Operations;

impl Operations {
    pub(super) async fn sealed_start(
        &self,
        session: &Session,
        message: &SealedStart,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        self.relay().start(session.origin(), message).map_err(|_| LineError::protocol("E-LINE-060"))
    }

    pub(super) async fn sealed_frame(
        &self,
        session: &Session,
        message: SealedFrame,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        self.relay().frame(session.origin(), message).map_err(|_| LineError::protocol("E-LINE-061"))
    }

    pub(super) async fn receipt(
        &self,
        session: &Session,
        message: &Message,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        let bytes = message.envelope.as_bytes();
        let receipt_sha256 = sha256(bytes);
        let accepted = vec![ReceiptAccepted { request: message.request, receipt_sha256 }.into()];
        let permit = session.permit();
        let tx = self.store().write(&permit).await?;
        let secret = tx.connector_secret(message.request).await?;
        if let Some(secret) = secret.filter(|secret| secret.runner == session.name.runner) {
            if !self.secret_receipt_came(tx, session, secret, bytes).await? {
                let tx = self.store().write(&permit).await?;
                self.alarm_receipt(tx, session, bytes).await?;
            }
            return Ok(accepted);
        }
        let receipt = Receipt::open(bytes, std::slice::from_ref(&session.attestation_key));
        let receipt = receipt.ok().filter(|receipt| receipt.request == message.request);
        let known = tx.drilldown(message.request).await?;
        let known = known.filter(|known| known.runner == session.name.runner);
        let (Some(drilldown), Some(receipt)) = (known, receipt) else {
            self.alarm_receipt(tx, session, bytes).await?;
            return Ok(accepted);
        };
        let first = tx.drilldown_receipts(drilldown.id).await?.is_empty();
        let record = DrillDownReceipt {
            drilldown: drilldown.id,
            sha256: receipt_sha256,
            envelope: bytes.to_vec(),
            at: self.now(),
        };
        if !tx.add_drilldown_receipt(&record).await? {
            // It is kept already: its acknowledgement was lost.
            return Ok(accepted);
        }
        let refused = matches!(receipt.decision, Decision::Refused { .. });
        let relayed = self.relay().receipted(drilldown.id, refused);
        let fits = fits(&drilldown, &receipt, relayed);
        self.decide(tx, session, drilldown, &receipt, receipt_sha256, first && fits).await?;
        Ok(accepted)
    }

    /// The first receipt that fits ends the drill-down; any other is kept beside it and looked at by a person.
    async fn decide(
        &self,
        tx: WriteTx,
        session: &Session,
        drilldown: DrillDown,
        receipt: &Receipt,
        receipt_sha256: Digest,
        decides: bool,
    ) -> Result<(), LineError> {
        let permit = session.permit();
        let (request, from, at) = (drilldown.id, drilldown.state.word(), self.now());
        let signed = drilldown.state.signed().cloned();
        let (next, action) = match (&receipt.decision, signed) {
            (Decision::Answered { sealed_sha256 }, Some(signed)) => (
                DrillDownState::Answered { signed, receipt: receipt_sha256, at },
                Action::EvidenceAnswered { request, receipt_sha256, sealed_sha256: *sealed_sha256 },
            ),
            (Decision::Answered { .. }, None) => return self.alarm_only(tx, session, receipt_sha256).await,
            (Decision::CutOff { code }, signed) => (
                DrillDownState::Refused { signed, code: code.clone(), receipt: Some(receipt_sha256), at },
                Action::EvidenceCutOff { request, receipt_sha256, code: code.clone() },
            ),
            (Decision::Refused { code }, signed) => (
                DrillDownState::Refused { signed, code: code.clone(), receipt: Some(receipt_sha256), at },
                Action::EvidenceRefused { request, receipt_sha256, code: code.clone() },
            ),
        };
        let (mut logged, _) = tx.log(&permit.record(action)).await?;
        let ended = match drilldown.becoming(next) {
            Ok(drilldown) if decides => {
                logged.set_drilldown_state(&drilldown, from).await?;
                true
            }
            Ok(_) | Err(_) => false,
        };
        if !ended {
            let alarm = self.receipt_alarm(session, receipt_sha256);
            if logged.raise_alarm(&alarm).await? {
                let Alarm { id, kind, runner, subject, .. } = alarm;
                logged.log(&permit.record(Action::AlarmRaised { alarm: id, kind, runner, subject })).await?;
            }
        }
        logged.commit().await?;
        Ok(())
    }

    pub(super) async fn alarm_only(&self, tx: WriteTx, session: &Session, receipt: Digest) -> Result<(), LineError> {
        self.raise(tx, session, self.receipt_alarm(session, receipt)).await
    }

    /// A receipt for nothing that was asked here, or that the Runner did not sign.
    async fn alarm_receipt(&self, tx: WriteTx, session: &Session, envelope: &[u8]) -> Result<(), LineError> {
        let alarm = self.alarm(AlarmKind::ReceiptDiffers, session.name.runner);
        self.raise(tx, session, Alarm { evidence: Some(envelope.to_vec()), ..alarm }).await
    }

    async fn raise(&self, tx: WriteTx, session: &Session, alarm: Alarm) -> Result<(), LineError> {
        let permit = session.permit();
        let raised = tx.raise_alarm(&alarm).await?;
        let Alarm { id, kind, runner, subject, .. } = alarm;
        if raised {
            tx.commit(&permit.record(Action::AlarmRaised { alarm: id, kind, runner, subject })).await?;
        }
        Ok(())
    }

    fn receipt_alarm(&self, session: &Session, receipt: Digest) -> Alarm {
        let evidence = Some(format!("{{\"receipt_sha256\":\"{receipt}\"}}").into_bytes());
        Alarm { evidence, ..self.alarm(AlarmKind::ReceiptDiffers, session.name.runner) }
    }
}

/// Whether a receipt is about the request that was signed, and about the answer that was relayed, if one was.
fn fits(drilldown: &DrillDown, receipt: &Receipt, relayed: Option<Digest>) -> bool {
    let same_request = drilldown.state.signed().is_some_and(|signed| signed.request_sha256 == receipt.request_sha256);
    let same_answer = match (&receipt.decision, relayed) {
        (Decision::Answered { sealed_sha256 }, Some(relayed)) => *sealed_sha256 == relayed,
        (Decision::Answered { .. }, None) => true,
        (Decision::CutOff { .. } | Decision::Refused { .. }, relayed) => relayed.is_none(),
    };
    same_request && same_answer
}
