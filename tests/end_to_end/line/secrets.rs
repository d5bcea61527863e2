//! A connector's secret that a person sends, from the API to a run that uses it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contract::enrolment::KeyStatement;
use crypto::{Secret, SystemEntropy, ed25519, hpke, p256};
use proof::dsse::Envelope;
use proof::secret::{Decision, PendingSecret, Receipt, Request, Terms, seal};
use serde_json::{Value, json};
use tests::{Canary, Line, text, until};

const PROCEDURE: &str = r#"schema: procedure/v1
id: gate
version: 1
title: The gate has its token
purpose: Shows that the gate's token reaches the program that needs it.
owner: branch-operations
connections:
  gate: { type: command, access: read-only, ask: The gate's environment }
steps:
  - id: token
    title: Ask for the token
    use: command
    via: gate
    with: { run: [/usr/bin/printenv, GATE_TOKEN] }
    evidence: { class: secret }
checks:
  - id: there
    title: The token is there
    assert: size(steps.token.out) > 20
    severity: low
"#;

const CONFIG: &str = "[policy]\nfiles = [\"BESIDE\"]\n[[policy.commands]]\npath = \"/usr/bin/printenv\"\nargs = [\"GATE_TOKEN\"]\n\
                      [connections.gate]\ntype = \"command\"\nsecret_environment = { GATE_TOKEN = { store = \"gate-token\" } }\n";

/// A person with a key for the API, and a device.
struct Sender<'l> {
    line: &'l Line,
    key_file: std::path::PathBuf,
    person: String,
    device: ed25519::SigningKey,
}

impl<'l> Sender<'l> {
    fn new(line: &'l Line, role: &str) -> Self {
        let (person, key_file) = line.control_plane.person(&line.tenant, role, role);
        Self { line, key_file, person, device: ed25519::SigningKey::generate(&SystemEntropy::new()) }
    }

    fn approve(&self) {
        let fingerprint = self.device.verifying_key().key_id().to_string();
        let line = ["readers", "approve", &fingerprint, "--person", &self.person, "--label", "a laptop"];
        let _ = self.line.runner.run(&line).with_code(0);
    }

    /// What the console does in the page, without its page.
    fn send(&self, name: &str, value: &str) -> String {
        let api = self.line.control_plane.api(&self.key_file);
        let device_key = STANDARD.encode(self.device.verifying_key().to_spki());
        let asked = json!({"runner": self.line.runner_id(), "name": name, "device_key": device_key});
        let asked = api.post("/secrets", &asked).with_status(201).json();
        let bytes = |pointer: &str| STANDARD.decode(text(&asked, pointer)).unwrap();
        let statement = Envelope::parse(&bytes("/terms/statement"), 16_384).unwrap();
        let (statement, fingerprint) = KeyStatement::open(&statement).unwrap();
        let status = self.line.runner.json(&["status"]);
        assert_eq!(fingerprint.to_string(), text(&status, "/enrolment/fingerprint"));
        let key = hpke::PublicKey::from_bytes(&statement.sealing_key).unwrap();
        let terms = Terms::from_draft(&bytes("/terms/draft")).unwrap();
        let value = Secret::new(value.as_bytes().to_vec());
        let (sealed, said) = seal(&terms, &key, &value, &SystemEntropy::new()).unwrap();
        let pending = PendingSecret::new(Request { terms, sealed: said }).unwrap();
        let made = json!({
            "sealed": STANDARD.encode(sealed),
            "payload": STANDARD.encode(pending.payload()),
            "signature": STANDARD.encode(pending.sign_as_device(&self.device).sig),
        });
        let id = text(&asked, "/id");
        let sent = api.post(&format!("/secrets/{id}/sealed"), &made).with_status(200).json();
        assert_eq!(text(&sent, "/state"), "waiting_for_runner");
        id
    }

    fn get(&self, id: &str) -> Value {
        self.line.control_plane.api(&self.key_file).get(&format!("/secrets/{id}")).with_status(200).json()
    }

    /// How it ended.
    fn ended(&self, id: &str) -> Value {
        until("the Runner has answered", || Some(self.get(id)).filter(|secret| !secret["ended"].is_null()))
    }
}

/// What comes of a run: its verdict, or the code of why there is none.
fn comes_to(line: &Line) -> String {
    let asked = line.request("gate");
    match asked["run"].as_str() {
        Some(run) => text(&line.admin(&["run", "show", run]).json(), "/verdict"),
        None => text(&asked, "/code"),
    }
}

#[test]
fn a_secret_that_was_sent_is_used_by_the_next_run_and_stands_nowhere_else() {
    let mut line = Line::start();
    line.stop_runner();
    line.runner.configure(CONFIG);
    line.install("gate.yaml", PROCEDURE);
    line.serve();
    assert_eq!(comes_to(&line), "E-VAULT-018", "there is no secret of this name");
    let canary = Canary::new("gate-token-91c2f7d04be6-of-the-branch");
    let sender = Sender::new(&line, "administrator");
    let refused = sender.ended(&sender.send("gate-token", canary.text()));
    assert_eq!((text(&refused, "/state"), text(&refused, "/code")), ("refused".into(), "E-SECRET-032".into()));
    assert_eq!(comes_to(&line), "E-VAULT-018", "there is no secret of this name");

    sender.approve();
    let id = sender.send("gate-token", canary.text());
    let accepted = sender.ended(&id);
    assert_eq!(text(&accepted, "/state"), "accepted", "{accepted}");
    assert_eq!(comes_to(&line), "pass");
    let api = line.control_plane.api(&sender.key_file);
    let receipt = api.get(&format!("/secrets/{id}/receipt")).with_status(200);
    let key = std::fs::read_to_string(line.runner.home().join("runner.pem")).unwrap();
    let receipt = Receipt::open(&receipt.bytes, &[p256::VerifyingKey::from_pem(&key).unwrap()]).unwrap();
    assert_eq!(receipt.decision, Decision::Accepted);

    // Both logs know who sent it, and the Runner's operator sees where it came from.
    let listed = line.runner.json(&["secret", "list"]);
    assert_eq!(text(&listed[0], "/line/person"), sender.person);
    let journal = line.runner.run(&["journal", "tail"]).out;
    assert!(journal.contains("secret.received") && journal.contains("secret.refused"), "{journal}");
    let log = line.control_plane.api(&line.tenant.key_file).get("/audit").with_status(200).json().to_string();
    for action in ["secret.requested", "secret.signed", "secret.accepted", "secret.refused"] {
        assert!(log.contains(action), "{action}: {log}");
    }
    // The operator has the last word, and what is set here stays.
    let file = line.runner.write("token", "set-at-the-runner-by-its-operator");
    let _ = line.runner.run(&["secret", "set", "gate-token", "--from-file", &file.display().to_string()]).with_code(0);
    let kept = sender.ended(&sender.send("gate-token", "too-late-for-this-one-token"));
    assert_eq!(text(&kept, "/code"), "E-SECRET-041");
    assert_eq!(line.runner.json(&["secret", "list"])[0]["line"], Value::Null);

    drop(sender);
    line.control_plane.stop();
    assert_eq!(canary.in_folder(&line.control_plane.beside("")), []);
    assert_eq!(canary.in_folder(&line.runner.home()), []);
    assert_eq!(canary.in_bytes(line.runner_log().as_bytes()), None);
    let _ = line.runner.run(&["journal", "verify"]).with_code(0);
}

#[test]
fn a_secret_is_sent_to_a_runner_that_is_connected_and_to_no_other() {
    let mut line = Line::start();
    let sender = Sender::new(&line, "engineer");
    sender.approve();
    let Sender { key_file, person, device, .. } = sender;
    line.stop_runner();
    let sender = Sender { line: &line, key_file, person, device };
    let api = line.control_plane.api(&sender.key_file);
    let device_key = STANDARD.encode(sender.device.verifying_key().to_spki());
    let asked = json!({"runner": line.runner_id(), "name": "orders-db", "device_key": device_key});
    let refused = until("the control plane knows that the Runner left", || {
        let answer = api.post("/secrets", &asked);
        (answer.status == 409).then(|| answer.json())
    });
    assert_eq!(text(&refused, "/code"), "E-OPS-114");
    let Sender { key_file, person, device, .. } = sender;
    line.serve();
    let sender = Sender { line: &line, key_file, person, device };
    assert_eq!(text(&sender.ended(&sender.send("orders-db", "a value")), "/state"), "accepted");
}
