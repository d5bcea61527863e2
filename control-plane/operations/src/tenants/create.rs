//! A tenant begins: with its keys, its first owner, that person's first API key, and the link with which they come to the
//! console.

use control_plane_authn::api_key;
use control_plane_domain::api_key::{ApiKey, StoredApiKey};
use control_plane_domain::audit::Action;
use control_plane_domain::link::LinkKind;
use control_plane_domain::person::{Email, Person, PersonState};
use control_plane_domain::policy::{self, Permission, Role, Scopes};
use control_plane_domain::tenant::{Plan, Tenant};
use crypto::Secret;
use ids::{ApiKeyId, PersonId, TenantId};
use proof::text::FreeText;

use crate::accounts::{FIRST_OWNER_MS, Link, add_link};
use crate::error::KeyFault;
use crate::{Error, Operations};

/// How long the first key holds: long enough to make others, short enough not to be forgotten.
const FIRST_KEY_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// What a tenant begins with.
#[derive(Debug, Clone)]
pub struct CreateTenant {
    /// What it is called.
    pub name: FreeText,
    /// Its first owner.
    pub owner_email: Email,
    /// What people call the owner.
    pub owner_name: FreeText,
}

/// A tenant that was made. The key is shown this once.
#[derive(Debug)]
pub struct CreatedTenant {
    /// The tenant.
    pub tenant: TenantId,
    /// Its first owner.
    pub owner: PersonId,
    /// The owner's first key, by name.
    pub key: ApiKeyId,
    /// The key.
    pub api_key: Secret<String>,
    /// When the key ends.
    pub expires: clock::Timestamp,
    /// The owner's first link.
    pub link: Link,
}

impl Operations {
    /// Makes a tenant. By the operator of the platform alone.
    pub async fn create_tenant(&self, input: CreateTenant) -> Result<CreatedTenant, Error> {
        let (ms, random) = self.fresh();
        let id = TenantId::from_parts(ms, random);
        let (ms, random) = self.fresh();
        let owner = PersonId::from_parts(ms, random);
        let (ms, random) = self.fresh();
        let key = ApiKeyId::from_parts(ms, random);
        let permit = policy::operator(id, Permission::TenantsCreate)?;
        let now = self.now();
        let expires = now.plus_ms(FIRST_KEY_MS);
        let keys = self.make_tenant_keys(id)?;
        let minted = api_key::mint(id, key, self.entropy());

        let tx = self.store().write(&permit).await?;
        let CreateTenant { name, owner_email: email, owner_name } = input;
        tx.create_tenant(&Tenant { id, name, plan: Plan::Business, drilldowns: true, created: now }).await?;
        for key in &keys {
            tx.add_tenant_key(key).await?;
        }
        let state = PersonState::Active;
        tx.add_person(&Person { id: owner, name: owner_name, email, role: Role::Owner, state, created: now }).await?;
        let record = ApiKey {
            id: key,
            person: owner,
            label: "first key".parse().map_err(|why| Error::invalid("label", why))?,
            scopes: Scopes::of_role(Role::Owner),
            created: now,
            expires,
            last_used: None,
            revoked: None,
        };
        tx.add_api_key(&StoredApiKey { key: record, digest: minted.digest, created_by: None }).await?;
        let (link, made) = add_link(self, &tx, owner, LinkKind::Invitation, None, FIRST_OWNER_MS).await?;
        let (mut logged, _) = tx.log(&permit.record(Action::TenantCreated { tenant: id, owner, key })).await?;
        logged.log(&permit.record(made)).await?;
        logged.commit().await?;

        self.0.organisations.changed().await;
        self.trust_tenant(id, &keys)?;
        Ok(CreatedTenant { tenant: id, owner, key, api_key: minted.text, expires, link })
    }

    fn trust_tenant(&self, tenant: TenantId, keys: &[control_plane_domain::tenant::TenantKey]) -> Result<(), Error> {
        let issuing = control_plane_domain::tenant::TenantKeyKind::IssuingAuthority;
        let key = keys.iter().find(|key| key.kind == issuing).ok_or(KeyFault::Missing(issuing))?;
        Ok(self.authority().trusted().insert(tenant, &key.public).map_err(KeyFault::from)?)
    }
}
