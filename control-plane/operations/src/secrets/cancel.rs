//! The person who sent it takes it back, or somebody who looks after what others send.

use control_plane_domain::audit::Action;
use control_plane_domain::policy::Caller;
use control_plane_domain::secret::{ConnectorSecret, SecretState};
use ids::RequestId;

use super::{see, to_cancel};
use crate::{Error, Operations};

impl Operations {
    /// Takes a secret back that is not over. One that the Runner has already is kept there all the same; its receipt says
    /// so.
    pub async fn cancel_secret(&self, caller: &Caller, request: RequestId) -> Result<ConnectorSecret, Error> {
        // Under which permission it is done depends on whose it is, and nobody else becomes the sender meanwhile.
        let found = self.store().read(&see(caller)?).await?.connector_secret(request).await?;
        let permit = to_cancel(caller, &found.ok_or(Error::NotFound("secret"))?)?;
        let tx = self.store().write(&permit).await?;
        let secret = tx.connector_secret(request).await?.ok_or(Error::NotFound("secret"))?;
        let from = secret.state.word();
        let state = SecretState::Cancelled { request_sha256: secret.state.request_sha256(), at: self.now() };
        let secret = secret.becoming(state).map_err(|illegal| Error::SecretIs(illegal.from))?;
        tx.set_connector_secret_state(&secret, from).await?;
        let committed = tx.commit(&permit.record(Action::SecretCancelled { request })).await?;
        self.wake(permit.tenant(), secret.runner, &committed);
        Ok(secret)
    }
}
