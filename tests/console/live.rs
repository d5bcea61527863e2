//! A run that is asked for in the page, and seen to begin and to end without the page being loaded again.

use tests::Console;

use crate::scene;

#[test]
fn a_run_is_asked_for_in_the_page_and_seen_to_its_end_without_loading_it_again() {
    let console = Console::start();
    let before = scene::fill(&console);
    let browser = console.browser(&console.owner);
    browser.open("/runs");
    browser.mark();
    let rows = browser.count("#runs-list tbody tr");
    // Elsewhere, somebody else's run: it shows up by itself.
    console.line.request("accounts");
    browser.until("the new run shows up", || (browser.count("#runs-list tbody tr") == rows + 1).then_some(()));
    assert!(browser.is_marked(), "the page was not loaded again");

    browser.open(&format!("/runs/{before}"));
    browser.press("Request another run");
    browser.until("the request has a page", || browser.path().starts_with("/requests/").then_some(()));
    browser.mark();
    browser.see("a.button[href^='/runs/']");
    assert!(browser.is_marked(), "the page was not loaded again");
    browser.follow("See the result");
    browser.until("the run is open", || browser.path().starts_with("/runs/").then_some(()));
    let path = browser.path();
    assert!(path.starts_with("/runs/") && !path.contains(&before), "{path}");
    browser.says("Shares of the file server are owned");
    browser.says("Take the group Everybody off the share.");
    browser.back();
    browser.reload();
    browser.says("The run ended");
}

#[test]
fn a_run_under_way_is_followed_to_its_result() {
    let mut console = Console::start();
    let browser = console.browser(&console.owner);
    // Between the last word of it and its result there may be neither.
    browser.expect_complaint("status of 404");
    let path = scene::under_way(&mut console, &browser, 12);
    browser.open(&path);
    browser.says("of 2 steps");
    browser.see("#run-verdict");
    browser.says("Verdict");
    assert_eq!(browser.path(), path);
}

#[test]
fn what_has_the_focus_keeps_it_when_the_page_changes_by_itself() {
    let console = Console::start();
    scene::fill(&console);
    let browser = console.browser(&console.owner);
    browser.open("/runs");
    let rows = browser.count("#runs-list tbody tr");
    browser.run("document.querySelector('#filter-verdict').focus();", serde_json::json!([]));
    browser.choose("verdict", "fail");
    console.line.request("accounts");
    browser.until("the new run shows up", || (browser.count("#runs-list tbody tr") == rows + 1).then_some(()));
    assert_eq!(browser.eval("document.activeElement.id"), "filter-verdict");
    assert_eq!(browser.value("#filter-verdict"), "fail", "what was chosen stays chosen");
}
