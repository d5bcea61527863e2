//! A connector's secret, typed into the page, used by the next run, and readable nowhere but at the Runner.

use tests::{Canary, Console, text};

const PROCEDURE: &str = r#"schema: procedure/v1
id: gate
version: 1
title: The gate has its token
purpose: Shows that the gate's token reaches the program that needs it.
owner: branch-operations
connections:
  gate: { type: command, access: read-only, ask: The gate's environment }
steps:
  - id: token
    title: Ask for the token
    use: command
    via: gate
    with: { run: [/usr/bin/printenv, GATE_TOKEN] }
    evidence: { class: secret }
checks:
  - id: there
    title: The token is there
    assert: size(steps.token.out) > 20
    severity: low
"#;

const CONFIG: &str = "[policy]\nfiles = [\"BESIDE\"]\n[[policy.commands]]\npath = \"/usr/bin/printenv\"\nargs = [\"GATE_TOKEN\"]\n\
                      [connections.gate]\ntype = \"command\"\nsecret_environment = { GATE_TOKEN = { store = \"gate-token\" } }\n";

#[test]
fn a_secret_goes_from_the_page_to_the_runner_and_is_used_by_the_next_run() {
    let mut console = Console::start();
    console.line.stop_runner();
    console.line.runner.configure(CONFIG);
    console.line.install("gate.yaml", PROCEDURE);
    console.line.serve();
    let verdict = |console: &Console| {
        let asked = console.line.request("gate");
        let shown = |run: &str| text(&console.line.admin(&["run", "show", run]).json(), "/verdict");
        asked["run"].as_str().map_or_else(|| text(&asked, "/code"), shown)
    };
    // The secret is missing.
    assert_eq!(verdict(&console), "E-VAULT-018");

    let canary = Canary::new("gate-token-4f0a9d1e77c2-of-the-branch");
    let browser = console.browser(&console.owner);
    browser.open("/secrets/new");
    browser.is_accessible_in_every_look();
    browser.fill("name", "gate-token");
    browser.fill("value", canary.text());
    browser.press("Seal and send");
    browser.see("[data-secret-fingerprint]");
    let status = console.line.runner.json(&["status"]);
    let fingerprint = text(&status, "/enrolment/fingerprint");
    assert!(browser.text("[data-secret-fingerprint]").contains(&fingerprint), "{fingerprint}");
    browser.press("It is the same");
    browser.says("E-SECRET-032");
    assert_eq!(verdict(&console), "E-VAULT-018");

    // The device is approved at the Runner, and the same is sent again.
    let device = browser.text("[data-sender-fingerprint]");
    let _ = console.line.runner.run(&["readers", "approve", &device, "--label", "a browser"]).with_code(0);
    browser.fill("name", "gate-token");
    browser.fill("value", canary.text());
    browser.press("Seal and send");
    browser.says("The Runner has it. Its next run uses it.");
    assert_eq!(browser.count("[data-secret-steps] li.good"), 7, "{}", browser.text("[data-secret-steps]"));
    assert_eq!(browser.value("[name=value]"), "", "the page forgets it");
    browser.is_accessible_in_every_look();
    assert_eq!(verdict(&console), "pass");

    browser.open("/secrets");
    browser.says("gate-token");
    console.line.control_plane.stop();
    let found = canary.in_folder(&console.line.control_plane.beside(""));
    assert!(found.is_empty(), "{found:?}");
    assert!(canary.in_bytes(console.line.runner_log().as_bytes()).is_none());
}
