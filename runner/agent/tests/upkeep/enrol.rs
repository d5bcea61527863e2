//! `enrol`, as far as it goes without a control plane.

use crate::bench::{Bench, code, json, text};

const TENANT: &str = "019aa7f0-0000-7000-8000-000000000003";
const PIN: &str = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

fn token(tenant: &str, secret: char) -> String {
    format!("pjt_{}_{}", tenant.replace('-', ""), String::from(secret).repeat(42) + "A")
}

/// An address at which nobody answers.
fn nobody() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn fingerprint(said: &str) -> String {
    let line = said.lines().find_map(|line| line.strip_prefix("fingerprint"));
    line.unwrap_or_else(|| panic!("no fingerprint in {said}")).trim().to_owned()
}

#[test]
fn a_fresh_folder_becomes_a_runner_of_the_tenant_and_a_repetition_is_the_same_request() {
    let bench = Bench::empty();
    let (address, token) = (nobody(), token(TENANT, 'A'));
    let enrol = ["enrol", "--control-plane", &address, "--ca-pin", PIN, "--token", &token, "--no-wait"];
    let first = bench.run(&enrol);
    assert!(code(&first) == 3 && text(&first).contains("E-LINK-"), "{}", text(&first));
    let again = bench.run(&enrol);
    assert_eq!(fingerprint(&text(&first)), fingerprint(&text(&again)));
    let alone = bench.run(&["enrol", "--no-wait"]);
    assert_eq!(fingerprint(&text(&alone)), fingerprint(&text(&first)), "the application that was begun goes on");

    let status = bench.json(0, &["status"]);
    assert_eq!((&status["tenant"], &status["enrolment"]["state"]), (&TENANT.into(), &"awaiting_approval".into()));
    assert_eq!(status["enrolment"]["fingerprint"].as_str().unwrap(), fingerprint(&text(&first)));
    assert!(!crate::bench::contains(&bench.bytes(), token.as_bytes()), "the token is sealed");

    // Another token is another application, with another key.
    let other = self::token(TENANT, 'B');
    let new = bench.run(&["enrol", "--control-plane", &address, "--ca-pin", PIN, "--token", &other, "--no-wait"]);
    assert_ne!(fingerprint(&text(&new)), fingerprint(&text(&first)));
    let stranger = self::token("019aa7f0-0000-7000-8000-000000000009", 'A');
    bench.refused(2, "E-JOIN-004", &["enrol", "--control-plane", &address, "--ca-pin", PIN, "--token", &stranger]);
}

#[test]
fn a_runner_that_worked_for_nobody_keeps_its_old_store_beside_the_new_one() {
    let (bench, run) = Bench::with_run();
    let run = run["run"].as_str().unwrap();
    let file = bench.procedure().display().to_string();
    bench.json(0, &["procedures", "add", &file]);
    bench.piped(&["secret", "set", "token"], b"value");
    let (address, token) = (nobody(), token(TENANT, 'A'));
    let enrol = ["enrol", "--control-plane", &address, "--ca-pin", PIN, "--token", &token, "--no-wait"];
    bench.refused(2, "E-ASK-001", &enrol);
    assert_eq!(bench.json(0, &["runs"]).as_array().unwrap().len(), 1, "nothing was moved");

    let moved = bench.run(&[&enrol[..], &["--yes"]].concat());
    let said = text(&moved);
    assert!(said.contains("1 procedures, 1 secrets") && code(&moved) == 3, "{said}");
    assert_eq!(bench.json(0, &["runs"]).as_array().unwrap().len(), 0);
    assert_eq!(bench.json(0, &["procedures", "list"])[0]["procedure"], "said");
    assert_eq!(bench.json(0, &["secret", "list"])[0]["name"], "token");
    assert_eq!(bench.json(0, &["status"])["tenant"], TENANT);
    assert_eq!(code(&bench.run(&["journal", "verify"])), 0);
    let pinned = std::fs::read_to_string(bench.path("journal.vkey")).unwrap();
    assert!(pinned.contains(TENANT), "{pinned}");

    let folders = std::fs::read_dir(bench.dir()).unwrap().flatten().map(|entry| entry.path());
    let before = folders.into_iter().find(|path| path.to_string_lossy().contains("store-before-")).unwrap();
    let old = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_proctor-runner"));
        command.arg("--json").arg("--dir").arg(&before).args(arguments).output().unwrap()
    };
    assert_eq!(json(&old(&["runs"]))[0]["run"], run);
    assert_eq!(code(&old(&["verify", run])), 0, "{}", text(&old(&["verify", run])));
    assert_eq!(code(&old(&["journal", "verify"])), 0);
    assert!(!bench.path("store-new").exists() && !bench.path("store-new.unfinished").exists());
}

#[test]
fn what_is_missing_or_wrong_is_said_before_anything_is_made() {
    let bench = Bench::empty();
    let address = nobody();
    bench.refused(2, "E-JOIN-001", &["enrol", "--control-plane", &address, "--ca-pin", PIN]);
    bench.refused(2, "E-JOIN-002", &["enrol", "--control-plane", &address, "--ca-pin", PIN, "--token", "pjt_short"]);
    let token = token(TENANT, 'A');
    bench.refused(2, "E-JOIN-006", &["enrol", "--ca-pin", PIN, "--token", &token]);
    bench.refused(2, "E-CONF-062", &["enrol", "--control-plane", "no port", "--ca-pin", PIN, "--token", &token]);
    bench.refused(2, "E-JOIN-008", &["enrol", "--control-plane", &address, "--token", &token]);
    bench.refused(2, "E-JOIN-007", &["enrol", "--control-plane", &address, "--ca-pin", "sha256:12", "--token", &token]);
    let both = ["enrol", "--control-plane", &address, "--ca-pin", PIN, "--system-roots", "--token", &token];
    bench.refused(2, "cannot be used with", &both);
    assert!(!bench.dir().exists());
}
