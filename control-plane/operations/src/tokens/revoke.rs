//! A token is taken back before anybody used it.

use control_plane_domain::audit::Action;
use control_plane_domain::join_token::TokenState;
use control_plane_domain::policy::{Caller, Permission};
use ids::TokenId;

use crate::{Error, Operations};

impl Operations {
    /// Takes a token back. One that was used is past that: then it is the Runner that is revoked.
    pub async fn revoke_token(&self, caller: &Caller, token: TokenId) -> Result<(), Error> {
        let permit = caller.permit(Permission::TokensRevoke)?;
        let tx = self.store().write(&permit).await?;
        let found = tx.join_token(token).await?.ok_or(Error::NotFound("token"))?;
        if found.state != TokenState::Open {
            return Err(Error::TokenIsSpent);
        }
        tx.revoke_join_token(token, self.now()).await?;
        tx.commit(&permit.record(Action::TokenRevoked { token })).await?;
        Ok(())
    }
}
