//! `doctor`.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::bench::{Bench, json, state};

#[test]
fn doctor_sees_a_healthy_runner_and_what_ails_another() {
    let (bench, _) = Bench::with_run();
    let healthy = bench.run(&["--json", "doctor"]);
    let report = json(&healthy);
    for name in ["folder", "configuration", "store", "seal level", "condition", "journal", "clock", "rotation", "runs"]
    {
        assert_eq!(state(&report, name), "ok", "{report:#}");
    }
    for name in ["core dumps", "retention", "outbox", "scratch", "checkpoint"] {
        assert_eq!(state(&report, name), "ok", "{report:#}");
    }

    std::fs::create_dir_all(bench.path("scratch/left-over")).unwrap();
    let report = bench.json(1, &["doctor"]);
    assert_eq!((state(&report, "scratch"), &report["state"]), ("warn", &Value::from("warn")));
    std::fs::set_permissions(bench.dir(), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(state(&bench.json(3, &["doctor"]), "folder"), "fault");
    std::fs::set_permissions(bench.dir(), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::remove_file(bench.path("journal.checkpoint")).unwrap();
    let report = bench.json(3, &["doctor"]);
    assert_eq!((state(&report, "checkpoint"), state(&report, "condition")), ("fault", "fault"));
    std::fs::remove_file(bench.path("root.key")).unwrap();
    assert_eq!(state(&bench.json(3, &["doctor"]), "store"), "fault");
    let nowhere = Bench::empty();
    assert_eq!(state(&nowhere.json(3, &["doctor"]), "folder"), "fault");
}
