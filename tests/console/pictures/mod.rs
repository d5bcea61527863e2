//! Pictures of every page, by light and in the dark, of what the quickstart runs: made when asked for
//! (`PROCTOR_SCREENSHOTS=1`), and otherwise compared with the list, so that no page goes without.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tests::{Authenticator, Browser, Look, PASSWORD, Service, binary, text, until};

/// Every picture, without `-light.png` and `-dark.png`.
const PICTURES: [&str; 30] = [
    "sign-in",
    "link",
    "second-factor-new",
    "recovery-codes",
    "overview",
    "procedures",
    "procedure",
    "runs",
    "run",
    "request",
    "compare",
    "findings",
    "coverage",
    "runners",
    "runner",
    "runner-add",
    "runner-approve",
    "people",
    "invite",
    "alarms",
    "audit",
    "audit-verify",
    "drilldowns",
    "open",
    "evidence",
    "secrets",
    "secret-new",
    "account",
    "api-keys",
    "settings",
];
/// Of one picture and of all together, in bytes.
const ONE: u64 = 400 * 1024;
const ALL: u64 = 6 * 1024 * 1024;
/// A picture shows so much of a long page, in pixels.
const TALLEST: u32 = 1500;
const WIDE: u32 = 1280;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/docs/console")
}

#[test]
fn every_page_has_its_pictures_by_light_and_in_the_dark() {
    if std::env::var_os("PROCTOR_SCREENSHOTS").is_some() {
        take();
    }
    let mut whole = 0;
    for (name, look) in PICTURES.iter().flat_map(|name| [(name, "light"), (name, "dark")]) {
        let path = folder().join(format!("{name}-{look}.png"));
        let bytes = std::fs::read(&path).unwrap_or_default();
        assert!(bytes.starts_with(b"\x89PNG"), "{} is missing: PROCTOR_SCREENSHOTS=1 makes it", path.display());
        let wide = u32::from_be_bytes(bytes[16..20].try_into().unwrap());
        assert_eq!(wide, WIDE, "{}", path.display());
        let size = bytes.len() as u64;
        assert!(size < ONE, "{} has {size} bytes", path.display());
        whole += size;
    }
    assert!(whole < ALL, "{whole} bytes");
    let strangers: Vec<_> = std::fs::read_dir(folder()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(strangers.len(), PICTURES.len() * 2, "a picture of nothing: {strangers:?}");
}

/// The quickstart with its services up, and what it said in the end.
struct Demo {
    folder: tempfile::TempDir,
    summary: Value,
    _quickstart: Service,
}

impl Demo {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let said = folder.path().join("summary.json");
        let mut quickstart = Command::new("/bin/sh");
        // Without CARGO it builds nothing: another cargo waits for this test to end.
        let script = "exec \"$0\" --json --dir \"$1\" > \"$2\"";
        quickstart.args(["-c", script]).arg(binary("quickstart")).arg(folder.path().join("demo")).arg(&said);
        quickstart.env_remove("CARGO").env_remove("PROCTOR_DIR");
        let mut quickstart = Service::start(quickstart, &folder.path().join("story"));
        until("the quickstart has told its story", || {
            let is_up = quickstart.log().contains("stay up for you");
            assert!(is_up || quickstart.lives(), "{}", quickstart.log());
            is_up.then_some(())
        });
        let summary = serde_json::from_slice(&std::fs::read(&said).unwrap()).unwrap();
        Self { folder, summary, _quickstart: quickstart }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("demo")
    }

    /// One of the programs in its folder, as a person would run it who has read env.sh.
    fn run(&self, program: &str, words: &[&str]) -> tests::Answer {
        let mut command = Command::new(binary(program));
        command.args(words).current_dir(self.home()).env("PROCTOR_DIR", self.home());
        command.env("PROCTOR_CONTROL_PLANE_DIR", self.home().join("control-plane"));
        command.env("PROCTOR_API_KEY_FILE", self.home().join("owner.key"));
        command.output().unwrap().into()
    }

    fn browser(&self) -> Browser {
        let pem = self.home().join("control-plane/authority.pem");
        Browser::start_at(&text(&self.summary, "/control_plane"), &tests::pin_of(&pem), Look::default())
    }
}

/// Takes both pictures of the page as it stands.
fn picture(browser: &Browser, name: &str) {
    for (look, dark) in [("light", false), ("dark", true)] {
        browser.prefer(dark, true);
        browser.resize(WIDE, 800);
        browser.run("document.activeElement?.blur(); window.scrollTo(0, 0);", serde_json::json!([]));
        std::fs::write(folder().join(format!("{name}-{look}.png")), tests::small(&browser.picture_of(TALLEST)))
            .unwrap();
    }
    browser.prefer(false, false);
    browser.resize(WIDE, 800);
}

/// Comes by a link, with pictures on the way if wanted.
fn sign_in(browser: &Browser, link: &str, with_pictures: bool) {
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
    let secret = crate::secret_of(browser);
    browser.fill("code", &Authenticator::new(&secret).code());
    browser.press("Finish");
    browser.says("recovery codes");
    take("recovery-codes");
    browser.open("/");
}

fn take() {
    std::fs::create_dir_all(folder()).unwrap();
    let demo = Demo::start();
    let browser = demo.browser();
    browser.open("/sign-in");
    picture(&browser, "sign-in");
    sign_in(&browser, &text(&demo.summary, "/link"), true);
    knock(&demo);
    for (name, path) in [
        ("overview", "/"),
        ("procedures", "/procedures"),
        ("runs", "/runs"),
        ("findings", "/findings"),
        ("coverage", "/coverage"),
        ("runners", "/runners"),
        ("runner-add", "/runners/add"),
        ("people", "/people"),
        ("invite", "/people/invite"),
        ("alarms", "/alarms"),
        ("audit", "/audit"),
        ("audit-verify", "/audit/verify"),
        ("secrets", "/secrets"),
        ("secret-new", "/secrets/new"),
        ("account", "/account"),
        ("api-keys", "/account/keys"),
        ("settings", "/settings"),
    ] {
        browser.open(path);
        picture(&browser, name);
    }
    let (tls, review) = (text(&demo.summary, "/runs/1/run"), text(&demo.summary, "/runs/2/run"));
    browser.open(&format!("/runs/{review}"));
    picture(&browser, "run");
    let newest = demo.run("proctor-control-plane", &["admin", "run", "list", "--procedure", "tls-endpoints", "--json"]);
    browser.open(&format!("/runs/{}/compare/{tls}", text(&newest.json(), "/runs/0/run")));
    picture(&browser, "compare");
    browser.open(&format!("/runs/{tls}"));
    browser.press("Run it again");
    browser.see("a.button[href^='/runs/']");
    picture(&browser, "request");
    for (name, list, link) in [
        ("procedure", "/procedures", "main a[href^='/procedures/0']"),
        ("runner", "/runners", "main a[href^='/runners/0']"),
        ("runner-approve", "/runners/add", "main a[href$='/approve']"),
    ] {
        browser.open(list);
        browser.click(link);
        picture(&browser, name);
    }
    open_evidence(&demo, &tls);
    browser.open("/drilldowns");
    picture(&browser, "drilldowns");
}

/// Somebody asks to be let in, for the pages on which that shows.
fn knock(demo: &Demo) {
    let made = demo.run("proctor-control-plane", &["admin", "token", "create", "warehouse", "--json"]).json();
    let command = text(&made, "/join_command");
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    let folder = demo.folder.path().join("warehouse").display().to_string();
    let _ = demo.run("proctor-runner", &[&["--dir", &folder], &words[..], &["--no-wait"]].concat()).with_code(1);
}

/// The auditor opens evidence in a browser of her own.
fn open_evidence(demo: &Demo, run: &str) {
    let link = ["admin", "person", "link", "grace@example.org", "--kind", "invitation", "--json"];
    let link = text(&demo.run("proctor-control-plane", &link).json(), "/link");
    let browser = demo.browser();
    sign_in(&browser, &link, false);
    let shown = demo.run("proctor-control-plane", &["admin", "run", "show", run, "--json"]).json();
    let item = text(&shown, "/items/0/item");
    browser.open(&format!("/runs/{run}/open"));
    browser.see("[data-open-form]");
    picture(&browser, "open");
    crate::evidence::ask(&browser, run, &[&item], "");
    browser.press("It is the same");
    browser.until("the Runner refuses", || browser.text("[data-open-fault]").contains("E-DRILL").then_some(()));
    let fingerprint = browser.text("[data-open-fingerprint]");
    let _ =
        demo.run("proctor-runner", &["readers", "approve", &fingerprint, "--label", "Grace's browser"]).with_code(0);
    crate::evidence::ask(&browser, run, &[&item], "");
    crate::evidence::is_opened(&browser);
    picture(&browser, "evidence");
}
