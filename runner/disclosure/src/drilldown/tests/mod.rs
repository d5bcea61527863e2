//! The gate before a real store, with real keys on both sides.

mod answers;
mod codes;
mod confirmed;
mod garbage;
mod memory;
mod replay;

use std::path::PathBuf;
use std::sync::Arc;

use clock::{Clock, ManualClock, Timestamp};
use contract::{DrillDown, DrillDownBytes};
use crypto::{Digest, SystemEntropy, ed25519, hpke, p256};
use ids::{ItemId, PersonId, RequestId, RunId, RunnerId, TenantId};
use proof::checkpoint::{Checkpoint, audit_origin, control_plane_witness};
use proof::cosignature::Witness;
use proof::drilldown::{Epoch, Factor, PendingRequest, Person, Purpose, RecordRef, Request, RequestedItem};
use runner_evidence::{Provenance, RawEvidence};
use runner_vault::{
    ControlPlanePins, Files, NewReader, Notation, Options, Outcome, PieceRecord, ProcedureSource, Provider, Retention,
    RunStart, SameDisk, Vault, VaultError,
};
use serde_json::{Map, Value, json};
use verdict::{EvidenceClass, Trigger};

use super::*;
use crate::policy::Policy;

pub(super) const EPOCH: Epoch = Epoch::from_bytes([5; 16]);

/// A folder with a store, and the keys of everybody.
pub(super) struct Bed {
    folder: PathBuf,
    _owned: Option<tempfile::TempDir>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) control_plane: p256::SigningKey,
    pub(super) device: ed25519::SigningKey,
    pub(super) recipient: hpke::KeyPair,
    pub(super) audit: ed25519::SigningKey,
}

pub(super) fn tenant() -> TenantId {
    TenantId::from_parts(1, [8; 10])
}

pub(super) fn person() -> PersonId {
    PersonId::from_parts(1, [4; 10])
}

pub(super) fn run() -> RunId {
    RunId::from_parts(1, [3; 10])
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Bed {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder: folder.path().to_owned(), _owned: Some(folder), ..Self::at(PathBuf::new()) }
    }

    pub(super) fn at(folder: PathBuf) -> Self {
        Self {
            folder,
            _owned: None,
            clock: Arc::new(ManualClock::at(time("2026-11-23T10:00:00.000Z"))),
            control_plane: p256::SigningKey::generate(&SystemEntropy::new()),
            device: ed25519::SigningKey::from_seed([6; 32]),
            recipient: hpke::KeyPair::generate(&SystemEntropy::new()),
            audit: ed25519::SigningKey::from_seed([1; 32]),
        }
    }

    pub(super) fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// Leaves the control plane's key for a child that goes on in the same folder.
    pub(super) fn write_control_plane(&self) {
        std::fs::write(self.folder.join("control-plane.key"), self.control_plane.to_pkcs8().expose()).unwrap();
    }

    pub(super) fn read_control_plane(&mut self) {
        let key = crypto::Secret::new(std::fs::read(self.folder.join("control-plane.key")).unwrap());
        self.control_plane = p256::SigningKey::from_pkcs8(key, &SystemEntropy::new()).unwrap();
    }

    pub(super) fn files(&self) -> Files {
        Files::in_folder(&self.folder)
    }

    fn provider(&self) -> Provider {
        Provider::KeyFile { path: self.folder.join("root.key"), same_disk: SameDisk::Accept }
    }

    /// A store for the tenant, with nothing in it but the pinned keys.
    pub(super) fn create(&self) -> Vault {
        let runner = RunnerId::from_parts(1, [7; 10]);
        let (options, clock, entropy) = (Options::default(), self.clock.clone(), SystemEntropy::new());
        let mut vault =
            Vault::create(&self.files(), &self.provider(), tenant(), runner, options, clock, entropy).unwrap();
        vault.pin_control_plane(&self.pins()).unwrap();
        vault
    }

    /// The same with an approved reader and a run of three items: 40 rows, a blob of 600,000 bytes, and rows about
    /// persons.
    pub(super) fn filled(&self) -> Vault {
        let mut vault = self.create();
        self.approve(&mut vault);
        self.begin(&mut vault, run());
        let rows = |count: usize| {
            let records = (0..count).map(|index| json!({"index": index, "name": format!("user{index}")})).collect();
            RawEvidence::table(Map::new(), "rows", records).unwrap()
        };
        let blob = RawEvidence::document(Map::new(), "out", runner_evidence::Parse::Text, vec![b'x'; 600_000]).unwrap();
        vault.record_piece(run(), self.piece("users", rows(40), EvidenceClass::Internal)).unwrap();
        vault.record_piece(run(), self.piece("config", blob, EvidenceClass::Confidential)).unwrap();
        vault.record_piece(run(), self.piece("people", rows(20), EvidenceClass::Personal)).unwrap();
        vault
    }

    pub(super) fn approve(&self, vault: &mut Vault) {
        let key = self.device.verifying_key();
        let label = "laptop".parse().unwrap();
        let new = NewReader { device: key.key_id(), key: Some(key), person: person(), label, days: 90 };
        vault.approve_reader(&new, None).unwrap();
    }

    pub(super) fn begin(&self, vault: &mut Vault, run: RunId) {
        let procedure = ProcedureSource {
            id: "access-review".parse().unwrap(),
            version: 3,
            digest: Digest::from_bytes([9; 32]),
            notation: Notation::Yaml,
            source: b"id: access-review\n".to_vec(),
        };
        let start = RunStart {
            run,
            procedure,
            inputs: json!({}),
            trigger: Trigger::Local,
            due: None,
            started: self.clock.now(),
            period: None,
            only: None,
            software: "proctor-runner 0.1.0".into(),
            retention: Retention::Audit,
        };
        vault.begin_run(&start).unwrap();
    }

    pub(super) fn piece(&self, step: &str, evidence: RawEvidence, class: EvidenceClass) -> PieceRecord {
        let now = self.clock.now();
        let provenance = Provenance {
            step: step.into(),
            attempt: 1,
            started: now,
            ended: now,
            connector: "sql".into(),
            connector_version: "0.1.0".into(),
            connection: None,
            request: Value::Null,
            source: Value::Null,
            operator: "proctor".into(),
            bytes: 0,
            class,
            dropped: Vec::new(),
            complete: Some(true),
        };
        let outcome = Outcome::Collected { evidence, provenance, class };
        let step = step.into();
        PieceRecord { step, position: None, key: None, failed: Vec::new(), started: now, ended: now, outcome }
    }

    pub(super) fn open(&self) -> Vault {
        self.try_open().unwrap()
    }

    pub(super) fn try_open(&self) -> Result<Vault, VaultError> {
        let entropy = SystemEntropy::new();
        Vault::open(&self.files(), &self.provider(), Options::default(), self.clock.clone(), entropy)
    }

    fn pins(&self) -> ControlPlanePins {
        let empty = Checkpoint { origin: audit_origin(tenant()), size: 0, root: Digest::ZERO };
        let (name, witness) = (control_plane_witness(tenant()), ed25519::SigningKey::from_seed([2; 32]));
        ControlPlanePins {
            drilldown: self.control_plane.verifying_key(),
            audit: empty.verifier_key(&self.audit),
            witness: Witness { name: &name, key: &witness }.verifier_key(),
        }
    }

    pub(super) fn gate(&self) -> Gate {
        Gate::new(Policy::default(), self.clock.clone())
    }

    /// A request for the first 40 rows that is right in everything.
    pub(super) fn request(&self, vault: &Vault, number: u8) -> Request {
        let (now, identity) = (self.clock.now(), vault.identity());
        Request {
            request: RequestId::from_parts(7, [number; 10]),
            epoch: EPOCH,
            tenant: identity.tenant,
            runner: identity.runner,
            runner_key: vault.attestation_key().key_id(),
            run: run(),
            items: vec![self.item(vault, 0, Some(vec![0, 7, 39]))],
            person: Person {
                id: person(),
                device: self.device.verifying_key().key_id(),
                role: "auditor".parse().unwrap(),
                factors: vec![Factor::ApiKey],
            },
            purpose: Purpose::Audit,
            reason: "sample of the quarter".parse().unwrap(),
            recipient: self.recipient.public(),
            audit: RecordRef { seq: 3, hash: Digest::ZERO },
            issued: now,
            expires: now.plus_ms(120_000),
        }
    }

    /// A request for one of the items as a whole.
    pub(super) fn request_of(&self, vault: &Vault, nth: usize) -> Request {
        Request { items: vec![self.item(vault, nth, None)], ..self.request(vault, 1) }
    }

    /// Writes to the database behind the vault's back.
    pub(super) fn edit(&self, sql: &str) {
        let db = rusqlite::Connection::open(self.files().store).unwrap();
        db.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        db.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// One of the items of the run.
    pub(super) fn item(&self, vault: &Vault, nth: usize, rows: Option<Vec<u64>>) -> RequestedItem {
        let record = vault.items(run()).unwrap().remove(nth).record;
        RequestedItem { item: record.item, root: record.commitment.root, rows }
    }

    pub(super) fn envelope(&self, request: &Request) -> Vec<u8> {
        let pending = PendingRequest::new(request.clone()).unwrap();
        let signature = pending.sign_as_device(&self.device);
        let envelope = pending.complete(&signature, &self.device.verifying_key(), &self.control_plane).unwrap();
        envelope.bytes().to_vec()
    }

    pub(super) fn drill_down(&self, request: &Request) -> DrillDown {
        message(self.envelope(request), Some(self.device.verifying_key()))
    }

    pub(super) fn receive(&self, vault: &mut Vault, request: &Request) -> Begun {
        self.gate().receive(vault, &self.drill_down(request), &EPOCH, &SystemEntropy::new()).unwrap()
    }

    /// The code of a request that must be refused.
    pub(super) fn refused(&self, vault: &mut Vault, request: &Request) -> DrillDownCode {
        match self.receive(vault, request) {
            Begun::Refused(refusal) => refusal.code,
            Begun::Answering(_) => panic!("it is answered"),
        }
    }

    pub(super) fn answered(&self, vault: &mut Vault, request: &Request) -> Answer {
        match self.receive(vault, request) {
            Begun::Answering(answer) => *answer,
            Begun::Refused(refusal) => panic!("refused: {}", refusal.code),
        }
    }
}

pub(super) fn message(envelope: Vec<u8>, device_key: Option<ed25519::VerifyingKey>) -> DrillDown {
    DrillDown { envelope: DrillDownBytes::new(envelope).unwrap(), device_key }
}

pub(super) fn last_line(vault: &Vault, back: u64) -> String {
    let size = vault.journal_size().unwrap();
    vault.journal_line(size - 1 - back).unwrap().line
}

pub(super) fn unknown_item() -> ItemId {
    ItemId::from_parts(1, [0xee; 10])
}
