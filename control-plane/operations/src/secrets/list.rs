//! Who sent which secret where, and what became of it.

use clock::Timestamp;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission, Permit};
use control_plane_domain::secret::{ConnectorSecret, SecretFilter, SecretState};
use crypto::Digest;
use ids::RequestId;

use super::{check_sender, terms};
use crate::{Error, Operations};

/// What the person's device needs to seal a value: whose key to seal to, and what to seal it under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretTerms {
    /// The Runner's statement of its keys, signed by itself: exact bytes of the envelope.
    pub statement: Vec<u8>,
    /// SHA-256 of the statement's payload: what was compared when the Runner was approved.
    pub fingerprint: Digest,
    /// The payload with `null` for what is sealed.
    pub draft: Vec<u8>,
    /// When it is too late.
    pub until: Timestamp,
}

impl Operations {
    /// The tenant's secrets that fit, newest first.
    pub async fn list_secrets(
        &self,
        caller: &Caller,
        filter: &SecretFilter,
        page: &Page,
    ) -> Result<Listed<ConnectorSecret>, Error> {
        let permit = caller.permit(Permission::SecretsList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.connector_secrets(filter, page).await?)
    }

    /// One secret: for those who see all of them, and for the person who sends it.
    pub async fn get_secret(&self, caller: &Caller, request: RequestId) -> Result<ConnectorSecret, Error> {
        let permit = see(caller)?;
        let tx = self.store().read(&permit).await?;
        let secret = tx.connector_secret(request).await?.ok_or(Error::NotFound("secret"))?;
        if permit.permission() == Permission::SecretsSend {
            check_sender(caller, &secret)?;
        }
        Ok(secret)
    }

    /// What a secret is to be sealed under, for the person who sends it, as long as it is to be sealed and the Runner is
    /// connected.
    pub async fn secret_terms(&self, caller: &Caller, secret: &ConnectorSecret) -> Result<Option<SecretTerms>, Error> {
        if secret.person != caller.person() || secret.state != SecretState::ToSeal {
            return Ok(None);
        }
        let permit = see(caller)?;
        let tx = self.store().read(&permit).await?;
        let runner = tx.runner(secret.runner).await?.ok_or(Error::NotFound("Runner"))?;
        // It is sealed for the session that the Runner has now. Without one there is nothing to seal for.
        let Some(epoch) = self.0.sessions.epoch_for_secrets(permit.tenant(), secret.runner) else { return Ok(None) };
        let draft = terms(permit.tenant(), secret, &runner, epoch)?.to_draft();
        Ok(Some(SecretTerms {
            draft: draft.map_err(|why| Error::invalid("name", why))?,
            statement: runner.keys.statement,
            fingerprint: runner.keys.fingerprint,
            until: secret.seal_by,
        }))
    }

    /// What the Runner signed about it: the receipt that decided, exact bytes.
    pub async fn secret_receipt(&self, caller: &Caller, request: RequestId) -> Result<Vec<u8>, Error> {
        let secret = self.get_secret(caller, request).await?;
        let none = || Error::NotFound("receipt: the Runner has sent none that decides");
        let decided = match secret.state {
            SecretState::Accepted { receipt, .. } | SecretState::Refused { receipt: Some(receipt), .. } => receipt,
            SecretState::ToSeal
            | SecretState::Waiting(_)
            | SecretState::Delivered(_)
            | SecretState::Refused { receipt: None, .. }
            | SecretState::Expired { .. }
            | SecretState::Cancelled { .. } => return Err(none()),
        };
        let tx = self.store().read(&see(caller)?).await?;
        let receipts = tx.connector_secret_receipts(request).await?;
        let receipt = receipts.into_iter().find(|receipt| receipt.sha256 == decided);
        receipt.map(|receipt| receipt.envelope).ok_or_else(none)
    }
}

pub(super) fn see(caller: &Caller) -> Result<Permit, Error> {
    let needed = if caller.may(Permission::SecretsList) { Permission::SecretsList } else { Permission::SecretsSend };
    Ok(caller.permit(needed)?)
}
