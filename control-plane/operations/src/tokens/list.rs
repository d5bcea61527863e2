//! Which tokens there are, and what became of each.

use control_plane_domain::join_token::JoinToken;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use ids::TokenId;

use crate::{Error, Operations};

impl Operations {
    /// The tenant's tokens.
    pub async fn list_tokens(&self, caller: &Caller, page: &Page) -> Result<Listed<JoinToken>, Error> {
        let permit = caller.permit(Permission::TokensList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.join_tokens(page).await?)
    }

    /// One token.
    pub async fn get_token(&self, caller: &Caller, token: TokenId) -> Result<JoinToken, Error> {
        let permit = caller.permit(Permission::TokensList)?;
        let tx = self.store().read(&permit).await?;
        tx.join_token(token).await?.ok_or(Error::NotFound("token"))
    }
}
