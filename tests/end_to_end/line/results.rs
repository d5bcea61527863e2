//! Runs that are asked for, made, reported and kept.

use serde_json::Value;
use tests::{Line, text, until};

#[test]
fn a_run_that_is_asked_for_over_the_api_is_made_reported_and_found() {
    let line = Line::start();
    let shown = line.request("accounts");
    assert_eq!(text(&shown, "/verdict"), "pass", "{shown:#}");

    line.runner.write("accounts", "root:x:0:0\nmallory:x:0:0\n");
    let failed = line.request("accounts");
    assert_eq!(text(&failed, "/verdict"), "fail", "{failed:#}");
    let api = line.control_plane.api(&line.tenant.key_file);
    let findings = api.get("/findings").with_status(200).json();
    assert_eq!(text(&findings, "/items/0/check"), "only_root_is_root");
    let since = text(&findings, "/items/0/failing_since");
    assert_eq!(text(&failed, "/ended"), since);

    let again = line.request("accounts");
    assert_ne!(text(&again, "/run"), text(&failed, "/run"));
    let findings = api.get("/findings").with_status(200).json();
    assert_eq!(text(&findings, "/items/0/failing_since"), since, "it fails since the first time");
    line.runner.write("accounts", "root:x:0:0\n");
    line.request("accounts");
    assert_eq!(api.get("/findings").json()["items"].as_array().map(Vec::len), Some(0));
}

#[test]
fn what_is_not_installed_at_the_runner_is_not_run() {
    let line = Line::start();
    let api = line.control_plane.api(&line.tenant.key_file);
    let refused =
        api.post("/run-requests", &serde_json::json!({"runner": line.runner_id(), "procedure": "0".repeat(64)}));
    assert!(matches!(refused.status, 404 | 409 | 422), "{refused:?}");
    assert_eq!(line.runner.json(&["runs"]).as_array().map(Vec::len), Some(0));
}

#[test]
fn nothing_is_lost_or_doubled_when_the_line_is_cut_again_and_again() {
    let mut line = Line::start();
    for round in 0..6_u64 {
        let before = line.proxy.connections();
        line.proxy.cut_after(700 + round * 1800);
        for _ in 0..2 {
            let file = line.runner.beside("accounts.yaml").display().to_string();
            let _ = line.runner.run(&["run", &file]).with_code(0);
        }
        line.proxy.cut();
        until("the Runner dials again", || (line.proxy.connections() > before).then_some(()));
    }
    assert!(line.proxy.connections() > 2, "{} connections", line.proxy.connections());
    line.proxy.cut_after(0);
    // A fresh start does not wait out the pause that so many cuts have earned.
    line.stop_runner();
    line.serve();
    line.settled();
    let known = until("all runs are known", || {
        let listed = line.admin(&["run", "list"]).with_code(0).json();
        let runs = listed["runs"].as_array().cloned().unwrap_or_default();
        (runs.len() >= 12).then_some(runs)
    });
    let mut ids: Vec<_> = known.iter().map(|run| text(run, "/run")).collect();
    let here: Vec<_> = line.runner.json(&["runs"]).as_array().unwrap().iter().map(|run| text(run, "/run")).collect();
    ids.sort();
    let mut here = here;
    here.sort();
    assert_eq!(ids, here);
    let verified = line.control_plane.json(&["audit", "verify"]);
    assert_eq!(verified["sound"], Value::Bool(true), "{verified:#}");
}
