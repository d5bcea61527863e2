//! What the codes mean that a Runner is given, since it is given nothing but the code.

/// A code, what it says, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeHelp {
    /// The code.
    pub code: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// What to do.
    pub next_step: &'static str,
}

const fn help(code: &'static str, meaning: &'static str, next_step: &'static str) -> CodeHelp {
    CodeHelp { code, meaning, next_step }
}

const NEW_TOKEN: &str = "ask an administrator for a new token";
const LOOK_AT_ALARM: &str = "an administrator looks at the alarm and decides whether to unlock the Runner";
const COMES_BACK: &str = "nothing: the Runner comes back by itself";
const NEW_ENROLMENT: &str = "enrol again with a new token";
const ASK_ANEW: &str = "ask for the evidence anew";
const SEND_ANEW: &str = "send it anew";
const BUG: &str = "update Runner and control plane; if it stays, report it as a fault";

/// Every code that operations give to a Runner, or to a drill-down or a secret that came to nothing.
pub const CODES: &[CodeHelp] = &[
    help("E-ENROL-001", "the token is not known", NEW_TOKEN),
    help("E-ENROL-002", "the token was used by another Runner", NEW_TOKEN),
    help("E-ENROL-003", "the token's ten minutes are over", NEW_TOKEN),
    help("E-ENROL-004", "the token was taken back", NEW_TOKEN),
    help("E-ENROL-005", "the statement of keys is not signed by its key, or is for another tenant", NEW_ENROLMENT),
    help("E-ENROL-006", "the certificate request is not in order, or over another key than stated", NEW_ENROLMENT),
    help("E-ENROL-007", "a Runner with this id is there already", NEW_ENROLMENT),
    help("E-ENROL-008", "the Runner was revoked", NEW_ENROLMENT),
    help("E-ENROL-009", "the Runner is locked", LOOK_AT_ALARM),
    help("E-ENROL-010", "the Runner has renewed its certificate since, or the first one has expired", "let it recover"),
    help("E-ENROL-011", "too many wrong attempts from this address", "wait a minute"),
    help(
        "E-ENROL-012",
        "the control plane could not decide",
        "try again; if it stays, ask the control plane's operator",
    ),
    help("E-ENROL-020", "the certificate is not one of a Runner that is let in", NEW_ENROLMENT),
    help("E-ENROL-021", "the request is over another key than the expired certificate", NEW_ENROLMENT),
    help(
        "E-ENROL-022",
        "the Runner's statement does not fit the request, or its clock is off by an hour",
        "set the clock",
    ),
    help("E-LINE-001", "the certificate of the session has expired", COMES_BACK),
    help("E-LINE-002", "the control plane does not know this certificate", NEW_ENROLMENT),
    help("E-LINE-003", "the Runner was revoked", NEW_ENROLMENT),
    help("E-LINE-004", "the Runner is locked", LOOK_AT_ALARM),
    help(
        "E-LINE-005",
        "two sessions of one certificate kept replacing one another: somebody has a copy",
        LOOK_AT_ALARM,
    ),
    help("E-LINE-006", "a certificate was used after its successor: somebody has a copy", LOOK_AT_ALARM),
    help("E-LINE-007", "the tenant is suspended", "ask the operator of the control plane"),
    help("E-LINE-008", "the journal is not a continuation of what was reported", "enrol again, under a new id"),
    help("E-LINE-009", "the Runner's record at the control plane is damaged", "ask the operator of the control plane"),
    help("E-LINE-010", "Hello came twice", BUG),
    help("E-LINE-011", "Hello names another generation than the certificate has", BUG),
    help("E-LINE-012", "the control plane stopped while it checked a report", COMES_BACK),
    help("E-LINE-013", "a record came out of order", COMES_BACK),
    help("E-LINE-014", "another record than the one that was accepted: a second history", LOOK_AT_ALARM),
    help("E-LINE-015", "the control plane stopped while it accepted a report", COMES_BACK),
    help("E-LINE-020", "a procedure stands in the catalogue twice", BUG),
    help("E-LINE-021", "a procedure stands in the schedule twice", BUG),
    help("E-LINE-022", "progress of a run without what belongs to it", BUG),
    help("E-LINE-023", "a run stands among those under way twice", BUG),
    help("E-LINE-030", "the certificate request is not in order", BUG),
    help(
        "E-LINE-031",
        "a renewal that does not follow from the certificate in use: somebody has a copy",
        LOOK_AT_ALARM,
    ),
    help("E-LINE-032", "a renewal over the key that the certificate has already", BUG),
    help("E-LINE-040", "a journal checkpoint that the Runner did not sign", BUG),
    help("E-LINE-041", "a journal checkpoint over another history than the one that was reported", LOOK_AT_ALARM),
    help("E-LINE-042", "a countersignature under something that is no checkpoint", BUG),
    help("E-LINE-050", "a newer session of this Runner was opened", COMES_BACK),
    help("E-LINE-051", "a newer certificate has been used since", COMES_BACK),
    help("E-LINE-060", "a sealed answer began twice", BUG),
    help("E-LINE-061", "a frame of a sealed answer came out of order, or without room for it", BUG),
    help("E-REPORT-001", "the record is none that the control plane knows", "update the control plane"),
    help("E-REPORT-002", "a run without its manifest and attestation", BUG),
    help("E-REPORT-003", "a manifest beside a record of something else", BUG),
    help("E-REPORT-004", "the attestation is not the one that the record names", BUG),
    help("E-REPORT-005", "the attestation is not signed by this Runner", BUG),
    help("E-REPORT-006", "the manifest is not in order, or not the attested one", "update the control plane"),
    help("E-REPORT-007", "the manifest is of another Runner, tenant or run", BUG),
    help("E-REPORT-008", "the journal begins as one of another Runner", NEW_ENROLMENT),
    help("E-REPORT-009", "the record is older than the one before it", BUG),
    help("E-REPORT-010", "the run had its last word before", BUG),
    help("E-REPORT-011", "another Runner reported a run of this id", BUG),
    help("E-OPS-060", "the Runner refused to open the evidence", "read the code in its receipt"),
    help("E-OPS-061", "the answer was cut off", ASK_ANEW),
    help("E-OPS-062", "the time of the request was over before it could be signed", ASK_ANEW),
    help("E-OPS-063", "the Runner's session ended after the request was signed", ASK_ANEW),
    help("E-OPS-064", "who asked may not any more, or drill-downs were switched off", "ask an administrator"),
    help("E-OPS-065", "the Runner was not connected in time", "see that it is connected, then ask anew"),
    help("E-OPS-066", "nobody signed in time", ASK_ANEW),
    help("E-OPS-067", "the Runner took the request and no receipt came", "look at the Runner's journal"),
    help("E-OPS-101", "the secret was not sealed in time", SEND_ANEW),
    help(
        "E-OPS-102",
        "the Runner was not connected before the secret's time was over",
        "see that it is connected, then send it anew",
    ),
    help(
        "E-OPS-104",
        "who sent the secret may not any more, has another role, or gave up the device, session or key",
        SEND_ANEW,
    ),
    help("E-OPS-105", "the Runner took the secret and no receipt came", "look at the Runner's journal"),
    help("E-OPS-106", "the Runner began another session before the secret reached it", SEND_ANEW),
];

/// What a code means.
pub fn explain(code: &str) -> Option<&'static CodeHelp> {
    CODES.iter().find(|help| help.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn codes_in(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                codes_in(&path, found);
            } else if !path.ends_with("codes.rs") && !path.ends_with("error.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.extend(
                    text.split('"')
                        .filter(|word| word.starts_with("E-"))
                        .map(|word| word[..word.len().min(12)].trim_end_matches(':').to_owned()),
                );
            }
        }
    }

    #[test]
    fn every_code_that_is_given_is_explained_once_and_none_besides() {
        let mut found = BTreeSet::new();
        codes_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        // Of the contract, where it is explained.
        found.remove("E-CONTRACT-0");
        let found: BTreeSet<String> =
            found.into_iter().map(|code| code.split(':').next().unwrap().to_owned()).collect();
        let explained: BTreeSet<String> = CODES.iter().map(|help| help.code.to_owned()).collect();
        assert_eq!(explained.len(), CODES.len(), "a code twice");
        assert_eq!(found.difference(&explained).collect::<Vec<_>>(), Vec::<&String>::new(), "not explained");
        assert_eq!(explained.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "never given");
        assert_eq!(explain("E-LINE-013").unwrap().next_step, COMES_BACK);
    }
}
