//! A control plane in a temporary folder.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use tempfile::TempDir;

use crate::api::Api;
use crate::runner::{Answer, binary};
use crate::service::{Service, until};

/// The ports of a control plane's listeners.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// The API.
    pub web: u16,
    /// Enrolment.
    pub enrolment: u16,
    /// The line.
    pub line: u16,
    /// Metrics and health.
    pub metrics: u16,
}

impl Ports {
    /// Ports that nobody has now. They lie below those that the system gives to connections that dial out: one of these
    /// could be taken between the look here and the start of the control plane.
    pub fn free() -> Self {
        static ASKED: AtomicU16 = AtomicU16::new(0);
        let begin = std::process::id() % 997 * 20;
        let mut free = std::iter::repeat_with(|| {
            let step = u32::from(ASKED.fetch_add(1, Ordering::Relaxed));
            10_000 + u16::try_from((begin + step) % 20_000).expect("it is below 20,000")
        })
        .filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
        let [web, enrolment, line, metrics] = [(); 4].map(|()| free.next().expect("there is no end"));
        Self { web, enrolment, line, metrics }
    }
}

/// Where the records are kept.
#[derive(Debug, Clone)]
pub enum Database {
    /// In a file of the control plane's folder.
    Sqlite,
    /// At a server, by the lines that go below `[database]`.
    Postgres(String),
}

/// Where Runners are told to dial, when it is not the listener itself: a fault proxy's ports.
#[derive(Debug, Clone, Copy, Default)]
pub struct Detour {
    /// Instead of the enrolment port.
    pub enrolment: Option<u16>,
    /// Instead of the line's port.
    pub line: Option<u16>,
}

/// A tenant with its owner's key.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its id.
    pub id: String,
    /// The file with the owner's API key.
    pub key_file: PathBuf,
    /// The link with which its owner comes to the console.
    pub link: String,
}

/// A control plane with a folder, keys and a database of its own.
pub struct ControlPlane {
    folder: TempDir,
    /// Its ports.
    pub ports: Ports,
    service: Option<Service>,
}

impl ControlPlane {
    /// Made and started, on SQLite.
    pub fn start() -> Self {
        Self::start_with(&Database::Sqlite, Ports::free(), Detour::default())
    }

    /// Made and started.
    pub fn start_with(database: &Database, ports: Ports, detour: Detour) -> Self {
        let mut made = Self::make(database, ports, detour);
        made.serve();
        made
    }

    /// Made, and not started.
    pub fn make(database: &Database, ports: Ports, detour: Detour) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let made = Self { folder, ports, service: None };
        let database = match database {
            Database::Sqlite => "kind = \"sqlite\"\n",
            Database::Postgres(lines) => lines,
        };
        let at = |port: Option<u16>| port.map_or_else(String::new, |port| format!("address = \"localhost:{port}\"\n"));
        let config = format!(
            "host = \"localhost\"\n[database]\n{database}\n[web]\nlisten = \"127.0.0.1:{}\"\n[enrolment]\nlisten = \
             \"127.0.0.1:{}\"\n{}[line]\nlisten = \"127.0.0.1:{}\"\n{}[metrics]\nlisten = \"127.0.0.1:{}\"\n[log]\nlevel = \
             \"debug\"\n",
            ports.web,
            ports.enrolment,
            at(detour.enrolment),
            ports.line,
            at(detour.line),
            ports.metrics
        );
        let file = made.beside("control-plane.toml");
        std::fs::write(&file, config).expect("the temporary folder can be written to");
        let _ = made.run(&["init", "--config", &file.display().to_string()]).with_code(0);
        made
    }

    /// Starts the service and waits until it is ready.
    pub fn serve(&mut self) {
        let mut service = Service::start(self.command(&["serve"]), &self.beside("control-plane.log"));
        let url = format!("http://127.0.0.1:{}/readyz", self.ports.metrics);
        until("the control plane is ready", || {
            assert!(service.lives(), "the control plane ended:\n{}", service.log());
            (Api::plain(&url).0 == 200).then_some(())
        });
        self.service = Some(service);
    }

    /// The running service.
    pub fn service(&mut self) -> &mut Service {
        self.service.as_mut().expect("it was started")
    }

    /// The id of the running process.
    pub fn pid(&self) -> u32 {
        self.service.as_ref().expect("it was started").pid()
    }

    /// SIGTERM.
    pub fn stop(&mut self) {
        let code = self.service().stop();
        assert_eq!(code, Some(0), "{}", self.service().log());
        self.service = None;
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.service().kill();
        self.service = None;
    }

    /// Its folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("control-plane")
    }

    /// A place for files beside its folder.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The certificate of its authority.
    pub fn authority(&self) -> PathBuf {
        self.home().join("authority.pem")
    }

    /// What it said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.beside("control-plane.log")).unwrap_or_default()
    }

    /// The command with these arguments, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("proctor-control-plane"));
        command.arg("--dir").arg(self.home()).args(arguments).stdin(std::process::Stdio::null());
        command.env_remove("PROCTOR_CONTROL_PLANE_DIR").env_remove("PROCTOR_API_KEY_FILE");
        command
    }

    /// Runs `proctor-control-plane` with these arguments to its end.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        self.command(arguments).output().expect("the binary starts").into()
    }

    /// The same with `--json`, and its result.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        self.run(&arguments).with_code(0).json()
    }

    /// `admin …` with somebody's key.
    pub fn admin(&self, key_file: &Path, arguments: &[&str]) -> Answer {
        let mut command = self.command(&["admin"]);
        command.args(arguments).arg("--json").env("PROCTOR_API_KEY_FILE", key_file);
        command.output().expect("the binary starts").into()
    }

    /// A new tenant.
    pub fn tenant(&self, name: &str) -> Tenant {
        let key_file = self.beside(&format!("{name}.key"));
        let made = self.json(&[
            "admin",
            "tenant",
            "create",
            name,
            "--owner-email",
            &format!("owner@{name}.example"),
            "--owner-name",
            "Owner",
            "--key-to",
            &key_file.display().to_string(),
        ]);
        Tenant { id: text(&made, "/tenant"), key_file, link: text(&made, "/link") }
    }

    /// A person with a role, and the file with their key.
    pub fn person(&self, tenant: &Tenant, name: &str, role: &str) -> (String, PathBuf) {
        let email = format!("{name}@{}.example", tenant.id);
        let made = self.admin(&tenant.key_file, &["person", "add", &email, name, "--role", role]).with_code(0).json();
        let person = text(&made, "/person");
        let file = self.beside(&format!("{name}-{}.key", tenant.id));
        let to = file.display().to_string();
        let line = ["api-key", "create", name, "--person", &person, "--key-to", &to];
        let _ = self.admin(&tenant.key_file, &line).with_code(0);
        (person, file)
    }

    /// A link for somebody who is there already, as the control plane's operator makes it.
    pub fn link(&self, tenant: &Tenant, email: &str, kind: &str) -> String {
        let line = ["admin", "person", "link", email, "--kind", kind, "--tenant", &tenant.id];
        text(&self.json(&line), "/link")
    }

    /// Where people and programs reach it.
    pub fn base(&self) -> String {
        format!("https://localhost:{}", self.ports.web)
    }

    /// The SHA-256 of its authority's public key, in base64.
    pub fn pin(&self) -> String {
        pin_of(&self.authority())
    }

    /// The API, with the key in this file.
    pub fn api(&self, key_file: &Path) -> Api {
        let key = std::fs::read_to_string(key_file).expect("the key was written");
        let authority = std::fs::read(self.authority()).expect("the authority was made");
        Api::new(format!("{}/api/v1", self.base()), key.trim(), &authority)
    }
}

/// A text in a JSON value.
#[track_caller]
pub fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    assert!(found.is_some(), "no {pointer} in {value:#}");
    found.unwrap_or_default().to_owned()
}

/// The SHA-256 of the public key of a certificate in PEM, in base64.
pub fn pin_of(pem: &Path) -> String {
    let pem = std::fs::read(pem).expect("the certificate was made");
    let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).expect("the certificate is PEM");
    let certificate = pem.parse_x509().expect("it is a certificate");
    BASE64.encode(crypto::digest::sha256(certificate.public_key().raw).as_bytes())
}
