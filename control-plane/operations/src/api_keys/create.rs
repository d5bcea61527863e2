//! A key is made. Its text is shown once and kept nowhere.

use clock::Timestamp;
use control_plane_authn::api_key;
use control_plane_domain::api_key::{ApiKey, StoredApiKey};
use control_plane_domain::audit::Action;
use control_plane_domain::person::Person;
use control_plane_domain::policy::{self, Actor, Caller, Permission, Permit, Role, Scopes};
use crypto::Secret;
use ids::{ApiKeyId, PersonId, TenantId};
use proof::text::FreeText;

use crate::people;
use crate::{Error, Operations};

/// A key that lasts longer than a year is one that nobody remembers.
const LONGEST_MS: i64 = 366 * 24 * 60 * 60 * 1000;

/// What key is wanted.
#[derive(Debug, Clone)]
pub struct CreateApiKey {
    /// Whose it is to be; the caller's own when `None`.
    pub person: Option<PersonId>,
    /// What its owner calls it.
    pub label: FreeText,
    /// What it may be used for; everything that its owner's role and the caller both may, when `None`.
    pub scopes: Option<Scopes>,
    /// When it ends; within 366 days.
    pub expires: Timestamp,
}

/// A key that was made. Its text is shown this once.
#[derive(Debug)]
pub struct CreatedApiKey {
    /// What is kept of it.
    pub record: ApiKey,
    /// The key.
    pub text: Secret<String>,
}

impl Operations {
    /// Makes a key for the caller, or for somebody else if the caller manages keys. It carries nothing that its owner's
    /// role does not allow, and nothing that the caller may not.
    pub async fn create_api_key(&self, caller: &Caller, input: CreateApiKey) -> Result<CreatedApiKey, Error> {
        let owner = input.person.unwrap_or(caller.person());
        let for_other = owner != caller.person();
        let permit = caller.permit(if for_other { Permission::ApiKeysManage } else { Permission::ApiKeysCreate })?;
        self.check_confirmed(caller)?;
        let tx = self.store().write(&permit).await?;
        let person = people::active(&tx, owner).await?;
        if person.role == Role::Owner && caller.role() != Role::Owner {
            return Err(Error::OwnersOnly);
        }
        let allowed = Scopes::of_role(person.role);
        let scopes = match input.scopes {
            Some(scopes) => scopes,
            None => {
                let shared: Vec<_> =
                    allowed.iter().filter(|scope| caller.may(*scope)).map(Permission::as_str).collect();
                Scopes::parse(shared).map_err(|why| Error::invalid("scopes", why))?
            }
        };
        // Whoever makes a key holds its text for a moment. So a key makes no key that can do more than itself: not of the
        // same person, and not of a colleague who may open evidence where its own owner may not.
        if let Some(permission) = scopes.iter().find(|scope| !allowed.contains(*scope) || !caller.may(*scope)) {
            return Err(Error::ScopeBeyond(permission));
        }
        self.add_key(tx, &permit, &person, input.label, scopes, input.expires).await
    }

    /// Makes a key for somebody who lost theirs. By the operator of the platform, and the tenant's log says so.
    pub async fn create_api_key_as_operator(
        &self,
        tenant: TenantId,
        person: PersonId,
        label: FreeText,
        expires: Timestamp,
    ) -> Result<CreatedApiKey, Error> {
        let permit = policy::operator(tenant, Permission::ApiKeysCreate)?;
        let tx = self.store().write(&permit).await?;
        let person = people::active(&tx, person).await?;
        let scopes = Scopes::of_role(person.role);
        self.add_key(tx, &permit, &person, label, scopes, expires).await
    }

    async fn add_key(
        &self,
        tx: control_plane_store::WriteTx,
        permit: &Permit,
        person: &Person,
        label: FreeText,
        scopes: Scopes,
        expires: Timestamp,
    ) -> Result<CreatedApiKey, Error> {
        let now = self.now();
        if expires <= now || expires > now.plus_ms(LONGEST_MS) {
            return Err(Error::invalid("expires", "a key ends in the future and within 366 days"));
        }
        let (ms, random) = self.fresh();
        let id = ApiKeyId::from_parts(ms, random);
        let minted = api_key::mint(permit.tenant(), id, self.entropy());
        let action = Action::ApiKeyCreated { key: id, person: person.id, scopes: scopes.clone(), expires };
        let record =
            ApiKey { id, person: person.id, label, scopes, created: now, expires, last_used: None, revoked: None };
        let created_by = match permit.actor() {
            Actor::Person { person, .. } | Actor::Console { person, .. } => Some(person),
            Actor::Runner { .. } | Actor::Operator {} | Actor::System {} => None,
        };
        tx.add_api_key(&StoredApiKey { key: record.clone(), digest: minted.digest, created_by }).await?;
        tx.commit(&permit.record(action)).await?;
        Ok(CreatedApiKey { record, text: minted.text })
    }
}
