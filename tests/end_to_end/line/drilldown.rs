//! Evidence that is opened across the line.

use tests::{Line, device_key, text};

fn item(line: &Line, run: &str) -> String {
    let shown = line.admin(&["run", "show", run]).json();
    let items = shown["items"].as_array().unwrap();
    text(items.first().unwrap(), "/item")
}

#[test]
fn an_approved_device_opens_evidence_and_both_logs_know_it() {
    let line = Line::start();
    let run = text(&line.request("accounts"), "/run");
    let (key, device) = line.auditor("grace");
    let opened = line.open(&key, &device, &run, &item(&line, &run), &[]).with_code(0);
    assert!(opened.out.contains("ada:x:1000"), "{}\n{}", opened.out, opened.err);
    let journal = line.runner.run(&["journal", "tail"]).out;
    assert!(journal.contains("evidence.opened") && journal.contains("evidence.receipted"), "{journal}");
    let api = line.control_plane.api(&line.tenant.key_file);
    let log = api.get("/audit").with_status(200).json().to_string();
    assert!(log.contains("evidence.requested") && log.contains("evidence.answered"), "{log}");
    for place in [line.control_plane.log(), line.runner_log()] {
        assert!(!place.contains("ada:x:1000"));
    }
}

#[test]
fn a_device_that_nobody_approved_gets_nothing_but_a_code() {
    let line = Line::start();
    let run = text(&line.request("accounts"), "/run");
    let (_, key) = line.control_plane.person(&line.tenant, "eve", "auditor");
    let device = line.control_plane.beside("eve.device");
    device_key(&device);
    let refused = line.open(&key, &device, &run, &item(&line, &run), &[]).with_code(1);
    assert!(refused.out.is_empty() && refused.err.contains("E-DRILL-012"), "{}\n{}", refused.out, refused.err);
    assert!(line.runner.run(&["journal", "tail"]).out.contains("evidence.refused"));
}

#[test]
fn a_request_to_a_runner_that_is_away_waits_and_then_says_that_it_expired() {
    let mut line = Line::start();
    let run = text(&line.request("accounts"), "/run");
    let (key, device) = line.auditor("grace");
    let item = item(&line, &run);
    line.stop_runner();
    let expired = line.open(&key, &device, &run, &item, &["--wait", "3s"]).with_code(1);
    assert!(expired.err.contains("E-OPS-065") && expired.out.is_empty(), "{}", expired.err);
}
