//! A connector's secret goes to the Runner, and its receipt comes back. The first receipt that decides is the truth about
//! it.

use contract::{ConnectorSecret as Message, FromControlPlane, SealedSecret, SecretBytes};
use control_plane_domain::audit::Action;
use control_plane_domain::person::PersonState;
use control_plane_domain::policy::Permission;
use control_plane_domain::secret::{ConnectorSecret, SecretReceipt, SecretState, Sent};
use control_plane_store::{Reads, WriteTx};
use crypto::digest::sha256;
use crypto::ed25519;
use proof::drilldown::Epoch;
use proof::secret::{self, Decision, PendingSecret, Receipt};

use super::leave::still_holds;
use super::{LineError, Session};
use crate::{Error, Operations};

impl Operations {
    /// Sends a secret once, in the session for which it was sealed. One that was sent in an earlier session is left alone:
    /// if the Runner took it, its receipt comes with this one.
    pub(super) async fn secret_step(
        &self,
        session: &mut Session,
        secret: ConnectorSecret,
    ) -> Result<Option<FromControlPlane>, LineError> {
        let tenant = session.name.tenant;
        let Some(sent) = secret.state.sent().cloned() else { return Ok(None) };
        if self.now() >= secret.expires || session.sent_secrets.contains(&secret.id) {
            return Ok(None);
        }
        if epoch(&sent) != Some(session.epoch) {
            if matches!(secret.state, SecretState::Waiting(_)) {
                self.expire_secret(tenant, secret, "E-OPS-106").await?;
            }
            return Ok(None);
        }
        let tx = self.store().read(&session.permit()).await?;
        let may = may_send(&tx, &secret).await?;
        drop(tx);
        if !may {
            self.expire_secret(tenant, secret, "E-OPS-104").await?;
            return Ok(None);
        }
        session.sent_secrets.insert(secret.id);
        session.secrets_to_mark.push(secret.id);
        let envelope = SecretBytes::new(sent.envelope).map_err(|why| Error::invalid("envelope", why))?;
        let sealed = SealedSecret::new(sent.sealed).map_err(|why| Error::invalid("sealed", why))?;
        let device_key = ed25519::VerifyingKey::from_spki(&secret.device_key).ok();
        Ok(Some(Message { envelope, device_key, sealed }.into()))
    }

    /// Takes a receipt in; `false` if it is none of this secret.
    pub(super) async fn secret_receipt_came(
        &self,
        tx: WriteTx,
        session: &Session,
        secret: ConnectorSecret,
        bytes: &[u8],
    ) -> Result<bool, LineError> {
        let receipt = Receipt::open(bytes, std::slice::from_ref(&session.attestation_key)).ok();
        let about = (Some(secret.id), secret.state.request_sha256());
        let receipt = receipt.filter(|receipt| (Some(receipt.request), Some(receipt.request_sha256)) == about);
        let Some(receipt) = receipt else { return Ok(false) };
        let (request, receipt_sha256, at) = (secret.id, sha256(bytes), self.now());
        let record = SecretReceipt { request, sha256: receipt_sha256, envelope: bytes.to_vec(), at };
        if !tx.add_connector_secret_receipt(&record).await? {
            // It is kept already: its acknowledgement was lost.
            return Ok(true);
        }
        let request_sha256 = receipt.request_sha256;
        let (next, action) = match receipt.decision {
            Decision::Accepted => (
                SecretState::Accepted { request_sha256, receipt: receipt_sha256, at },
                Action::SecretAccepted { request, receipt_sha256 },
            ),
            Decision::Refused { code } => (
                SecretState::Refused { request_sha256, code: code.clone(), receipt: Some(receipt_sha256), at },
                Action::SecretRefused { request, receipt_sha256: Some(receipt_sha256), code },
            ),
        };
        let from = secret.state.word();
        let Ok(secret) = secret.becoming(next) else {
            self.alarm_only(tx, session, receipt_sha256).await?;
            return Ok(true);
        };
        tx.set_connector_secret_state(&secret, from).await?;
        tx.commit(&session.permit().record(action)).await?;
        Ok(true)
    }
}

/// The session of the Runner for which it was sealed.
fn epoch(sent: &Sent) -> Option<Epoch> {
    let envelope = secret::envelope(&sent.envelope).ok()?;
    let pending = PendingSecret::read(envelope.unverified_payload().to_vec()).ok()?;
    Some(pending.request().terms.epoch)
}

/// Whether who sent it may send it now. Leave can end between sealing and sending, the signed request names the role, and
/// with a device, a session or a key that its owner gave up nothing goes on.
async fn may_send(reads: &Reads, secret: &ConnectorSecret) -> Result<bool, Error> {
    let Some(person) = reads.person(secret.person).await? else { return Ok(false) };
    if person.state != PersonState::Active || person.role != secret.role || !person.role.allows(Permission::SecretsSend)
    {
        return Ok(false);
    }
    still_holds(reads, secret.person, secret.with, &secret.device_key).await
}
