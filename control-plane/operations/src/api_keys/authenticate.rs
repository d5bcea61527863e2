//! Who calls: from the text of a key to the person behind it.

use std::net::IpAddr;

use clock::Timestamp;
use control_plane_authn::api_key::Presented;
use control_plane_authn::throttle::network_of;
use control_plane_domain::api_key::{ApiKey, StoredApiKey};
use control_plane_domain::person::{Person, PersonState};
use control_plane_domain::policy::{self, Caller, KeyStanding, Permission, Permit, Role, Scopes};
use control_plane_domain::tenant::TenantState;
use control_plane_store::{StoreError, Unlogged};
use ids::{ApiKeyId, TenantId};
use proof::text::FreeText;

use crate::{Error, Operations};

/// A key's last use is kept to the minute, so that using it does not mean writing each time.
const USED_MS: i64 = 60_000;

/// Who the caller is.
#[derive(Debug, Clone)]
pub struct Me {
    /// The tenant.
    pub tenant: TenantId,
    /// What it is called.
    pub tenant_name: FreeText,
    /// Whether evidence may be asked for at all.
    pub drilldowns: bool,
    /// The person.
    pub person: Person,
    /// The key, if it was one; a session at the console has none.
    pub key: Option<ApiKeyId>,
    /// What they may do.
    pub role: Role,
    /// What key or session may be used for, at most.
    pub scopes: Scopes,
}

impl Operations {
    /// The caller behind a key that was presented from an address. Everything that does not hold is one refusal, and
    /// counts against the network that it came from, altogether and for that key.
    pub async fn authenticate(&self, text: &str, address: IpAddr) -> Result<Caller, Error> {
        let now = self.now();
        let network = network_of(address);
        self.0.wrong_addresses.attempt(&network, now)?;
        let presented = Presented::parse(text).map_err(|_| Error::Unauthenticated)?;
        let of_key = (presented.key(), network);
        self.0.wrong_keys.attempt(&of_key, now)?;
        let permit = policy::system(presented.tenant(), Permission::Authenticate)?;
        let (caller, key) = self.caller_of(&presented, &permit, now).await?;
        self.0.wrong_addresses.succeeded(&network);
        self.0.wrong_keys.succeeded(&of_key);
        self.note_use(&permit, &key, now).await;
        Ok(caller)
    }

    async fn caller_of(
        &self,
        presented: &Presented,
        permit: &Permit,
        now: Timestamp,
    ) -> Result<(Caller, ApiKey), Error> {
        let tx = match self.store().read(permit).await {
            Ok(tx) => tx,
            Err(StoreError::UnknownTenant) => return Err(Error::Unauthenticated),
            Err(error) => return Err(error.into()),
        };
        let stored = tx.api_key(presented.key()).await?;
        let StoredApiKey { key, digest, .. } = stored.ok_or(Error::Unauthenticated)?;
        if !presented.matches(&digest) || tx.tenant_state().await? != Some(TenantState::Active) {
            return Err(Error::Unauthenticated);
        }
        let person = tx.person(key.person).await?.ok_or(Error::Unauthenticated)?;
        let standing = KeyStanding {
            tenant: presented.tenant(),
            person: key.person,
            role: person.role,
            person_active: person.state == PersonState::Active,
            key: key.id,
            scopes: key.scopes.clone(),
            expires: key.expires,
            revoked: key.revoked.is_some(),
        };
        Ok((Caller::of_key(standing, now).ok_or(Error::Unauthenticated)?, key))
    }

    /// That a key was used is for people to look at; not being able to note it keeps nobody out.
    async fn note_use(&self, permit: &Permit, key: &ApiKey, now: Timestamp) {
        if key.last_used.is_some_and(|used| now < used.plus_ms(USED_MS)) {
            return;
        }
        let noted = async {
            let tx = self.store().write(permit).await?;
            tx.touch_api_key(key.id, now).await?;
            tx.commit_unlogged(Unlogged::KeyUsed).await
        };
        if let Err(error) = noted.await {
            tracing::warn!(code = error.code(), %error, "the use of a key could not be noted");
        }
    }

    /// Who the caller is, in words. Everybody may ask this.
    pub async fn me(&self, caller: &Caller) -> Result<Me, Error> {
        let permit = policy::system(caller.tenant(), Permission::Authenticate)?;
        let tx = self.store().read(&permit).await?;
        let tenant = tx.tenant().await?.ok_or(Error::NotFound("tenant"))?;
        let person = tx.person(caller.person()).await?.ok_or(Error::NotFound("person"))?;
        Ok(Me {
            tenant: caller.tenant(),
            tenant_name: tenant.name,
            drilldowns: tenant.drilldowns,
            person,
            key: caller.key(),
            role: caller.role(),
            scopes: caller.scopes(),
        })
    }
}
