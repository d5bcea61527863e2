//! The first day of an owner, and what comes after it: sessions, recovery codes, other browsers.

use tests::{Authenticator, Browser, Console, ControlPlane, PASSWORD, Person, SESSION, Visitor};

use crate::secret_of;

#[test]
fn the_first_owner_comes_by_a_link_with_password_second_factor_and_recovery_codes() {
    let control_plane = ControlPlane::start();
    let tenant = control_plane.tenant("one");
    let browser = Browser::start(&control_plane);
    browser.expect_complaint("status of 4");
    browser.open("/");
    browser.at("/sign-in");

    // Looked at twice, and still good.
    browser.open(&tenant.link);
    browser.open(&tenant.link);
    assert_eq!(browser.value("[name=username]"), "owner@one.example");
    browser.is_accessible();
    for (password, repeat) in
        [("password1234", "password1234"), ("short", "short"), (PASSWORD, "something else altogether")]
    {
        browser.fill("password", password);
        browser.fill("repeat", repeat);
        browser.press("Continue");
        browser.see("[aria-invalid=true]");
        assert_eq!(browser.value("[name=password]"), "", "a password is never sent back");
    }
    browser.is_accessible();
    browser.fill("password", PASSWORD);
    browser.fill("repeat", PASSWORD);
    browser.press("Continue");

    browser.at("/second-factor/new");
    browser.see(".offer svg");
    browser.is_accessible();
    let app = Authenticator::new(&secret_of(&browser));
    let half = browser.cookies();
    // Half a session reaches nothing, and the offer stays the same.
    for page in ["/", "/runs", "/people", "/account"] {
        browser.open(page);
        browser.at("/second-factor/new");
    }
    browser.fill("code", &app.wrong_code());
    browser.press("Finish");
    browser.see("[role=alert]");
    browser.is_accessible();
    browser.fill("code", &app.code());
    browser.press("Finish");
    browser.says("recovery codes");
    browser.is_accessible();
    assert_eq!(browser.count("ol.codes li"), 10);
    assert_ne!(browser.cookies(), half, "the session is another one after each step");
    browser.follow("I have kept them: continue");
    browser.at("/");
    browser.says("The first three steps");
    browser.is_accessible();

    // Used up, for everybody.
    let stranger = Visitor::new(&control_plane);
    assert_eq!(stranger.get(&tenant.link).status, 404);
    browser.press("Sign out");
    browser.at("/sign-in");
    browser.back();
    browser.reload();
    browser.at("/sign-in");
    browser.fill("email", "Owner@ONE.example");
    browser.fill("password", PASSWORD);
    browser.press("Continue");
    browser.at("/second-factor");
    browser.fill("code", &app.code());
    browser.press("Sign in");
    browser.at("/");
}

#[test]
fn a_recovery_code_opens_once_and_a_code_of_the_app_too() {
    let control_plane = ControlPlane::start();
    let tenant = control_plane.tenant("one");
    let owner = Person::join(&control_plane, &tenant.link, "owner@one.example");
    let browser = Browser::start(&control_plane);
    browser.expect_complaint("status of 4");
    let begin = |browser: &Browser| {
        browser.open("/sign-in");
        browser.fill("email", &owner.email);
        browser.fill("password", &owner.password);
        browser.press("Continue");
        browser.at("/second-factor");
    };
    begin(&browser);
    browser.click("details.more summary");
    browser.fill("recovery", &owner.recovery_codes[0]);
    browser.press("Sign in with a recovery code");
    browser.at("/");
    browser.open("/account");
    browser.says("9 left");
    browser.press("Sign out");

    begin(&browser);
    browser.click("details.more summary");
    browser.fill("recovery", &owner.recovery_codes[0]);
    browser.press("Sign in with a recovery code");
    browser.see("[role=alert]");
    let code = owner.authenticator.code();
    browser.open("/second-factor");
    browser.fill("code", &code);
    browser.press("Sign in");
    browser.at("/");
    browser.press("Sign out");
    begin(&browser);
    browser.fill("code", &code);
    browser.press("Sign in");
    browser.see("[role=alert]");
}

#[test]
fn a_session_that_is_ended_elsewhere_is_over_at_once() {
    let console = Console::start();
    let there = console.owner.sign_in(&console.line.control_plane);
    let here = console.browser(&console.owner);
    let other = Browser::start(&console.line.control_plane);
    other.set_cookie(SESSION, &there.session());
    other.open("/runs");
    other.at("/runs");
    here.open("/account");
    assert_eq!(here.count("#sessions, [aria-labelledby=sessions] tbody tr") - 1, 2);
    here.follow("End all other sessions");
    here.at("/account/sessions");
    here.fill("confirm", &console.owner.email);
    here.press("End them");
    here.at("/account");
    here.says("this one");
    other.open("/findings");
    other.at("/sign-in");
    // Signed in again, it leads to where it was.
    assert!(other.path().contains("findings"), "{}", other.path());
    assert_eq!(there.get("/").status, 303);
    here.open("/runs");
    here.at("/runs");

    // A person who is removed is out as fast.
    let grace = console.person("grace", "auditor");
    assert_eq!(grace.visitor.get("/runs").status, 200);
    let listed = console.line.admin(&["person", "list"]).json();
    let id =
        listed["people"].as_array().unwrap().iter().find(|person| person["name"] == "grace").unwrap()["person"].clone();
    let _ = console.line.admin(&["person", "remove", id.as_str().unwrap()]).with_code(0);
    assert_eq!(grace.visitor.get("/runs").status, 303);
}

#[test]
fn who_is_there_cannot_be_told_from_the_answers() {
    let console = Console::start();
    let visitor = Visitor::new(&console.line.control_plane);
    let answer = |email: &str, password: &str| {
        let form = visitor.get("/sign-in").form("/sign-in").with("email", email).with("password", password);
        let reply = visitor.submit(&form);
        let text = reply.text().replace(email, "…");
        let token = form.fields.iter().find(|(name, _)| name == "csrf").map(|(_, value)| value.clone()).unwrap();
        (reply.status, text.replace(&token, "…").lines().filter(|line| !line.contains("csrf")).collect::<String>())
    };
    let there = answer("owner@one.example", "not the right password");
    let not_there = answer("nobody@one.example", "not the right password");
    assert_eq!(there, not_there);
    assert_ne!(there.0, 303);
}
