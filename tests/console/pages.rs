//! Every page, by light and in the dark, wide and narrow: accessible, readable, and no wider than the screen.

use tests::{Browser, Console, Look};

use crate::{crawl, scene};

/// Audits the page as it stands by light, in the dark, and on a phone.
fn audit(browser: &Browser, path: &str, faults: &mut Vec<String>) {
    browser.open(path);
    for (look, dark, width) in
        [("light", false, 1280), ("dark", true, 1280), ("phone", false, 360), ("large", true, 3840)]
    {
        browser.prefer(dark, look == "dark");
        browser.resize(width, 900);
        faults.extend(browser.audit().into_iter().map(|fault| format!("{path} ({look}): {fault}")));
    }
    browser.resize(1280, 900);
    browser.prefer(false, false);
}

#[test]
fn every_page_is_accessible_by_light_in_the_dark_and_on_a_phone() {
    let console = Console::start();
    scene::fill(&console);
    let found = crawl::from(&console.owner.visitor, &["/"]);
    let browser = console.browser(&console.owner);
    let mut faults = Vec::new();
    let mut titles = std::collections::BTreeMap::new();
    for path in found.paths() {
        audit(&browser, path, &mut faults);
        let title = browser.eval("document.title").to_string();
        if !path.contains('?') {
            titles.entry(title).or_insert_with(Vec::new).push(path.to_owned());
        }
    }
    let alike: Vec<_> = titles.iter().filter(|(_, paths)| paths.len() > 1).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(alike.is_empty(), "pages with one title: {alike:?}");
}

#[test]
fn the_pages_before_the_sign_in_and_of_errors_are_accessible_too() {
    let console = Console::start();
    let browser = Browser::start_with(&console.line.control_plane, Look::default());
    browser.expect_complaint("status of 4");
    let mut faults = Vec::new();
    for path in ["/sign-in", "/link/pln_nothing", "/sign-in?next=%2Fruns"] {
        audit(&browser, path, &mut faults);
    }
    let signed_in = console.browser(&console.owner);
    signed_in.expect_complaint("status of 4");
    for path in ["/nothing", "/runs/019aa7f0-0000-7000-8000-000000000003", "/confirm"] {
        audit(&signed_in, path, &mut faults);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
