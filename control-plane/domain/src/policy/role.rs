//! What a person is in a tenant.

use super::Permission;
use crate::vocabulary;

vocabulary! {
    /// A person's role in a tenant; everybody has exactly one. The most powerful first.
    Role, "role" {
        /// Answers for the tenant: may do everything, and alone makes other owners.
        Owner = "owner",
        /// Looks after Runners, people and keys; opens no evidence.
        Administrator = "administrator",
        /// Writes procedures, requests runs, opens evidence to mend what fails.
        Engineer = "engineer",
        /// Decides on exceptions and looks at the evidence for it.
        Approver = "approver",
        /// Reads everything, opens evidence to check it, takes the audit log away.
        Auditor = "auditor",
        /// Sees results.
        Viewer = "viewer",
    }
}

impl Role {
    /// The table. Every permission is named for every role, so that a new one does not compile before somebody decided.
    pub const fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            P::ProceduresList | P::RunnersList | P::RunsList | P::ChecksList | P::FindingsList => true,
            P::ItemsList | P::AlarmsList => !matches!(self, Self::Viewer),
            P::RunsRequest | P::SecretsSend | P::SecretsList | P::CoverageScope => {
                matches!(self, Self::Owner | Self::Administrator | Self::Engineer)
            }
            P::DrillDownsRequest => {
                matches!(self, Self::Owner | Self::Engineer | Self::Approver | Self::Auditor)
            }
            P::DrillDownsList => !matches!(self, Self::Viewer),
            P::RunnersApprove
            | P::RunnersRevoke
            | P::RunnersUnlock
            | P::TokensCreate
            | P::TokensRevoke
            | P::TokensList
            | P::PeopleAdd
            | P::PeopleSetRole
            | P::PeopleRemove
            | P::PeopleLink
            | P::PeopleEndSessions
            | P::SecretsManage
            | P::AlarmsAcknowledge
            | P::ApiKeysManage
            | P::DrillDownsSwitch => matches!(self, Self::Owner | Self::Administrator),
            P::PeopleList | P::AuditList | P::AuditExport => {
                matches!(self, Self::Owner | Self::Administrator | Self::Auditor)
            }
            P::ApiKeysCreate | P::ApiKeysRevoke | P::ApiKeysList | P::AccountManage => true,
            P::Line | P::Enrol | P::Authenticate | P::Upkeep | P::TenantsCreate | P::AuditVerify => false,
        }
    }
}
