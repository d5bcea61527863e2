//! The control plane as its operator meets it.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use tests::{Answer, Api, ControlPlane, Database, Detour, Line, Ports, binary, text, until};

fn made() -> ControlPlane {
    ControlPlane::make(&Database::Sqlite, Ports::free(), Detour::default())
}

fn code(answer: &Answer) -> String {
    // Lines of the log may stand before it.
    let error = answer.err.find("{\n").and_then(|place| answer.err.get(place..)).unwrap_or_default();
    let error: Value = serde_json::from_str(error).unwrap_or_default();
    error.pointer("/error/code").and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[test]
fn what_is_wrong_with_a_set_up_is_said_with_a_code_and_nothing_is_overwritten() {
    let control_plane = made();
    let key = control_plane.home().join("root.key");
    let before = std::fs::read(&key).unwrap();
    let again = control_plane.run(&["init", "--host", "localhost", "--json"]).with_code(2);
    assert_eq!((code(&again).as_str(), std::fs::read(&key).unwrap()), ("E-INIT-001", before.clone()));

    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let open_key = control_plane.run(&["serve", "--json"]).with_code(2);
    assert_eq!(code(&open_key), "E-FILE-002");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();

    control_plane.tenant("one");
    std::fs::write(&key, [7; 32]).unwrap();
    let other_key = control_plane.run(&["serve", "--json"]);
    assert_eq!((other_key.code, code(&other_key).as_str()), (Some(2), "E-KEY-003"), "{}", other_key.err);
    std::fs::write(&key, before).unwrap();

    let taken = std::net::TcpListener::bind(("127.0.0.1", control_plane.ports.line)).unwrap();
    let refused = control_plane.run(&["serve", "--json"]).with_code(2);
    assert_eq!(code(&refused), "E-SERVE-002");
    drop(taken);

    let config = control_plane.home().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[webb]\n")).unwrap();
    assert_eq!(code(&control_plane.run(&["config", "check", "--json"]).with_code(2)), "E-CONF-003");
    std::fs::write(&config, text).unwrap();
    let _ = control_plane.run(&["config", "check"]).with_code(0);
    let _ = control_plane.run(&["doctor"]).with_code(0);
}

#[test]
fn a_key_file_that_cannot_be_written_makes_no_key() {
    let control_plane = made();
    let tenant = control_plane.tenant("one");
    let count = || {
        let listed = control_plane.admin(&tenant.key_file, &["api-key", "list"]).with_code(0).json();
        listed["api_keys"].as_array().unwrap().len()
    };
    let before = count();
    let taken = tenant.key_file.display().to_string();
    let refused = control_plane.admin(&tenant.key_file, &["api-key", "create", "x", "--key-to", &taken]).with_code(2);
    assert_eq!((code(&refused).as_str(), count()), ("E-FILE-005", before));
}

#[test]
fn health_says_whether_the_service_can_do_its_work() {
    let mut control_plane = ControlPlane::start();
    let port = control_plane.ports.metrics;
    let at = |path: &str| format!("http://127.0.0.1:{port}{path}");
    assert_eq!(Api::plain(&at("/readyz")).0, 200);
    assert_eq!(Api::plain(&at("/healthz")).0, 200);
    let metrics = Api::plain(&at("/metrics")).1;
    assert!(metrics.contains("proctor_control_plane_ready 1") && metrics.ends_with("# EOF\n"), "{metrics}");
    let tenant = control_plane.tenant("secret-name");
    let metrics = Api::plain(&at("/metrics")).1;
    assert!(!metrics.contains("secret-name") && !metrics.contains(&tenant.id));
    control_plane.stop();
}

#[test]
fn an_exported_audit_log_verifies_with_the_keys_of_both_sides_and_not_with_others() {
    let line = Line::start();
    line.request("accounts");
    let export = line.control_plane.beside("log.zip").display().to_string();
    until("a Runner has cosigned the log", || {
        let verified = line.control_plane.run(&["audit", "verify"]).with_code(0).out;
        (!verified.contains(" 0 countersignatures")).then_some(())
    });
    let keys = line.control_plane.beside("").display().to_string();
    let _ = line.control_plane.run(&["admin", "tenant", "keys", &line.tenant.id, "--out", &keys]).with_code(0);
    let mut command = line.control_plane.command(&["audit", "export", &export]);
    let exported: Answer = command.env("PROCTOR_API_KEY_FILE", &line.tenant.key_file).output().unwrap().into();
    let _ = exported.with_code(0);
    let verify = |key: &str| -> Answer {
        let mut command = std::process::Command::new(binary("proctor-verify"));
        command.args(["audit", &export, "--audit-key"]).arg(line.control_plane.beside(key));
        command.output().unwrap().into()
    };
    let _ = verify("audit.vkey").with_code(0);
    let other = verify("witness.vkey");
    assert!(matches!(other.code, Some(1 | 2)), "{}", other.out);
    let here =
        line.control_plane.run(&["audit", "verify", "--export", &export, "--audit-key", &format!("{keys}/audit.vkey")]);
    let _ = here.with_code(0);

    let mut bytes = std::fs::read(&export).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&export, bytes).unwrap();
    let _ = verify("audit.vkey").with_code(1);
}

#[test]
fn the_bundle_of_an_enrolled_runner_carries_what_both_sides_signed() {
    let line = Line::start();
    let run = text(&line.request("accounts"), "/run");
    until("the journal is cosigned", || {
        let status = line.runner.json(&["status"]);
        (!status["store"]["audit"].is_null()).then_some(())
    });
    let bundle = line.runner.beside("proof.zip");
    let keys = line.control_plane.beside("").display().to_string();
    let _ = line.control_plane.run(&["admin", "tenant", "keys", &line.tenant.id, "--out", &keys]).with_code(0);
    until("the bundle carries the control plane's cosignature", || {
        let _ = std::fs::remove_file(&bundle);
        let _ = line.runner.run(&["bundle", &run, "-o", &bundle.display().to_string()]).with_code(0);
        let mut command = std::process::Command::new(binary("proctor-verify"));
        command.arg(&bundle).arg("--runner-key").arg(line.runner.home().join("runner.pem"));
        command.arg("--journal-key").arg(line.runner.home().join("journal.vkey"));
        command.arg("--witness-key").arg(line.control_plane.beside("witness.vkey"));
        command.arg("--audit-key").arg(line.control_plane.beside("audit.vkey"));
        let verified: Answer = command.output().unwrap().into();
        (verified.code == Some(0)).then_some(())
    });
}
