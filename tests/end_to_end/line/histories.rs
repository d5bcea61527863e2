//! Logs and stores that are put back, rewritten or copied.

use std::path::Path;

use serde_json::Value;
use tests::{Line, text, until};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn alarms(line: &Line) -> Vec<String> {
    let listed = line.admin(&["alarm", "list"]).json();
    listed["alarms"].as_array().unwrap().iter().map(|alarm| text(alarm, "/kind")).collect()
}

/// Waits until the Runner has cosigned the present audit log.
fn witnessed(line: &Line) -> u64 {
    until("the audit log is witnessed", || {
        let verified = line.control_plane.json(&["audit", "verify"]);
        let records = verified.pointer("/logs/0/records").and_then(Value::as_u64)?;
        let kept = line.runner.json(&["status"]).pointer("/store/audit/size").and_then(Value::as_u64)?;
        (kept + 2 >= records).then_some(kept)
    })
}

#[test]
fn an_older_copy_of_the_runners_store_is_refused_by_both_sides() {
    let mut line = Line::start();
    line.request("accounts");
    line.settled();
    line.stop_runner();
    let kept = line.runner.beside("kept");
    copy(&line.runner.home(), &kept);
    line.serve();
    line.request("accounts");
    line.settled();
    line.stop_runner();
    std::fs::remove_dir_all(line.runner.home()).unwrap();
    copy(&kept, &line.runner.home());
    std::fs::set_permissions(line.runner.home(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    line.serve_alone();
    until("the control plane raises an alarm", || {
        alarms(&line).iter().any(|kind| kind.contains("rolled_back")).then_some(())
    });
    until("the Runner knows that it was rolled back", || {
        let status = line.runner.json(&["status"]);
        (text(&status, "/store/condition") == "rollback").then_some(())
    });
}

#[test]
fn a_second_history_under_one_identity_locks_both_holders() {
    let mut line = Line::start();
    line.settled();
    line.stop_runner();
    let thief = line.runner.beside("thief");
    copy(&line.runner.home(), &thief);
    std::fs::set_permissions(&thief, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    line.serve();
    line.request("accounts");
    line.settled();
    line.stop_runner();
    // The thief goes on from before, and writes a history of its own.
    let file = line.runner.beside("accounts.yaml").display().to_string();
    let mut command = std::process::Command::new(tests::binary("proctor-runner"));
    let ran = command.arg("--dir").arg(&thief).args(["run", &file]).output().unwrap();
    assert!(ran.status.success());
    let mut command = std::process::Command::new(tests::binary("proctor-runner"));
    command.arg("--dir").arg(&thief).arg("serve");
    let _service = tests::Service::start(command, &line.runner.beside("thief.log"));
    until("the Runner is locked", || {
        let listed = line.admin(&["runner", "list"]).json();
        (text(&listed, "/runners/0/state") == "locked").then_some(())
    });
    assert!(!alarms(&line).is_empty());
    line.serve_alone();
    until("the original is kept out too", || {
        line.runner.json(&["status"]).to_string().contains("locked").then_some(())
    });
}

#[test]
fn a_database_that_was_put_back_is_refused_by_the_runner() {
    let mut line = Line::start();
    witnessed(&line);
    let backup = line.control_plane.beside("backup.sqlite").display().to_string();
    let _ = line.control_plane.run(&["backup", &backup]).with_code(0);
    line.request("accounts");
    line.settled();
    // Something at the control plane alone, so that its log is longer than the backup's.
    let _ = line.admin(&["token", "create", "later"]).with_code(0);
    until("the later log is witnessed", || {
        let kept = line.runner.json(&["status"]).pointer("/store/audit/size").and_then(Value::as_u64)?;
        let records =
            line.control_plane.json(&["audit", "verify"]).pointer("/logs/0/records").and_then(Value::as_u64)?;
        (kept + 1 >= records).then_some(())
    });
    line.control_plane.stop();
    let _ = line.control_plane.run(&["restore", &backup, "--yes"]).with_code(0);
    line.control_plane.serve();
    line.stop_runner();
    line.serve_alone();
    until("the Runner says that the audit log went back", || {
        let status = line.runner.json(&["status"]);
        (!status["store"]["audit_fork"].is_null()).then_some(())
    });
    until("and the control plane knows it", || {
        alarms(&line).iter().any(|kind| kind.contains("audit_fork")).then_some(())
    });
    let journal = line.runner.run(&["journal", "tail"]).out;
    assert!(journal.contains("audit.fork_seen"), "{journal}");
}
