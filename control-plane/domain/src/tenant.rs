//! An organisation, and the keys that the control plane holds for it.

use clock::Timestamp;
use ids::TenantId;
use proof::text::FreeText;

use crate::sealed::Sealed;
use crate::vocabulary;

vocabulary! {
    /// Whether a tenant is served.
    TenantState, "tenant state" {
        /// It is.
        Active = "active",
        /// Its people and Runners are turned away; its data stays.
        Suspended = "suspended",
    }
}

vocabulary! {
    /// What the tenant has agreed on with the platform's operator.
    Plan, "plan" {
        /// A Runner hosted by the operator.
        Free = "free",
        /// A Runner hosted by the operator.
        Pro = "pro",
        /// Runners of its own.
        Business = "business",
        /// Runners of its own.
        Enterprise = "enterprise",
    }
}

/// What the platform knows of a tenant without entering it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlatformTenant {
    /// The tenant.
    pub id: TenantId,
    /// Whether it is served.
    pub state: TenantState,
    /// Since when it exists.
    pub created: Timestamp,
}

/// The tenant's own record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant.
    pub id: TenantId,
    /// Its name.
    pub name: FreeText,
    /// Its plan.
    pub plan: Plan,
    /// Whether evidence may be asked for at all.
    pub drilldowns: bool,
    /// Since when it exists.
    pub created: Timestamp,
}

vocabulary! {
    /// What a key of the tenant is for.
    TenantKeyKind, "kind of tenant key" {
        /// Issues the certificates of its Runners.
        IssuingAuthority = "issuing",
        /// Signs checkpoints of its audit log.
        Audit = "audit",
        /// Signs drill-down requests.
        DrillDown = "drilldown",
        /// Cosigns checkpoints of its Runners' journals.
        Witness = "witness",
    }
}

/// A key that the control plane holds for a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantKey {
    /// What it is for.
    pub kind: TenantKeyKind,
    /// 1, 2, …; the highest is in use.
    pub generation: u64,
    /// The private key, sealed under the operator's root key.
    pub sealed: Sealed,
    /// The public part: certificate, SubjectPublicKeyInfo or verifier key, as the kind has it.
    pub public: Vec<u8>,
    /// When it was made.
    pub created: Timestamp,
}
