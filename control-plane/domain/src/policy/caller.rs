//! A person who presented a key that holds.

use clock::Timestamp;
use ids::{ApiKeyId, PersonId, TenantId};

use super::{Actor, Denied, Permission, Permit, Role, Scopes};

/// What the records say of a key whose secret matched.
#[derive(Debug, Clone)]
pub struct KeyStanding {
    /// The tenant whose rows these are.
    pub tenant: TenantId,
    /// Whose key it is.
    pub person: PersonId,
    /// The person's role now.
    pub role: Role,
    /// Whether the person is still in the tenant.
    pub person_active: bool,
    /// The key.
    pub key: ApiKeyId,
    /// What the key names.
    pub scopes: Scopes,
    /// When it ends.
    pub expires: Timestamp,
    /// Whether it was ended before.
    pub revoked: bool,
}

/// An authenticated person with the key they used: the beginning of every permit over HTTP.
#[derive(Debug, Clone)]
pub struct Caller {
    tenant: TenantId,
    person: PersonId,
    role: Role,
    key: ApiKeyId,
    scopes: Scopes,
}

impl Caller {
    /// The caller, if the key holds now. The secret was compared before.
    pub fn of_key(standing: KeyStanding, now: Timestamp) -> Option<Self> {
        let KeyStanding { tenant, person, role, person_active, key, scopes, expires, revoked } = standing;
        (person_active && !revoked && now < expires).then_some(Self { tenant, person, role, key, scopes })
    }

    /// The tenant.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The person.
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// The person's role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The key.
    pub fn key(&self) -> ApiKeyId {
        self.key
    }

    /// What the key names.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Whether [`permit`](Self::permit) would give one.
    pub fn may(&self, permission: Permission) -> bool {
        self.role.allows(permission) && self.scopes.contains(permission)
    }

    /// The permit for one verb, if both the role and the key allow it.
    pub fn permit(&self, permission: Permission) -> Result<Permit, Denied> {
        if !self.role.allows(permission) {
            return Err(Denied::Role { role: self.role, permission });
        }
        if !self.scopes.contains(permission) {
            return Err(Denied::Scope { permission });
        }
        Ok(Permit::new(self.tenant, Actor::Person { person: self.person, key: self.key }, permission))
    }
}
