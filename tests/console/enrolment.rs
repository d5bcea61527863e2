//! Letting a Runner in from the page: the command that it shows, run at another host; the fingerprint, read there and
//! typed here; the Runner online.

use tests::{Browser, Console, Runner, Service, text, until};

/// Makes a command in the page and gives its words without the program's name.
fn command(browser: &Browser, label: &str) -> Vec<String> {
    browser.open("/runners");
    browser.follow("Add a Runner");
    browser.fill("label", label);
    browser.press("Make the command");
    browser.says("Paste this at the host");
    let shown = browser.reading();
    let command = shown.lines().find(|line| line.contains("proctor-runner enrol --control-plane")).unwrap();
    let arguments = command.split_once("proctor-runner ").unwrap().1;
    // A shell reads what is pasted.
    let shell = std::process::Command::new("sh").args(["-c", &format!("printf '%s\\n' {arguments}")]).output().unwrap();
    String::from_utf8(shell.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_runner_is_let_in_from_the_page_by_the_fingerprint_on_its_own_screen() {
    let console = Console::start();
    let browser = console.browser(&console.owner);
    browser.expect_complaint("status of 4");
    let words = command(&browser, "warehouse <b>north</b>");
    browser.is_accessible();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();

    let runner = Runner::empty();
    let _ = runner.run(&[&words[..], &["--no-wait"]].concat()).with_code(1);
    let status = runner.json(&["status"]);
    let (id, fingerprint) = (text(&status, "/runner"), text(&status, "/enrolment/fingerprint"));
    // The page that made the command sees it come, without being loaded again.
    browser.see("#add-waiting a.button");
    assert!(!browser.reading().contains(&fingerprint), "the fingerprint comes from the Runner's screen alone");
    browser.follow("Compare and approve");
    browser.at(&format!("/runners/{id}/approve"));
    let wrong = fingerprint.replace(|c: char| c.is_ascii_digit(), "a");
    browser.fill("fingerprint", &wrong);
    browser.press("Approve this Runner");
    browser.says("E-OPS-020");
    browser.fill("fingerprint", &fingerprint.to_uppercase().replace('-', " "));
    browser.press("Approve this Runner");
    browser.at(&format!("/runners/{id}"));

    let _ = runner.run(&words).with_code(0);
    browser.mark();
    let _service = Service::start(runner.command(&["serve"]), &runner.beside("runner.log"));
    until("the Runner is connected", || {
        let status = runner.json(&["status"]);
        (status.pointer("/line/state")?.as_str()? == "connected").then_some(())
    });
    browser.until("the page says that it is connected", || {
        let health = browser.text("#runner-health");
        health.lines().any(|line| line.trim().starts_with("connected since ")).then_some(())
    });
    assert!(browser.is_marked(), "the page was not loaded again");
    assert!(browser.text("h1").contains("warehouse <b>north</b>"));

    browser.follow("Revoke");
    browser.fill("justification", "end of the walk");
    browser.fill("confirm", "another name");
    browser.press("Revoke for good");
    browser.see("[aria-invalid=true], .fault");
    browser.fill("confirm", "warehouse <b>north</b>");
    browser.press("Revoke for good");
    browser.says("revoked");
    until("the Runner knows that it is shut out", || {
        runner.json(&["status"]).to_string().contains("revoked").then_some(())
    });
}
