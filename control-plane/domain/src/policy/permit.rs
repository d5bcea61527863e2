//! The permit, and those who get one without a key.

use ids::{PersonId, RunnerId, SessionId, TenantId};

use super::{Actor, Permission, Role};
use crate::audit::{Action, AuditRecord};

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody of this role may.
    #[error("`{permission}` is not for the role {role}")]
    Role {
        /// The person's role.
        role: Role,
        /// What was asked for.
        permission: Permission,
    },
    /// The person may, and this key may not.
    #[error("this key does not carry `{permission}`")]
    Scope {
        /// What was asked for.
        permission: Permission,
    },
    /// Not for the operator of the platform.
    #[error("`{permission}` is not for the operator of the platform")]
    Operator {
        /// What was asked for.
        permission: Permission,
    },
    /// Not for the control plane itself.
    #[error("`{permission}` is not for the control plane itself")]
    System {
        /// What was asked for.
        permission: Permission,
    },
}

/// Leave to do one thing in one tenant. Only this module makes one.
#[derive(Debug)]
pub struct Permit {
    tenant: TenantId,
    actor: Actor,
    permission: Permission,
}

impl Permit {
    pub(super) fn new(tenant: TenantId, actor: Actor, permission: Permission) -> Self {
        Self { tenant, actor, permission }
    }

    /// The tenant whose rows may be seen.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Who acts.
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// What it is for.
    pub fn permission(&self) -> Permission {
        self.permission
    }

    /// The audit record of what was done under this permit.
    pub fn record(&self, action: Action) -> AuditRecord {
        AuditRecord { actor: self.actor, action }
    }
}

/// The permit of a Runner whose certificate was verified: its own tenant, the line and nothing else.
pub fn runner(tenant: TenantId, runner: RunnerId) -> Permit {
    Permit::new(tenant, Actor::Runner { runner }, Permission::Line)
}

/// The permit of a person who is on their way in, or out: it is for their own sign-in and names them in the log. What it
/// reaches is in the hands of the few operations that ask for it; no other permission comes of it.
pub fn signing_in(tenant: TenantId, person: PersonId, session: SessionId) -> Permit {
    Permit::new(tenant, Actor::Console { person, session }, Permission::Authenticate)
}

/// The permit of the platform's operator at the host's console. It reaches what it takes to begin a tenant and to check
/// and carry away its audit log; it opens nothing and approves nothing.
pub fn operator(tenant: TenantId, permission: Permission) -> Result<Permit, Denied> {
    use Permission as P;
    let allowed = matches!(
        permission,
        P::TenantsCreate
            | P::PeopleList
            | P::PeopleLink
            | P::ApiKeysCreate
            | P::ApiKeysList
            | P::ApiKeysRevoke
            | P::AuditVerify
            | P::AuditExport
            | P::AlarmsList
            | P::RunnersList
    );
    if allowed { Ok(Permit::new(tenant, Actor::Operator {}, permission)) } else { Err(Denied::Operator { permission }) }
}

/// The permit of the control plane itself: before it knows who calls, and for what time brings about.
pub fn system(tenant: TenantId, permission: Permission) -> Result<Permit, Denied> {
    if matches!(permission, Permission::Authenticate | Permission::Enrol | Permission::Upkeep) {
        Ok(Permit::new(tenant, Actor::System {}, permission))
    } else {
        Err(Denied::System { permission })
    }
}
