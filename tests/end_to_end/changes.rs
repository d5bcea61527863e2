//! Steps that change something.

use std::time::Duration;

use tests::Runner;

const CHANGE: &str = r#"schema: procedure/v1
id: change
version: 1
title: Change
purpose: Changes something and cleans up.
owner: ops
retention: operational
steps:
  - id: write
    title: Append a line to the file
    use: command
    with: { run: [/bin/sh, SCRIPT] }
    changes: Appends a line to a file.
finally:
  - id: clean
    title: Look at the account file
    use: file
    with: { path: /etc/passwd, content: none }
checks:
  - id: done
    title: It was written
    assert: steps.write.exit == 0
    severity: high
"#;

fn runner(changes: &str) -> (Runner, String) {
    let runner = Runner::new("");
    let log = runner.beside("log");
    let script = runner.write("change.sh", format!("echo changed >> {}\nsleep 0.3\n", log.display()));
    let file = runner.write("change.yaml", CHANGE.replace("SCRIPT", script.to_str().unwrap()));
    let command = "[[policy.commands]]\npath = \"/bin/sh\"\n";
    runner.configure(&format!("[policy]\nfiles = [\"/etc/passwd\"]\nchanges = [{changes}]\n{command}"));
    (runner, file.display().to_string())
}

#[test]
fn a_change_needs_the_runners_own_consent() {
    let (denied, file) = runner("");
    let result = denied.json(&["run", &file]);
    assert_eq!(result["verdict"], "error");
    assert!(!denied.beside("log").exists());
    let (allowed, file) = runner("\"change/write\"");
    let _ = allowed.run(&["run", &file]).with_code(0);
    assert_eq!(std::fs::read_to_string(allowed.beside("log")).unwrap(), "changed\n");
}

#[test]
fn a_change_that_was_cut_off_is_not_made_twice_and_finally_still_runs() {
    let (runner, file) = runner("\"change/*\"");
    let mut child = runner.command(&["run", &file]).spawn().unwrap();
    let log = runner.beside("log");
    while !log.exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let _ = runner.run(&["resume"]).with_code(0);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "changed\n", "the change was not repeated");
    let shown = runner.json(&["show", "last"]);
    assert_eq!(shown["verdict"], "error");
    let pieces = shown["pieces"].as_array().unwrap();
    let code = |step: &str| pieces.iter().find(|piece| piece["step"] == step).map(|piece| piece["code"].clone());
    assert_eq!(code("write").unwrap(), "cancelled");
    assert_eq!(code("clean").unwrap(), serde_json::Value::Null, "finally ran and was collected");
}
