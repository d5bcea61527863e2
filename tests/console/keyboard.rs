//! The console without a mouse: from the sign-in over the runs to evidence that was opened, looked at and saved, and out
//! again, by Tab, Shift, Space and Enter alone.

use serde_json::{Value, json};
use tests::{Browser, Look};

use crate::evidence::{self, Till};

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

/// Goes on with Tab until the focus is there: at this name, or at a place that is written as CSS between brackets. Every stop
/// on the way must show that it has the focus, be in sight, and lie under nothing.
#[track_caller]
fn tab_to(browser: &Browser, place: &str) {
    let mut passed = Vec::new();
    for _ in 0..STOPS {
        browser.keys(TAB);
        let at = focused(browser);
        let seen = browser.run(
            "const at = document.activeElement; if (!at || at === document.body) return true;
             const box = at.getBoundingClientRect();
             if (box.bottom <= 0 || box.top >= innerHeight) return 'it is out of sight';
             const { outlineStyle, outlineWidth } = getComputedStyle(at);
             // A date has places of its own within, which show it.
             if (!at.matches('[type^=date], [type=time]') && (outlineStyle === 'none' || parseFloat(outlineWidth) < 2)) return 'nothing shows it';
             const [x, y] = [Math.min(Math.max(box.left + box.width / 2, 1), innerWidth - 1), Math.min(Math.max(box.top + box.height / 2, 1), innerHeight - 1)];
             const top = document.elementFromPoint(x, y);
             return top === null || at.contains(top) || top.contains(at) || 'it lies under ' + top.outerHTML.slice(0, 80);",
            json!([]),
        );
        assert_eq!(seen, Value::Bool(true), "the focus on `{at}` cannot be seen");
        let is_there = match place.strip_prefix('<').and_then(|css| css.strip_suffix('>')) {
            Some(css) => browser.eval(&format!("document.activeElement.matches({css:?})")) == Value::Bool(true),
            None => at == place || at.starts_with(&format!("{place} ")),
        };
        if is_there {
            return;
        }
        passed.push(at);
    }
    assert!(passed.len() < STOPS, "Tab does not lead to `{place}`: {passed:?}");
}

/// The same, and presses Enter there.
#[track_caller]
fn enter(browser: &Browser, place: &str) {
    tab_to(browser, place);
    browser.keys(ENTER);
}

/// Whether the focus stands within such an element.
#[track_caller]
fn focus_is_in(browser: &Browser, css: &str) {
    browser.until(&format!("the focus is in `{css}`"), || {
        let is_in = browser.eval(&format!("document.activeElement.closest({css:?}) !== null"));
        (is_in == Value::Bool(true)).then_some(())
    });
}

fn till() -> Till {
    Till::with(|till| {
        for (id, name) in [(1, "ada"), (2, "bela"), (3, "chen")] {
            till.execute("insert into notes values (?1, ?2, 'drawer is right')", rusqlite::params![id, name]).unwrap();
        }
    })
}

fn sign_in(browser: &Browser, person: &tests::Person) {
    browser.open("/runs");
    browser.at("/sign-in");
    tab_to(browser, "E-mail address");
    browser.keys(&person.email);
    tab_to(browser, "Password");
    browser.keys(&person.password);
    browser.keys(ENTER);
    browser.at("/second-factor");
    if !focused(browser).contains("Code") {
        tab_to(browser, "Code from your authenticator");
    }
    browser.keys(&person.authenticator.code());
    browser.keys(ENTER);
    browser.at("/runs");
}

/// Fills in the form that asks for all of one item, and sends it.
fn ask(browser: &Browser, item: &str) {
    tab_to(browser, &format!("<#item-{item}>"));
    browser.keys(" ");
    assert_eq!(browser.eval("document.activeElement.checked"), json!(true));
    tab_to(browser, "Purpose");
    browser.keys("audit");
    assert_eq!(browser.eval("document.activeElement.value"), json!("audit"));
    tab_to(browser, "Reason");
    browser.keys("the yearly audit");
    browser.shifted('\u{E004}');
    browser.keys(TAB);
    let typed = browser.eval("document.activeElement.value");
    assert_eq!(typed, json!("the yearly audit"), "the focus goes back and forth");
    enter(browser, "<[data-open-form] button[type=submit]>");
}

#[test]
fn everything_from_the_sign_in_to_the_evidence_is_done_with_the_keyboard() {
    let till = till();
    let run = till.run();
    let item = till.item(&run, "notes");
    let person = till.grace();
    let look = Look { reduced_motion: true, ..Look::default() };
    let browser = Browser::start_with(&till.console.line.control_plane, look);
    for asked in ["/answer - Failed", "/receipt - Failed"] {
        browser.expect_complaint(asked);
    }
    sign_in(&browser, &person);

    // The first stop leads past the navigation.
    browser.keys(TAB);
    assert!(focused(&browser).to_lowercase().contains("skip"), "{}", focused(&browser));
    browser.keys(ENTER);
    browser.keys(TAB);
    focus_is_in(&browser, "main");

    enter(&browser, &format!("<main a[href^='/runs/{run}']>"));
    browser.until("a run is open", || browser.path().starts_with("/runs/0").then_some(()));
    enter(&browser, &format!("<a[href^='/runs/{run}/open']>"));
    browser.at(&format!("/runs/{run}/open"));
    browser.see("[data-open-form]");

    // A form that is not filled in says so where the focus is then.
    enter(&browser, "<[data-open-form] button[type=submit]>");
    focus_is_in(&browser, "[data-open-form]");
    ask(&browser, &item);
    browser.see("[data-open-compare]");
    assert_eq!(browser.text("[data-open-key]"), till.runner_key(), "the key on both screens");
    focus_is_in(&browser, "[data-open-compare]");
    enter(&browser, "<[data-open-compared]>");
    browser.until("the Runner refuses a device that it does not know", || {
        browser.text("[data-open-fault]").contains("E-DRILL-012").then_some(())
    });
    // Whoever waits for an answer is not left at the top of the page.
    focus_is_in(&browser, "main *");
    till.approve(&browser);

    browser.open(&format!("/runs/{run}/open"));
    browser.see("[data-open-form]");
    ask(&browser, &item);
    evidence::is_opened(&browser);
    focus_is_in(&browser, "[data-open-shown]");
    look_through(&browser);

    enter(&browser, "<form[action='/sign-out'] button>");
    browser.at("/sign-in");
    browser.open("/runs");
    browser.at("/sign-in");
}

/// Table, one row alone, hex, and both ways to save.
fn look_through(browser: &Browser) {
    let pressed = |name: &str| {
        focus_is_in(browser, "[aria-pressed=true]");
        assert_eq!(focused(browser), name);
    };
    enter(browser, "Hex");
    pressed("Hex");
    browser.says("7b 22 69 64");
    browser.shifted('\u{E004}');
    browser.shifted('\u{E004}');
    browser.keys(" ");
    pressed("Table");
    enter(browser, "<table.evidence tbody tr:nth-child(2) button>");
    browser.says("bela");
    assert_eq!(browser.count("table.evidence"), 0, "one row stands alone");
    focus_is_in(browser, "[data-open-evidence] .toolbar");
    assert_eq!(focused(browser), "All rows");
    browser.keys(ENTER);
    assert_eq!(browser.count("table.evidence tbody tr"), 3);
    enter(browser, "Save as CSV");
    let csv = String::from_utf8(browser.saved(".csv")).unwrap();
    assert!(csv.contains("bela"), "{csv}");
    enter(browser, "Save the rows");
    assert!(String::from_utf8(browser.saved(".jsonl")).unwrap().contains("chen"));
}
