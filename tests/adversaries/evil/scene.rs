//! An enrolled Runner with evidence, and an evil control plane in the place of the one that it was enrolled at.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use clock::{Clock, ManualClock, SystemClock, Timestamp};
use crypto::{Digest, SystemEntropy, ed25519, p256};
use ids::{ItemId, PersonId, RunId, RunnerId, TenantId};
use runner_vault::{Files, NewReader, Options, Provider, SameDisk, Vault};
use serde_json::Value;
use tests::{Canary, Line, text, until};

use super::server::Evil;
use super::session::Session;

/// Evidence of every kind that the attempts need; in each file stands the canary.
const PROCEDURE: &str = r#"schema: procedure/v1
id: evidence
version: 1
title: Evidence of several classes
purpose: Collects what an evil control plane would like to have.
owner: linux-operations
steps:
  - id: internal
    title: Read what is internal
    use: file
    with: { path: DIR/internal, content: text }
    evidence: { class: internal }
  - id: large
    title: Read what has several rows
    use: file
    with: { path: DIR/large, content: text }
    evidence: { class: internal }
  - id: personal
    title: Read what tells of people
    use: file
    with: { path: DIR/personal, content: text }
    evidence: { class: personal }
  - id: secret
    title: Read what gives access
    use: file
    with: { path: DIR/secret, content: text }
    evidence: { class: secret }
  - id: gone
    title: Read what is destroyed later
    use: file
    with: { path: DIR/gone, content: text }
    evidence: { class: internal }
facts:
  size: size(steps.internal.content)
checks:
  - id: there_is_something
    title: There is something
    assert: facts.size > 0
    severity: low
"#;

const POLICY: &str = r#"time_zone = "UTC"
reader_days = 90

[limits]
requests_per_person_per_hour = 40
rows_per_person_per_day = 100
rows_per_day = 1000

[[allow]]
name = "audit"
purposes = ["audit"]
roles = ["auditor"]
factors = [["api-key"]]
classes = ["public", "internal", "confidential"]
rows_per_request = 2
second_person = false

[[allow]]
name = "people"
purposes = ["audit"]
roles = ["auditor"]
factors = [["api-key"]]
classes = ["public", "internal", "confidential", "personal"]
rows_per_request = 2
second_person = true

[[allow]]
name = "another-day"
purposes = ["investigation"]
roles = ["auditor"]
factors = [["api-key"]]
classes = ["internal"]
rows_per_request = 2
second_person = false
hours = { days = ["DAY"], from = "00:00", to = "23:59" }

[secrets]
roles = ["administrator"]
factors = [["api-key"]]
names = ["orders-*"]
replace_local = false
per_person_per_hour = 100
"#;

/// An item, as the control plane knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    pub(crate) item: ItemId,
    pub(crate) root: Digest,
    pub(crate) rows: u64,
}

/// A person and a device of theirs.
pub(crate) struct Asker {
    pub(crate) person: PersonId,
    pub(crate) device: ed25519::SigningKey,
}

impl Asker {
    pub(crate) fn new() -> Self {
        let entropy = SystemEntropy::new();
        let person = PersonId::from_parts(now().as_millis().unsigned_abs(), crypto::entropy::random_bytes(&entropy));
        Self { person, device: ed25519::SigningKey::generate(&entropy) }
    }

    pub(crate) fn fingerprint(&self) -> String {
        self.device.verifying_key().key_id().to_string()
    }
}

/// Both ends.
pub(crate) struct Scene {
    pub(crate) line: Line,
    pub(crate) evil: Evil,
    pub(crate) canary: Canary,
    pub(crate) tenant: TenantId,
    pub(crate) runner: RunnerId,
    pub(crate) attestation: p256::VerifyingKey,
    pub(crate) run: RunId,
    pub(crate) items: BTreeMap<String, Item>,
    /// A run of the same procedure, made later.
    pub(crate) other_run: RunId,
    /// An auditor whose device is approved.
    pub(crate) auditor: Asker,
}

impl Scene {
    /// The Runner is enrolled, approved, has run twice and reported; then the control plane is replaced. The Runner runs.
    pub(crate) fn new() -> Self {
        let mut line = Line::start();
        let canary = Canary::new(&format!("canary-{}-of-the-evil-control-plane", now().as_millis()));
        write_evidence(&line, &canary);
        line.install("evidence.yaml", PROCEDURE);
        let api = line.control_plane.api(&line.tenant.key_file);
        until("the control plane knows the procedure", || {
            api.get("/procedures").json().to_string().contains("\"evidence\"").then_some(())
        });
        let runs = [0, 1].map(|_| text(&line.request("evidence"), "/run"));
        let auditor = Asker::new();
        approve(&line, &auditor);
        line.settled();
        let items = items(&line, &runs[0]);
        until("the Runner has seen the audit log", || {
            let status = line.runner.json(&["status"]);
            status.pointer("/store/audit/size").and_then(Value::as_u64)
        });
        line.stop_runner();
        let policy = POLICY.replace("DAY", in_three_days(now()));
        let policy = line.runner.write("policy.toml", policy);
        let config = format!("[policy]\nfiles = [\"BESIDE\"]\n[drilldowns]\npolicy = \"{}\"\n", policy.display());
        line.runner.configure(&config);
        let evil = Evil::in_place_of(&mut line);
        let attestation = std::fs::read_to_string(line.runner.home().join("runner.pem")).unwrap();
        let scene = Self {
            tenant: line.tenant.id.parse().unwrap(),
            runner: line.runner_id().parse().unwrap(),
            attestation: p256::VerifyingKey::from_pem(&attestation).unwrap(),
            run: runs[0].parse().unwrap(),
            other_run: runs[1].parse().unwrap(),
            line,
            evil,
            canary,
            items,
            auditor,
        };
        let mut scene = scene;
        scene.line.serve_alone();
        until("the service answers", || {
            let status = scene.line.runner.json(&["status"]);
            (text(&status, "/service/state") == "running").then_some(())
        });
        scene
    }

    /// A session that is welcomed as an honest control plane would.
    pub(crate) fn session(&self) -> Session {
        let session = self.evil.session_or(|| self.line.runner_log());
        session.welcome();
        session
    }

    /// The Runner's process anew, and its session.
    pub(crate) fn session_after_restart(&mut self) -> Session {
        self.line.stop_runner();
        self.evil.forget();
        self.line.serve_alone();
        self.session()
    }

    /// All records of the Runner's journal, read at the Runner.
    pub(crate) fn journal(&self) -> Vec<Value> {
        self.line.runner.json(&["journal", "tail", "-n", "100000"]).as_array().unwrap().clone()
    }

    /// Records of the journal of this kind.
    pub(crate) fn records(&self, kind: &str) -> Vec<Value> {
        self.journal().into_iter().filter(|record| record["kind"] == kind).collect()
    }

    /// The Runner's runs.
    pub(crate) fn runs(&self) -> usize {
        self.line.runner.json(&["runs"]).as_array().unwrap().len()
    }

    /// The Runner's own log says so.
    #[track_caller]
    pub(crate) fn log_says(&self, code: &str) {
        until(code, || self.line.runner_log().contains(code).then_some(()));
    }

    /// Nothing that was ever received holds the canary in any shape.
    #[track_caller]
    pub(crate) fn nothing_came_out(&self) {
        assert_eq!(self.canary.in_bytes(&self.evil.recorded()), None);
    }
}

/// What the Runner's operator does when a person reads out a fingerprint.
pub(crate) fn approve(line: &Line, asker: &Asker) {
    let (fingerprint, person) = (asker.fingerprint(), asker.person.to_string());
    let _ =
        line.runner.run(&["readers", "approve", &fingerprint, "--person", &person, "--label", "a laptop"]).with_code(0);
}

/// What the Runner's operator did 100 days ago: the store is opened with a clock that stands there.
pub(crate) fn approve_long_ago(home: &Path, asker: &Asker) {
    let provider = Provider::KeyFile { path: home.join("root.key"), same_disk: SameDisk::Accept };
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(now().plus_ms(-100 * 86_400_000)));
    let files = Files::in_folder(home);
    let mut vault = Vault::open(&files, &provider, Options::default(), clock, SystemEntropy::new()).unwrap();
    let key = asker.device.verifying_key();
    let label = "an old laptop".parse().unwrap();
    let new = NewReader { device: key.key_id(), key: Some(key), person: asker.person, label, days: 90 };
    vault.approve_reader(&new, None).unwrap();
}

pub(crate) fn now() -> Timestamp {
    SystemClock::new().now()
}

fn write_evidence(line: &Line, canary: &Canary) {
    for name in ["internal", "personal", "secret", "gone"] {
        line.runner.write(name, format!("{name} {}\n", canary.text()));
    }
    line.runner.write("large", format!("{}\n", canary.text()).repeat(5000));
}

fn items(line: &Line, run: &str) -> BTreeMap<String, Item> {
    let api = line.control_plane.api(&line.tenant.key_file);
    let listed = api.get(&format!("/runs/{run}/items")).with_status(200).json();
    let item = |item: &Value| {
        let (id, root) = (text(item, "/item").parse().unwrap(), text(item, "/root").parse().unwrap());
        (text(item, "/step"), Item { item: id, root, rows: item["rows"].as_u64().unwrap() })
    };
    // The first item of a step is the file's content; another one has its name, mode and times.
    let mut items = BTreeMap::new();
    for (step, item) in listed["items"].as_array().unwrap().iter().map(item) {
        items.entry(step).or_insert(item);
    }
    items
}

/// The day of the week three days from now: 1 January 1970 was a Thursday.
fn in_three_days(now: Timestamp) -> &'static str {
    const DAYS: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
    let day = usize::try_from(now.as_millis() / 86_400_000).unwrap();
    DAYS[(day + 3) % 7]
}
