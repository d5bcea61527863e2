//! A control plane that lies to the page: whatever it changes, a step is red, and nothing of the evidence is shown.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tests::{Browser, Look, SESSION};

use crate::evidence::{self, Till};
use crate::liar::Liar;

/// Changes one bit in the middle.
fn flipped(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    bytes
}

/// Changes a JSON body.
fn edited(bytes: Vec<u8>, edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let Ok(mut body) = serde_json::from_slice::<Value>(&bytes) else { return bytes };
    edit(&mut body);
    serde_json::to_vec(&body).unwrap()
}

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

#[test]
fn whatever_a_control_plane_changes_the_page_turns_red_and_shows_nothing() {
    let till = Till::with(|till| {
        till.execute_batch("insert into notes values (1, 'ada', 'drawer is right'), (2, 'bela', 'drawer is right')")
            .unwrap();
    });
    let (run, other_run) = (till.run(), till.run());
    let (notes, accounts) = (till.item(&run, "notes"), till.item(&run, "accounts"));
    let grace = till.grace();
    let liar = Liar::before(&till.console.line.control_plane);
    let browser = Browser::start_at(&liar.base(), liar.pin(), Look::default());
    browser.set_cookie(SESSION, &grace.visitor.session());
    // The page is told of what went wrong by answers with such codes.
    browser.expect_complaint("status of 4");
    browser.expect_complaint("ERR_CONTENT_LENGTH_MISMATCH");
    browser.expect_complaint("ERR_INCOMPLETE_CHUNKED_ENCODING");
    till.auditor(&browser, &run);
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    liar.change_answered(move |_, path, body| {
        if path.ends_with("/answer") {
            *keep.lock().unwrap() = body.clone();
        }
        body
    });
    evidence::ask(&browser, &run, &[&notes], "");
    evidence::is_opened(&browser);

    let answers: Vec<(&str, &[&str], Box<dyn Fn(&str, &str, Vec<u8>) -> Vec<u8> + Send>)> = vec![
        (
            "one bit of the sealed answer",
            &["answer.sealed", "answer.opened"],
            Box::new(|_, path, body| if path.ends_with("/answer") { flipped(body) } else { body }),
        ),
        (
            "the end of the answer is missing",
            &["answer.sealed", "answer.opened", "rows.proven"],
            Box::new(|_, path, body| if path.ends_with("/answer") { body[..body.len() / 2].to_vec() } else { body }),
        ),
        ("an answer of before", &["answer.sealed", "answer.opened"], {
            let kept = kept.lock().unwrap().clone();
            Box::new(move |_, path, body| if path.ends_with("/answer") { kept.clone() } else { body })
        }),
        (
            "one bit of the receipt",
            &["receipt.signature"],
            Box::new(|_, path, body| if path.ends_with("/receipt") { flipped(body) } else { body }),
        ),
        (
            "one bit of the manifest",
            &["run.attested"],
            Box::new(|_, path, body| if path.ends_with("/manifest") { flipped(body) } else { body }),
        ),
        (
            "one bit of the attestation",
            &["run.attested"],
            Box::new(|_, path, body| if path.ends_with("/attestation") { flipped(body) } else { body }),
        ),
        (
            "another key of the Runner",
            &["run.attested"],
            Box::new(|_, path, body| {
                if path.ends_with("/keys") {
                    edited(body, |keys| {
                        let text = keys["statement"].as_str().unwrap_or_default().to_owned();
                        keys["statement"] =
                            Value::from(format!("{}{}", &text[text.len() / 2..], &text[..text.len() / 2]));
                    })
                } else {
                    body
                }
            }),
        ),
    ];
    for (what, steps, change) in answers {
        liar.change_answered(change);
        evidence::ask(&browser, &run, &[&notes], "");
        is_caught(&browser, what, steps);
    }

    let of_other_run = till.item(&other_run, "notes");
    let requests: Vec<(&str, Box<dyn Fn(&mut Value) + Send>)> = vec![
        ("another item", Box::new(move |body| body["items"][0]["item"] = Value::from(accounts.clone()))),
        ("another run", {
            let other_run = other_run.clone();
            Box::new(move |body| {
                body["run"] = Value::from(other_run.clone());
                body["items"][0]["item"] = Value::from(of_other_run.clone());
            })
        }),
        ("another row", Box::new(|body| body["items"][0]["rows"] = serde_json::json!([1]))),
        (
            "another key to seal to",
            Box::new(|body| body["recipient_key"] = Value::from("hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=")),
        ),
        ("another purpose", Box::new(|body| body["purpose"] = Value::from("investigation"))),
        ("another reason", Box::new(|body| body["reason"] = Value::from("because"))),
    ];
    for (what, change) in requests {
        liar.change_asked(move |method, path, body| {
            let is_request = method == "POST" && path == "/console/drilldowns";
            if is_request { edited(body, |body| change(body)) } else { body }
        });
        evidence::ask(&browser, &run, &[&notes], "0");
        is_caught(&browser, what, &["request.content"]);
    }

    // And the truth again, in the same browser.
    liar.be_honest();
    evidence::ask(&browser, &run, &[&notes], "");
    evidence::is_opened(&browser);
}
