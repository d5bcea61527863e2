//! How a secret goes on without the person: sent, given up, out of time.

use clock::Timestamp;
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{self, Permission};
use control_plane_domain::secret::{ConnectorSecret, SecretState, SecretWord};
use control_plane_store::{StoreError, Unlogged};
use ids::{RequestId, RunnerId, TenantId};

use super::code;
use crate::{Error, Operations};

/// A Runner that took it answers at once, or with its next session.
const ANSWERING_MS: i64 = 24 * 60 * 60 * 1000;

/// Secrets that one sweep looks at.
const BATCH: u32 = 200;

impl Operations {
    /// Writes down that a secret was sent. Not audited: who sent what and what became of it are.
    pub(crate) async fn mark_secret_delivered(
        &self,
        tenant: TenantId,
        runner: RunnerId,
        request: RequestId,
    ) -> Result<(), Error> {
        let tx = self.store().write(&policy::runner(tenant, runner)).await?;
        let Some(secret) = tx.connector_secret(request).await? else { return Ok(()) };
        let SecretState::Waiting(sent) = &secret.state else { return Ok(()) };
        let next = SecretState::Delivered(sent.clone());
        let Ok(secret) = secret.becoming(next) else { return Ok(()) };
        tx.set_connector_secret_state(&secret, SecretWord::Waiting).await?;
        Ok(tx.commit_unlogged(Unlogged::Delivery).await?)
    }

    /// Ends a secret of which nothing came in time, or that may not go on; the sealed value is forgotten.
    pub(crate) async fn expire_secret(
        &self,
        tenant: TenantId,
        secret: ConnectorSecret,
        why: &'static str,
    ) -> Result<bool, Error> {
        let (request, request_sha256, at) = (secret.id, secret.state.request_sha256(), self.now());
        let state = SecretState::Expired { request_sha256, code: code(why), at };
        self.end_secret(tenant, secret, state, Action::SecretExpired { request, code: code(why) }).await
    }

    async fn end_secret(
        &self,
        tenant: TenantId,
        secret: ConnectorSecret,
        state: SecretState,
        action: Action,
    ) -> Result<bool, Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let from = secret.state.word();
        let Ok(secret) = secret.becoming(state) else { return Ok(false) };
        let tx = self.store().write(&permit).await?;
        match tx.set_connector_secret_state(&secret, from).await {
            Ok(()) => {}
            // Somebody else took it a step further.
            Err(StoreError::Conflict { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let committed = tx.commit(&permit.record(action)).await?;
        self.wake(tenant, secret.runner, &committed);
        Ok(true)
    }

    /// Ends the secrets of a tenant whose time is over; how many.
    pub(crate) async fn sweep_secrets(&self, tenant: TenantId, now: Timestamp) -> Result<u64, Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().read(&permit).await?;
        let late = tx.connector_secrets_expired_by(now, BATCH).await?;
        drop(tx);
        let mut ended = 0;
        for secret in late {
            let why = match secret.state.word() {
                SecretWord::ToSeal => "E-OPS-101",
                SecretWord::Waiting => "E-OPS-102",
                // The Runner keeps no late one, and says so.
                SecretWord::Delivered if now < secret.expires.plus_ms(ANSWERING_MS) => continue,
                SecretWord::Delivered => "E-OPS-105",
                SecretWord::Accepted | SecretWord::Refused | SecretWord::Expired | SecretWord::Cancelled => continue,
            };
            ended += u64::from(self.expire_secret(tenant, secret, why).await?);
        }
        Ok(ended)
    }
}
