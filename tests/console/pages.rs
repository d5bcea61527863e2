//! Every page, by light and in the dark, wide and narrow and enlarged: accessible, readable, and no wider than the screen.

use tests::{Browser, Console};

use crate::{crawl, scene};

#[test]
fn every_page_is_accessible_by_light_in_the_dark_and_on_a_phone() {
    let mut console = Console::start();
    let run = scene::fill(&console);
    let browser = console.browser(&console.owner);
    scene::furnish(&console, &browser, &run);
    let under_way = scene::under_way(&mut console, &browser, 50);
    browser.open(&under_way);
    assert_eq!(browser.count("progress"), 1, "a run under way says how far it is");
    browser.is_accessible_in_every_look();
    let found = crawl::from(&console.owner.visitor, &["/"]);
    let mut faults = Vec::new();
    let mut titles = std::collections::BTreeMap::new();
    for path in found.paths() {
        browser.open(path);
        faults.extend(browser.audit_looks());
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
    let browser = Browser::start(&console.line.control_plane);
    browser.expect_complaint("status of 4");
    let mut faults = Vec::new();
    for path in ["/sign-in", "/link/pln_nothing", "/sign-in?next=%2Fruns"] {
        browser.open(path);
        faults.extend(browser.audit_looks());
    }
    let signed_in = console.browser(&console.owner);
    signed_in.expect_complaint("status of 4");
    for path in ["/nothing", "/runs/019aa7f0-0000-7000-8000-000000000003", "/confirm"] {
        signed_in.open(path);
        faults.extend(signed_in.audit_looks());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
