//! What stands on the pages that are walked: procedures that pass and fail, runs of them, people.

use std::time::Duration;

use tests::{Browser, Console, Runner, join_command, text, until};

use crate::evidence;

/// A procedure that fails, with everything that a page can show of one.
pub(crate) const SHARES: &str = r#"schema: procedure/v1
id: shares
version: 1
title: Shares of the file server are owned
purpose: Shows that every share has an owner who is still here, and that none is open to everybody.
owner: storage-operations
controls:
  iso-27001-2022: [A.5.15, A.8.3]
  soc2-tsc: [CC6.1]
schedule: { every: day }
steps:
  - id: shares
    title: Read the list of shares
    use: file
    with: { path: DIR/shares.csv, content: csv }
    evidence: { class: internal }
checks:
  - id: owned
    title: Every share has an owner
    for_each: steps.shares.content
    key: item.share
    assert: item.owner != ""
    severity: high
    fix: Ask the department whose share it is, and write it down.
  - id: not_open
    title: No share is open to everybody
    for_each: steps.shares.content
    key: item.share
    assert: item.access != "everybody"
    severity: critical
    fix: Take the group Everybody off the share.
metrics:
  shares: size(steps.shares.content)
"#;

/// The shares: two are open, one has no owner.
pub(crate) const SHARE_ROWS: &str = "share,owner,access\nfinance,ada,department\nscans,,department\npublic,bela,everybody\n\
                                     old,chen,everybody\nlegal,dina,department\n";

/// Installs and runs what the pages are to show; gives the failing run's id.
pub(crate) fn fill(console: &Console) -> String {
    console.line.runner.write("shares.csv", SHARE_ROWS);
    console.line.install("shares.yaml", SHARES);
    console.line.request("accounts");
    console.line.request("shares");
    let run = text(&console.line.request("shares"), "/run");
    until("a checkpoint of the Runner covers the run", || {
        (console.owner.visitor.get(&format!("/runs/{run}/bundle")).status == 200).then_some(())
    });
    run
}

/// What is there on a bad day: evidence and a secret that the Runner refused, a Runner that waits and one that is revoked, a
/// procedure that is overdue, and the alarm about it. The browser is the owner's.
pub(crate) fn furnish(console: &Console, browser: &Browser, run: &str) {
    overdue(console);
    let _waiting = knock(console, "warehouse");
    let revoked = knock(console, "old branch");
    let line = ["runner", "revoke", &revoked, "--justification", "the branch was closed"];
    let _ = console.line.admin(&line).with_code(0);
    ask_in_vain(console, browser, run);
    send_in_vain(browser);
    until("the alarm about what is overdue is raised", || {
        let alarms = console.line.admin(&["alarm", "list"]).json();
        alarms.to_string().contains("overdue").then_some(())
    });
}

/// Moves the due times of the tenant into the past, as only time can.
pub(crate) fn overdue(console: &Console) {
    until("the Runner has said what is due", || {
        (meddle(console, "UPDATE schedule_due SET next_due = reported - 172800000") > 0).then_some(())
    });
}

/// Writes to the control plane's database beside it, as nothing but time or an intruder could; how many rows were changed.
pub(crate) fn meddle(console: &Console, statement: &str) -> usize {
    let path = console.line.control_plane.home().join("control-plane.sqlite");
    let database = rusqlite::Connection::open(path).unwrap();
    database.busy_timeout(Duration::from_secs(30)).unwrap();
    database.execute(statement, []).unwrap()
}

/// A Runner asks to be let in; its id.
pub(crate) fn knock(console: &Console, label: &str) -> String {
    let words = join_command(&console.line.control_plane, &console.line.tenant, label);
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--no-wait"]).collect();
    let runner = Runner::empty();
    let _ = runner.run(&words).with_code(1);
    text(&runner.json(&["status"]), "/runner")
}

/// Asks for evidence of a run with a device that nobody approved.
pub(crate) fn ask_in_vain(console: &Console, browser: &Browser, run: &str) {
    let shown = console.line.admin(&["run", "show", run]).json();
    evidence::ask(browser, run, &[&text(&shown, "/items/0/item")], "");
    browser.see("[data-open-compare]");
    browser.press("It is the same");
    browser.until("the Runner refuses", || browser.text("[data-open-fault]").contains("E-DRILL").then_some(()));
}

/// Sends a secret from a device that nobody approved.
pub(crate) fn send_in_vain(browser: &Browser) {
    browser.open("/secrets/new");
    browser.fill("name", "orders-db");
    browser.fill("value", "a value of no use to anybody");
    browser.press("Seal and send");
    browser.see("[data-secret-fingerprint]");
    browser.press("It is the same");
    browser.says("E-SECRET");
}

/// A procedure whose second step takes longer than anybody looks.
const SLOW: &str = r#"schema: procedure/v1
id: slow
version: 1
title: The archive can be read to its end
purpose: Shows that the archive of last year is whole.
owner: storage-operations
connections:
  archive: { type: command, access: read-only, ask: The archive's reader }
steps:
  - id: accounts
    title: Read the list of accounts
    use: file
    with: { path: DIR/accounts, content: text }
    evidence: { class: internal }
  - id: read
    title: Read the archive to its end
    use: command
    via: archive
    with: { run: [/usr/bin/sleep, "SECONDS"] }
    evidence: { class: internal }
checks:
  - id: read
    title: It was read
    assert: steps.read.exit == 0
    severity: low
"#;

const SLOW_CONFIG: &str = "[policy]\nfiles = [\"BESIDE\"]\n[[policy.commands]]\npath = \"/usr/bin/sleep\"\nargs = [\"SECONDS\"]\n\
                           [connections.archive]\ntype = \"command\"\n";

/// A run that is under way for so many seconds, as the browser of somebody who may ask for runs finds it; the path of its page.
pub(crate) fn under_way(console: &mut Console, browser: &Browser, seconds: u32) -> String {
    let seconds = seconds.to_string();
    console.line.stop_runner();
    console.line.runner.configure(&SLOW_CONFIG.replace("SECONDS", &seconds));
    console.line.install("slow.yaml", &SLOW.replace("SECONDS", &seconds));
    console.line.serve();
    browser.open("/procedures");
    browser.follow("The archive can be read to its end");
    browser.press("Request a run");
    browser.until("the request has a page", || browser.path().starts_with("/requests/").then_some(()));
    browser.open("/runs");
    browser.see("[id$=running] a[href^='/runs/0']");
    browser.attribute("[id$=running] a[href^='/runs/0']", "href")
}

/// How many people the tenant has.
pub(crate) fn people(console: &Console) -> usize {
    let listed = console.line.admin(&["person", "list"]).with_code(0).json();
    listed["people"].as_array().map_or(0, Vec::len)
}
