//! What commands end with and print.

use tests::Runner;

use crate::proof::{ALLOWED, HOST, ran};

#[test]
fn exit_codes_are_stable() {
    let runner = Runner::new(ALLOWED);
    let failing = runner.write("host.yaml", HOST);
    let passing = runner.write("pass.yaml", HOST.replace("== \"0666\"", "!= \"0666\""));
    let broken = runner.write("broken.yaml", HOST.replace("severity: low", "severty: low"));
    let _ = runner.run(&["run", passing.to_str().unwrap()]).with_code(0);
    let _ = runner.run(&["run", failing.to_str().unwrap()]).with_code(1);
    let _ = runner.run(&["run", broken.to_str().unwrap()]).with_code(2);
    let _ = runner.run(&["run", "/nonexistent.yaml"]).with_code(2);
    let _ = runner.run(&["run"]).with_code(2);
    let _ = runner.run(&["show", "019aa7f0-0000-7000-8000-000000000003"]).with_code(2);
    let _ = runner.run(&["--help"]).with_code(0);
    // A machine that does not keep what it is given is no fault of the person who asked.
    std::fs::write(runner.home().join("store.db"), b"not a database, and longer than a header would be".repeat(50))
        .unwrap();
    let answer = runner.run(&["run", passing.to_str().unwrap()]).with_code(3);
    assert!(answer.err.contains("E-VAULT-005"), "{}", answer.err);
}

#[test]
fn check_names_every_fault_with_its_place_and_a_suggestion() {
    let runner = Runner::new("");
    let text = HOST.replace("severity: low", "severty: low").replace("use: command", "use: comand");
    let file = runner.write("broken.yaml", text);
    let answer = runner.run(&["check", file.to_str().unwrap()]).with_code(2);
    assert!(answer.out.contains("did you mean `severity`?"), "{}", answer.out);
    assert!(answer.out.contains("did you mean `command`?"), "{}", answer.out);
    let place = format!("{}:16:", file.display());
    assert!(answer.out.contains(&place), "{place} is not in {}", answer.out);
    let listed = runner.json(&["check", file.to_str().unwrap()]);
    assert!(listed[0]["faults"].as_array().unwrap().iter().all(|fault| fault["line"].as_u64() > Some(0)));
}

#[test]
fn both_notations_have_the_same_digest() {
    let runner = Runner::new("");
    let yaml = runner.write("host.yaml", HOST);
    let markdown = runner.beside("host.md");
    let to = markdown.to_str().unwrap();
    let _ = runner.run(&["format", yaml.to_str().unwrap(), "--to", "md", "-o", to]).with_code(0);
    let digests: Vec<_> = [yaml.to_str().unwrap(), to]
        .into_iter()
        .map(|file| runner.json(&["check", file])[0]["sha256"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(digests[0], digests[1]);
    let answer = runner.run(&["format", yaml.to_str().unwrap(), "--to", "md", "-o", to]).with_code(2);
    assert!(answer.err.contains("E-FILE-003"), "nothing is overwritten: {}", answer.err);
}

#[test]
fn every_list_has_a_json_form() {
    let runner = ran();
    assert_eq!(runner.json(&["runs"])[0]["verdict"], "fail");
    assert_eq!(runner.json(&["show", "last"])["checks"][2]["check"], "never");
    assert!(runner.json(&["evidence", "last"]).as_array().unwrap().len() >= 2);
    let opened = runner.json(&["evidence", "last", "kernel"]);
    assert_eq!(opened["opened"][0]["text"], "Linux\n");
    assert_eq!(opened["provenance"]["request"]["run"][0], "/bin/uname");
    assert!(runner.json(&["pending"]).as_array().unwrap().is_empty());
}

#[test]
fn nothing_runs_that_is_not_allowed() {
    let runner = Runner::new("");
    let file = runner.write("host.yaml", HOST);
    let result = runner.json(&["run", file.to_str().unwrap()]);
    assert_eq!(result["verdict"], "error");
    let shown = runner.json(&["show", "last"]);
    let pieces = shown["pieces"].as_array().unwrap();
    assert!(pieces.iter().all(|piece| piece["code"] == "policy_denied"), "{pieces:?}");
    assert!(pieces[0]["detail"].as_str().unwrap().contains("policy.files"));
}

#[test]
fn a_partial_run_skips_the_rest_and_has_no_score() {
    let runner = Runner::new(ALLOWED);
    let file = runner.write("host.yaml", HOST);
    let result = runner.json(&["run", file.to_str().unwrap(), "--check", "linux"]);
    assert_eq!((result["verdict"].as_str(), &result["score"]), (Some("pass"), &serde_json::Value::Null));
    assert_eq!(result["partial"], true);
    let _ = runner.run(&["verify", "last"]).with_code(0);
    let _ = runner.run(&["run", file.to_str().unwrap(), "--check", "nosuch"]).with_code(2);
}
