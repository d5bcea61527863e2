//! Scripts by themselves: looking at evidence, what it must never do and take, and what pages do beside a control plane
//! that lies, is away, or has news.

use serde_json::json;

use super::{Scripts, vectors};

/// A control plane in the page, for the script that follows.
macro_rules! beside_a_plane {
    ($script:literal) => {
        concat!(include_str!("../scripts/plane.js"), include_str!(concat!("../scripts/", $script)))
    };
}

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

#[test]
fn a_secret_is_sealed_under_its_own_terms_alone_and_never_said_unsent_once_it_left() {
    let scripts = Scripts::start();
    let said = scripts.run(beside_a_plane!("sending.js"), json!([vectors("secret-v2.json")["draft"]]));
    assert_eq!(said["failed"], json!([]));
    assert!(said["held"].as_u64().unwrap() > 30, "{said}");
}

#[test]
fn a_refusal_beside_a_proven_answer_is_a_lie_and_decided_before_is_no_refusal() {
    let scripts = Scripts::start();
    let said = scripts.run(beside_a_plane!("receiving.js"), json!([vectors("formats-v1.json")]));
    assert_eq!(said["failed"], json!([]));
    assert!(said["held"].as_u64().unwrap() > 14, "{said}");
}

#[test]
fn pages_with_news_can_be_paused_keep_what_is_open_and_warn_before_a_session_ends() {
    let scripts = Scripts::start();
    let said = scripts.run(beside_a_plane!("living.js"), json!([]));
    assert_eq!(said["failed"], json!([]));
    assert!(said["held"].as_u64().unwrap() > 17, "{said}");
}
