//! `serve`, and the commands that it carries out. Nobody enrols here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::bench::{Bench, code, contains, mode, text};

/// Sleeps until a file is there; the file has what no log may hold.
const WAITS: &str = r#"schema: procedure/v1
id: waits
version: 1
title: Waits for a file
purpose: Takes as long as a test wants.
owner: testers
retention: operational
schedule: { every: year }
inputs:
  folder: { type: path, default: FOLDER }
steps:
  - id: sleep
    title: Sleep
    use: command
    with: { run: [/bin/sleep, "SECONDS"] }
  - id: read
    title: Read the file
    use: file
    with: { path: '=inputs.folder + "/a"', content: text }
checks:
  - id: says
    title: The file says yes
    assert: steps.read.content == "canary-serve-2f7a"
    severity: high
    fix: Write it.
"#;

/// A service that runs, and what it told systemd.
struct Service {
    child: Child,
    notify: UnixDatagram,
    log: BufReader<ChildStderr>,
    _folder: tempfile::TempDir,
}

impl Service {
    fn start(bench: &Bench) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("notify");
        let notify = UnixDatagram::bind(&socket).unwrap();
        notify.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut command = bench.command(&["serve"]);
        command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "3000000");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let service = Self { child, notify, log, _folder: folder };
        service.until("READY=1");
        service
    }

    /// Waits until systemd was told so.
    fn until(&self, wanted: &str) {
        let mut told = [0; 4096];
        loop {
            let length = self.notify.recv(&mut told).expect("the service tells how it is");
            if String::from_utf8_lossy(told.get(..length).unwrap()).lines().any(|line| line.starts_with(wanted)) {
                return;
            }
        }
    }

    fn send(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Ends it so; gives its exit code and the records of its log.
    fn end(mut self, signal: Signal) -> (Option<i32>, Vec<Value>) {
        self.send(signal);
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        let status = self.child.wait().unwrap();
        let records = log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")));
        (status.code(), records.collect())
    }

    /// Reads its log until a record says so.
    fn logged(&mut self, message: &str) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "the log ended before it said {message:?}");
            let record: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            if record.get("message").is_some_and(|said| said == message) {
                return record;
            }
        }
    }
}

/// A Runner whose procedure sleeps so long.
fn sleeper(seconds: &str) -> (Bench, String) {
    let bench = Bench::new();
    let data = bench.folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("a"), "canary-serve-2f7a").unwrap();
    let folder = data.display().to_string();
    let config = std::fs::read_to_string(bench.path("config.toml")).unwrap();
    let allowed = config.replace("\nfiles = []", &format!("\nfiles = [{folder:?}]"));
    let allowed = allowed.replace(
        "#: [[policy.commands]]\n#: path = \"/usr/sbin/sshd\"\n#: args = [\"-T\", \"**\"]",
        "[[policy.commands]]\npath = \"/bin/sleep\"",
    );
    assert_ne!(config, allowed);
    std::fs::write(bench.path("config.toml"), allowed).unwrap();
    let file = bench.folder.path().join("waits.yaml");
    std::fs::write(&file, WAITS.replace("SECONDS", seconds).replace("FOLDER", &folder)).unwrap();
    (bench, file.display().to_string())
}

#[test]
fn commands_that_write_are_carried_out_by_the_service() {
    let (bench, file) = sleeper("0");
    let service = Service::start(&bench);
    assert_eq!(mode(&bench.path("serve.sock")), 0o600);
    let added = bench.json(0, &["procedures", "add", &file]);
    assert_eq!(added[0]["procedure"], "waits");
    let status = bench.json(0, &["status"]);
    assert_eq!(status["service"]["state"], "running");
    assert_eq!(status["enrolment"]["state"], "none");

    let run = bench.json(0, &["run", &file]);
    assert_eq!(run["verdict"], "pass", "{run:#}");
    let id = run["run"].as_str().unwrap();
    assert_eq!(bench.json(0, &["runs"]).as_array().unwrap().len(), 1);
    // Files are written, and pipes read, where the person is.
    let zip = bench.folder.path().join("proof.zip").display().to_string();
    bench.json(0, &["bundle", id, "-o", &zip]);
    bench.refused(2, "E-FILE-003", &["bundle", id, "-o", &zip]);
    assert_eq!(code(&bench.piped(&["secret", "set", "token"], b"canary-secret-91ce")), 0);
    assert_eq!(bench.json(0, &["secret", "list"])[0]["name"], "token");
    let opened = bench.run(&["evidence", id, "read"]);
    assert!(text(&opened).contains("canary-serve-2f7a"), "{}", text(&opened));
    bench.refused(2, "E-RUN-021", &["cancel", "nonsense"]);
    bench.refused(2, "E-VAULT-003", &["keys", "rewrap", "--key", "elsewhere.key"]);
    bench.json(0, &["procedures", "remove", "waits"]);

    let (exit, log) = service.end(Signal::SIGTERM);
    assert_eq!(exit, Some(0));
    assert!(!log.is_empty() && !bench.path("serve.sock").exists());
    let told = serde_json::to_vec(&log).unwrap();
    for canary in ["canary-serve-2f7a", "canary-secret-91ce"] {
        assert!(!contains(&told, canary.as_bytes()), "{canary} is in the log");
    }
    assert_eq!(bench.json(0, &["status"])["service"]["state"], "stopped");
    assert_eq!(code(&bench.run(&["journal", "verify"])), 0);
}

#[test]
fn a_second_service_is_refused_and_the_first_goes_on() {
    let bench = Bench::new();
    // A command that comes while the service is starting waits for it.
    let early = bench.command(&["serve"]).stderr(Stdio::null()).spawn().map(|mut starting| {
        let removed = bench.run(&["resume"]);
        starting.kill().unwrap();
        starting.wait().unwrap();
        removed
    });
    let early = early.unwrap();
    assert_eq!(code(&early), 0, "{}", text(&early));
    let service = Service::start(&bench);
    let second = bench.run(&["serve"]);
    assert!(code(&second) == 2 && text(&second).contains("E-VAULT-003"), "{}", text(&second));
    assert_eq!(bench.json(0, &["status"])["service"]["state"], "running");
    service.until("WATCHDOG=1");
    assert_eq!(service.end(Signal::SIGTERM).0, Some(0));
}

#[test]
fn a_run_that_was_cut_off_goes_on_at_the_next_start() {
    for (signal, exit, seconds) in [(Signal::SIGTERM, Some(0), "30.0281"), (Signal::SIGKILL, None, "30.0282")] {
        let (bench, file) = sleeper(seconds);
        let service = Service::start(&bench);
        let asked = bench.command(&["run", &file]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut runs = Value::Null;
        for _ in 0..500 {
            runs = bench.json(0, &["runs"]);
            if runs[0]["state"] == "running" && !sleepers(seconds).is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(runs[0]["state"], "running", "{runs:#}");
        assert_eq!(service.end(signal).0, exit, "{signal}");
        assert_eq!(code(&asked.wait_with_output().unwrap()), 3);
        assert_eq!(bench.json(0, &["runs"])[0]["state"], "running", "{signal}");

        // The step is repeated, so this time it must be short: what the store kept says how long.
        let mut service = Service::start(&bench);
        for _ in 0..500 {
            if !sleepers(seconds).is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let again = sleepers(seconds);
        assert_eq!(again.len(), 1, "{signal}: the step runs again, and nothing of the killed service is left");
        again.into_iter().for_each(|pid| kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap());
        assert_eq!(service.logged("a run has ended")["run"], runs[0]["run"]);
        assert_eq!(service.end(Signal::SIGTERM).0, Some(0));
        assert_ne!(bench.json(0, &["runs"])[0]["state"], "running");
        assert_eq!(code(&bench.run(&["journal", "verify"])), 0);
    }
}

fn sleepers(seconds: &str) -> Vec<i32> {
    let wanted = format!("/bin/sleep\0{seconds}\0");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let matching = processes
        .filter(|entry| std::fs::read_to_string(entry.path().join("cmdline")).is_ok_and(|line| line == wanted));
    matching.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[test]
fn health_is_told_to_this_machine() {
    let bench = Bench::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = std::fs::read_to_string(bench.path("config.toml")).unwrap();
    let listening = config.replace("#: listen = \"127.0.0.1:8450\"", &format!("listen = \"{free}\""));
    assert_ne!(config, listening);
    std::fs::write(bench.path("config.toml"), &listening).unwrap();
    let service = Service::start(&bench);
    let get = |request: &str| {
        let mut stream = TcpStream::connect(free).unwrap();
        stream.write_all(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let status = |answer: &str| answer.split(' ').nth(1).unwrap().to_owned();
    assert_eq!(status(&get("GET /healthz")), "200");
    let ready = get("GET /readyz");
    assert!(status(&ready) == "200" && ready.contains("{\"ready\":true,\"why\":[]}"), "{ready}");
    let metrics = get("GET /metrics");
    for name in ["proctor_runner_ready 1", "proctor_runner_line_connected 0", "proctor_runner_disk_free_bytes", "# EOF"]
    {
        assert!(metrics.contains(name), "{name}: {metrics}");
    }
    assert_eq!(status(&get("POST /metrics")), "405");
    assert_eq!(status(&get("GET /")), "404");
    assert_eq!(service.end(Signal::SIGTERM).0, Some(0));

    std::fs::write(bench.path("config.toml"), listening.replace("127.0.0.1", "0.0.0.0")).unwrap();
    bench.refused(2, "E-CONF-061", &["serve"]);
    // A full disk is not a state in which the service does its work.
    let full = listening.replace("min_free_mib = 100", "min_free_mib = 9000000000000");
    std::fs::write(bench.path("config.toml"), full).unwrap();
    let service = Service::start(&bench);
    service.until("STATUS=full");
    let ready = get("GET /readyz");
    assert!(status(&ready) == "503" && ready.contains("full"), "{ready}");
    let told = bench.json(1, &["status"])["alarms"].to_string();
    assert!(told.contains("no new run begins"), "{told}");
    assert_eq!(status(&get("GET /healthz")), "200");
    assert_eq!(service.end(Signal::SIGTERM).0, Some(0));
}
