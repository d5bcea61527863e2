//! Looking at evidence: what it must never do, and what it must not take.

use serde_json::json;

use super::Scripts;

#[test]
fn evidence_is_shown_as_what_it_is() {
    let scripts = Scripts::start();
    let said = scripts.run(include_str!("../scripts/viewing.js"), json!([]));
    assert_eq!(said["failed"], json!([]));
    assert!(said["held"].as_u64().unwrap() > 40, "{said}");
    assert_eq!(scripts.browser.complaints(), Vec::<String>::new());
}

#[test]
fn much_evidence_stays_quick() {
    let scripts = Scripts::start();
    let said = scripts.run(include_str!("../scripts/much.js"), json!([]));
    assert_eq!(said["failed"], json!([]), "{said}");
    eprintln!("{}", said["took"]);
}

#[test]
fn keys_are_kept_and_cannot_be_read_out() {
    let scripts = Scripts::start();
    let said = scripts.run(include_str!("../scripts/keeping.js"), json!([]));
    assert_eq!(said["failed"], json!([]));
    // The same key in the same browser, on another day.
    scripts.browser.reload();
    let again = scripts.run(include_str!("../scripts/keeping.js"), json!([]));
    assert_eq!(again["failed"], json!([]));
    assert_eq!(said["fingerprint"], again["fingerprint"]);
}
