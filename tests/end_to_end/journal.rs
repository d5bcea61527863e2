//! What `journal verify` says of an honest store in every state.

use rusqlite::Connection;
use tests::Runner;

/// A failing check outranks one that waits: the run fails already, and is not over.
#[test]
fn a_run_that_fails_and_still_waits_is_no_fault_of_the_journal() {
    let text = r#"schema: procedure/v1
id: both
version: 1
title: Both
purpose: Fails at once and waits for a person too.
owner: ops
retention: operational
steps:
  - id: look
    title: Look for a file
    use: file
    with: { path: /etc/no-such-file }
  - id: ask
    title: Ask
    use: attest
    with: { ask: owner, question: Well?, answers: [fine], due: 14d }
checks:
  - id: there
    title: It is there
    assert: steps.look.exists
    severity: high
  - id: said
    title: Somebody said so
    assert: steps.ask.answer == "fine"
    severity: low
"#;
    let runner = Runner::new("[policy]\nfiles = [\"/etc\"]\n");
    let file = runner.write("both.yaml", text);
    let result = runner.json(&["run", file.to_str().unwrap()]);
    assert_eq!((&result["verdict"], result["counts"]["pending"].as_u64()), (&"fail".into(), Some(1)), "{result}");
    let _ = runner.run(&["journal", "verify"]).with_code(0);
    let _ = runner.run(&["answer", "last", "ask", "--answer", "fine", "--by", "ann"]).with_code(0);
    let _ = runner.run(&["journal", "verify"]).with_code(0);
    assert_eq!(runner.json(&["runs"])[0]["state"], "final");
}

/// What stands beside a signed manifest, so that it need not be read, must not say something else.
#[test]
fn words_beside_an_attestation_are_checked_too() {
    let runner = Runner::new("");
    let text = "schema: procedure/v1\nid: small\nversion: 1\ntitle: Small\npurpose: Is small.\nowner: ops\n\
        steps:\n  - id: look\n    title: Look\n    use: file\n    with: { path: /etc/passwd }\n\
        checks:\n  - id: there\n    title: It is there\n    assert: steps.look.exists\n    severity: low\n";
    let file = runner.write("small.yaml", text);
    let _ = runner.run(&["run", file.to_str().unwrap()]).with_code(1);
    for (forged, right) in [("final = 0", "final = 1"), ("verdict = 'pass'", "verdict = 'error'")] {
        let edit = |what: &str| {
            let store = Connection::open(runner.home().join("store.db")).unwrap();
            assert_eq!(store.execute(&format!("UPDATE attestation SET {what}"), []).unwrap(), 1);
        };
        edit(forged);
        let answer = runner.run(&["journal", "verify"]).with_code(1);
        assert!(answer.out.contains("E-VAULT-023"), "{forged}: {}", answer.out);
        edit(right);
        let _ = runner.run(&["journal", "verify"]).with_code(0);
    }
}
