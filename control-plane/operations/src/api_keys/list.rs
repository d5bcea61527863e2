//! Which keys there are.

use control_plane_domain::api_key::ApiKey;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};

use crate::{Error, Operations};

impl Operations {
    /// The caller's keys, or everybody's if the caller manages keys.
    pub async fn list_api_keys(&self, caller: &Caller, page: &Page) -> Result<Listed<ApiKey>, Error> {
        let permit = caller.permit(Permission::ApiKeysList)?;
        let only = (!caller.may(Permission::ApiKeysManage)).then(|| caller.person());
        let tx = self.store().read(&permit).await?;
        Ok(tx.api_keys(only, page).await?)
    }
}
