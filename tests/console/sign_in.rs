//! The first day of an owner, and what comes after it: sessions, recovery codes, other browsers.

use tests::{Authenticator, Browser, ControlPlane, PASSWORD};

/// The secret that the page shows for those who cannot scan.
fn typed_secret(browser: &Browser) -> String {
    browser.see("svg");
    let shown = browser.text("[data-totp-secret]");
    shown.split_whitespace().collect()
}

#[test]
fn the_first_owner_comes_by_a_link_with_password_second_factor_and_recovery_codes() {
    let control_plane = ControlPlane::start();
    let tenant = control_plane.tenant("one");
    let browser = Browser::start(&control_plane);
    browser.open("/");
    browser.at("/sign-in");

    browser.open(&tenant.link);
    browser.says("owner@one.example");
    browser.is_accessible();
    browser.expect_complaint("status of 422");
    browser.fill("password", "password1234");
    browser.press("Set the password");
    browser.says("common");
    browser.fill("password", PASSWORD);
    browser.press("Set the password");

    browser.at("/second-factor/new");
    browser.is_accessible();
    let app = Authenticator::new(&typed_secret(&browser));
    // Half a session reaches nothing.
    browser.open("/runs");
    browser.at("/second-factor/new");
    browser.fill("code", &app.wrong_code());
    browser.press("Turn it on");
    browser.says("code");
    browser.at("/second-factor/new");
    browser.fill("code", &app.code());
    browser.press("Turn it on");
    browser.says("ecovery codes");
    browser.is_accessible();
}
