//! The walks of the README, typed into a shell as they stand there, beside a quickstart that stays up.

use std::process::Command;

use tests::{Service, binary, until};

/// The folder that the README names.
const FOLDER: &str = "/tmp/proctor-walk";

#[test]
fn the_walks_of_the_readme_work_as_written() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let mut blocks = blocks(&readme);
    assert_eq!(blocks.remove(0), format!("cargo quickstart --dir {FOLDER}"));
    assert!(blocks.len() >= 7, "{blocks:?}");

    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("walk");
    let mut quickstart = Command::new(binary("quickstart"));
    // Without CARGO it builds nothing: another cargo may be waiting for this test to end.
    quickstart.args(["--json", "--dir"]).arg(&folder).env_remove("CARGO").env_remove("PROCTOR_DIR");
    let mut quickstart = Service::start(quickstart, &parent.path().join("story"));
    until("the quickstart has told its story", || {
        let is_up = quickstart.log().contains("stay up for you");
        assert!(is_up || quickstart.lives(), "{}", quickstart.log());
        is_up.then_some(())
    });

    let script = blocks.join("\n").replace(FOLDER, folder.to_str().unwrap());
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(format!("exec 2>&1\n{script}")).current_dir(parent.path()).env("TMPDIR", parent.path());
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for (what, expected) in [
        ("the procedure is checked", "accounts.yaml: ok accounts version 1"),
        ("and installed", "accounts version 1: installed"),
        ("the control plane knows the result", "only_root_is_root  pass"),
        ("and what fails, since when", "FAILING SINCE"),
        ("the Runner knows every item", "pass  root"),
        ("the evidence is opened", "root:x:0:0"),
        ("and proven to the end", "that root is the one in the attested manifest"),
        ("both logs know it", "evidence.opened"),
        ("the device is approved", "Grace's laptop"),
        ("the audit log is sound", "sound"),
        ("another Runner waits", "waits for approval"),
        ("is let in", "(warehouse) is active"),
        ("and connected", "connected since"),
        ("until it is revoked", "ALARM"),
    ] {
        assert!(said.contains(expected), "{what}: there is no `{expected}` in\n{said}");
    }
    assert!(!said.contains("error:") && !said.contains("command not found"), "{said}");
    assert_eq!(quickstart.stop(), Some(0));
}

/// The blocks of shell in the walks.
fn blocks(readme: &str) -> Vec<String> {
    let walks = readme.split("\n## ").filter(|section| section.starts_with("Walk "));
    let blocks = walks.flat_map(|walk| walk.split("\n```sh\n").skip(1));
    blocks.filter_map(|text| text.split("\n```").next()).map(str::to_owned).collect()
}
