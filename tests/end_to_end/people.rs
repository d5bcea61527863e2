//! Runs that wait for people, across processes.

use clock::Clock;
use tests::Runner;

const REVIEW: &str = r#"schema: procedure/v1
id: review
version: 1
title: Review of accounts
purpose: Shows that the owner decided on every account.
owner: ops
retention: audit
inputs:
  people: { type: path }
steps:
  - id: list
    title: Read the list of accounts
    use: file
    with: { path: =inputs.people, content: csv }
    evidence: { class: personal, drop: [salary] }
  - id: decide
    title: The owner decides on each account
    use: attest
    for_each: steps.list.content
    key: item.id
    with: { ask: owner, not: =item.email, question: Still needed?, show: [name], answers: [keep, revoke], comment_for: [revoke], due: DUE }
  - id: quiz
    title: The owner knows the rules
    use: quiz
    with:
      ask: owner
      pass: 100
      attempts: 2
      due: DUE
      questions: [{ q: "Whose account may you decide on?", choices: [Mine, Others'], right: 2, why: Nobody decides about themselves. }]
checks:
  - id: decided
    title: The owner decided in time
    for_each: steps.decide
    assert: out.answer in ["keep", "revoke"]
    severity: high
  - id: knows
    title: The owner knows the rules
    assert: steps.quiz.passed
    severity: low
metrics:
  revoked: size(steps.decide.filter(d, has(d.out) && d.out.answer == "revoke"))
"#;

fn begun(due: &str) -> Runner {
    let runner = Runner::new("[policy]\nfiles = [\"DIR/..\"]\n");
    let home = runner.home();
    let folder = home.parent().unwrap().display().to_string();
    runner.configure(&format!("[policy]\nfiles = [{folder:?}]\n"));
    let people =
        runner.write("people.csv", "id,name,email,salary\n1,Ann,ann@example.org,100\n2,Bob,bob@example.org,200\n");
    let file = runner.write("review.yaml", REVIEW.replace("DUE", due));
    let input = format!("people={}", people.display());
    let answer = runner.run(&["run", file.to_str().unwrap(), "--input", &input]).with_code(1);
    assert!(answer.out.contains("pending"), "{}", answer.out);
    runner
}

#[test]
fn answers_come_in_later_processes_and_finish_the_run() {
    let runner = begun("14d");
    let waiting = runner.json(&["pending"]);
    assert_eq!(waiting.as_array().unwrap().len(), 3);
    assert_eq!(waiting[0]["question"]["shown"]["name"], "Ann");
    assert!(!waiting.to_string().contains("right"), "the key of a quiz is never shown");

    let oneself =
        runner.run(&["answer", "last", "decide", "1", "--answer", "keep", "--by", "ANN@example.org"]).with_code(2);
    assert!(oneself.err.contains("nobody decides about themselves"), "{}", oneself.err);
    let silent = runner.run(&["answer", "last", "decide", "2", "--answer", "revoke", "--by", "carl"]).with_code(2);
    assert!(silent.err.contains("needs a comment"), "{}", silent.err);

    let _ = runner.run(&["answer", "last", "decide", "1", "--answer", "keep", "--by", "carl"]).with_code(0);
    let comment = ["answer", "last", "decide", "2", "--answer", "revoke", "--by", "carl", "--comment", "left"];
    let _ = runner.run(&comment).with_code(0);
    let _ = runner.run(&["answer", "last", "quiz", "--choices", "1", "--by", "carl"]).with_code(1);
    assert_eq!(runner.json(&["runs"])[0]["state"], "running");
    let _ = runner.run(&["answer", "last", "quiz", "--choices", "2", "--by", "carl"]).with_code(0);

    let runs = runner.json(&["runs"]);
    assert_eq!((runs[0]["verdict"].as_str(), runs[0]["score"].as_u64()), (Some("pass"), Some(10_000)));
    let _ = runner.run(&["verify", "last"]).with_code(0);
    let bundle = runner.beside("proof.zip");
    let _ = runner.run(&["bundle", "last", "-o", bundle.to_str().unwrap(), "--open", "decide/2"]).with_code(0);
    let _ = runner.verify(&bundle).with_code(0);
    let late = runner.run(&["answer", "last", "decide", "1", "--answer", "keep", "--by", "carl"]).with_code(2);
    assert!(late.err.contains("E-ANSWER-001"), "{}", late.err);
}

#[test]
fn what_nobody_answers_in_time_fails_as_overdue() {
    let runner = begun("1s");
    let clock = clock::SystemClock::new();
    // The deadline passes by itself; `resume` is what a timer would run.
    while runner.json(&["runs"])[0]["state"] == "running" {
        assert!(clock.monotonic_ms() < 20_000, "the run never ended");
        let _ = runner.run(&["resume"]).with_code(0);
    }
    let shown = runner.json(&["show", "last"]);
    assert_eq!(shown["checks"][0]["status"], "fail");
    assert_eq!(shown["checks"][0]["items"][0]["code"], "overdue");
    let _ = runner.run(&["verify", "last"]).with_code(0);
}

#[test]
fn a_cancelled_run_is_accounted_for() {
    let runner = begun("14d");
    let _ = runner.run(&["answer", "last", "decide", "1", "--answer", "keep", "--by", "carl"]).with_code(0);
    let _ = runner.run(&["cancel", "last"]).with_code(0);
    let shown = runner.json(&["show", "last", "--all"]);
    assert_eq!(shown["verdict"], "error");
    let items = shown["checks"][0]["items"].as_array().unwrap();
    assert_eq!(items.iter().filter(|item| item["status"] == "pass").count(), 1, "what was answered stays answered");
    let _ = runner.run(&["verify", "last"]).with_code(0);
    let _ = runner.run(&["journal", "verify"]).with_code(0);
}

const SIGNED: &str = r#"schema: procedure/v1
id: signed
version: 1
title: Signed minutes
purpose: Shows that the meeting took place.
owner: ops
retention: audit
steps:
  - id: minutes
    title: Attach the signed minutes
    use: attest
    with: { ask: owner, question: Did the meeting take place?, answers: [held, missed], attach: true, due: 14d }
checks:
  - id: held
    title: The meeting took place
    assert: steps.minutes.answer == "held"
    severity: low
"#;

#[test]
fn an_attachment_is_demanded_kept_as_it_is_and_proven() {
    let runner = Runner::new("");
    let file = runner.write("signed.yaml", SIGNED);
    let _ = runner.run(&["run", file.to_str().unwrap()]).with_code(1);
    let answer = ["answer", "last", "minutes", "--answer", "held", "--by", "carl"];
    let refused = runner.run(&answer).with_code(2);
    assert!(refused.err.contains("--attach"), "{}", refused.err);
    let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let minutes = runner.write("minutes.pdf", &bytes);
    let with_file: Vec<&str> = answer.into_iter().chain(["--attach", minutes.to_str().unwrap()]).collect();
    let _ = runner.run(&with_file).with_code(0);
    let _ = runner.run(&["verify", "last"]).with_code(0);
    let copy = runner.beside("copy.pdf");
    let _ = runner.run(&["evidence", "last", "minutes", "-o", copy.to_str().unwrap()]).with_code(0);
    assert_eq!(std::fs::read(copy).unwrap(), bytes);
}

/// A later step that waits for the answer is not an error meanwhile: the run is pending as a whole.
#[test]
fn a_check_on_a_step_that_has_not_begun_is_pending() {
    let runner = Runner::new("[policy]\nfiles = [\"/etc/passwd\"]\n");
    let steps = "  - id: after\n    title: Look again afterwards\n    wait: 1d\n    use: file\n    with: { path: /etc/passwd }\nchecks:\n  - id: there\n    title: It is there\n    assert: steps.after.exists\n    severity: low\n";
    let text = SIGNED.replace("attach: true, ", "").replace("checks:\n", steps);
    let file = runner.write("later.yaml", text);
    let result = runner.json(&["run", file.to_str().unwrap()]);
    assert_eq!(result["verdict"], "pending", "{result}");
    let _ = runner.run(&["answer", "last", "minutes", "--answer", "held", "--by", "carl"]).with_code(0);
    let shown = runner.json(&["show", "last"]);
    assert_eq!(shown["checks"][0]["status"], "pending", "the wait of a day has begun: {shown}");
    assert_eq!(shown["checks"][1]["status"], "pass");
    assert_eq!(runner.json(&["runs"])[0]["state"], "running");
}
