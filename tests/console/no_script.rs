//! The console where script is switched off: everything works, except for what only a page that computes can do, and
//! there it says so and names the command.

use tests::{Browser, Console, Look, until};

use crate::scene;

#[test]
fn everything_but_evidence_and_secrets_works_without_script() {
    let console = Console::start();
    let run = scene::fill(&console);
    let owner = &console.owner;
    let browser = Browser::start_with(&console.line.control_plane, Look { script: false, ..Look::default() });
    browser.open("/runs?verdict=fail");
    browser.at("/sign-in");
    browser.fill("email", &owner.email);
    browser.fill("password", &owner.password);
    browser.press("Continue");
    browser.at("/second-factor");
    browser.fill("code", &owner.authenticator.code());
    browser.press("Sign in");
    browser.at("/runs");
    assert!(browser.path().contains("verdict=fail"), "{}", browser.path());
    assert_eq!(browser.count("tbody tr"), 2);

    // Filters, a run, a comparison, a file.
    browser.open("/runs");
    browser.choose("procedure", "accounts");
    browser.click("form.filters button");
    browser.until("the filter is in the address", || browser.path().contains("procedure=accounts").then_some(()));
    assert_eq!(browser.count("tbody tr"), 1);
    browser.open(&format!("/runs/{run}"));
    browser.says("Take the group Everybody off the share.");
    let csv = String::from_utf8(owner.visitor.get("/runs?format=csv").with_status(200).bytes).unwrap();
    assert_eq!(csv.lines().count(), 4, "{csv}");

    // Asking for a run, and looking at it again by hand.
    let count = || console.line.admin(&["run", "list"]).json()["runs"].as_array().map_or(0, Vec::len);
    let before = count();
    browser.open(&format!("/runs/{run}"));
    browser.press("Request another run");
    until("the run was made", || (count() == before + 1).then_some(()));
    browser.reload();
    browser.follow("See the result");
    browser.says("Take the group Everybody off the share.");

    // A person, a token, an account.
    browser.open("/people/invite");
    browser.fill("email", "grace@one.example");
    browser.fill("name", "Grace");
    browser.click("input[name=role][value=auditor]");
    browser.press("Make the invitation");
    browser.says("/link/pln_");
    browser.open("/runners/add");
    browser.fill("label", "warehouse");
    browser.press("Make the command");
    browser.says("proctor-runner enrol --control-plane");
    for page in [
        "/",
        "/procedures",
        "/findings",
        "/coverage",
        "/runners",
        "/people",
        "/audit",
        "/alarms",
        "/drilldowns",
        "/secrets",
        "/account",
        "/settings",
    ] {
        browser.open(page);
        browser.see("h1");
        assert!(!browser.reading().contains("JavaScript is required"), "{page}");
    }

    browser.open(&format!("/runs/{run}/open"));
    browser.says("proctor-verify open");
    browser.open("/secrets/new");
    browser.says("proctor-runner secret set");
    browser.press("Sign out");
    browser.at("/sign-in");
    browser.open("/runs");
    browser.at("/sign-in");
}
