//! A control plane and a Runner as the other side of `proctor-verify open`: honest ones, and ones that lie in one way.

mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clock::{Clock, SystemClock, Timestamp};
use crypto::{Digest, SystemEntropy, ed25519, hpke, p256};
use ids::{ItemId, PersonId, RequestId, RunId, RunnerId, TenantId};
use proof::commitment::{Committer, ItemSecret, Salts};
use proof::drilldown::{
    AnswerWriter, AnsweredItem, Decision, Epoch, Factor, Opened, PendingRequest, Person, Receipt, RecordRef, Request,
    RequestedItem, octets,
};
use proof::manifest::{CheckLine, ItemLine, Manifest, ProcedureVersion, RunLine, StepLine};
use proof::merkle::Tree;
use serde_json::{Value, json};
use verdict::{CheckTally, Counts, EvidenceClass, EvidenceForm, Severity, Status, StepStatus, Trigger, score};

pub(crate) use server::Server;

/// In which one way the other side lies, or what it does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    None,
    /// The control plane hands out a manifest that was changed.
    Manifest,
    /// The control plane hands out a run that another Runner attested.
    OtherRunner,
    /// The request to sign asks for something else.
    Request(Field),
    /// The answer ends early.
    Truncated,
    /// A byte of the answer was changed.
    Flipped,
    /// The answer's frames are there twice.
    Repeated,
    /// The Runner seals other rows than it committed to.
    Rows,
    /// The receipt is signed by somebody else.
    ReceiptKey,
    /// The receipt is of another answer.
    ReceiptAnswer,
    /// The receipt is about another request.
    ReceiptRequest,
    /// The Runner refuses with this code.
    Refused(&'static str),
    /// The answer is whole, and the receipt beside it is that of a refusal with this code.
    RefusedBeside(&'static str),
    /// The Runner's answer was cut off, and it says so.
    CutOff,
    /// No receipt comes, and the request is over.
    NoReceipt,
    /// The answer does not hold and no receipt comes either.
    RowsNoReceipt,
    /// The Runner does not come.
    Away,
    /// The Runner comes after a while, and once more on a new line.
    Late,
    /// The API key is not known.
    Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Recipient,
    Rows,
    Root,
    Reason,
    Purpose,
    Tenant,
    Device,
    Life,
    Time,
}

/// Both other sides, with one run of one item.
pub(crate) struct World {
    lie: Lie,
    runner: p256::SigningKey,
    control_plane: p256::SigningKey,
    manifest: Manifest,
    bytes: Vec<u8>,
    attestation: Vec<u8>,
    secret: ItemSecret,
    rows: Vec<Vec<u8>>,
    tree: Tree,
    id: RequestId,
    asked: Option<Value>,
    looked: u32,
    /// Requests of HTTP that came.
    pub(crate) requests: u32,
    pending: Option<PendingRequest>,
    answer: Vec<u8>,
    receipt: Option<Vec<u8>>,
}

pub(crate) fn run_id() -> RunId {
    RunId::from_parts(1_795_291_896_097, [3; 10])
}

pub(crate) fn item_id() -> ItemId {
    ItemId::from_parts(1_795_291_896_097, [4; 10])
}

impl World {
    pub(crate) fn new(lie: Lie, form: EvidenceForm, rows: Vec<Vec<u8>>) -> Self {
        let entropy = SystemEntropy::new();
        let runner = p256::SigningKey::generate(&entropy);
        let secret = ItemSecret::random(&entropy);
        let mut committer = Committer::new(&secret);
        let tree = Tree::new(rows.iter().map(|row| committer.push(row)).collect());
        let manifest = manifest(form, committer.commitment());
        let bytes = manifest.to_bytes().unwrap();
        let signer = if lie == Lie::OtherRunner { &p256::SigningKey::generate(&entropy) } else { &runner };
        let attestation = proof::attestation::attest(&manifest, &bytes, signer).bytes().to_vec();
        let control_plane = p256::SigningKey::generate(&entropy);
        let id = RequestId::from_parts(1_795_291_896_097, [6; 10]);
        Self {
            lie,
            runner,
            control_plane,
            manifest,
            bytes,
            attestation,
            secret,
            rows,
            tree,
            id,
            asked: None,
            looked: 0,
            requests: 0,
            pending: None,
            answer: Vec::new(),
            receipt: None,
        }
    }

    /// The answer to one request of HTTP: status, body, and how many bytes of it are really sent.
    fn answer(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, Vec<u8>, usize) {
        self.requests += 1;
        let whole = |status: u16, body: Vec<u8>| {
            let length = body.len();
            (status, body, length)
        };
        let key = headers.to_ascii_lowercase().contains("authorization: bearer pck_test");
        if !key || self.lie == Lie::Key {
            return whole(
                401,
                br#"{"code":"E-OPS-001","title":"t","detail":"the key is not known","next":"make one"}"#.into(),
            );
        }
        let id = self.id;
        let drilldown = format!("/api/v1/drilldowns/{id}");
        let run = format!("/api/v1/runs/{}", run_id());
        match (method, path) {
            ("GET", path) if path == format!("{run}/manifest") => {
                let mut bytes = self.bytes.clone();
                if self.lie == Lie::Manifest {
                    bytes = String::from_utf8(bytes)
                        .unwrap()
                        .replace("\"class\":\"internal\"", "\"class\":\"public\"")
                        .into();
                }
                whole(200, bytes)
            }
            ("GET", path) if path == format!("{run}/attestation") => whole(200, self.attestation.clone()),
            ("POST", "/api/v1/drilldowns") => {
                assert!(headers.to_ascii_lowercase().contains("idempotency-key: "), "{headers}");
                self.asked = Some(serde_json::from_slice(body).unwrap());
                whole(201, self.shown())
            }
            ("GET", path) if path == drilldown => whole(200, self.shown()),
            ("POST", path) if path == format!("{drilldown}/signature") => self.signed(body),
            ("GET", path) if path == format!("{drilldown}/answer") => match self.lie {
                Lie::Refused(_) | Lie::CutOff if self.answer.is_empty() => {
                    whole(409, br#"{"code":"E-OPS-040","title":"t","detail":"it was refused","next":""}"#.into())
                }
                Lie::Truncated => (200, self.answer.clone(), self.answer.len() - 10),
                _ => whole(200, self.answer.clone()),
            },
            ("GET", path) if path == format!("{drilldown}/receipt") => match self.receipt.clone() {
                Some(receipt) => whole(200, receipt),
                None => whole(404, b"{}".into()),
            },
            _ => whole(404, b"{}".into()),
        }
    }

    fn shown(&mut self) -> Vec<u8> {
        self.looked += 1;
        let (state, to_sign) = match (self.lie, self.looked) {
            (Lie::NoReceipt | Lie::RowsNoReceipt, 2..) => ("cancelled", None),
            (Lie::Away, 1) | (Lie::Late, 1) => ("waiting_for_runner", None),
            (Lie::Away, _) => ("expired", None),
            _ => ("to_sign", Some(json!({"payload": STANDARD.encode(self.make_request()), "until": "later"}))),
        };
        let code = (state == "expired").then_some("E-OPS-031");
        json!({"id": self.id, "run": run_id(), "state": state, "to_sign": to_sign, "code": code, "more": 1})
            .to_string()
            .into_bytes()
    }

    fn make_request(&mut self) -> Vec<u8> {
        let asked = self.asked.clone().unwrap();
        let field = |name: &str| STANDARD.decode(asked[name].as_str().unwrap()).unwrap();
        let device = ed25519::VerifyingKey::from_spki(&field("device_key")).unwrap();
        let now = SystemClock::new().now();
        let rows = asked["items"][0]["rows"].as_array();
        let run = &self.manifest.run;
        let line = &self.manifest.items[0];
        let mut request = Request {
            request: self.id,
            epoch: Epoch::from_bytes([u8::try_from(self.looked % 200).unwrap(); 16]),
            tenant: run.tenant,
            runner: run.runner,
            runner_key: self.runner.verifying_key().key_id(),
            run: run.run,
            items: vec![RequestedItem {
                item: asked["items"][0]["item"].as_str().unwrap().parse().unwrap(),
                root: line.root,
                rows: rows.map(|rows| rows.iter().map(|row| row.as_u64().unwrap()).collect()),
            }],
            person: Person {
                id: PersonId::from_parts(1_795_291_896_097, [7; 10]),
                device: device.key_id(),
                role: "auditor".parse().unwrap(),
                factors: vec![Factor::ApiKey],
            },
            purpose: asked["purpose"].as_str().unwrap().parse().unwrap(),
            reason: asked["reason"].as_str().unwrap().parse().unwrap(),
            recipient: hpke::PublicKey::from_bytes(&field("recipient_key")).unwrap(),
            audit: RecordRef { seq: 3, hash: Digest::ZERO },
            issued: now,
            expires: now.plus_ms(90_000),
        };
        if let Lie::Request(field) = self.lie {
            change(&mut request, field);
        }
        let pending = PendingRequest::new(request).unwrap();
        let payload = pending.payload().to_vec();
        self.pending = Some(pending);
        payload
    }

    /// The control plane countersigns; the Runner reads the request as it would from the line, and answers.
    fn signed(&mut self, body: &[u8]) -> (u16, Vec<u8>, usize) {
        let asked = self.asked.clone().unwrap();
        let spki = STANDARD.decode(asked["device_key"].as_str().unwrap()).unwrap();
        let device = ed25519::VerifyingKey::from_spki(&spki).unwrap();
        let body: Value = serde_json::from_slice(body).unwrap();
        let sig = STANDARD.decode(body["signature"].as_str().unwrap()).unwrap();
        let signature = proof::dsse::EnvelopeSignature { keyid: String::new(), sig };
        if self.lie == Lie::Late && self.looked == 2 {
            return (409, b"{}".into(), 2);
        }
        let pending = self.pending.clone().unwrap();
        let envelope = pending.complete(&signature, &device, &self.control_plane).unwrap();
        let control_planes = [self.control_plane.verifying_key()];
        let (pending, _) = proof::drilldown::open(envelope.bytes(), &[device], &control_planes).unwrap();
        let sealed_sha256 = self.seal(&pending);
        let decision = match self.lie {
            Lie::Refused(code) | Lie::RefusedBeside(code) => Decision::Refused { code: code.parse().unwrap() },
            Lie::CutOff => Decision::CutOff { code: "E-DRILL-029".parse().unwrap() },
            Lie::ReceiptAnswer => Decision::Answered { sealed_sha256: Digest::ZERO },
            _ => Decision::Answered { sealed_sha256 },
        };
        if matches!(self.lie, Lie::Refused(_) | Lie::CutOff) {
            self.answer.clear();
        }
        let receipt = Receipt {
            request: self.id,
            request_sha256: if self.lie == Lie::ReceiptRequest { Digest::ZERO } else { pending.sha256() },
            decision,
            at: SystemClock::new().now(),
            journal: RecordRef { seq: 9, hash: Digest::ZERO },
        };
        let other = p256::SigningKey::generate(&SystemEntropy::new());
        let key = if self.lie == Lie::ReceiptKey { &other } else { &self.runner };
        if !matches!(self.lie, Lie::NoReceipt | Lie::RowsNoReceipt) {
            self.receipt = Some(receipt.sign(key).bytes().to_vec());
        }
        let shown = json!({"id": self.id, "state": "signed", "to_sign": null, "code": null}).to_string();
        let length = shown.len();
        (200, shown.into_bytes(), length)
    }

    fn seal(&mut self, pending: &PendingRequest) -> Digest {
        let line = &self.manifest.items[0];
        let asked = pending.request().items[0].rows.clone();
        let opened = match &asked {
            None => Opened::All,
            Some(rows) => Opened::Rows(rows.iter().map(|i| (*i, self.tree.inclusion_path(*i).unwrap())).collect()),
        };
        let answered = AnsweredItem { item: line.item, commitment: line.commitment(), opened };
        let (enc, mut writer) = AnswerWriter::new(pending, vec![answered], &SystemEntropy::new()).unwrap();
        let salts = Salts::new(&self.secret);
        let mut frames = Vec::new();
        for index in asked.unwrap_or_else(|| (0..line.rows).collect()) {
            let mut row = self.rows[usize::try_from(index).unwrap()].clone();
            if matches!(self.lie, Lie::Rows | Lie::RowsNoReceipt) {
                row.push(b' ');
            }
            frames.extend(writer.row(index, &salts.of(index), &row).unwrap());
        }
        let (last, sealed_sha256) = writer.finish().unwrap();
        frames.push(last);
        if self.lie == Lie::Repeated {
            frames.extend(frames.clone());
        }
        self.answer = enc.to_vec();
        frames.iter().for_each(|frame| self.answer.extend(octets::frame(&frame.ciphertext)));
        if self.lie == Lie::Flipped {
            *self.answer.last_mut().unwrap() ^= 1;
        }
        sealed_sha256
    }
}

fn change(request: &mut Request, field: Field) {
    match field {
        Field::Recipient => request.recipient = hpke::KeyPair::generate(&SystemEntropy::new()).public(),
        Field::Rows => request.items[0].rows = None,
        Field::Root => request.items[0].root = Digest::ZERO,
        Field::Reason => request.reason = "another".parse().unwrap(),
        Field::Purpose => request.purpose = proof::drilldown::Purpose::Test,
        Field::Tenant => request.tenant = TenantId::from_parts(1, [1; 10]),
        Field::Device => request.person.device = Digest::ZERO,
        Field::Life => request.expires = request.issued.plus_ms(120_001),
        Field::Time => {
            request.issued = request.issued.plus_ms(3_600_000);
            request.expires = request.issued.plus_ms(60_000);
        }
    }
}

fn manifest(form: EvidenceForm, commitment: proof::commitment::Commitment) -> Manifest {
    let at: Timestamp = "2026-11-21T20:11:36.097Z".parse().unwrap();
    let counts = Counts { pass: 1, ..Counts::default() };
    let tallies = [CheckTally { severity: Severity::High, counts }];
    let procedure =
        ProcedureVersion { id: "demo".parse().unwrap(), version: 1, sha256: crypto::digest::sha256(b"demo") };
    Manifest {
        run: RunLine {
            run: run_id(),
            tenant: TenantId::from_parts(1_795_291_896_097, [1; 10]),
            runner: RunnerId::from_parts(1_795_291_896_097, [2; 10]),
            procedure,
            trigger: Trigger::Local,
            due: None,
            started: at,
            ended: at.plus_ms(1_000),
            verdict: Status::Pass,
            score: score(&tallies),
            score_with_exceptions: verdict::score_with_exceptions(&tallies),
            counts,
            partial: false,
            software: "proctor-runner 0.1.0".parse().unwrap(),
        },
        steps: vec![StepLine {
            step: "users".parse().unwrap(),
            status: StepStatus::Ok,
            code: None,
            attempts: 1,
            started: at,
            ended: at,
        }],
        items: vec![ItemLine {
            item: item_id(),
            step: "users".parse().unwrap(),
            form,
            class: EvidenceClass::Internal,
            collected: at,
            rows: commitment.rows,
            root: commitment.root,
        }],
        checks: vec![CheckLine {
            check: "active".parse().unwrap(),
            status: Status::Pass,
            severity: Severity::High,
            counts,
            exceptions: Vec::new(),
        }],
        metrics: Vec::new(),
    }
}

/// A folder with everything that a person has, and a control plane to ask.
pub(crate) struct Desk {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) server: Server,
}

impl Desk {
    pub(crate) fn new(world: World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = world.runner.verifying_key().to_pem();
        let server = Server::start(world);
        let write = |name: &str, text: &str| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::write(folder.path().join(name), text).unwrap();
            std::fs::set_permissions(folder.path().join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
        };
        write("runner.pem", &key);
        write("api.key", "pck_test\n");
        write("ca.pem", &server.ca_pem);
        Self { folder, server }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `proctor-verify open` on an item with the arguments that every call has, and these.
    pub(crate) fn open(&self, item: &str, more: &[&str]) -> (i32, Vec<u8>, String) {
        let run = run_id().to_string();
        let common = [
            ["--control-plane", &self.server.url],
            ["--purpose", "audit"],
            ["--reason", "Q4 sample"],
            ["--device-key", "device.key"],
        ];
        let mut arguments: Vec<&str> = vec!["open", &run, item];
        arguments.extend(common.iter().flatten().copied());
        arguments.extend(more);
        let output = command(self.folder.path(), &arguments);
        (output.status.code().unwrap(), output.stdout, String::from_utf8(output.stderr).unwrap())
    }
}

/// The arguments that name whom to believe.
pub(crate) const TRUSTED: [&str; 6] =
    ["--ca-file", "ca.pem", "--runner-key", "runner.pem", "--api-key-file", "api.key"];

pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_proctor-verify"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("PROCTOR_API_KEY")
        .env("TMPDIR", folder)
        .output()
        .unwrap()
}
