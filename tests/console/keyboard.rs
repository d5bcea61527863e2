//! The console without a mouse: from the sign-in over the runs to asking for evidence, by Tab, Shift and Enter alone.

use serde_json::{Value, json};
use tests::{Browser, Console, Look};

use crate::scene;

const TAB: &str = "\u{E004}";
const ENTER: &str = "\u{E007}";
/// More stops than any page has.
const STOPS: usize = 150;

/// The name of what has the focus: its label or what can be read in it.
fn focused(browser: &Browser) -> String {
    let name = browser.eval(
        "(() => { const at = document.activeElement; if (!at || at === document.body) return '';
          const label = at.labels && at.labels[0] ? at.labels[0].textContent : '';
          return (label || at.getAttribute('aria-label') || at.textContent || at.name || '').trim().replace(/\\s+/g, ' '); })()",
    );
    name.as_str().unwrap_or_default().to_owned()
}

/// Goes on with Tab until this has the focus; every stop on the way must show it and be in sight.
#[track_caller]
fn tab_to(browser: &Browser, name: &str) {
    let mut passed = Vec::new();
    for _ in 0..STOPS {
        browser.keys(TAB);
        let at = focused(browser);
        let seen = browser.run(
            "const at = document.activeElement; if (!at || at === document.body) return true;
             const box = at.getBoundingClientRect();
             return box.bottom > 0 && box.top < innerHeight && at.matches(':focus-visible, input[type=date]');",
            json!([]),
        );
        assert_eq!(seen, Value::Bool(true), "the focus on `{at}` cannot be seen");
        if at == name || at.starts_with(&format!("{name} ")) {
            return;
        }
        passed.push(at);
    }
    assert!(passed.len() < STOPS, "Tab does not lead to `{name}`: {passed:?}");
}

#[test]
fn everything_from_the_sign_in_to_the_evidence_is_done_with_the_keyboard() {
    let console = Console::start();
    let run = scene::fill(&console);
    let person = console.person("grace", "auditor");
    let browser = Browser::start_with(&console.line.control_plane, Look { reduced_motion: true, ..Look::default() });
    browser.open("/runs");
    browser.at("/sign-in");
    tab_to(&browser, "E-mail address");
    browser.keys(&person.email);
    tab_to(&browser, "Password");
    browser.keys(&person.password);
    browser.keys(ENTER);
    browser.at("/second-factor");
    if !focused(&browser).contains("Code") {
        tab_to(&browser, "Code from your authenticator");
    }
    browser.keys(&person.authenticator.code());
    browser.keys(ENTER);
    browser.at("/runs");

    // The first stop leads past the navigation.
    browser.keys(TAB);
    assert!(focused(&browser).to_lowercase().contains("skip"), "{}", focused(&browser));
    browser.keys(ENTER);
    browser.keys(TAB);
    let inside = browser.eval("document.querySelector('main').contains(document.activeElement)");
    assert_eq!(inside, Value::Bool(true), "the link past the navigation leads into the page");

    let href = format!("/runs/{run}");
    let title = browser
        .eval(&format!("document.querySelector('main a[href^=\"{href}\"]').textContent.trim().replace(/\\s+/g, ' ')"));
    tab_to(&browser, title.as_str().unwrap());
    browser.keys(ENTER);
    browser.until("a run is open", || browser.path().starts_with("/runs/0").then_some(()));
    tab_to(&browser, "Ask for evidence");
    browser.keys(ENTER);
    browser.until("the page that asks is open", || browser.path().contains("/open").then_some(()));
    tab_to(&browser, "Reason");
    browser.keys("the yearly audit");
    browser.shifted('\u{E004}');
    browser.keys(TAB);
    assert_eq!(
        browser.eval("document.activeElement.value"),
        json!("the yearly audit"),
        "the focus goes back and forth"
    );
    assert!(browser.count("[tabindex]:not([tabindex='0']):not([tabindex='-1'])") == 0);
}
