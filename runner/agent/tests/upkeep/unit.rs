//! The systemd unit.

use std::process::Command;

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/systemd/proctor-runner.service");

/// Where systemd's own tool is installed, it finds nothing wrong with the unit, and little to be harder about.
#[test]
fn the_unit_is_valid_and_hardened() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("systemd-analyze is not installed here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("proctor-runner.service");
    // The binary is elsewhere on this machine; everything else is as shipped.
    let text = std::fs::read_to_string(UNIT).unwrap();
    std::fs::write(&unit, text.replace("/usr/bin/proctor-runner", "/bin/true")).unwrap();
    let verified = Command::new("systemd-analyze").arg("verify").arg(&unit).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && said.trim().is_empty(), "{said}");
    let hard = ["security", "--offline=true", "--threshold=30"];
    let judged = Command::new("systemd-analyze").args(hard).arg(&unit).output().unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
}
