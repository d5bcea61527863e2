//! A person with a browser who asks for evidence, and a Runner that keeps some.

use std::path::PathBuf;

use rusqlite::Connection;
use tests::{Browser, Console, Person, text};

/// A procedure over a database whose rows are whatever somebody put there.
pub(crate) const NOTES: &str = r#"schema: procedure/v1
id: notes
version: 1
title: Notes of the till are signed
purpose: Shows that nobody left a note without a name.
owner: branch-operations
connections:
  till: { type: sqlite, access: read-only, ask: The till's database }
steps:
  - id: notes
    title: Fetch every note
    use: sql
    via: till
    with: { query: "select * from notes order by id", max_rows: 200000 }
    evidence: { class: internal }
  - id: accounts
    title: Read the list of accounts
    use: file
    with: { path: DIR/accounts, content: text }
    evidence: { class: internal }
checks:
  - id: signed
    title: Every note has a name
    assert: steps.notes.rows.all(n, n.name != "")
    severity: low
"#;

/// What the Runner may reach, and to whom it opens how much.
const CONFIG: &str = "[policy]\nfiles = [\"BESIDE\"]\n[connections.till]\ntype = \"sqlite\"\npath = \"BESIDE/till.db\"\n\
                      [drilldowns]\npolicy = \"BESIDE/policy.toml\"\n";
pub(crate) const POLICY: &str = r#"time_zone = "UTC"
reader_days = 90
[limits]
requests_per_person_per_hour = 1000
rows_per_person_per_day = 1000000
rows_per_day = 1000000
[[allow]]
name = "audit"
purposes = ["audit"]
roles = ["auditor"]
factors = [["pwd", "otp"]]
classes = ["internal"]
rows_per_request = 200000
second_person = false
"#;

/// A console whose Runner keeps the notes of a till.
pub(crate) struct Till {
    pub(crate) console: Console,
}

impl Till {
    /// Started, with what this puts into the table `notes`.
    pub(crate) fn with(fill: impl FnOnce(&Connection)) -> Self {
        let mut console = Console::start();
        let till = Connection::open(console.line.runner.beside("till.db")).unwrap();
        till.execute_batch("create table notes (id integer primary key, name text, note text)").unwrap();
        fill(&till);
        till.close().unwrap();
        console.line.runner.write("policy.toml", POLICY);
        console.line.stop_runner();
        console.line.runner.configure(CONFIG);
        console.line.install("notes.yaml", NOTES);
        console.line.serve();
        Self { console }
    }

    /// Runs the procedure over the line; gives the run's id.
    pub(crate) fn run(&self) -> String {
        text(&self.console.line.request("notes"), "/run")
    }

    /// The item that a step of a run collected.
    pub(crate) fn item(&self, run: &str, step: &str) -> String {
        let shown = self.console.line.admin(&["run", "show", run]).json();
        let items = shown["items"].as_array().unwrap();
        text(items.iter().find(|item| item["step"] == step).unwrap(), "/item")
    }

    /// The Runner's attestation key as its operator reads it out.
    pub(crate) fn runner_key(&self) -> String {
        let pem = std::fs::read(self.console.line.runner.home().join("runner.pem")).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
        format!("sha256:{}", crypto::digest::sha256(&pem.contents))
    }

    /// Lets the device of a page in, at the Runner.
    pub(crate) fn approve(&self, browser: &Browser) {
        let fingerprint = browser.text("[data-open-fingerprint]");
        let _ =
            self.console.line.runner.run(&["readers", "approve", &fingerprint, "--label", "a browser"]).with_code(0);
    }

    /// A browser whose device the Runner's operator approved, after a first request in vain, and who it belongs to.
    pub(crate) fn auditor(&self, browser: &Browser, run: &str) {
        ask(browser, run, &[&self.item(run, "accounts")], "");
        browser.see("[data-open-compare]");
        assert_eq!(browser.text("[data-open-key]"), self.runner_key(), "the key on both screens");
        browser.press("It is the same");
        browser.until("the Runner refuses a device that it does not know", || {
            browser.text("[data-open-fault]").contains("E-DRILL-012").then_some(())
        });
        nothing_is_shown(browser);
        self.approve(browser);
    }

    /// Where a file of the Runner's side lies.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.console.line.runner.beside(name)
    }

    /// Somebody who may ask.
    pub(crate) fn grace(&self) -> Person {
        self.console.person("grace", "auditor")
    }
}

/// Opens the page and asks for these items, all rows or those named.
pub(crate) fn ask(browser: &Browser, run: &str, items: &[&str], rows: &str) {
    // What the control plane has not got yet, or not any more, the page asks for all the same.
    for asked in ["/answer - Failed", "/receipt - Failed"] {
        browser.expect_complaint(asked);
    }
    browser.open(&format!("/runs/{run}/open"));
    browser.see("[data-open-form]");
    for item in items {
        browser.click(&format!("#item-{item}"));
        if !rows.is_empty() {
            browser.type_into(&format!("#rows-{item}"), rows);
        }
    }
    browser.choose("purpose", "audit");
    browser.fill("reason", "the yearly audit");
    browser.press("Ask the Runner");
}

/// Waits until the evidence is there, every step green.
#[track_caller]
pub(crate) fn is_opened(browser: &Browser) {
    browser.until("the evidence is opened", || {
        let fault = browser.count("[data-open-fault]:not([hidden])");
        assert_eq!(fault, 0, "{}", browser.text("[data-open-fault]"));
        (browser.count("[data-open-shown]:not([hidden])") == 1).then_some(())
    });
    assert_eq!(browser.count("[data-open-steps] li.good"), 8, "{}", browser.text("[data-open-steps]"));
    assert_eq!(browser.count("[data-open-steps] li.bad"), 0);
}

/// The page shows nothing of any evidence.
#[track_caller]
pub(crate) fn nothing_is_shown(browser: &Browser) {
    assert_eq!(browser.count("[data-open-shown]:not([hidden])"), 0);
    assert_eq!(browser.count("[data-open-evidence] *"), 0);
    for secret in ["ada:x:1000", "bela", "drawer"] {
        assert!(!browser.eval("document.documentElement.outerHTML").to_string().contains(secret), "{secret}");
    }
}
