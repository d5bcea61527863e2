//! The walk on which the pictures are taken.

use tests::{Authenticator, Browser, Console, PASSWORD, text};

use super::demo::Demo;
use super::{WIDE, folder};
use crate::scene;

/// A picture shows so much of a long page, in pixels.
const TALLEST: u32 = 2000;

/// Pages that a click away from a list, or nothing at all, leads to.
const PLACES: [(&str, &str); 26] = [
    ("overview", "/"),
    ("changes", "/changes"),
    ("missed", "/missed"),
    ("procedures", "/procedures"),
    ("runs", "/runs"),
    ("requests", "/requests"),
    ("findings", "/findings"),
    ("coverage", "/coverage"),
    ("coverage-scopes", "/coverage/scopes"),
    ("runners", "/runners"),
    ("people", "/people"),
    ("invite", "/people/invite"),
    ("alarms", "/alarms"),
    ("audit", "/audit"),
    ("audit-verify", "/audit/verify"),
    ("codes", "/codes"),
    ("secrets", "/secrets"),
    ("account", "/account"),
    ("account-activity", "/account/activity"),
    ("account-password", "/account/password"),
    ("account-second-factor", "/account/second-factor"),
    ("account-recovery-codes", "/account/recovery-codes"),
    ("account-zone", "/account/zone"),
    ("settings", "/settings"),
    ("settings-drilldowns", "/settings/drilldowns"),
    ("trouble", "/runs/019aa7f0-0000-7000-8000-000000000003"),
];

/// Pages behind a link of a list: a place in the page, or the link's text after `=`.
const BEHIND: [(&str, &str, &str); 12] = [
    ("procedure", "/procedures", "main a[href^='/procedures/0']"),
    ("coverage-framework", "/coverage", "main a[href^='/coverage/frameworks/iso']"),
    ("coverage-scope", "/coverage/scopes", "main a[href^='/coverage/scopes/']"),
    ("runner", "/runners", "=quickstart"),
    ("runner-approve", "/runners/add", "main a[href$='/approve']"),
    ("runner-revoke", "/runners", "=quickstart"),
    ("person", "/people", "=Grace"),
    ("person-role", "/people", "=Grace"),
    ("person-link", "/people", "=Grace"),
    ("alarm", "/alarms", "main a[href^='/alarms/0']"),
    ("drilldown", "/drilldowns", "main a[href^='/drilldowns/0']"),
    ("api-key-end", "/account/keys", "main a[href*='/account/keys/0']"),
];

/// Whether this one is wanted: `PROCTOR_SCREENSHOTS` says 1 for all, or the names of some.
fn is_wanted(name: &str) -> bool {
    let wanted = std::env::var("PROCTOR_SCREENSHOTS").unwrap_or_default();
    wanted == "1" || wanted.split(',').any(|one| one == name)
}

/// Takes both pictures of the page as it stands, from this element on.
fn picture_from(browser: &Browser, name: &str, from: &str) {
    if !is_wanted(name) {
        return;
    }
    for (look, dark) in [("light", false), ("dark", true)] {
        browser.prefer(dark, true);
        browser.resize(WIDE, 800);
        browser.run("document.activeElement?.blur(); window.scrollTo(0, 0);", serde_json::json!([]));
        let picture = tests::small(&browser.picture_of(from, TALLEST));
        std::fs::write(folder().join(format!("{name}-{look}.png")), picture).unwrap();
    }
    browser.prefer(false, false);
    browser.resize(WIDE, 800);
}

fn picture(browser: &Browser, name: &str) {
    picture_from(browser, name, "body");
}

/// Comes by a link, with pictures on the way if wanted.
fn join(browser: &Browser, link: &str, with_pictures: bool) -> Authenticator {
    let take = |name: &str| {
        if with_pictures {
            picture(browser, name);
        }
    };
    browser.open(link);
    take("link");
    browser.fill("password", PASSWORD);
    browser.fill("repeat", PASSWORD);
    browser.press("Continue");
    browser.at("/second-factor/new");
    take("second-factor-new");
    let app = Authenticator::new(&crate::secret_of(browser));
    browser.fill("code", &app.code());
    browser.press("Finish");
    browser.says("recovery codes");
    take("recovery-codes");
    browser.open("/");
    app
}

pub(super) fn take() {
    std::fs::create_dir_all(folder()).unwrap();
    // Pictures of pages that are gone go too.
    for old in std::fs::read_dir(folder()).unwrap().flatten() {
        let name = old.file_name().into_string().unwrap();
        if !super::PICTURES
            .iter()
            .any(|(known, _)| name == format!("{known}-light.png") || name == format!("{known}-dark.png"))
        {
            std::fs::remove_file(old.path()).unwrap();
        }
    }
    let demo = Demo::start();
    let browser = demo.browser();
    browser.expect_complaint("status of 4");
    browser.open("/sign-in");
    picture(&browser, "sign-in");
    browser.open("/link/pln_nothing");
    picture(&browser, "trouble-signed-out");
    let app = join(&browser, &text(&demo.summary, "/link"), true);
    demo.knock("warehouse");
    let tls = text(&demo.summary, "/runs/1/run");
    open_evidence(&demo, &tls);
    runs(&demo, &browser, &tls);
    secret_new(&browser);
    demo.overdue();
    scope(&browser);
    for (name, path) in PLACES {
        browser.open(path);
        picture(&browser, name);
    }
    made(&browser);
    for (name, list, link) in BEHIND {
        browser.open(list);
        match link.strip_prefix('=') {
            Some(name) => browser.follow(name),
            None => browser.click(link),
        }
        browser.until("another page is there", || (browser.path() != list).then_some(()));
        if let Some(act) = ["revoke", "role", "link"].into_iter().find(|act| name.ends_with(act)) {
            browser.click(&format!("main a[href$='/{act}']"));
            browser.until("the act has its page", || browser.path().ends_with(act).then_some(()));
        }
        picture(&browser, name);
    }
    browser.open("/drilldowns");
    picture(&browser, "drilldowns");
    again(&demo, &browser, &app);
    under_way();
}

/// What is shown only once it was made.
fn made(browser: &Browser) {
    browser.open("/runners/add");
    picture(browser, "runner-add");
    browser.fill("label", "harbour");
    browser.press("Make the command");
    browser.says("Paste this at the host");
    picture(browser, "runner-add-command");
    browser.open("/account/keys/new");
    picture(browser, "api-key-new");
    browser.fill("label", "nightly report");
    browser.click("input[name=scope][value='runs.list']");
    browser.press("Make the key");
    browser.says("shown this once");
    picture(browser, "api-key-made");
    browser.open("/account/keys");
    picture(browser, "api-keys");
    browser.open("/people/invite");
    browser.fill("email", "chen@example.org");
    browser.fill("name", "Chen");
    browser.click("input[name=role][value=engineer]");
    browser.press("Make the invitation");
    browser.says("/link/pln_");
    picture(browser, "person-link-made");
}

/// The controls that an organisation has in scope, some of which no procedure serves.
fn scope(browser: &Browser) {
    browser.open("/coverage/scopes");
    browser.fill("framework", "iso-27001-2022");
    browser.fill(
        "scope",
        "A.5.15,Who may reach what\nA.5.16\nA.5.18,Rights are reviewed\nA.8.13,Copies\nA.8.32,Changes\n",
    );
    browser.press("Set the list");
    browser.until("the list has a page", || browser.path().starts_with("/coverage/frameworks/").then_some(()));
}

/// A run that is not over yet.
fn under_way() {
    let mut console = Console::start();
    let browser = console.browser(&console.owner);
    let path = scene::under_way(&mut console, &browser, 50);
    browser.open(&path);
    browser.see("progress");
    picture(&browser, "run-under-way");
}

/// A run, another beside it, and one that is asked for.
fn runs(demo: &Demo, browser: &Browser, tls: &str) {
    browser.open(&format!("/runs/{}", text(&demo.summary, "/runs/2/run")));
    picture(browser, "run");
    let newest = demo.run("proctor-control-plane", &["admin", "run", "list", "--procedure", "tls-endpoints", "--json"]);
    browser.open(&format!("/runs/{}/compare/{tls}", text(&newest.json(), "/runs/0/run")));
    picture(browser, "compare");
    browser.open(&format!("/runs/{tls}/compare"));
    picture(browser, "compare-choose");
    browser.open(&format!("/runs/{tls}"));
    browser.press("Request another run");
    browser.see("a.button[href^='/runs/']");
    picture(browser, "request");
}

/// A secret, before and after the Runner refused it.
fn secret_new(browser: &Browser) {
    browser.open("/secrets/new");
    picture(browser, "secret-new");
    scene::send_in_vain(browser);
    picture(browser, "secret-refused");
}

/// The auditor opens evidence in a browser of her own.
fn open_evidence(demo: &Demo, run: &str) {
    let link = ["admin", "person", "link", "grace@example.org", "--kind", "invitation", "--json"];
    let link = text(&demo.run("proctor-control-plane", &link).with_code(0).json(), "/link");
    let browser = demo.browser();
    let _ = join(&browser, &link, false);
    let shown = demo.run("proctor-control-plane", &["admin", "run", "show", run, "--json"]).json();
    let item = text(&shown, "/items/0/item");
    browser.open(&format!("/runs/{run}/open"));
    browser.see("[data-open-form]");
    picture(&browser, "open");
    crate::evidence::ask(&browser, run, &[&item], "");
    browser.see("[data-open-compare]");
    picture_from(&browser, "open-compare", "[data-open-compare]");
    browser.press("It is the same");
    browser.until("the Runner refuses", || browser.text("[data-open-fault]").contains("E-DRILL").then_some(()));
    picture_from(&browser, "open-refused", "[data-open-fault]");
    let fingerprint = browser.text("[data-open-fingerprint]");
    let _ =
        demo.run("proctor-runner", &["readers", "approve", &fingerprint, "--label", "Grace's browser"]).with_code(0);
    crate::evidence::ask(&browser, run, &[&item], "");
    crate::evidence::is_opened(&browser);
    // What was verified and the evidence below it, which is what the page is for.
    picture_from(&browser, "evidence", "[data-open-judged]");
}

/// Later: both factors are asked for again, on the way to what is sensitive and at the next sign-in.
fn again(demo: &Demo, browser: &Browser, app: &Authenticator) {
    browser.open("/people/invite");
    browser.fill("email", "dina@example.org");
    browser.fill("name", "Dina");
    browser.click("input[name=role][value=viewer]");
    demo.a_quarter_passes();
    browser.press("Make the invitation");
    browser.see("[name=again-password]");
    picture(browser, "confirm-again");
    browser.open("/account/password");
    browser.at("/confirm");
    picture(browser, "confirm");
    browser.fill("password", PASSWORD);
    browser.fill("code", &app.code());
    browser.press("Confirm");
    browser.at("/account/password");
    browser.press("Sign out");
    browser.at("/sign-in");
    browser.fill("email", "olga@example.org");
    browser.fill("password", PASSWORD);
    browser.press("Continue");
    browser.at("/second-factor");
    picture(browser, "second-factor");
}
