//! What the log is searched by: every action, in words that somebody who never saw its name understands.

/// The name of every action with what it says, in the order of the domain's table.
pub(crate) const ACTIONS: &[(&str, &str)] = &[
    ("tenant.created", "began the organisation"),
    ("drilldowns.switched", "switched evidence requests on or off"),
    ("person.added", "let a person in"),
    ("person.removed", "removed a person"),
    ("person.role_changed", "changed a person's role"),
    ("api_key.created", "made an API key"),
    ("api_key.revoked", "ended an API key"),
    ("person.link_created", "made a link that lets a person in"),
    ("person.link_used", "used a link that lets a person in"),
    ("account.password_set", "set a password"),
    ("account.totp_set", "set a second factor"),
    ("account.recovery_codes_made", "made recovery codes"),
    ("account.recovery_code_used", "used a recovery code"),
    ("session.begun", "signed in"),
    ("session.confirmed", "confirmed with password and code"),
    ("session.ended", "signed out, or had a session ended"),
    ("sign_in.refused", "was refused to sign in"),
    ("device.registered", "registered a device key"),
    ("device.removed", "removed a device key"),
    ("token.created", "made a join token"),
    ("token.revoked", "withdrew a join token"),
    ("token.redeemed", "took a join token from a Runner"),
    ("runner.approved", "approved a Runner"),
    ("runner.enrolled", "gave a Runner its first certificate"),
    ("runner.certificate_renewed", "renewed a Runner's certificate"),
    ("runner.certificate_activated", "began to use a renewed certificate"),
    ("runner.recovered", "let a Runner back in after its certificate expired"),
    ("runner.revoked", "revoked a Runner"),
    ("runner.locked", "locked a Runner"),
    ("runner.unlocked", "unlocked a Runner"),
    ("runner.reported", "reported records of a journal"),
    ("runner.report_refused", "refused a report for good"),
    ("runner.scheduled", "said what is due when"),
    ("procedure.catalogued", "said which procedures are installed"),
    ("run.requested", "requested a run"),
    ("run.request_answered", "answered a run request"),
    ("coverage.scope_set", "listed the controls in scope"),
    ("coverage.scope_removed", "removed a list of controls in scope"),
    ("evidence.requested", "requested evidence"),
    ("evidence.prepared", "put together what is to be signed"),
    ("evidence.signed", "signed an evidence request"),
    ("evidence.answered", "answered an evidence request"),
    ("evidence.refused", "refused an evidence request"),
    ("evidence.cut_off", "opened evidence that could not be delivered whole"),
    ("evidence.expired", "ended an evidence request of which nothing came"),
    ("evidence.cancelled", "withdrew an evidence request"),
    ("secret.requested", "began to send a secret"),
    ("secret.signed", "sealed and signed a secret"),
    ("secret.accepted", "keeps a secret"),
    ("secret.refused", "refused a secret"),
    ("secret.expired", "ended a secret of which nothing came"),
    ("secret.cancelled", "withdrew a secret"),
    ("audit.fork_reported", "reported that this log does not continue"),
    ("audit.exported", "took a copy of the audit log away"),
    ("alarm.raised", "raised an alarm"),
    ("alarm.acknowledged", "acknowledged an alarm"),
];

/// Actions that belong together, under one heading.
pub(crate) struct Group {
    pub(crate) heading: &'static str,
    pub(crate) actions: Vec<(&'static str, &'static str)>,
}

/// The actions as a form offers them, each heading once.
pub(crate) fn groups() -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (name, says) in ACTIONS {
        let heading = heading(name);
        match groups.iter_mut().find(|group| group.heading == heading) {
            Some(group) => group.actions.push((name, says)),
            None => groups.push(Group { heading, actions: vec![(name, says)] }),
        }
    }
    groups
}

/// What the first half of a name stands for.
fn heading(name: &str) -> &'static str {
    match name.split('.').next().unwrap_or_default() {
        "tenant" => "The organisation",
        "person" | "api_key" => "People and API keys",
        "account" | "session" | "sign_in" | "device" => "Signing in",
        "token" | "runner" => "Runners",
        "procedure" | "run" => "Procedures and runs",
        "drilldowns" | "evidence" => "Evidence",
        "secret" => "Secrets",
        "audit" => "The audit log",
        "alarm" => "Alarms",
        _ => "Anything else",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_action_is_offered_once_in_words() {
        let offered: Vec<&str> =
            groups().iter().flat_map(|group| group.actions.iter().map(|action| action.0)).collect();
        assert_eq!(offered.len(), ACTIONS.len());
        let words: BTreeSet<&str> = ACTIONS.iter().map(|action| action.1).collect();
        assert_eq!(words.len(), ACTIONS.len(), "two actions cannot be told apart");
        assert!(words.iter().all(|says| says.contains(' ') || says.len() > 4));
        let headings: BTreeSet<&str> = groups().iter().map(|group| group.heading).collect();
        assert_eq!(headings.len(), groups().len());
    }
}
