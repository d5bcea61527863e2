//! What is sensitive asks for both factors again after a quarter of an hour; password and second factor are replaced; and
//! evidence for which the Runner wants a second person's word.

use tests::{Authenticator, Browser, Console, Person};

use crate::evidence::{self, Till};
use crate::{scene, secret_of};

const NEW_PASSWORD: &str = "another horse another battery";

/// So much later that both factors are wanted again, and the session still holds.
fn a_quarter_passes(console: &Console) {
    let moved = "UPDATE session SET confirmed = confirmed - 960000 WHERE confirmed IS NOT NULL";
    assert!(scene::meddle(console, moved) > 0);
}

fn confirm(browser: &Browser, password: &str, code: &str) {
    browser.at("/confirm");
    browser.fill("password", password);
    browser.fill("code", code);
    browser.press("Confirm");
}

/// Whether these let somebody in.
fn lets_in(console: &Console, email: &str, password: &str, code: &str) -> bool {
    let browser = Browser::start(&console.line.control_plane);
    browser.expect_complaint("status of 4");
    browser.open("/sign-in");
    browser.fill("email", email);
    browser.fill("password", password);
    browser.press("Continue");
    browser.until("an answer is there", || (browser.count("[role=alert], [name=code]") > 0).then_some(()));
    if browser.path() != "/second-factor" {
        return false;
    }
    browser.fill("code", code);
    browser.press("Sign in");
    browser.until("an answer is there", || (browser.count("[role=alert], form[action='/sign-out']") > 0).then_some(()));
    browser.path() == "/"
}

#[test]
fn what_is_sensitive_asks_again_and_then_password_and_second_factor_are_replaced() {
    let console = Console::start();
    let owner = &console.owner;
    let browser = console.browser(owner);
    browser.expect_complaint("status of 4");

    // Looking is not sensitive; changing the password is, and what leads there is where one comes out again.
    a_quarter_passes(&console);
    browser.open("/runs");
    browser.at("/runs");
    for path in ["/account/second-factor", "/account/keys/new", "/people/invite", "/secrets/new", "/account/password"] {
        browser.open(path);
        browser.at("/confirm");
    }
    browser.is_accessible_in_every_look();
    let session = browser.cookies();
    confirm(&browser, "not the password of anybody", &owner.authenticator.wrong_code());
    browser.see("[role=alert]");
    browser.is_accessible();
    confirm(&browser, &owner.password, &owner.authenticator.code());
    browser.at("/account/password");
    assert_ne!(browser.cookies(), session, "the session is another one now");

    browser.fill("old", "not the password of anybody");
    browser.fill("new", NEW_PASSWORD);
    browser.fill("repeat", NEW_PASSWORD);
    browser.press("Change password");
    browser.see("[aria-invalid=true], [role=alert]");
    browser.fill("old", &owner.password);
    browser.fill("new", NEW_PASSWORD);
    browser.fill("repeat", NEW_PASSWORD);
    browser.press("Change password");
    browser.at("/account");
    // The session that the person had elsewhere is over.
    assert_eq!(owner.visitor.get("/runs").status, 303);

    // The new authenticator counts once it has shown a code, and the old one no more.
    browser.open("/account/second-factor");
    let app = Authenticator::new(&secret_of(&browser));
    browser.fill("code", &app.wrong_code());
    browser.press("Replace");
    browser.see("[role=alert]");
    assert_eq!(secret_of(&browser), app.secret(), "the offer stays the same");
    browser.fill("code", &app.code());
    browser.press("Replace");
    browser.says("recovery codes");
    assert_eq!(browser.count("ol.codes li"), 10);
    browser.open("/account");
    browser.says("10 left");
    assert!(!lets_in(&console, &owner.email, &owner.password, &app.code()), "the old password");
    assert!(!lets_in(&console, &owner.email, NEW_PASSWORD, &owner.authenticator.code()), "the old authenticator");
    assert!(lets_in(&console, &owner.email, NEW_PASSWORD, &app.code()), "both new ones");
}

#[test]
fn what_was_typed_survives_the_question_for_both_factors() {
    let console = Console::start();
    let browser = console.browser(&console.owner);
    browser.expect_complaint("status of 4");
    browser.open("/people/invite");
    browser.fill("email", "grace@one.example");
    browser.fill("name", "Grace Hopper");
    browser.click("input[name=role][value=auditor]");
    a_quarter_passes(&console);
    browser.press("Make the invitation");
    browser.see("[name=again-password]");
    browser.says("Grace Hopper");
    browser.is_accessible_in_every_look();
    assert_eq!(scene::people(&console), 1, "nothing happened yet");
    browser.fill("again-password", "not the password of anybody");
    browser.fill("again-code", &console.owner.authenticator.wrong_code());
    browser.press("Confirm and send");
    browser.see("[role=alert]");
    assert_eq!(scene::people(&console), 1, "nothing happened yet");
    browser.fill("again-password", &console.owner.password);
    browser.fill("again-code", &console.owner.authenticator.code());
    browser.press("Confirm and send");
    browser.says("/link/pln_");
    assert_eq!(scene::people(&console), 2);
}

#[test]
fn evidence_that_needs_a_second_person_is_opened_after_their_word_and_once() {
    let mut till = Till::with(|till| {
        till.execute("insert into notes values (1, 'ada', 'drawer is right')", []).unwrap();
    });
    let run = till.run();
    let grace: Person = till.grace();
    let browser = till.console.browser(&grace);
    till.auditor(&browser, &run);
    till.console
        .line
        .runner
        .write("policy.toml", evidence::POLICY.replace("second_person = false", "second_person = true"));
    till.console.line.stop_runner();
    till.console.line.serve();
    let item = till.item(&run, "notes");
    let refused = |code: &str| {
        evidence::ask(&browser, &run, &[&item], "");
        browser.until("the Runner refuses", || browser.text("[data-open-fault]").contains(code).then_some(()));
        assert_eq!(browser.count("[data-open-shown]:not([hidden])"), 0);
    };
    refused("E-DRILL-023");
    // The page says what the second person runs.
    let page = browser.reading();
    let line = page.lines().find(|line| line.contains("proctor-runner drilldowns confirm"));
    let request = line.and_then(|line| line.split_whitespace().skip_while(|word| *word != "confirm").nth(1)).unwrap();
    let said = ["drilldowns", "confirm", request, "--reason", "agreed with the works council"];
    let _ = till.console.line.runner.run(&said).with_code(0);
    evidence::ask(&browser, &run, &[&item], "");
    evidence::is_opened(&browser);
    browser.says("drawer is right");
    browser.is_accessible_in_every_look();
    // Their word held for one opening.
    refused("E-DRILL-023");
}
