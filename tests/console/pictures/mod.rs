//! Pictures of every page, by light and in the dark, of what the quickstart runs: made when asked for
//! (`PROCTOR_SCREENSHOTS=1`, or the names of some with commas between them), and otherwise compared with the templates, so that no page goes without.

mod demo;
mod take;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every picture, without `-light.png` and `-dark.png`, and the template of the page that it shows.
const PICTURES: [(&str, &str); 64] = [
    ("sign-in", "sign_in"),
    ("second-factor", "second_factor"),
    ("trouble-signed-out", "trouble_plain"),
    ("link", "link"),
    ("second-factor-new", "second_factor_new"),
    ("recovery-codes", "recovery_codes"),
    ("overview", "overview"),
    ("changes", "changes"),
    ("missed", "missed"),
    ("procedures", "procedures"),
    ("procedure", "procedure"),
    ("runs", "runs"),
    ("run", "run"),
    ("requests", "requests"),
    ("request", "request"),
    ("run-under-way", "run_under_way"),
    ("compare", "compare"),
    ("compare-choose", "compare_choose"),
    ("findings", "findings"),
    ("coverage", "coverage"),
    ("coverage-framework", "coverage_framework"),
    ("coverage-scope", "coverage_scope"),
    ("coverage-scopes", "coverage_scopes"),
    ("runners", "runners"),
    ("runner", "runner"),
    ("runner-add", "runner_add"),
    ("runner-add-command", "runner_add"),
    ("runner-approve", "runner_approve"),
    ("runner-revoke", "sure"),
    ("people", "people"),
    ("person", "person"),
    ("person-role", "person_act"),
    ("person-link", "person_act"),
    ("person-link-made", "person_link_made"),
    ("invite", "person_invite"),
    ("alarms", "alarms"),
    ("alarm", "alarm"),
    ("audit", "audit"),
    ("audit-verify", "audit_verify"),
    ("codes", "codes"),
    ("drilldowns", "drilldowns"),
    ("drilldown", "drilldown"),
    ("open", "evidence_ask"),
    ("open-compare", "evidence_ask"),
    ("open-refused", "evidence_ask"),
    ("evidence", "evidence_ask"),
    ("secrets", "secrets"),
    ("secret-new", "secret_new"),
    ("secret-refused", "secret_new"),
    ("account", "account"),
    ("account-activity", "account_activity"),
    ("account-password", "account_password"),
    ("account-second-factor", "account_factor"),
    ("account-recovery-codes", "sure"),
    ("account-zone", "account_zone"),
    ("api-keys", "keys"),
    ("api-key-new", "key_new"),
    ("api-key-made", "key_made"),
    ("api-key-end", "sure"),
    ("confirm", "confirm"),
    ("confirm-again", "confirm_again"),
    ("settings", "settings"),
    ("settings-drilldowns", "settings_drilldowns"),
    ("trouble", "trouble"),
];
/// Of one picture and of all together, in bytes.
const ONE: u64 = 400 * 1024;
const ALL: u64 = 12 * 1024 * 1024;
const WIDE: u32 = 1280;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/docs/console")
}

#[test]
fn every_page_has_its_pictures_by_light_and_in_the_dark() {
    if std::env::var_os("PROCTOR_SCREENSHOTS").is_some() {
        take::take();
    }
    let mut whole = 0;
    for (name, look) in PICTURES.iter().flat_map(|(name, _)| [(name, "light"), (name, "dark")]) {
        let path = folder().join(format!("{name}-{look}.png"));
        let bytes = std::fs::read(&path).unwrap_or_default();
        assert!(bytes.starts_with(b"\x89PNG"), "{} is missing: PROCTOR_SCREENSHOTS=1 makes it", path.display());
        let wide = u32::from_be_bytes(bytes[16..20].try_into().unwrap());
        assert_eq!(wide, WIDE, "{}", path.display());
        let size = bytes.len() as u64;
        assert!(size < ONE, "{} has {size} bytes", path.display());
        whole += size;
    }
    assert!(whole < ALL, "{whole} bytes");
    let strangers: Vec<_> = std::fs::read_dir(folder()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(strangers.len(), PICTURES.len() * 2, "a picture of nothing: {strangers:?}");
}

/// The templates are the list: whoever makes a page makes its picture.
#[test]
fn every_template_of_a_page_is_in_a_picture() {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../control-plane/web/templates/page");
    let there: BTreeSet<String> = std::fs::read_dir(templates)
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".html").map(str::to_owned))
        .collect();
    let shown: BTreeSet<String> = PICTURES.iter().map(|(_, template)| (*template).to_owned()).collect();
    let missing: Vec<_> = there.difference(&shown).collect();
    let gone: Vec<_> = shown.difference(&there).collect();
    assert!(missing.is_empty() && gone.is_empty(), "without a picture: {missing:?}; of no template: {gone:?}");
    let names: BTreeSet<&str> = PICTURES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), PICTURES.len(), "one name for two pictures");
}
