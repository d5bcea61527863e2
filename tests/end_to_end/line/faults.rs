//! Kills, cuts and absences on both sides.

use serde_json::Value;
use tests::{Line, Postgres, text, until};

const MINUTELY: &str = r#"schema: procedure/v1
id: minutely
version: 1
title: Something that is due all the time
purpose: Shows that due runs need nobody.
owner: ops
schedule: { every: { cron: "* * * * *", timezone: UTC } }
steps:
  - id: passwd
    title: Look at the list
    use: file
    with: { path: DIR/accounts, content: none }
checks:
  - id: there
    title: The list is there
    assert: steps.passwd.exists
    severity: low
"#;

fn runs_here(line: &Line) -> Vec<String> {
    let mut runs: Vec<_> =
        line.runner.json(&["runs"]).as_array().unwrap().iter().map(|run| text(run, "/run")).collect();
    runs.sort();
    runs
}

fn runs_there(line: &Line) -> Vec<String> {
    let listed = line.admin(&["run", "list"]).with_code(0).json();
    let mut runs: Vec<_> = listed["runs"].as_array().unwrap().iter().map(|run| text(run, "/run")).collect();
    runs.sort();
    runs
}

#[test]
fn both_sides_are_killed_again_and_again_and_nothing_is_lost() {
    let mut line = Line::start();
    let file = line.runner.beside("accounts.yaml").display().to_string();
    for round in 0..6 {
        let _ = line.runner.run(&["run", &file]).with_code(0);
        if round % 2 == 0 {
            line.kill_runner();
            line.serve_alone();
            until("the Runner's service is up", || {
                let status = line.runner.json(&["status"]);
                (text(&status, "/service/state") != "stopped").then_some(())
            });
        } else {
            line.control_plane.kill();
            let _ = line.runner.run(&["run", &file]).with_code(0);
            line.control_plane.serve();
        }
    }
    // A fresh start does not wait out the pause that the kills have earned.
    line.stop_runner();
    line.serve();
    line.settled();
    until("all runs are known", || (runs_there(&line) == runs_here(&line)).then_some(()));
    assert_eq!(runs_here(&line).len(), 9);
    assert_eq!(line.control_plane.json(&["audit", "verify"])["sound"], Value::Bool(true));
    let _ = line.runner.run(&["journal", "verify"]).with_code(0);
}

#[test]
fn due_runs_happen_while_the_control_plane_is_away_and_are_reported_afterwards() {
    let mut line = Line::start();
    line.install("minutely.yaml", MINUTELY);
    line.control_plane.stop();
    let run = until("the procedure was run when it was due", || {
        let runs = line.runner.json(&["runs"]);
        let due = runs.as_array()?.iter().find(|run| run["procedure"] == "minutely")?.clone();
        (due["state"] == "final").then_some(due)
    });
    assert!(line.has_waiting());
    line.control_plane.serve();
    line.stop_runner();
    line.serve();
    let id = text(&run, "/run");
    until("the run is known", || runs_there(&line).contains(&id).then_some(()));
    let shown = line.admin(&["run", "show", &id]).json();
    assert_eq!(text(&shown, "/verdict"), "pass");
}

#[test]
fn the_whole_line_works_over_postgresql() {
    let postgres = Postgres::start();
    let line = Line::start_on(&postgres.database());
    let run = text(&line.request("accounts"), "/run");
    let (key, device) = line.auditor("grace");
    let shown = line.admin(&["run", "show", &run]).json();
    let item = text(&shown, "/items/0/item");
    let opened = line.open(&key, &device, &run, &item, &[]).with_code(0);
    assert!(opened.out.contains("ada:x:1000"), "{}\n{}", opened.out, opened.err);
    assert_eq!(line.control_plane.json(&["audit", "verify"])["sound"], Value::Bool(true));
    // The role that serves sees nothing without a tenant.
    let statement = "SET ROLE proctor_app; SELECT count(*) FROM runner";
    assert_eq!(postgres.sql("proctor", statement).map(|count| count.trim().to_owned()), Some("0".to_owned()));
}

/// Text that hardly compresses, so that nobody's buffer is kind to it.
#[test]
fn two_hundred_mebibytes_stream_through_and_nobody_holds_them() {
    const SIZE: usize = 200 * 1024 * 1024;
    let mut line = Line::start();
    let mut content = Vec::with_capacity(SIZE);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while content.len() < SIZE {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        content.extend_from_slice(format!("{state:016x}").as_bytes());
    }
    line.runner.write("large", &content);
    line.install(
        "large.yaml",
        &MINUTELY
            .replace("schedule: { every: { cron: \"* * * * *\", timezone: UTC } }\n", "")
            .replace("id: minutely", "id: large")
            .replace("DIR/accounts, content: none", "DIR/large, content: text"),
    );
    line.runner
        .configure("[policy]\nfiles = [\"BESIDE\"]\n[limits]\noutput_bytes = 268435456\nstep_bytes = 268435456\n");
    line.stop_runner();
    line.serve();
    let run = text(&line.request("large"), "/run");
    let shown = line.admin(&["run", "show", &run]).json();
    let items = shown["items"].as_array().unwrap();
    let largest = items.iter().max_by_key(|item| item["rows"].as_u64());
    assert!(largest.is_some(), "{}", line.runner.run(&["show", "last"]).out);
    let largest = largest.unwrap();
    assert_eq!(largest["rows"].as_u64(), Some(3200));
    let item = text(largest, "/item");
    let (key, device) = line.auditor("grace");
    // The run itself read the file: a fresh process shows what the answer alone takes.
    line.stop_runner();
    line.serve();
    let (before_there, before_here) = (line.control_plane.service().peak_kib(), line.service().peak_kib());
    let to = line.control_plane.beside("opened");
    let _ = line.open(&key, &device, &run, &item, &["--output", &to.display().to_string()]).with_code(0);
    assert!(std::fs::read(&to).unwrap() == content, "what was opened is not what was collected");
    let there = line.control_plane.service().peak_kib() - before_there;
    let here = line.service().peak_kib() - before_here;
    assert!(there < 64 * 1024 && here < 64 * 1024, "control plane {there} KiB, Runner {here} KiB more");
}
