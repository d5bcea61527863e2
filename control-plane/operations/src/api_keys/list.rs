//! Which keys there are.

use control_plane_domain::api_key::ApiKey;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use ids::ApiKeyId;

use crate::{Error, Operations};

impl Operations {
    /// The caller's keys, or everybody's if the caller manages keys.
    pub async fn list_api_keys(&self, caller: &Caller, page: &Page) -> Result<Listed<ApiKey>, Error> {
        let permit = caller.permit(Permission::ApiKeysList)?;
        let only = (!caller.may(Permission::ApiKeysManage)).then(|| caller.person());
        let tx = self.store().read(&permit).await?;
        Ok(tx.api_keys(only, page).await?)
    }

    /// One of the caller's keys, or of anybody's if the caller manages keys. Somebody else's is absent for one who does not.
    pub async fn api_key(&self, caller: &Caller, key: ApiKeyId) -> Result<ApiKey, Error> {
        let permit = caller.permit(Permission::ApiKeysList)?;
        let all = caller.may(Permission::ApiKeysManage);
        let tx = self.store().read(&permit).await?;
        let found = tx.api_key(key).await?.map(|stored| stored.key);
        found.filter(|key| all || key.person == caller.person()).ok_or(Error::NotFound("API key"))
    }
}
