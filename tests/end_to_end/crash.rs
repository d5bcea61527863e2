//! `kill -9` in a loop: every run is accounted for afterwards.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use tests::Runner;

const SLOW: &str = r#"schema: procedure/v1
id: slow
version: 1
title: Slow
purpose: Takes long enough to be cut off anywhere.
owner: ops
retention: operational
inputs:
  names: { type: list, each: string }
steps:
  - id: list
    title: Look at the account file
    use: file
    with: { path: /etc/passwd, content: none }
  - id: each
    title: Wait a little for each name
    for_each: inputs.names
    key: item
    use: command
    with: { run: [/bin/sleep, "0.01"], parse: text }
  - id: last
    title: Look again
    use: file
    with: { path: /etc/passwd, content: none }
checks:
  - id: each
    title: Everything was collected
    for_each: steps.each
    assert: out.exit == 0
    severity: high
  - id: same
    title: Nothing changed meanwhile
    assert: steps.list.mtime == steps.last.mtime
    severity: low
"#;

#[test]
fn killed_anywhere_every_run_ends_with_the_same_result() {
    let config = "[policy]\nfiles = [\"/etc/passwd\"]\n[[policy.commands]]\npath = \"/bin/sleep\"\n";
    let runner = Runner::new(config);
    let file = runner.write("slow.yaml", SLOW);
    let names: Vec<String> = (0..40).map(|n| format!("n{n}")).collect();
    let input = format!("names={}", serde_json::to_string(&names).unwrap());
    let mut killed = 0;
    for round in 0..12_u64 {
        let mut child = runner
            .command(&["run", file.to_str().unwrap(), "--input", &input, "--no-resume"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(15 + round * 23));
        child.kill().unwrap();
        killed += usize::from(child.wait().unwrap().signal() == Some(9));
    }
    assert!(killed >= 6, "only {killed} runs were cut off");
    let _ = runner.run(&["journal", "verify"]).with_code(0);
    let _ = runner.run(&["resume"]).with_code(0);
    let report = runner.run(&["journal", "verify"]).with_code(0);
    let runs = runner.json(&["runs", "--limit", "100"]);
    let runs = runs.as_array().unwrap();
    assert!(runs.len() >= 6, "{}", report.out);
    for run in runs {
        let id = run["run"].as_str().unwrap();
        assert_eq!((run["state"].as_str(), run["verdict"].as_str()), (Some("final"), Some("pass")), "{run}");
        let _ = runner.run(&["verify", id]).with_code(0);
    }
    // What began is in the journal, and so is how it ended.
    let journal = runner.beside("journal.jsonl");
    let _ = runner.run(&["journal", "export", "-o", journal.to_str().unwrap()]).with_code(0);
    let lines = std::fs::read_to_string(&journal).unwrap();
    let count = |kind: &str| lines.lines().filter(|line| line.contains(kind)).count();
    assert_eq!(count("\"run.begun\""), runs.len());
    assert_eq!(count("\"run.attested\""), runs.len());
    assert!(!runner.home().join("scratch").read_dir().is_ok_and(|mut left| left.next().is_some()));
}
