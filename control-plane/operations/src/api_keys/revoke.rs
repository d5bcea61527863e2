//! A key is ended, at once.

use clock::Timestamp;
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{self, Caller, Permission, Permit};
use control_plane_store::Writes;
use ids::{ApiKeyId, PersonId, TenantId};

use crate::{Error, Operations};

/// Ends the keys that a person made for others, who may have kept their texts; the records that say so, for the log.
pub(crate) async fn revoke_keys_made_for_others(
    tx: &Writes,
    maker: PersonId,
    now: Timestamp,
) -> Result<Vec<Action>, Error> {
    let mut revoked = Vec::new();
    for (key, person) in tx.open_api_keys_made_by(maker, now).await? {
        if person != maker {
            tx.revoke_api_key(key, now).await?;
            revoked.push(Action::ApiKeyRevoked { key, person });
        }
    }
    Ok(revoked)
}

impl Operations {
    /// Ends a key: the caller's own, or anybody's if the caller manages keys.
    pub async fn revoke_api_key(&self, caller: &Caller, key: ApiKeyId) -> Result<(), Error> {
        let own = caller.permit(Permission::ApiKeysRevoke)?;
        let permit =
            if caller.may(Permission::ApiKeysManage) { caller.permit(Permission::ApiKeysManage)? } else { own };
        let only = (permit.permission() == Permission::ApiKeysRevoke).then(|| caller.person());
        self.end_key(&permit, key, only).await
    }

    /// Ends a key, by the operator of the platform: for a key that leaked while nobody of the tenant can be reached.
    pub async fn revoke_api_key_as_operator(&self, tenant: TenantId, key: ApiKeyId) -> Result<(), Error> {
        let permit = policy::operator(tenant, Permission::ApiKeysRevoke)?;
        self.end_key(&permit, key, None).await
    }

    async fn end_key(&self, permit: &Permit, key: ApiKeyId, only: Option<PersonId>) -> Result<(), Error> {
        let tx = self.store().write(permit).await?;
        let found = tx.api_key(key).await?.map(|stored| stored.key);
        // Somebody else's key is not forbidden but absent, for one who cannot see it in a list.
        let found = found.filter(|key| only.is_none_or(|only| key.person == only));
        let found = found.ok_or(Error::NotFound("API key"))?;
        if found.revoked.is_some() {
            return Err(Error::KeyIsRevoked);
        }
        tx.revoke_api_key(key, self.now()).await?;
        self.commit_all(tx, &[permit.record(Action::ApiKeyRevoked { key, person: found.person })]).await
    }
}
