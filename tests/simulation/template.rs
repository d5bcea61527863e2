//! What every simulation begins with: a control plane with a tenant, and a Runner that was really enrolled there. It is
//! made once; each seed works on copies of the files.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clock::{Clock, Timestamp};
use contract::enrolment::{KEYS_TYPE, KeyStatement};
use contract::identity::RunnerName;
use contract::token::JoinToken;
use contract::{EnrolResponse, StatementEnvelope};
use control_plane_authority::{Authority, RootKey};
use control_plane_domain::policy::Role;
use control_plane_operations::{AddPerson, CreateApiKey, CreateTenant, Operations, Parts, Settings};
use control_plane_store::{Config, SqliteConfig, Store, backup, migrate};
use crypto::{Digest, Secret, SystemEntropy, ed25519};
use ids::{PersonId, RunnerId};
use runner_link::enrolment::Application;
use runner_link::{Identity, Trust};
use runner_vault::{ControlPlanePins, Files, NewReader, Notation, Options, ProcedureSource, Provider, SameDisk, Vault};

use crate::time::{PartyClock, Time};

pub(crate) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const SOFTWARE: &str = "proctor-runner 0.1.0";
const DATABASE: &str = "control-plane.db";
const STORE: &str = "runner";
const KEY_DAYS: i64 = 30;

const PROCEDURE: &str = "schema: procedure/v1
id: demo
version: 1
title: Demo
purpose: Shows it.
owner: ops
retention: operational
schedule: { every: { cron: \"0 6 * * 1\", timezone: Europe/Berlin } }
steps:
  - id: hosts
    title: Read it
    use: file
    with: { path: /etc/hosts, content: text }
checks:
  - id: present
    title: It is there
    assert: steps.hosts.exists
    severity: high
";

/// Files and names of an enrolled Runner and its control plane.
pub(crate) struct Template {
    folder: tempfile::TempDir,
    pub(crate) name: RunnerName,
    pub(crate) owner_key: String,
    pub(crate) auditor_key: String,
}

/// Memory where there is some: what is simulated are processes that end, not disks that lose what they confirmed.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

pub(crate) fn begins() -> Timestamp {
    "2026-11-23T10:00:00.000Z".parse().unwrap()
}

/// The person's device.
pub(crate) fn device() -> ed25519::SigningKey {
    ed25519::SigningKey::from_seed([6; 32])
}

pub(crate) fn procedure() -> ProcedureSource {
    let read = procedure::read(PROCEDURE.as_bytes(), procedure::Notation::Yaml).unwrap();
    ProcedureSource {
        id: read.id.parse().unwrap(),
        version: read.version,
        digest: read.digest(),
        notation: Notation::Yaml,
        source: PROCEDURE.as_bytes().to_vec(),
    }
}

pub(crate) fn procedure_digest() -> Digest {
    procedure().digest
}

pub(crate) fn provider(folder: &Path) -> Provider {
    Provider::KeyFile { path: folder.join("root.key"), same_disk: SameDisk::Accept }
}

pub(crate) fn config(database: &Path) -> Config {
    Config::Sqlite(SqliteConfig { path: database.to_owned(), readers: 1 })
}

pub(crate) async fn operations(database: &Path, clock: &Arc<PartyClock>) -> Operations {
    let clock: Arc<dyn Clock> = clock.clone();
    let store = Store::open(&config(database), Arc::clone(&clock)).await.unwrap();
    let authority = Arc::new(Authority::new(RootKey::new(Secret::new([7; 32]))));
    let settings = Settings::new("cp.example.org:8442".parse().unwrap());
    Operations::new(Parts { store, authority, clock, entropy: SystemEntropy::new(), settings })
}

impl Template {
    pub(crate) async fn make() -> Self {
        let folder = folder();
        let clock = PartyClock::new(&Time::default(), begins());
        let original = folder.path().join("original.db");
        migrate(&config(&original)).await.unwrap();
        let ops = operations(&original, &clock).await;
        let created = ops
            .create_tenant(CreateTenant {
                name: "Example Ltd".parse().unwrap(),
                owner_email: "owner@example.org".parse().unwrap(),
                owner_name: "Olga Owner".parse().unwrap(),
            })
            .await
            .unwrap();
        let owner_key = created.api_key.expose().clone();
        let owner = ops.authenticate(&owner_key, ADDRESS).await.unwrap();
        let person = AddPerson {
            email: "auditor@example.org".parse().unwrap(),
            name: "Ada Auditor".parse().unwrap(),
            role: Role::Auditor,
        };
        let auditor = ops.add_person(&owner, person).await.unwrap();
        let key = CreateApiKey {
            person: Some(auditor.id),
            label: "simulation".parse().unwrap(),
            scopes: None,
            expires: begins().plus_ms(KEY_DAYS * 86_400_000),
        };
        let auditor_key = ops.create_api_key(&owner, key).await.unwrap().text.expose().clone();
        let token = ops.create_token(&owner, "simulated".parse().unwrap()).await.unwrap();
        let token = JoinToken::parse(token.text.expose()).unwrap();

        let store = folder.path().join(STORE);
        std::fs::create_dir(&store).unwrap();
        let name = RunnerName { tenant: created.tenant, runner: RunnerId::from_parts(1_795_000_000_000, [7; 10]) };
        let (files, options) = (Files::in_folder(&store), Options::default());
        let entropy = SystemEntropy::new();
        let mut vault =
            Vault::create(&files, &provider(&store), name.tenant, name.runner, options, clock.clone(), entropy.clone())
                .unwrap();
        let application = application(&vault, name, &entropy);
        let (_, fingerprint) = KeyStatement::open(application.statement().unwrap().envelope()).unwrap();
        let request = application.enrol_request(&token).unwrap();
        let waiting = ops.enrol(&request, ADDRESS).await;
        assert!(matches!(waiting, EnrolResponse::AwaitingApproval(_)), "{waiting:?}");
        ops.approve_runner(&owner, name.runner, &fingerprint).await.unwrap();
        let EnrolResponse::Enrolled(enrolled) = ops.enrol(&request, ADDRESS).await else { panic!("not enrolled") };
        let identity = application.enrolled(enrolled, None, clock.now()).unwrap();
        settle_in(&mut vault, &identity, auditor.id);
        drop(vault);
        backup(&config(&original), &folder.path().join(DATABASE)).await.unwrap();
        Self { folder, name, owner_key, auditor_key }
    }

    /// Copies for one seed: the database, and the folder of the Runner's store.
    pub(crate) fn copy(&self, to: &Path) -> (PathBuf, PathBuf) {
        let (database, store) = (to.join(DATABASE), to.join(STORE));
        std::fs::copy(self.folder.path().join(DATABASE), &database).unwrap();
        copy_folder(&self.folder.path().join(STORE), &store);
        (database, store)
    }
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn application(vault: &Vault, name: RunnerName, entropy: &SystemEntropy) -> Application {
    let address = "cp.example.org:8441".parse().unwrap();
    let application = Application::new(name, address, Trust::System, entropy);
    let statement = KeyStatement {
        tenant: name.tenant,
        runner: name.runner,
        label: "simulated".parse().unwrap(),
        software: SOFTWARE.parse().unwrap(),
        tls_key: application.tls_key_digest(),
        attestation_key: vault.attestation_key(),
        journal_key: vault.journal_key().clone(),
        witness_key: vault.witness_key().clone(),
        sealing_key: *vault.sealing_key().as_bytes(),
    };
    let signed = vault.sign_statement(KEYS_TYPE, &statement.to_bytes()).unwrap();
    application.with_statement(StatementEnvelope::new(signed.bytes()).unwrap())
}

/// What the operator does after enrolment: keys are pinned, a procedure installed, a device approved.
fn settle_in(vault: &mut Vault, identity: &Identity, auditor: PersonId) {
    let keys = identity.control_plane();
    let pins = ControlPlanePins { drilldown: keys.drilldown, audit: keys.audit.clone(), witness: keys.witness.clone() };
    vault.pin_control_plane(&pins).unwrap();
    vault.set_link_identity(&identity.to_bytes()).unwrap();
    vault.approve_procedure(&procedure(), None).unwrap();
    let key = device().verifying_key();
    let label = "laptop".parse().unwrap();
    vault
        .approve_reader(&NewReader { device: key.key_id(), key: Some(key), person: auditor, label, days: 90 }, None)
        .unwrap();
}
