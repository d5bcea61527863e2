//! The person who sent it takes it back.

use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::secret::{ConnectorSecret, SecretState};
use ids::RequestId;

use super::check_sender;
use crate::{Error, Operations};

impl Operations {
    /// Takes a secret back that is not over. One that the Runner has already is kept there all the same; its receipt says
    /// so.
    pub async fn cancel_secret(&self, caller: &Caller, request: RequestId) -> Result<ConnectorSecret, Error> {
        let permit = caller.permit(Permission::SecretsSend)?;
        let tx = self.store().write(&permit).await?;
        let secret = tx.connector_secret(request).await?.ok_or(Error::NotFound("secret"))?;
        check_sender(caller, &secret)?;
        let from = secret.state.word();
        let state = SecretState::Cancelled { request_sha256: secret.state.request_sha256(), at: self.now() };
        let secret = secret.becoming(state).map_err(|illegal| Error::SecretIs(illegal.from))?;
        tx.set_connector_secret_state(&secret, from).await?;
        let committed = tx.commit(&permit.record(Action::SecretCancelled { request })).await?;
        self.wake(permit.tenant(), secret.runner, &committed);
        Ok(secret)
    }
}
