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

/// Which numbers may leave is settled when a run begins: another policy later does not make its result another one.
#[test]
fn a_later_policy_does_not_change_an_old_result() {
    let runner = Runner::new("");
    let policy = "[policy]\nfiles = [\"/etc/passwd\"]\n";
    runner.configure(&format!("metrics = \"listed\"\n{policy}"));
    let text = "schema: procedure/v1\nid: measured\nversion: 1\ntitle: Measured\npurpose: Has a number.\nowner: ops\n\
        steps:\n  - id: look\n    title: Look\n    use: file\n    with: { path: /etc/passwd, content: none }\n\
        checks:\n  - id: there\n    title: It is there\n    assert: steps.look.exists\n    severity: low\n\
        metrics:\n  found: \"steps.look.exists ? 1 : 0\"\n";
    let file = runner.write("measured.yaml", text);
    let _ = runner.run(&["run", file.to_str().unwrap()]).with_code(0);
    runner.configure(&format!("metrics = \"none\"\n{policy}"));
    let _ = runner.run(&["verify", "last"]).with_code(0);
    let _ = runner.run(&["run", file.to_str().unwrap()]).with_code(0);
    runner.configure(&format!("metrics = \"listed\"\n{policy}"));
    let _ = runner.run(&["verify", "last"]).with_code(0);
    let bundle = runner.beside("none.zip");
    let _ = runner.run(&["bundle", "last", "-o", bundle.to_str().unwrap()]).with_code(0);
    let bytes = std::fs::read(bundle).unwrap();
    assert!(!bytes.windows(12).any(|window| window == b"\"t\":\"metric\""), "the policy of its own time holds");
}

/// Nothing is opened, and nothing journalled as opened, for a bundle that cannot be written.
#[test]
fn what_cannot_be_delivered_is_not_opened() {
    let runner = Runner::new("[policy]\nfiles = [\"/etc/passwd\"]\n[[policy.commands]]\npath = \"/usr/bin/seq\"\n");
    let text = "schema: procedure/v1\nid: many\nversion: 1\ntitle: Many\npurpose: Has many rows.\nowner: ops\n\
        steps:\n  - id: rows\n    title: Rows\n    use: command\n    with: { run: [/usr/bin/seq, \"66000\"], parse: csv }\n\
        checks:\n  - id: there\n    title: It is there\n    assert: size(steps.rows.out) > 0\n    severity: low\n";
    let file = runner.write("many.yaml", text);
    for _ in 0..2 {
        let _ = runner.run(&["run", file.to_str().unwrap()]).with_code(0);
    }
    let journal = || runner.json(&["journal", "tail"]).to_string();
    let before = journal();
    let (new, old) = (runner.beside("new.zip"), runner.write("old.zip", ""));
    let (new, old) = (new.to_str().unwrap(), old.to_str().unwrap());
    let other = runner.json(&["runs"])[1]["run"].as_str().unwrap().to_owned();
    let other = runner.json(&["evidence", &other])[0]["item"].as_str().unwrap().to_owned();
    let refused = |arguments: &[&str], code: &str| {
        let answer = runner.run(arguments).with_code(2);
        assert!(answer.err.contains(code), "{arguments:?}: {}", answer.err);
    };
    refused(&["bundle", "last", "-o", new, "--open", "rows"], "E-RUN-030");
    refused(&["bundle", "last", "-o", old, "--open", "rows:0"], "E-FILE-003");
    refused(&["bundle", "last", "-o", new, "--open", &other], "E-RUN-025");
    refused(&["evidence", "last", "rows", "-o", old], "E-FILE-003");
    refused(&["evidence", "last", &other], "E-RUN-025");
    assert_eq!(journal(), before);
    refused(&["bundle", "last", "-o", new, "--open", "rows:0", "--open", "rows:0"], "E-RUN-031");
    assert!(!runner.beside("new.zip").exists());
}
