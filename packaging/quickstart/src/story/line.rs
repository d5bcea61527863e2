//! Both ends of the line: a control plane, a Runner that enrols with it, and the two services.

use serde_json::Value;

use clock::Clock;

use super::console;
use crate::branch;
use crate::control_plane;
use crate::fault::Fault;
use crate::folder::Folder;
use crate::procedures;
use crate::say::Say;
use crate::service::Service;
use crate::shell::{OWNER_KEY, Shell};

/// The auditor's API key, in the quickstart's folder.
pub(super) const AUDITOR_KEY: &str = "auditor.key";

const CONTROL_PLANE_LOG: &str = "control-plane.log";
const RUNNER_LOG: &str = "runner.log";
const BRANCH_LOG: &str = "branch.log";

/// Makes the control plane that is not there yet, and starts it.
pub(super) fn start_control_plane(
    folder: &Folder,
    shell: &mut Shell<'_>,
    say: Say,
    clock: &dyn Clock,
) -> Result<Service, Fault> {
    let ports = folder.control_plane;
    ports.check()?;
    if folder.join(control_plane::AUTHORITY).is_file() {
        say.line("The control plane is there already.");
    } else {
        control_plane::write(folder, ports)?;
        if shell.run(&["proctor-control-plane", "init", "--config", control_plane::CONFIGURATION], &[0])? != 0 {
            return Err(Fault::NoControlPlane);
        }
    }
    if !folder.join(OWNER_KEY).is_file() {
        let owner = ["--owner-email", console::OWNER, "--owner-name", "Olga"];
        let line = ["proctor-control-plane", "admin", "tenant", "create", "Example Ltd", "--key-to", OWNER_KEY];
        shell.run(&[&line[..], &owner[..]].concat(), &[0])?;
    }
    let mut service = shell.serve(&["proctor-control-plane", "serve"], CONTROL_PLANE_LOG)?;
    service.wait_until(clock, "the control plane", || Ok(control_plane::is_ready(ports)))?;
    say.good(format_args!("{}: the control plane's API is up", ports.url()));
    Ok(service)
}

/// Enrols the Runner that has no certificate yet: asked for with a one-time token, approved by fingerprint.
pub(super) fn enrol(folder: &Folder, shell: &mut Shell<'_>, say: Say) -> Result<(), Fault> {
    if enrolled(shell) {
        say.line("The Runner is enrolled already.");
        return Ok(());
    }
    say.line("\nAn administrator makes a one-time token; it comes with the one command to paste at the Runner's host:");
    let asked = ["proctor-control-plane", "admin", "token", "create", "quickstart"];
    shell.show(&asked);
    let made = shell.ask(&asked)?;
    let command = text(&made, "join_command", &asked)?;
    say.line(&command);
    let words: Vec<_> = command.split_whitespace().collect();
    say.line("\nThe Runner makes its keys, asks, and shows a fingerprint; nobody is let in before it was compared:");
    // Exit code 1: it waits for approval.
    if !matches!(shell.run(&[&words[..], &["--no-wait"]].concat(), &[0, 1])?, 0 | 1) {
        return Err(Fault::NoRunner);
    }
    let status = ["proctor-runner", "status"];
    let known = shell.ask(&status)?;
    let runner = text(&known, "runner", &status)?;
    let fingerprint = text(known.get("enrolment").unwrap_or(&Value::Null), "fingerprint", &status)?;
    say.line("\nThe administrator sees who asks. Only the same fingerprint on both screens is a reason to approve:");
    shell.run(&["proctor-control-plane", "admin", "runner", "list"], &[0])?;
    let approve = ["proctor-control-plane", "admin", "runner", "approve", &runner, "--fingerprint", &fingerprint];
    shell.run(&approve, &[0])?;
    say.line("\nThe same command again, as a lost answer would have it, and the Runner has its certificate for a day:");
    shell.run(&words, &[0])?;
    if folder.join("store.db").is_file() { Ok(()) } else { Err(Fault::NoRunner) }
}

/// Installs the procedures and starts the Runner's service.
pub(super) fn start_runner(shell: &mut Shell<'_>, say: Say, clock: &dyn Clock) -> Result<Service, Fault> {
    let files: Vec<_> = procedures::ALL.iter().map(|brought| brought.path).collect();
    shell.run(&[&["proctor-runner", "check"], &files[..]].concat(), &[0])?;
    say.line("\nWhat the Runner's operator installs may be run; what anybody else asks for may not:");
    shell.run(&[&["proctor-runner", "procedures", "add"], &files[..]].concat(), &[0])?;
    let mut service = shell.serve(&["proctor-runner", "serve"], RUNNER_LOG)?;
    let listed = ["proctor-control-plane", "admin", "procedure", "list"];
    service.wait_until(clock, "the Runner", || {
        let known = shell.ask(&listed)?;
        Ok(known.get("procedures").and_then(Value::as_array).is_some_and(|known| known.len() >= files.len()))
    })?;
    say.good("the Runner is connected: it dialled the control plane, nothing dials it");
    Ok(service)
}

/// The branch office's Runner: enrolled as the first one was, and started. What was shown once is not shown again.
pub(super) fn start_branch(
    folder: &Folder,
    shell: &mut Shell<'_>,
    say: Say,
    clock: &dyn Clock,
    ports: &[u16],
) -> Result<Service, Fault> {
    let at = ["proctor-runner", "--dir", branch::FOLDER];
    let with = |words: &[&'static str]| [&at[..], words].concat();
    if !folder.join(branch::CONFIGURATION).is_file() {
        let asked = ["proctor-control-plane", "admin", "token", "create", "branch-office"];
        let command = text(&shell.ask(&asked)?, "join_command", &asked)?;
        let words: Vec<_> = at.into_iter().chain(command.split_whitespace().skip(1)).collect();
        shell.quietly(&[&words[..], &["--no-wait"]].concat(), &[0, 1])?;
        let status = with(&["status"]);
        let known = shell.ask(&status)?;
        let runner = text(&known, "runner", &status)?;
        let fingerprint = text(known.get("enrolment").unwrap_or(&Value::Null), "fingerprint", &status)?;
        let approve = ["proctor-control-plane", "admin", "runner", "approve", &runner, "--fingerprint", &fingerprint];
        shell.quietly(&approve, &[0])?;
        shell.quietly(&words, &[0])?;
        branch::configure(folder, ports)?;
        let files: Vec<_> = procedures::BRANCH.iter().map(|brought| brought.path).collect();
        shell.quietly(&[&with(&["procedures", "add"])[..], &files[..]].concat(), &[0])?;
    }
    say.line("\nA branch office has a Runner too, enrolled and approved in the same way:");
    let mut service = shell.serve(&with(&["serve"]), BRANCH_LOG)?;
    let status = with(&["status"]);
    service.wait_until(clock, "the branch office's Runner", || {
        let known = shell.ask(&status)?;
        Ok(known.pointer("/line/state").and_then(Value::as_str) == Some("connected"))
    })?;
    Ok(service)
}

/// The auditor, who gets a role and a key of her own.
pub(super) fn auditor(folder: &Folder, shell: &mut Shell<'_>) -> Result<(), Fault> {
    if folder.join(AUDITOR_KEY).is_file() {
        return Ok(());
    }
    let add = ["proctor-control-plane", "admin", "person", "add", "grace@example.org", "Grace", "--role", "auditor"];
    shell.show(&add);
    let person = text(&shell.ask(&add)?, "person", &add)?;
    let key = ["proctor-control-plane", "admin", "api-key", "create", "grace", "--person", &person];
    shell.run(&[&key[..], &["--key-to", AUDITOR_KEY]].concat(), &[0])?;
    Ok(())
}

/// A field of what a command said.
pub(super) fn text(said: &Value, name: &'static str, line: &[&str]) -> Result<String, Fault> {
    let missing = || Fault::Answer { command: format!("{} --json", line.join(" ")), missing: name };
    said.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(missing)
}

fn enrolled(shell: &Shell<'_>) -> bool {
    // A folder without a Runner has no status; that is no fault here.
    let status = shell.ask(&["proctor-runner", "status"]);
    status.is_ok_and(|status| status.pointer("/enrolment/state").and_then(Value::as_str) == Some("enrolled"))
}
