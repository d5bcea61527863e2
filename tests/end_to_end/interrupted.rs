//! Ctrl-C and `kill` in the middle of a run.

use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::{Answer, Runner};

const NAP: &str = r#"schema: procedure/v1
id: nap
version: 1
title: Nap
purpose: Sleeps long enough to be interrupted.
owner: ops
retention: operational
inputs:
  seconds: { type: string }
steps:
  - id: first
    title: Look at the account file
    use: file
    with: { path: /etc/passwd, content: none }
  - id: nap
    title: Sleep
    use: command
    with: { run: [/bin/sleep, =inputs.seconds] }
    WAIT
checks:
  - id: slept
    title: It slept to the end
    assert: steps.nap.exit == 0
    severity: high
"#;

/// A Runner, and how to start its run. The number of seconds marks the run's own process.
fn nap(wait: &str) -> (Runner, String) {
    let runner = Runner::new("[policy]\nfiles = [\"/etc/passwd\"]\n[[policy.commands]]\npath = \"/bin/sleep\"\n");
    let file = runner.write("nap.yaml", NAP.replace("WAIT", wait)).display().to_string();
    (runner, file)
}

fn start(runner: &Runner, file: &str, seconds: &str) -> Child {
    let input = format!("seconds={seconds}");
    let mut command = runner.command(&["run", file, "--input", &input]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn sleepers(seconds: &str) -> Vec<String> {
    let wanted = format!("/bin/sleep\0{seconds}\0");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| *line == wanted).collect()
}

fn until(what: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if what() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(what(), "it did not come to that in ten seconds");
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

#[test]
fn a_signal_ends_what_the_step_started_and_leaves_a_run_that_resumes() {
    for (signal, seconds) in [(Signal::SIGTERM, "3.0171"), (Signal::SIGINT, "3.0172"), (Signal::SIGHUP, "3.0173")] {
        let (runner, file) = nap("");
        let child = start(&runner, &file, seconds);
        until(|| sleepers(seconds).len() == 1);
        send(&child, signal);
        let answer = Answer::from(child.wait_with_output().unwrap()).with_code(3);
        assert!(answer.err.contains("E-RUN-019") && answer.err.contains(signal.as_str()), "{}", answer.err);
        assert!(sleepers(seconds).is_empty(), "the step's process outlived the Runner");
        assert_eq!(runner.json(&["runs"])[0]["state"], "running");
        let _ = runner.run(&["resume"]).with_code(0);
        assert_eq!(runner.json(&["runs"])[0]["verdict"], "pass");
        let _ = runner.run(&["verify", "last"]).with_code(0);
        let _ = runner.run(&["journal", "verify"]).with_code(0);
    }
}

#[test]
fn a_signal_ends_a_wait() {
    let (runner, file) = nap("wait: 60s");
    let child = start(&runner, &file, "0.01");
    until(|| runner.run(&["evidence", "last"]).out.contains("first"));
    std::thread::sleep(Duration::from_millis(100));
    send(&child, Signal::SIGTERM);
    let _ = Answer::from(child.wait_with_output().unwrap()).with_code(3);
    let _ = runner.run(&["cancel", "last"]).with_code(0);
    assert_eq!(runner.json(&["runs"])[0]["verdict"], "error");
}

#[test]
fn a_signal_while_an_old_run_goes_on_begins_no_new_one() {
    let (runner, file) = nap("");
    let mut first = start(&runner, &file, "3.0174");
    until(|| sleepers("3.0174").len() == 1);
    first.kill().unwrap();
    first.wait().unwrap();
    until(|| runner.json(&["runs"]).as_array().is_some_and(|runs| runs.len() == 1));
    let second = start(&runner, &file, "0.01");
    // What the killed Runner left behind is ended first; then the old run's own step begins again.
    until(|| !sleepers("3.0174").is_empty());
    std::thread::sleep(Duration::from_millis(300));
    send(&second, Signal::SIGINT);
    let _ = Answer::from(second.wait_with_output().unwrap()).with_code(3);
    assert_eq!(runner.json(&["runs"]).as_array().unwrap().len(), 1);
}

/// A run that cannot go on, here for want of its connection, is not passed over in silence.
#[test]
fn a_run_that_cannot_go_on_is_named_and_is_no_success() {
    let policy = "[policy]\n[[policy.commands]]\npath = \"/bin/sleep\"\n";
    let runner = Runner::new("");
    runner.configure(&format!("{policy}[connections.nap]\ntype = \"command\"\n"));
    let text = NAP
        .replace("    use: command\n", "    use: command\n    via: nap\n")
        .replace("    WAIT\n", "")
        .replace("steps:\n", "connections:\n  nap: { type: command, access: read-only }\nsteps:\n");
    let file = runner.write("nap.yaml", text).display().to_string();
    let child = start(&runner, &file, "3.0175");
    until(|| sleepers("3.0175").len() == 1);
    send(&child, Signal::SIGTERM);
    let _ = Answer::from(child.wait_with_output().unwrap()).with_code(3);
    runner.configure(policy);
    let answer = runner.run(&["resume"]).with_code(1);
    assert!(answer.err.contains("cannot go on: E-RUN-001"), "{}", answer.err);
}
