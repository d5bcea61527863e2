//! What each role is for, and who may do what: made from the permission table, so that the page cannot say otherwise.

use control_plane_domain::policy::{Permission, Role};

/// What a role is for, in one sentence.
pub(super) const fn purpose(role: Role) -> &'static str {
    match role {
        Role::Owner => "answers for the organisation: may do everything, and alone makes, changes and removes owners",
        Role::Administrator => "looks after Runners, people and keys; opens no evidence",
        Role::Engineer => "requests runs, sends secrets, and opens evidence to mend what fails",
        Role::Approver => "decides on exceptions, and opens evidence for it",
        Role::Auditor => "reads everything, opens evidence to check it, and takes the audit log away",
        Role::Viewer => "sees results, and no evidence",
    }
}

/// A row of the table: something that people do, and which roles may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ability {
    pub(super) says: &'static str,
    /// In the order of [`Role::ALL`].
    pub(super) allowed: Vec<bool>,
}

/// Each of these stands for permissions that the same roles have.
const ABILITIES: &[(&str, Permission)] = &[
    ("See results, runs and coverage", Permission::RunsList),
    ("See which evidence there is, alarms and evidence requests", Permission::DrillDownsList),
    ("Request evidence", Permission::DrillDownsRequest),
    ("Request a run", Permission::RunsRequest),
    ("Send a connector's secret to a Runner", Permission::SecretsSend),
    ("Say which controls of a framework are in scope", Permission::CoverageScope),
    ("Add, approve, unlock and revoke Runners", Permission::RunnersApprove),
    ("Acknowledge alarms", Permission::AlarmsAcknowledge),
    ("Let people in, change their roles, end their sessions, remove them", Permission::PeopleAdd),
    ("See and end the API keys of others", Permission::ApiKeysManage),
    ("Read the audit log and take it away", Permission::AuditExport),
    ("Switch evidence requests off or on", Permission::DrillDownsSwitch),
];

/// The table.
pub(super) fn abilities() -> Vec<Ability> {
    let row = |(says, permission): &(&'static str, Permission)| Ability {
        says,
        allowed: Role::ALL.iter().map(|role| role.allows(*permission)).collect(),
    };
    ABILITIES.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a row names besides its own permission.
    const TOGETHER: &[(Permission, &[Permission])] = &[
        (Permission::RunsList, &[Permission::FindingsList, Permission::ChecksList, Permission::ProceduresList]),
        (Permission::DrillDownsList, &[Permission::ItemsList, Permission::AlarmsList]),
        (
            Permission::RunnersApprove,
            &[Permission::RunnersRevoke, Permission::RunnersUnlock, Permission::TokensCreate, Permission::TokensRevoke],
        ),
        (
            Permission::PeopleAdd,
            &[
                Permission::PeopleSetRole,
                Permission::PeopleRemove,
                Permission::PeopleLink,
                Permission::PeopleEndSessions,
            ],
        ),
        (Permission::AuditExport, &[Permission::AuditList]),
    ];

    #[test]
    fn a_row_is_true_of_every_permission_that_it_names() {
        for (first, others) in TOGETHER {
            assert!(ABILITIES.iter().any(|(_, permission)| permission == first));
            for (role, other) in Role::ALL.iter().flat_map(|role| others.iter().map(move |other| (role, other))) {
                assert_eq!(role.allows(*first), role.allows(*other), "{role}: {first} and {other}");
            }
        }
        assert!(abilities().iter().all(|ability| ability.allowed.len() == Role::ALL.len()));
    }
}
