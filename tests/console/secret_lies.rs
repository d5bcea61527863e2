//! A control plane that lies to the page that seals secrets: nothing is sealed under other terms than those that were chosen,
//! a red step says so, and what was sent is never said not to be.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clock::{Clock, SystemClock, Timestamp};
use serde_json::Value;
use tests::{Browser, Console, Look, SESSION, text};

use crate::liar::{self, Liar};

const VALUE: &str = "gate-token-9d41c07a55e3-of-the-branch";

/// Edits an answer to a method and a path.
type Change = Box<dyn Fn(&str, &str, &mut Value) + Send>;

/// What is changed, and the step that must turn red.
struct Lie {
    what: &'static str,
    step: &'static str,
    change: Change,
}

fn lie(what: &'static str, step: &'static str, change: impl Fn(&str, &str, &mut Value) + Send + 'static) -> Lie {
    Lie { what, step, change: Box::new(change) }
}

/// A change of the text of the terms, as they are handed over.
fn terms(what: &'static str, edit: impl Fn(String) -> String + Send + 'static) -> Lie {
    lie(what, "request.content", move |method, path, body| {
        if (method, path) == ("POST", "/console/secrets") {
            let draft = BASE64.decode(body["terms"]["draft"].as_str().unwrap_or_default()).unwrap_or_default();
            let edited = edit(String::from_utf8(draft).unwrap());
            body["terms"]["draft"] = Value::from(BASE64.encode(edited));
        }
    })
}

/// The text with what follows a field's name replaced, up to the next quote.
fn with(text: &str, field: &str, value: &str) -> String {
    let begins = format!("\"{field}\":\"");
    let (before, rest) = text.split_once(&begins).unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    format!("{before}{begins}{value}\"{after}")
}

/// The terms as of another time, holding ten minutes.
fn as_of(text: &str, issued: Timestamp) -> String {
    let moved = with(text, "issued", &issued.to_string());
    with(&moved, "expires", &issued.plus_ms(600_000).to_string())
}

fn lies() -> Vec<Lie> {
    vec![
        // Within what two clocks may differ, so that the value of a moment ago would count as the newer one.
        terms("an earlier time than the value before", |text| as_of(&text, SystemClock::new().now().plus_ms(-50_000))),
        terms("another name", |text| with(&text, "name", "door-token")),
        terms("another Runner", |text| with(&text, "runner", "019aa7f0-0000-7000-8000-000000000002")),
        terms("another tenant", |text| with(&text, "tenant", "019aa7f0-0000-7000-8000-000000000001")),
        terms("another key of the Runner", |text| with(&text, "runner_key", &"ab".repeat(32))),
        terms("another device", |text| with(&text, "device", &"ab".repeat(32))),
        terms("a life of years", |text| with(&text, "expires", "2036-01-01T00:00:00.000Z")),
        terms("fields in another order", |text| text.replacen("{\"v\":2,", "{", 1).replacen('}', "},\"v\":2", 1)),
        lie("a statement by another key", "statement.pinned", |_, path, body| {
            if path.ends_with("/keys") {
                liar::restate(body);
            }
        }),
        lie("a statement that is broken", "statement.signed", |_, path, body| {
            if path.ends_with("/keys") {
                body["statement"] = Value::from("AAAA");
            }
        }),
        lie("terms with the statement of another key", "statement.pinned", |method, path, body| {
            if (method, path) == ("POST", "/console/secrets") {
                liar::restate(&mut body["terms"]);
            }
        }),
    ]
}

/// The page with a liar in between, and what is sealed through it.
struct Sender {
    console: Console,
    liar: Liar,
    browser: Browser,
    /// How often sealed bytes were handed over.
    sealed: Arc<Mutex<usize>>,
}

impl Sender {
    fn start() -> Self {
        let console = Console::start();
        let liar = Liar::before(&console.line.control_plane);
        let browser = Browser::start_at(&liar.base(), liar.pin(), Look::default());
        browser.set_cookie(SESSION, &console.owner.visitor.session());
        for meant in ["status of 4", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_CLOSED"] {
            browser.expect_complaint(meant);
        }
        Self { console, liar, browser, sealed: Arc::default() }
    }

    /// From now on, lies like this.
    fn tell(&self, change: impl Fn(&str, &str, &mut Value) + Send + 'static) {
        let sealed = Arc::clone(&self.sealed);
        self.liar.change_answered(move |method, path, body| {
            *sealed.lock().unwrap() += usize::from(path.ends_with("/sealed"));
            if !path.starts_with("/console/") {
                return body;
            }
            liar::edited(body, |body| change(method, path, body))
        });
    }

    fn sealed(&self) -> usize {
        *self.sealed.lock().unwrap()
    }

    fn send(&self) {
        self.browser.open("/secrets/new");
        self.browser.see("[data-secret-form]");
        self.browser.fill("name", "gate-token");
        self.browser.fill("value", VALUE);
        self.browser.press("Seal and send");
    }

    fn state(&self, wanted: &str) {
        self.browser.until(wanted, || self.browser.text("[data-secret-state]").contains(wanted).then_some(()));
    }

    /// Nothing is sealed, this step is red, and the value is still the person's.
    #[track_caller]
    fn is_caught(&self, what: &str, step: &str) {
        let red = format!("[data-secret-steps] li.bad[data-step='{step}']");
        self.browser.until(&format!("{what}: {step} is red"), || (self.browser.count(&red) == 1).then_some(()));
        self.state("Not sent");
        assert_eq!(self.browser.value("[name=value]"), VALUE, "{what}");
    }

    /// Gives up what was asked for and never sealed: a person has a few of those.
    fn withdraw(&self) {
        let api = self.console.line.control_plane.api(&self.console.line.tenant.key_file);
        let listed = api.get("/secrets").with_status(200).json();
        for secret in listed["items"].as_array().unwrap().iter().filter(|secret| secret["state"] == "to_seal") {
            let cancel = api.url(&format!("/secrets/{}/cancel", text(secret, "/id")));
            let _ = api.send(api.client().post(cancel)).with_status(200);
        }
    }
}

#[test]
fn nothing_is_sealed_under_a_lie_and_what_was_sent_is_never_said_not_to_be() {
    let sender = Sender::start();
    let Sender { console, liar, browser, .. } = &sender;

    // At the first visit a statement by another key is a fingerprint that is not the Runner's.
    let fingerprint = text(&console.line.runner.json(&["status"]), "/enrolment/fingerprint");
    sender.tell(|_, path, body| {
        if path.ends_with("/keys") {
            liar::restate(body)
        }
    });
    sender.send();
    browser.see("[data-secret-fingerprint]");
    assert!(!browser.text("[data-secret-fingerprint]").contains(&fingerprint), "another fingerprint is shown");
    sender.tell(|_, _, _| {});
    sender.send();
    browser.see("[data-secret-fingerprint]");
    assert!(browser.text("[data-secret-fingerprint]").contains(&fingerprint));

    // The device is shown, with the way to have it approved, before anything is sealed.
    let other_name = terms("another name", |text| with(&text, "name", "door-token"));
    sender.tell(other_name.change);
    browser.press("It is the same");
    sender.is_caught(other_name.what, other_name.step);
    let device = browser.text("[data-sender-fingerprint]");
    assert!(browser.text("[data-sender-approve]").contains(&device.replace('-', "")), "{device}");
    browser.see("[data-sender-new]");
    assert_eq!(sender.sealed(), 0);

    sender.tell(|_, _, _| {});
    sender.send();
    sender.state("E-SECRET-032");
    let _ = console.line.runner.run(&["readers", "approve", &device, "--label", "a browser"]).with_code(0);
    sender.send();
    sender.state("Its next run uses it.");

    for lie in lies() {
        let before = sender.sealed();
        sender.tell(lie.change);
        sender.send();
        sender.is_caught(lie.what, lie.step);
        assert_eq!(sender.sealed(), before, "{}", lie.what);
        sender.withdraw();
    }

    // The answer to what was sent gets lost, once and for all: it was sent.
    sender.tell(|_, _, _| {});
    liar.lose("/sealed", 3);
    sender.send();
    sender.state("Its next run uses it.");
    assert_eq!(browser.value("[name=value]"), "", "the page forgets it");

    // What the Runner says is not what it signed.
    liar.change_answered(|_, path, body| if path.ends_with("/receipt") { liar::flipped(body) } else { body });
    sender.send();
    sender.state("Nobody knows whether the Runner has it");
    assert_eq!(browser.count("[data-secret-steps] li.bad[data-step='receipt.signature']"), 1);

    // And the truth again, in the same browser.
    liar.be_honest();
    sender.send();
    sender.state("Its next run uses it.");
    assert_eq!(browser.count("[data-secret-steps] li.good"), 7);
}
