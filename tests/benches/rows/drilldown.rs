//! Row 3: a drill-down, whole path: asked for over the API, logged, prepared for the Runner's session, checked and signed,
//! delivered over the line, decided and journalled by the Runner, sealed, relayed, opened and proven, receipted. Client
//! (here), control plane and Runner are three processes on the same processors.
//!
//! Beside it: the exchanges that it cannot do without on the same connection (four requests that do no more than
//! recognise who asks), and a page made durable for each record that the two logs owe.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::{SystemEntropy, ed25519, hpke, p256};
use proof::attestation;
use proof::commitment::Commitment;
use proof::drilldown::octets::{Part, Splitter};
use proof::drilldown::{AnswerReader, Decision, PendingRequest, Receipt};
use proof::dsse::Envelope;
use serde_json::{Value, json};
use tests::{Database, Runner, Service, text};

use crate::harness::{Contender, Cost, Disk, Goal, Line, Outcome, Plan, contend, cost, note, now, quietly};
use crate::line::{BareStream, Plane, Web, wait};

const FLOOR: &str = "floor";
const SMALL: &str = "1 KiB";
const MEDIUM: &str = "16 KiB";
const CLI: &str = "proctor-verify open";

/// Records that the two logs owe: asked, prepared, signed and answered here; opened and receipted there.
const DURABLE: usize = 6;

/// Drill-downs in a round.
const EACH: usize = 8;

/// Files of the large item, and bytes in each.
const LARGE_FILES: usize = 14;
const LARGE_FILE: usize = 15 << 20;

pub(crate) fn measure(plan: &Plan) -> Outcome<()> {
    note("sshd and Teleport are not installed and left out, and with them the goals that name them")?;
    let mut scene = Scene::new()?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut disk = Disk::new(folder.path())?;
    let times = std::cell::RefCell::new((Vec::new(), Vec::new()));
    let scene_ref = &scene;
    let measured = contend(
        plan,
        vec![
            Contender::new(FLOOR, || scene_ref.floor(&mut disk)),
            Contender::new(SMALL, || scene_ref.several(0, &mut times.borrow_mut().0)),
            Contender::new(MEDIUM, || scene_ref.several(1, &mut times.borrow_mut().1)),
            Contender::new(CLI, || scene_ref.cli()),
        ],
    )?;
    let (small, medium) = times.into_inner();
    let is_void = measured.is_void;
    for (name, times) in [(SMALL, small), (MEDIUM, medium)] {
        let seen = 1.0 / measured.speed(name, FLOOR);
        let what = format!("{name}, times four exchanges and {DURABLE} durable pages");
        Line { row: "3", what, seen, cpu: None, goal: Goal::AtMost(2.0), unit: "", is_void }.print()?;
        let line = |what: &str, share, goal| {
            let (what, seen) = (format!("{name}, {what}"), quantile(&times, share) * 1e3);
            Line { row: "3", what, seen, cpu: None, goal, unit: " ms", is_void }.print()
        };
        line("half of them within", 0.5, Goal::None)?;
        line("99 of 100 within", 0.99, Goal::AtMost(5.0))?;
    }
    note(format_args!("the floor: {:.2} ms", measured.wall(FLOOR) * 1e3))?;
    let what = "`proctor-verify open` as a process of its own, cold".to_owned();
    let seen = measured.wall(CLI) * 1e3;
    Line { row: "3", what, seen, cpu: None, goal: Goal::None, unit: " ms", is_void }.print()?;
    scene.large()?;
    scene.tampered()
}

/// An item that can be asked for, and what the Runner attested of it.
struct Item {
    id: String,
    commitment: Commitment,
}

struct Scene {
    plane: Plane,
    runner: Runner,
    service: Service,
    web: Web,
    device: ed25519::SigningKey,
    key_file: std::path::PathBuf,
    device_file: std::path::PathBuf,
    runner_key: p256::VerifyingKey,
    run: String,
    items: Vec<Item>,
}

impl Scene {
    /// Everything in place: a Runner that serves, a run with three items, an auditor with a device.
    fn new() -> Outcome<Self> {
        let plane = Plane::start(&Database::Sqlite)?;
        let runner = Runner::empty();
        tests::enrol(&plane.control_plane, &plane.tenant, &runner);
        let policy = "time_zone = \"UTC\"\nreader_days = 90\n[limits]\nrequests_per_person_per_hour = 1000000\n\
            rows_per_person_per_day = 10000000\nrows_per_day = 10000000\n[[allow]]\nname = \"bench\"\n\
            purposes = [\"audit\"]\nroles = [\"auditor\"]\nfactors = [[\"api-key\"]]\nclasses = [\"internal\"]\n\
            rows_per_request = 100000\nsecond_person = false\n";
        std::fs::write(runner.home().join("policy.toml"), policy)?;
        runner.configure(
            "[policy]\nfiles = [\"BESIDE\"]\n[limits]\nstep_bytes = 536870912\noutput_bytes = 67108864\n\
             [drilldowns]\npolicy = \"policy.toml\"\n",
        );
        let procedure = write_evidence(&runner)?;
        let _ = runner.run(&["procedures", "add", &procedure]).with_code(0);
        let service = Service::start(runner.command(&["serve"]), &runner.beside("runner.log"));
        plane.until_sessions(1)?;
        let (person, key_file) = plane.control_plane.person(&plane.tenant, "ada", "auditor");
        let device_file = plane.control_plane.beside("ada.device");
        let fingerprint = text(&tests::device_key(&device_file), "/fingerprint");
        let line = ["readers", "approve", &fingerprint, "--person", &person, "--label", "ada"];
        let _ = runner.run(&line).with_code(0);
        let device = read_device(&device_file)?;
        let asked = plane.control_plane.admin(&plane.tenant.key_file, &["run", "request", "bench"]).with_code(0);
        let run = text(&asked.json(), "/run");
        let web = plane.web(&std::fs::read_to_string(&key_file)?)?;
        let runner_key = p256::VerifyingKey::from_pem(&std::fs::read_to_string(runner.home().join("runner.pem"))?)?;
        let mut scene =
            Self { plane, runner, service, web, device, key_file, device_file, runner_key, run, items: Vec::new() };
        scene.items = scene.attested()?;
        Ok(scene)
    }

    /// The items as the manifest tells of them, in the order of the steps.
    fn attested(&self) -> Outcome<Vec<Item>> {
        let document = |what: &str| {
            let path = format!("/runs/{}/{what}", self.run);
            self.plane.runtime.block_on(self.web.get(&path))
        };
        wait("the run is at the control plane", || document("manifest").is_ok())?;
        let (bytes, envelope) = (document("manifest")?, document("attestation")?);
        let statement = attestation::open(&Envelope::parse(&envelope, 64 * 1024)?, &[self.runner_key])?;
        let manifest = proof::manifest::parse(&bytes)?;
        statement.matches(&manifest, &bytes)?;
        let item = |step: &str| {
            let line = manifest.items.iter().find(|line| line.step.as_str() == step).ok_or("a step has no item")?;
            Outcome::Ok(Item { id: line.item.to_string(), commitment: line.commitment() })
        };
        ["small", "medium", "large"].map(item).into_iter().collect()
    }

    fn floor(&self, disk: &mut Disk) -> Outcome<Cost> {
        let mut costs = Vec::new();
        for _ in 0..EACH {
            self.breathe();
            let (spent, ()) = cost(|| {
                for exchange in 0..4 {
                    self.plane.runtime.block_on(self.web.get("/me"))?;
                    let pages = if exchange < 2 { 2 } else { 1 };
                    (0..pages).try_for_each(|_| disk.page())?;
                }
                Ok(())
            })?;
            costs.push(spent.wall);
        }
        Ok(Cost { wall: quantile(&costs, 0.5), cpu: 0.0 })
    }

    fn several(&self, item: usize, times: &mut Vec<f64>) -> Outcome<Cost> {
        let mut costs = Vec::new();
        for _ in 0..EACH {
            self.breathe();
            let started = now();
            self.plane.runtime.block_on(self.open(item, |_| {}))?;
            costs.push(started.elapsed().as_secs_f64());
        }
        times.extend_from_slice(&costs);
        Ok(Cost { wall: quantile(&costs, 0.5), cpu: 0.0 })
    }

    /// The API answers a hundred requests of a key in a second; whoever asks faster would measure that.
    fn breathe(&self) {
        std::thread::sleep(Duration::from_millis(100));
    }

    /// One drill-down. What comes over the line can be changed on the way.
    async fn open(&self, item: usize, change: impl Fn(&mut Vec<u8>)) -> Outcome<u64> {
        let item = self.items.get(item).ok_or("no such item")?;
        let recipient = hpke::KeyPair::generate(&SystemEntropy::new());
        let asked = json!({
            "run": self.run,
            "items": [{"item": item.id, "rows": null}],
            "purpose": "audit",
            "reason": "to be measured",
            "recipient_key": STANDARD.encode(recipient.public().as_bytes()),
            "device_key": STANDARD.encode(self.device.verifying_key().to_spki()),
        });
        let mut shown = self.web.post("/drilldowns", &asked).await?;
        let id = shown.get("id").and_then(Value::as_str).ok_or("a drill-down without an id")?.to_owned();
        let payload = loop {
            match shown.pointer("/to_sign/payload").and_then(Value::as_str) {
                Some(payload) => break STANDARD.decode(payload)?,
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
            shown = self.web.get_json(&format!("/drilldowns/{id}")).await?;
        };
        let pending = PendingRequest::read(payload)?;
        if pending.request().recipient != recipient.public() {
            return Err("the request names another recipient".into());
        }
        let signature = STANDARD.encode(pending.sign_as_device(&self.device).sig);
        self.web.post(&format!("/drilldowns/{id}/signature"), &json!({"signature": signature})).await?;
        let mut stream = self.web.stream(&format!("/drilldowns/{id}/answer")).await?;
        let (mut splitter, mut reader) = (Splitter::new(), None);
        while let Some(octets) = stream.chunk().await? {
            for part in splitter.push(&octets)? {
                match (part, &mut reader) {
                    (Part::Enc(enc), None) => {
                        reader = Some(AnswerReader::new(&pending, &recipient, &enc, &[item.commitment])?);
                    }
                    (Part::Frame(mut frame), Some(reader)) => {
                        change(&mut frame.ciphertext);
                        reader.frame(&frame.ciphertext, false)?;
                    }
                    (Part::Enc(_) | Part::Frame(_), _) => return Err("the answer is in disorder".into()),
                }
            }
        }
        let mut last = splitter.finish()?;
        change(&mut last.ciphertext);
        let mut reader = reader.ok_or("the answer is empty")?;
        reader.frame(&last.ciphertext, true)?;
        let summary = reader.finish()?;
        let receipt = loop {
            match self.web.get(&format!("/drilldowns/{id}/receipt")).await {
                Ok(receipt) => break Receipt::open(&receipt, &[self.runner_key])?,
                Err(error) if error.to_string().contains("404") => tokio::time::sleep(Duration::from_millis(1)).await,
                Err(error) => return Err(error),
            }
        };
        match receipt.decision {
            Decision::Answered { sealed_sha256 } if sealed_sha256 == summary.sealed_sha256 => Ok(summary.bytes),
            other => Err(format!("the receipt says otherwise: {other:?}").into()),
        }
    }

    /// The same by the command, which connects, fetches and verifies manifest and attestation as well.
    fn cli(&self) -> Outcome<Cost> {
        self.breathe();
        let item = self.items.first().ok_or("no item")?;
        let mut command = Command::new(tests::binary("proctor-verify"));
        command.args(["open", &self.run, &item.id, "--purpose", "audit", "--reason", "to be measured"]);
        command.args(["--control-plane", &format!("https://localhost:{}", self.plane.control_plane.ports.web)]);
        command.arg("--ca-file").arg(self.plane.control_plane.authority());
        command.arg("--api-key-file").arg(&self.key_file).arg("--device-key").arg(&self.device_file);
        command.arg("--runner-key").arg(self.runner.home().join("runner.pem"));
        let (spent, ()) = cost(|| quietly(&mut command, 0))?;
        Ok(spent)
    }

    /// A large item: how fast, and with how much memory.
    fn large(&mut self) -> Outcome<()> {
        let payload = LARGE_FILES * LARGE_FILE;
        let pids = [self.service.pid(), self.plane.pid()?];
        let before = pids.map(|pid| forget_peak(pid).and_then(|()| status(pid, "VmRSS:")));
        let scene = &*self;
        let bare = BareStream::new()?;
        // Each of them takes seconds, and varies little.
        let measured = contend(
            &Plan::quick(),
            vec![
                Contender::new(FLOOR, || {
                    let (spent, ()) = cost(|| scene.plane.runtime.block_on(bare.send(payload)))?;
                    Ok(spent)
                }),
                Contender::new("large", || {
                    let started = now();
                    let bytes = scene.plane.runtime.block_on(scene.open(2, |_| {}))?;
                    if usize::try_from(bytes)? < payload {
                        return Err("less came than was collected".into());
                    }
                    Ok(Cost { wall: started.elapsed().as_secs_f64(), cpu: 0.0 })
                }),
            ],
        )?;
        let is_void = measured.is_void;
        let mebibytes = payload as f64 / f64::from(1 << 20);
        let what = format!("{mebibytes:.0} MiB, of a bare TLS stream of as many bytes");
        let (seen, goal) = (measured.speed("large", FLOOR), Goal::AtLeast(0.5));
        Line { row: "3", what, seen, cpu: None, goal, unit: "", is_void }.print()?;
        note(format_args!(
            "bare {:.0}, ours {:.0} MiB a second",
            mebibytes / measured.wall(FLOOR),
            mebibytes / measured.wall("large")
        ))?;
        for ((pid, before), who) in pids.into_iter().zip(before).zip(["the Runner", "the control plane"]) {
            let (what, seen) =
                (format!("the same, memory beyond rest: {who}"), (status(pid, "VmHWM:")? - before?) / 1024.0);
            Line { row: "3", what, seen, cpu: None, goal: Goal::AtMost(32.0), unit: " MiB", is_void }.print()?;
        }
        Ok(())
    }

    /// A byte changed on the way, and one in the store.
    fn tampered(&self) -> Outcome<()> {
        let flip = |bytes: &mut Vec<u8>| {
            if let Some(byte) = bytes.first_mut() {
                *byte ^= 1;
            }
        };
        let Err(sent) = self.plane.runtime.block_on(self.open(0, flip)) else {
            return Err("a byte changed on the way was not noticed: none of this counts".into());
        };
        note(format_args!("a byte changed on the way is refused: {sent}"))?;
        let db = rusqlite::Connection::open(self.runner.home().join("store.db"))?;
        db.busy_timeout(Duration::from_secs(5))?;
        let chunks: Vec<(i64, Vec<u8>)> = db
            .prepare("SELECT id, sealed FROM chunk WHERE length(sealed) < 65536")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (id, mut sealed) in chunks {
            let middle = sealed.len() / 2;
            if let Some(byte) = sealed.get_mut(middle) {
                *byte ^= 1;
            }
            db.execute("UPDATE chunk SET sealed = ?2 WHERE id = ?1", (id, sealed))?;
        }
        drop(db);
        let Err(stored) = self.plane.runtime.block_on(self.open(0, |_| {})) else {
            return Err("a byte changed in the store was not noticed: none of this counts".into());
        };
        let stored: String = stored.to_string().chars().take(160).collect();
        note(format_args!("a byte changed in the store is refused: {stored}"))
    }
}

/// The files that are collected, and the procedure that collects them.
fn write_evidence(runner: &Runner) -> Outcome<String> {
    let letters = |size: usize, seed: usize| -> Vec<u8> {
        (0..size).map(|at| b'a' + u8::try_from((at.wrapping_mul(31) + seed) % 23).unwrap_or(0)).collect()
    };
    let small = runner.write("small", letters(1024, 1));
    let medium = runner.write("medium", letters(16 * 1024, 2));
    for file in 0..LARGE_FILES {
        runner.write(&format!("large-{file}"), letters(LARGE_FILE, file));
    }
    let large = runner.beside("large-*");
    let step = |id: &str, with: String| {
        format!(
            "  - {{ id: {id}, title: Read, use: file, with: {{ {with}, content: text }}, evidence: {{ class: internal }} }}\n"
        )
    };
    let source = format!(
        "schema: procedure/v1\nid: bench\nversion: 1\ntitle: Bench\npurpose: To be measured.\nowner: nobody\nsteps:\n{}{}{}\
         checks:\n  - {{ id: there, title: It is there, assert: steps.small.exists, severity: low }}\n",
        step("small", format!("path: \"{}\"", small.display())),
        step("medium", format!("path: \"{}\"", medium.display())),
        step("large", format!("glob: [\"{}\"]", large.display())),
    );
    Ok(runner.write("bench.yaml", source).display().to_string())
}

fn read_device(file: &Path) -> Outcome<ed25519::SigningKey> {
    // PKCS#8 of such a key ends in its seed.
    let der = crypto::pem::decode("PRIVATE KEY", &std::fs::read_to_string(file)?)?;
    Ok(ed25519::SigningKey::from_seed(*der.last_chunk().ok_or("the device key is too short")?))
}

fn forget_peak(pid: u32) -> Outcome<()> {
    Ok(std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

fn status(pid: u32, field: &str) -> Outcome<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).ok_or("the kernel does not say")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

fn quantile(times: &[f64], share: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    let place = (times.len() as f64 * share) as usize;
    times.get(place.min(times.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
