//! A control plane that lies to the page: whatever it changes, a step is red, and nothing of the evidence is shown.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tests::{Browser, Look, SESSION};

use crate::evidence::{self, Till};
use crate::liar::{Liar, edited, flipped, restate};

/// Every step that may be red after this lie, and that nothing is shown.
#[track_caller]
fn is_caught(browser: &Browser, what: &str, steps: &[&str]) {
    browser.until(&format!("{what}: a red step"), || {
        assert_eq!(browser.count("[data-open-shown]:not([hidden])"), 0, "{what}: evidence is shown");
        (browser.count("[data-open-fault]:not([hidden])") == 1).then_some(())
    });
    let red =
        browser.eval("[...document.querySelectorAll('[data-open-steps] li.bad')].map((step) => step.dataset.step)");
    let red: Vec<&str> = red.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(
        red.iter().any(|step| steps.contains(step)),
        "{what}: {red:?} is red, and {steps:?} should be\n{}",
        browser.reading()
    );
    evidence::nothing_is_shown(browser);
}

/// What is changed, and the steps of which one must turn red.
struct Lie {
    what: &'static str,
    steps: &'static [&'static str],
    change: Change,
}

type Change = Box<dyn Fn(&str, &str, Vec<u8>) -> Vec<u8> + Send>;

/// A change of the answers to paths that end so.
fn answers(
    ends: &'static str,
    what: &'static str,
    steps: &'static [&'static str],
    change: impl Fn(Vec<u8>) -> Vec<u8> + Send + 'static,
) -> Lie {
    let change: Change = Box::new(move |_, path, body| if path.ends_with(ends) { change(body) } else { body });
    Lie { what, steps, change }
}

/// A change of the request for evidence.
fn requests(what: &'static str, edit: impl Fn(&mut Value) + Send + 'static) -> Lie {
    let change: Change =
        Box::new(
            move |method, path, body| {
                if method == "POST" && path == "/console/drilldowns" { edited(body, &edit) } else { body }
            },
        );
    Lie { what, steps: &["request.content"], change }
}

/// A statement of keys that is not the one that was made.
fn turned(keys: &mut Value) {
    let text = keys["statement"].as_str().unwrap_or_default().to_owned();
    let (first, second) = text.split_at(text.len() / 2);
    keys["statement"] = Value::from(format!("{second}{first}"));
}

fn lies_in_answers(before: Vec<u8>) -> Vec<Lie> {
    let opened = &["answer.sealed", "answer.opened", "rows.proven"];
    vec![
        answers("/answer", "one bit of the sealed answer", opened, flipped),
        answers("/answer", "the end of the answer is missing", opened, |body| body[..body.len() / 2].to_vec()),
        answers("/answer", "an answer of before", opened, move |_| before.clone()),
        answers("/receipt", "one bit of the receipt", &["receipt.signature"], flipped),
        answers("/manifest", "one bit of the manifest", &["run.attested"], flipped),
        answers("/attestation", "one bit of the attestation", &["run.attested"], flipped),
        answers("/keys", "a broken statement of the Runner's keys", &["run.attested"], |body| edited(body, turned)),
        answers("/keys", "another key of the Runner", &["run.attested"], |body| edited(body, restate)),
    ]
}

fn lies_in_requests(item: String, other: (String, String)) -> Vec<Lie> {
    vec![
        requests("another item", move |body| body["items"][0]["item"] = Value::from(item.clone())),
        requests("another run", move |body| {
            body["run"] = Value::from(other.0.clone());
            body["items"][0]["item"] = Value::from(other.1.clone());
        }),
        requests("another row", |body| body["items"][0]["rows"] = serde_json::json!([1])),
        requests("another key to seal to", |body| {
            body["recipient_key"] = Value::from("hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=");
        }),
        requests("another purpose", |body| body["purpose"] = Value::from("investigation")),
        requests("another reason", |body| body["reason"] = Value::from("because")),
    ]
}

#[test]
fn whatever_a_control_plane_changes_the_page_turns_red_and_shows_nothing() {
    let till = Till::with(|till| {
        till.execute_batch("insert into notes values (1, 'ada', 'drawer is right'), (2, 'bela', 'drawer is right')")
            .unwrap();
    });
    let (run, other_run) = (till.run(), till.run());
    let (notes, accounts) = (till.item(&run, "notes"), till.item(&run, "accounts"));
    let of_other_run = till.item(&other_run, "notes");
    let grace = till.grace();
    let liar = Liar::before(&till.console.line.control_plane);
    let browser = Browser::start_at(&liar.base(), liar.pin(), Look::default());
    browser.set_cookie(SESSION, &grace.visitor.session());
    // The page is told of what went wrong by answers with such codes.
    for meant in ["status of 4", "ERR_CONTENT_LENGTH_MISMATCH", "ERR_INCOMPLETE_CHUNKED_ENCODING"] {
        browser.expect_complaint(meant);
    }
    till.auditor(&browser, &run);
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    liar.change_answered(move |_, path, body| {
        if path.ends_with("/answer") {
            keep.lock().unwrap().clone_from(&body);
        }
        body
    });
    evidence::ask(&browser, &run, &[&notes], "");
    evidence::is_opened(&browser);

    let before = kept.lock().unwrap().clone();
    assert!(before.len() > 32);
    for lie in lies_in_answers(before) {
        liar.change_answered(lie.change);
        evidence::ask(&browser, &run, &[&notes], "");
        is_caught(&browser, lie.what, lie.steps);
        if lie.what == "another key of the Runner" {
            // A statement that is valid, and not by the key that this person compared.
            let fault = browser.text("[data-open-fault]");
            assert!(fault.contains("another key of this Runner than the one that this browser remembers"), "{fault}");
        }
    }
    for lie in lies_in_requests(accounts, (other_run, of_other_run)) {
        liar.change_asked(lie.change);
        evidence::ask(&browser, &run, &[&notes], "0");
        is_caught(&browser, lie.what, lie.steps);
    }

    // And the truth again, in the same browser.
    liar.be_honest();
    evidence::ask(&browser, &run, &[&notes], "");
    evidence::is_opened(&browser);
}
