//! A connector's secret goes to the Runner, and its receipt comes back. The first receipt that decides is the truth about
//! it.

use contract::version::CONNECTOR_SECRETS;
use contract::{ConnectorSecret as Message, FromControlPlane, SealedSecret, SecretBytes};
use control_plane_domain::audit::Action;
use control_plane_domain::person::PersonState;
use control_plane_domain::policy::Permission;
use control_plane_domain::secret::{ConnectorSecret, SecretReceipt, SecretState};
use control_plane_store::{Unlogged, WriteTx};
use crypto::digest::sha256;
use crypto::ed25519;
use proof::secret::{Decision, Receipt};

use super::{LineError, Session};
use crate::{Error, Operations};

impl Operations {
    /// Sends a secret, if it has not been sent in this session. One that was sent in an earlier session and has no receipt
    /// is sent again: the Runner keeps it once.
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
        if session.version < CONNECTOR_SECRETS {
            self.refuse_secret(tenant, secret, "E-OPS-103").await?;
            return Ok(None);
        }
        // Leave can end between sealing and sending, and the signed request names the role.
        let tx = self.store().read(&session.permit()).await?;
        let person = tx.person(secret.person).await?;
        drop(tx);
        let may = person.is_some_and(|person| {
            person.state == PersonState::Active
                && person.role == secret.role
                && person.role.allows(Permission::SecretsSend)
        });
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
        if receipt.repeats() {
            // It was sent twice because a session ended; another receipt says what became of it.
            tx.commit_unlogged(Unlogged::Delivery).await?;
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
