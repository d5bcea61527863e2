//! A person who showed who they are: with a key that holds, or with a session at the console.

use clock::Timestamp;
use ids::{ApiKeyId, PersonId, SessionId, TenantId};

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

/// What the records say of a session whose secret matched.
#[derive(Debug, Clone)]
pub struct SessionStanding {
    /// The tenant whose rows these are.
    pub tenant: TenantId,
    /// Whose session it is.
    pub person: PersonId,
    /// The person's role now.
    pub role: Role,
    /// Whether the person is still in the tenant.
    pub person_active: bool,
    /// The session.
    pub session: SessionId,
    /// Whether both factors were shown: without the second one a session reaches nothing.
    pub is_full: bool,
    /// When both factors were shown last.
    pub confirmed: Timestamp,
    /// Whether the second of them was a recovery code.
    pub recovered: bool,
    /// When it ends, whatever is done.
    pub expires: Timestamp,
    /// When it ends because nothing is done.
    pub idle_until: Timestamp,
    /// Whether it was ended before.
    pub ended: bool,
}

/// How a person showed who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// With an API key.
    Key {
        /// The key.
        key: ApiKeyId,
        /// What it names.
        scopes: Scopes,
    },
    /// With password and second factor, at the console.
    Session {
        /// The session.
        session: SessionId,
        /// When both factors were shown last.
        confirmed: Timestamp,
        /// Whether the second of them was a recovery code.
        recovered: bool,
    },
}

/// An authenticated person with what they showed: the beginning of every permit over HTTP.
#[derive(Debug, Clone)]
pub struct Caller {
    tenant: TenantId,
    person: PersonId,
    role: Role,
    means: Means,
}

impl Caller {
    /// The caller, if the key holds now. The secret was compared before.
    pub fn of_key(standing: KeyStanding, now: Timestamp) -> Option<Self> {
        let KeyStanding { tenant, person, role, person_active, key, scopes, expires, revoked } = standing;
        let means = Means::Key { key, scopes };
        (person_active && !revoked && now < expires).then_some(Self { tenant, person, role, means })
    }

    /// The caller, if the session holds now and both factors were shown. The secret was compared before.
    pub fn of_session(standing: SessionStanding, now: Timestamp) -> Option<Self> {
        let SessionStanding { tenant, person, role, person_active, session, is_full, confirmed, recovered, .. } =
            standing;
        let holds = person_active && is_full && !standing.ended && now < standing.expires && now < standing.idle_until;
        holds.then_some(Self { tenant, person, role, means: Means::Session { session, confirmed, recovered } })
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

    /// How they showed who they are.
    pub fn means(&self) -> &Means {
        &self.means
    }

    /// The key, if it was one.
    pub fn key(&self) -> Option<ApiKeyId> {
        match &self.means {
            Means::Key { key, .. } => Some(*key),
            Means::Session { .. } => None,
        }
    }

    /// The session, if it was one.
    pub fn session(&self) -> Option<SessionId> {
        match &self.means {
            Means::Key { .. } => None,
            Means::Session { session, .. } => Some(*session),
        }
    }

    /// The 16 bytes of the key or the session: what is counted or remembered for one of them.
    pub fn means_id(&self) -> &[u8; 16] {
        match &self.means {
            Means::Key { key, .. } => key.as_bytes(),
            Means::Session { session, .. } => session.as_bytes(),
        }
    }

    /// What the caller names: what the key carries, or for a session everything that the role may do.
    pub fn scopes(&self) -> Scopes {
        match &self.means {
            Means::Key { scopes, .. } => scopes.clone(),
            Means::Session { .. } => Scopes::of_role(self.role),
        }
    }

    /// Whether both factors were shown within the last `ms` milliseconds. A key has none to show.
    pub fn confirmed_within(&self, ms: i64, now: Timestamp) -> bool {
        match &self.means {
            Means::Key { .. } => false,
            Means::Session { confirmed, .. } => now.as_millis() - confirmed.as_millis() < ms,
        }
    }

    /// Whether the second factor that was shown last was a recovery code: something on paper, in the place of an app.
    pub fn came_by_recovery_code(&self) -> bool {
        match &self.means {
            Means::Key { .. } => false,
            Means::Session { recovered, .. } => *recovered,
        }
    }

    /// Whether [`permit`](Self::permit) would give one.
    pub fn may(&self, permission: Permission) -> bool {
        self.permit(permission).is_ok()
    }

    /// The permit for one verb, if the role allows it, and the key as well if it is one.
    pub fn permit(&self, permission: Permission) -> Result<Permit, Denied> {
        if !self.role.allows(permission) {
            return Err(Denied::Role { role: self.role, permission });
        }
        let actor = match &self.means {
            // A key from before a permission became one that no key carries may still name it.
            Means::Key { scopes, .. } if !permission.is_scope() || !scopes.contains(permission) => {
                return Err(Denied::Scope { permission });
            }
            Means::Key { key, .. } => Actor::Person { person: self.person, key: *key },
            Means::Session { session, .. } => Actor::Console { person: self.person, session: *session },
        };
        Ok(Permit::new(self.tenant, actor, permission))
    }
}
