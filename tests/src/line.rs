//! Both ends of the line: a control plane, a tenant, and an enrolled Runner.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::control_plane::{ControlPlane, Database, Detour, Ports, Tenant, text};
use crate::proxy::FaultProxy;
use crate::runner::{Answer, Runner, binary};
use crate::service::{Service, until};

/// A procedure that passes: root alone has root's number.
pub const ACCOUNTS: &str = r#"schema: procedure/v1
id: accounts
version: 1
title: Local accounts
purpose: Shows that only root has root's number.
owner: linux-operations
steps:
  - id: passwd
    title: Read the list of local accounts
    use: file
    with: { path: DIR/accounts, content: text }
    evidence: { class: internal }
facts:
  accounts: steps.passwd.content.split("\n").filter(l, size(l) > 0).map(l, l.split(":"))
checks:
  - id: only_root_is_root
    title: Only root has user number 0
    for_each: facts.accounts
    key: item[0]
    assert: item[2] != "0" || item[0] == "root"
    severity: critical
"#;

/// A control plane and an enrolled Runner, with a fault proxy in between.
pub struct Line {
    /// The far end.
    pub control_plane: ControlPlane,
    /// Its tenant.
    pub tenant: Tenant,
    /// The near end.
    pub runner: Runner,
    /// Between them: the line's connections.
    pub proxy: FaultProxy,
    service: Option<Service>,
}

impl Line {
    /// Both ends started, the Runner enrolled, approved and connected, [`ACCOUNTS`] installed.
    pub fn start() -> Self {
        Self::start_on(&Database::Sqlite)
    }

    /// The same over another database.
    pub fn start_on(database: &Database) -> Self {
        let ports = Ports::free();
        let proxy = FaultProxy::to(ports.line);
        let detour = Detour { line: Some(proxy.port), ..Detour::default() };
        let control_plane = ControlPlane::start_with(database, ports, detour);
        let tenant = control_plane.tenant("one");
        let runner = Runner::empty();
        enrol(&control_plane, &tenant, &runner);
        let mut line = Self { control_plane, tenant, runner, proxy, service: None };
        line.runner.write("accounts", "root:x:0:0\nada:x:1000:1000\n");
        line.install("accounts.yaml", ACCOUNTS);
        line.serve();
        line
    }

    /// Installs a procedure at the Runner; in it `DIR` stands for the folder beside the Runner's.
    pub fn install(&self, name: &str, procedure: &str) {
        let beside = self.runner.beside("").display().to_string();
        let file = self.runner.write(name, procedure.replace("DIR", beside.trim_end_matches('/')));
        let _ = self.runner.run(&["procedures", "add", &file.display().to_string()]).with_code(0);
    }

    /// Starts the Runner's service and waits until the control plane sees it.
    pub fn serve(&mut self) {
        self.serve_alone();
        until("the Runner is connected", || {
            let service = self.service.as_mut().expect("it was started");
            assert!(service.lives(), "the Runner ended:\n{}", service.log());
            let status = self.runner.json(&["status"]);
            (status.pointer("/line/state").and_then(Value::as_str) == Some("connected")).then_some(())
        });
    }

    /// Starts the Runner's service and waits for nothing.
    pub fn serve_alone(&mut self) {
        self.service = Some(Service::start(self.runner.command(&["serve"]), &self.runner.beside("runner.log")));
    }

    /// The Runner's service.
    pub fn service(&mut self) -> &mut Service {
        self.service.as_mut().expect("it was started")
    }

    /// SIGTERM to the Runner.
    pub fn stop_runner(&mut self) {
        let code = self.service().stop();
        assert_eq!(code, Some(0), "{}", self.service().log());
        self.service = None;
    }

    /// `kill -9` to the Runner.
    pub fn kill_runner(&mut self) {
        self.service().kill();
        self.service = None;
    }

    /// What the Runner said.
    pub fn runner_log(&self) -> String {
        std::fs::read_to_string(self.runner.beside("runner.log")).unwrap_or_default()
    }

    /// The Runner's id.
    pub fn runner_id(&self) -> String {
        text(&self.runner.json(&["status"]), "/runner")
    }

    /// `admin …` as the tenant's owner.
    pub fn admin(&self, arguments: &[&str]) -> Answer {
        self.control_plane.admin(&self.tenant.key_file, arguments)
    }

    /// Asks for a run of a procedure over the line and waits for its result.
    pub fn request(&self, procedure: &str) -> Value {
        self.admin(&["run", "request", procedure]).json()
    }

    /// Waits until everything in the Runner's journal is at the control plane, and compares it line by line.
    pub fn settled(&self) -> u64 {
        until("the control plane has the whole journal", || {
            let status = self.runner.json(&["status"]);
            let number = |pointer| status.pointer(pointer).and_then(Value::as_u64);
            let (size, accepted) = (number("/store/journal")?, number("/store/accepted")?);
            (size == accepted).then_some(size)
        })
    }

    /// Whether records wait at the Runner.
    pub fn has_waiting(&self) -> bool {
        let status = self.runner.json(&["status"]);
        status.pointer("/store/waiting").and_then(Value::as_u64).is_some_and(|waiting| waiting > 0)
    }

    /// Opens evidence as somebody with a device; more arguments at the end.
    pub fn open(&self, key_file: &Path, device: &Path, run: &str, item: &str, more: &[&str]) -> Answer {
        let mut command = std::process::Command::new(binary("proctor-verify"));
        command.args(["open", run, item, "--control-plane"]);
        command.arg(format!("https://localhost:{}", self.control_plane.ports.web));
        command.arg("--ca-file").arg(self.control_plane.authority());
        command.arg("--api-key-file").arg(key_file).arg("--device-key").arg(device);
        command.arg("--runner-key").arg(self.runner.home().join("runner.pem"));
        command.args(more).env_remove("PROCTOR_API_KEY");
        if !more.contains(&"--purpose") {
            command.args(["--purpose", "audit", "--reason", "the yearly audit"]);
        }
        command.output().expect("the binary starts").into()
    }

    /// An auditor with a key and a device that the Runner's operator approved.
    pub fn auditor(&self, name: &str) -> (PathBuf, PathBuf) {
        let (person, key_file) = self.control_plane.person(&self.tenant, name, "auditor");
        let device = self.control_plane.beside(&format!("{name}.device"));
        let shown = device_key(&device);
        let fingerprint = text(&shown, "/fingerprint");
        let line = ["readers", "approve", &fingerprint, "--person", &person, "--label", name];
        let _ = self.runner.run(&line).with_code(0);
        (key_file, device)
    }
}

/// Makes a device key and says what `device show` says of it.
pub fn device_key(file: &Path) -> Value {
    let verify = |verb: &str| -> Answer {
        let mut command = std::process::Command::new(binary("proctor-verify"));
        command.args(["device", verb, "--json", "--device-key"]).arg(file);
        command.output().expect("the binary starts").into()
    };
    let _ = verify("new").with_code(0);
    verify("show").with_code(0).json()
}

/// The words of the join command of a new token, without the program's name.
pub fn join_command(control_plane: &ControlPlane, tenant: &Tenant, label: &str) -> Vec<String> {
    let made = control_plane.admin(&tenant.key_file, &["token", "create", label]).with_code(0).json();
    text(&made, "/join_command").split_whitespace().skip(1).map(str::to_owned).collect()
}

/// Enrols a Runner: token, request, approval, certificate.
pub fn enrol(control_plane: &ControlPlane, tenant: &Tenant, runner: &Runner) {
    let words = join_command(control_plane, tenant, "runner");
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.push("--no-wait");
    let _ = runner.run(&words).with_code(1);
    runner.configure("[policy]\nfiles = [\"BESIDE\"]\n");
    let status = runner.json(&["status"]);
    let (id, fingerprint) = (text(&status, "/runner"), text(&status, "/enrolment/fingerprint"));
    let line = ["runner", "approve", &id, "--fingerprint", &fingerprint];
    let _ = control_plane.admin(&tenant.key_file, &line).with_code(0);
    let _ = runner.run(&words).with_code(0);
}
