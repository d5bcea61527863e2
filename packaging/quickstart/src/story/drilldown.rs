//! Opening evidence from the other side of the line.

use serde_json::Value;

use super::line::{AUDITOR_KEY, text};
use super::runs::Run;
use crate::control_plane;
use crate::fault::Fault;
use crate::folder::Folder;
use crate::say::Say;
use crate::shell::Shell;

/// The auditor's device key; it never leaves the auditor's machine, which here is this one.
const DEVICE: &str = "auditor.device.key";

/// The auditor opens rows of the review's evidence; says whether they were opened and verified.
pub(super) fn tell(folder: &Folder, shell: &mut Shell<'_>, say: Say, review: &Run) -> Result<bool, Fault> {
    let item = item(shell, review, "accounts")?;
    let url = folder.control_plane.url();
    let rows = format!("{item}:0-2");
    let open = [
        "proctor-verify",
        "open",
        &review.id,
        &rows,
        "--control-plane",
        &url,
        "--ca-file",
        control_plane::AUTHORITY,
        "--api-key-file",
        AUDITOR_KEY,
        "--device-key",
        DEVICE,
        "--runner-key",
        "runner.pem",
        "--purpose",
        "audit",
        "--reason",
        "why accounts failed the review",
    ];
    let device = ["proctor-verify", "device", "show", "--device-key", DEVICE];
    if !folder.join(DEVICE).is_file() {
        say.line("\nThe auditor's device makes a key. The Runner does not know it and refuses, whoever asks:");
        shell.run(&["proctor-verify", "device", "new", "--device-key", DEVICE], &[0])?;
        shell.run(&open, &[1])?;
        let fingerprint = text(&shell.ask(&device)?, "fingerprint", &device)?;
        say.line("\nThe Runner's own operator approves the device; the control plane cannot:");
        shell.run(&["proctor-runner", "readers", "approve", &fingerprint, "--label", "Grace's laptop"], &[0])?;
    }
    if shell.run(&open, &[0, 1])? != 0 {
        say.line(
            "\nThis evidence is about people: the Runner's policy wants a second person to agree. Somebody at the",
        );
        say.line("Runner looks at who asks for what, and why, and confirms it:");
        shell.run(&["proctor-runner", "drilldowns", "list"], &[0])?;
        let request = waiting(shell)?;
        let reason = ["--reason", "part of the yearly audit"];
        shell.run(&[&["proctor-runner", "drilldowns", "confirm", &request], &reason[..]].concat(), &[0])?;
    }
    say.line(
        "\nNow the request is signed by the device and by the control plane, checked by the Runner against its own",
    );
    say.line(
        "policy, journalled, and answered, sealed to the auditor. The control plane carries what it cannot read, and",
    );
    say.line("the auditor sees nothing before every step holds, down to the commitment in the attested manifest:");
    Ok(shell.run(&open, &[0])? == 0)
}

/// The newest request that waits for a second person.
fn waiting(shell: &Shell<'_>) -> Result<String, Fault> {
    let line = ["proctor-runner", "drilldowns", "list"];
    let listed = shell.ask(&line)?;
    let all = listed.as_array().map(Vec::as_slice).unwrap_or_default();
    let open = all.iter().filter(|request| request.get("confirmed").is_none_or(Value::is_null));
    let newest = open.max_by_key(|request| request.get("asked").and_then(Value::as_str).map(str::to_owned));
    text(newest.unwrap_or(&Value::Null), "request", &line)
}

/// The evidence item with the most rows that a step collected.
fn item(shell: &Shell<'_>, run: &Run, step: &str) -> Result<String, Fault> {
    let line = ["proctor-control-plane", "admin", "run", "show", &run.id];
    let shown = shell.ask(&line)?;
    let items = shown.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let of_step = items.iter().filter(|item| item.get("step").and_then(Value::as_str) == Some(step));
    let largest = of_step.max_by_key(|item| item.get("rows").and_then(Value::as_u64));
    text(largest.unwrap_or(&Value::Null), "item", &line)
}
