//! What a key may be used for, in groups and in words.

use control_plane_domain::policy::{Permission, Role, Scopes};

/// Scopes of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) scopes: Vec<(Permission, &'static str)>,
}

/// The groups of what a key of somebody of this role can carry.
pub(super) fn groups(role: Role) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for permission in Scopes::of_role(role).iter() {
        let Some((title, says)) = says(permission) else { continue };
        match groups.iter_mut().find(|group| group.title == title) {
            Some(group) => group.scopes.push((permission, says)),
            None => groups.push(Group { title, scopes: vec![(permission, says)] }),
        }
    }
    groups
}

const RESULTS: &str = "Results";
const EVIDENCE: &str = "Evidence";
const RUNNERS: &str = "Runners";
const ORGANISATION: &str = "Organisation";
const KEYS: &str = "API keys";

/// The group and the words of a scope; `None` for what no key carries.
const fn says(permission: Permission) -> Option<(&'static str, &'static str)> {
    use Permission as P;
    Some(match permission {
        P::RunsList => (RESULTS, "see runs and their manifests"),
        P::ProceduresList => (RESULTS, "see what is installed where, and when it is due"),
        P::ChecksList => (RESULTS, "see the state of checks"),
        P::FindingsList => (RESULTS, "see what fails, and since when"),
        P::CoverageScope => (RESULTS, "say which controls of a framework are in scope"),
        P::RunsRequest => (RESULTS, "ask a Runner to run what its operator installed"),
        P::ItemsList => (EVIDENCE, "see which evidence there is"),
        P::DrillDownsRequest => (EVIDENCE, "request evidence, sign for it, read the sealed answer"),
        P::DrillDownsList => (EVIDENCE, "see who requested which evidence"),
        P::DrillDownsSwitch => (EVIDENCE, "switch evidence requests off or on"),
        P::RunnersList => (RUNNERS, "see Runners"),
        P::RunnersApprove => (RUNNERS, "approve a Runner by its fingerprint"),
        P::RunnersRevoke => (RUNNERS, "revoke a Runner"),
        P::RunnersUnlock => (RUNNERS, "unlock a Runner"),
        P::TokensList => (RUNNERS, "see join tokens"),
        P::TokensCreate => (RUNNERS, "make a join token"),
        P::TokensRevoke => (RUNNERS, "withdraw a join token"),
        P::SecretsSend => (RUNNERS, "send a sealed secret to a Runner"),
        P::SecretsList => (RUNNERS, "see which secrets were sent where"),
        P::SecretsManage => (RUNNERS, "withdraw secrets that others send"),
        P::AlarmsList => (RUNNERS, "see alarms"),
        P::AlarmsAcknowledge => (RUNNERS, "acknowledge alarms"),
        P::PeopleList => (ORGANISATION, "see people"),
        P::PeopleAdd => (ORGANISATION, "let people in"),
        P::PeopleSetRole => (ORGANISATION, "change roles"),
        P::PeopleRemove => (ORGANISATION, "remove people"),
        P::PeopleEndSessions => (ORGANISATION, "end the sessions of others"),
        P::AuditList => (ORGANISATION, "read the audit log"),
        P::AuditExport => (ORGANISATION, "take the audit log away"),
        P::ApiKeysList => (KEYS, "see keys"),
        P::ApiKeysCreate => (KEYS, "make keys that can do no more than this one"),
        P::ApiKeysRevoke => (KEYS, "end keys"),
        P::ApiKeysManage => (KEYS, "see, make and end the keys of others"),
        P::AccountManage
        | P::PeopleLink
        | P::AuditVerify
        | P::TenantsCreate
        | P::Authenticate
        | P::Enrol
        | P::Line
        | P::Upkeep => {
            return None;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_has_words_and_nothing_else_has() {
        for permission in Permission::ALL {
            assert_eq!(says(*permission).is_some(), permission.is_scope(), "{permission}");
        }
        for role in Role::ALL {
            let shown: usize = groups(*role).iter().map(|group| group.scopes.len()).sum();
            assert_eq!(shown, Scopes::of_role(*role).iter().count(), "{role}");
        }
    }
}
