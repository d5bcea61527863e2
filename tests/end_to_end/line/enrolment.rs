//! Being let in, being shut out, and being somebody else.

use tests::{ControlPlane, Line, Runner, join_command, text, until};

#[test]
fn of_many_who_redeem_one_token_one_is_let_in() {
    let control_plane = ControlPlane::start();
    let tenant = control_plane.tenant("one");
    let words = join_command(&control_plane, &tenant, "runner");
    let runners: Vec<_> = (0..50).map(|_| Runner::empty()).collect();
    let children: Vec<_> = runners
        .iter()
        .map(|runner| {
            let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
            words.push("--no-wait");
            let mut command = runner.command(&words);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let ends: Vec<_> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let waiting = ends.iter().filter(|end| end.status.code() == Some(1)).count();
    let first = String::from_utf8_lossy(&ends[0].stderr).into_owned();
    assert_eq!(waiting, 1, "{first}");
    let listed = control_plane.admin(&tenant.key_file, &["runner", "list"]).with_code(0).json();
    assert_eq!(listed["runners"].as_array().map(Vec::len), Some(1), "{listed:#}");
}

#[test]
fn a_revoked_runner_is_cut_off_within_seconds_and_stays_out() {
    let mut line = Line::start();
    let id = line.runner_id();
    let clock = clock::SystemClock::new();
    let started = clock::Clock::monotonic_ms(&clock);
    let _ = line.admin(&["runner", "revoke", &id, "--justification", "retired"]).with_code(0);
    until("the session is cut", || {
        let status = line.runner.json(&["status"]);
        (text(&status, "/line/state") != "connected").then_some(())
    });
    let took = clock::Clock::monotonic_ms(&clock) - started;
    assert!(took < 5_000, "{took} ms");
    line.stop_runner();
    line.serve_alone();
    until("it is told that it was revoked", || {
        let status = line.runner.json(&["status"]);
        status.to_string().contains("revoked").then_some(())
    });
}
