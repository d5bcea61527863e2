//! Evidence opened in a page: the device made there, approved at the Runner, every step green, and what is shown is what
//! the target had.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::evidence::{self, Till};

fn till() -> Till {
    Till::with(|till| {
        for (id, name, note) in
            [(1, "ada", "drawer is right"), (2, "bela", "drawer was 2 short"), (3, "chen", "drawer is right, Grüße")]
        {
            till.execute("insert into notes values (?1, ?2, ?3)", rusqlite::params![id, name, note]).unwrap();
        }
    })
}

#[test]
fn evidence_is_opened_in_the_page_after_every_step_holds_and_is_what_the_target_had() {
    let till = till();
    let run = till.run();
    let grace = till.grace();
    let browser = till.console.browser(&grace);
    till.auditor(&browser, &run);
    browser.is_accessible_in_every_look();

    // The same browser asks again: nothing is compared or approved a second time.
    evidence::ask(&browser, &run, &[&till.item(&run, "notes")], "");
    evidence::is_opened(&browser);
    browser.is_accessible_in_every_look();
    let head =
        browser.eval("[...document.querySelectorAll('table.evidence thead th')].map((cell) => cell.textContent)");
    assert_eq!(head, json!(["Row", "id", "name", "note"]));
    let rows = browser.eval(
        "[...document.querySelectorAll('table.evidence tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))",
    );
    let expected = json!([
        ["0", "1", "ada", "drawer is right"],
        ["1", "2", "bela", "drawer was 2 short"],
        ["2", "3", "chen", "drawer is right, Grüße"],
    ]);
    assert_eq!(rows, expected);
    browser.press("Hex");
    browser.says("7b 22 69 64");
    browser.press("Save as CSV");
    let csv = String::from_utf8(browser.saved(".csv")).unwrap();
    assert!(csv.contains("2,bela,drawer was 2 short\r\n") || csv.contains("\"2\",\"bela\""), "{csv}");
    browser.press("Save the rows");
    let saved = String::from_utf8(browser.saved(".jsonl")).unwrap();
    let saved: Vec<BTreeMap<String, Value>> = saved.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(saved[1]["note"], "drawer was 2 short");

    // Two items and single rows.
    evidence::ask(&browser, &run, &[&till.item(&run, "notes")], "1");
    evidence::is_opened(&browser);
    assert_eq!(browser.count("table.evidence tbody tr"), 1);
    evidence::ask(&browser, &run, &[&till.item(&run, "notes"), &till.item(&run, "accounts")], "");
    evidence::is_opened(&browser);
    browser.says("ada:x:1000:1000");
    browser.is_accessible_in_every_look();

    // The key cannot be taken out of the browser, and both logs know what was done.
    let key = browser.run(
        "const open = indexedDB.open('proctor'); await new Promise((done) => { open.onsuccess = done; });
         const get = open.result.transaction('devices').objectStore('devices').getAll();
         await new Promise((done) => { get.onsuccess = done; });
         const key = get.result[0].privateKey;
         const out = await crypto.subtle.exportKey('pkcs8', key).then(() => 'exported', (error) => error.name);
         return [get.result.length, key.extractable, out];",
        json!([]),
    );
    assert_eq!(key, json!([1, false, "InvalidAccessError"]));
    let journal = till.console.line.runner.run(&["journal", "tail"]).out;
    assert!(journal.contains("evidence.opened") && journal.contains("evidence.receipted"), "{journal}");
    browser.open("/drilldowns");
    assert_eq!(browser.count("tbody tr"), 4);
    browser.says("E-DRILL-012");
    let log = till.console.line.control_plane.log();
    assert!(!log.contains("drawer was 2 short"));
}

#[test]
fn a_role_that_may_not_ask_has_no_page_for_it_and_a_reason_is_wanted() {
    let till = till();
    let run = till.run();
    let viewer = till.console.person("vera", "viewer");
    assert_eq!(viewer.visitor.get(&format!("/runs/{run}/open")).status, 403);
    assert!(!viewer.visitor.get(&format!("/runs/{run}")).text().contains("/open\""));
    let browser = till.console.browser(&till.grace());
    browser.open(&format!("/runs/{run}/open"));
    browser.choose("purpose", "audit");
    browser.fill("reason", "nothing is chosen");
    browser.press("Ask the Runner");
    browser.see("[data-open-fault]");
    browser.is_accessible();
    assert_eq!(till.console.line.admin(&["run", "show", &run]).json()["verdict"], "pass");
}
