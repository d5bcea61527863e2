//! One thing of each kind in a tenant, and a request for each route that speaks of them.

use clock::Timestamp;
use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit_log::AuditRef;
use control_plane_domain::drilldown::{AskedItem, DrillDown, DrillDownState};
use control_plane_domain::join_token::{JoinToken, TokenState};
use control_plane_domain::person::{Person, PersonState};
use control_plane_domain::policy::{self, Permission, Role};
use control_plane_domain::procedure::{InstalledProcedure, MissedDue, ReportedProcedure, ScheduleDue};
use control_plane_domain::run::AcceptedReport;
use control_plane_domain::run_request::{RunRequest, RunRequestState};
use control_plane_domain::runner::{Presence, Runner, RunnerKeys, RunnerState};
use control_plane_domain::scope::{self, ScopeLine};
use control_plane_domain::secret::{ConnectorSecret, SecretState};
use control_plane_operations::Operations;
use control_plane_store::{Unlogged, WriteTx};
use crypto::digest::sha256;
use crypto::{Digest, SystemEntropy, ed25519, hpke, p256};
use ids::{AlarmId, ApiKeyId, ItemId, PersonId, RequestId, RunId, RunnerId, StoreId, TenantId, TokenId};
use proof::log::Chain;
use proof::log::journal::JournalRecord;
use proof::manifest::{CheckLine, ItemLine, Manifest, ProcedureVersion, RunLine, StepLine};
use serde_json::{Value, json};
use verdict::{Counts, EvidenceClass, EvidenceForm, Severity, Status, StepStatus, Trigger};

use crate::api::route::Route;

pub(crate) const PROCEDURE: Digest = Digest::from_bytes([4; 32]);
pub(crate) const FINGERPRINT: Digest = Digest::from_bytes([5; 32]);

/// The ids of what is there.
#[derive(Debug, Clone)]
pub(crate) struct Things {
    pub(crate) runner: RunnerId,
    pub(crate) token: TokenId,
    pub(crate) run: RunId,
    pub(crate) item: ItemId,
    pub(crate) drilldown: RequestId,
    pub(crate) secret: RequestId,
    pub(crate) request: RequestId,
    pub(crate) alarm: AlarmId,
    pub(crate) person: PersonId,
    pub(crate) key: ApiKeyId,
}

impl Things {
    pub(crate) async fn make(operations: &Operations, tenant: TenantId, owner: PersonId, key: ApiKeyId) -> Self {
        let now = operations.clock().now();
        let id = |number: u8| {
            let mut random = [number; 10];
            random.copy_from_slice(&tenant.as_bytes()[6..]);
            random[9] = number;
            (1_795_000_000_000, random)
        };
        macro_rules! id {
            ($type:ident, $number:literal) => {{
                let (ms, random) = id($number);
                $type::from_parts(ms, random)
            }};
        }
        let things = Self {
            runner: id!(RunnerId, 1),
            token: id!(TokenId, 2),
            run: id!(RunId, 3),
            item: id!(ItemId, 4),
            drilldown: id!(RequestId, 5),
            secret: id!(RequestId, 9),
            request: id!(RequestId, 6),
            alarm: id!(AlarmId, 7),
            person: id!(PersonId, 8),
            key,
        };
        things.put(operations, tenant, owner, now).await;
        things
    }

    async fn put(&self, operations: &Operations, tenant: TenantId, owner: PersonId, now: Timestamp) {
        let permit = policy::system(tenant, Permission::Upkeep).unwrap();
        let tx = operations.store().write(&permit).await.unwrap();
        tx.add_person(&Person {
            id: self.person,
            name: "Somebody".parse().unwrap(),
            email: format!("somebody@{tenant}.example").parse().unwrap(),
            role: Role::Viewer,
            state: PersonState::Active,
            created: now,
        })
        .await
        .unwrap();
        let token = JoinToken {
            id: self.token,
            label: "token".parse().unwrap(),
            created_by: owner,
            created: now,
            expires: now.plus_ms(600_000),
            state: TokenState::Open,
        };
        tx.add_join_token(&token, &Digest::from_bytes([tenant.as_bytes()[15]; 32])).await.unwrap();
        tx.add_runner(&self.runner(now)).await.unwrap();
        tx.replace_catalogue(self.runner, &[self.procedure(now)]).await.unwrap();
        let due = ScheduleDue {
            runner: self.runner,
            procedure: "access-review".parse().unwrap(),
            next_due: now,
            reported: now,
            overdue_since: None,
        };
        tx.replace_schedule(self.runner, &[due]).await.unwrap();
        tx.mark_overdue(self.runner, &"access-review".parse().unwrap(), now).await.unwrap();
        tx.add_missed(&[MissedDue {
            runner: self.runner,
            procedure: "access-review".parse().unwrap(),
            due: now,
            reason: "off".parse().unwrap(),
            seq: 0,
        }])
        .await
        .unwrap();
        self.begin_journal(&tx, tenant, now).await;
        let manifest = self.manifest(tenant, now);
        let report =
            AcceptedReport { seq: 1, manifest: &manifest, manifest_bytes: b"{}\n", attestation: b"{}", at: now };
        tx.accept_reports(&[report]).await.unwrap();
        tx.add_drilldown(&self.drilldown(owner, now)).await.unwrap();
        tx.add_connector_secret(&self.secret(owner, now)).await.unwrap();
        tx.add_run_request(&RunRequest {
            id: self.request,
            runner: self.runner,
            procedure: PROCEDURE,
            person: owner,
            requested: now,
            expires: now.plus_ms(60_000),
            audit: AuditRef { seq: 0, hash: Digest::ZERO },
            state: RunRequestState::Waiting,
        })
        .await
        .unwrap();
        let alarm = Alarm {
            id: self.alarm,
            kind: AlarmKind::Overdue,
            runner: Some(self.runner),
            subject: Some("access-review".parse().unwrap()),
            opened: now,
            evidence: None,
            acknowledged: None,
        };
        assert!(tx.raise_alarm(&alarm).await.unwrap());
        self.put_scope(&tx, owner, now).await;
        tx.commit_unlogged(Unlogged::Delivery).await.unwrap();
        operations.sign_checkpoint(tenant).await.unwrap();
    }

    async fn put_scope(&self, tx: &WriteTx, owner: PersonId, now: Timestamp) {
        let controls = scope::parse("A.5.15,Access control").unwrap();
        let line = ScopeLine {
            framework: self.framework().parse().unwrap(),
            controls: 1,
            sha256: Digest::ZERO,
            set: now,
            by: owner,
        };
        tx.set_scope(&line, &controls).await.unwrap();
    }

    /// The Runner's journal: its beginning, and that it attested the run.
    async fn begin_journal(&self, tx: &WriteTx, tenant: TenantId, now: Timestamp) {
        let mut journal = tx.journal(self.runner).await.unwrap();
        let (store, runner_key) = (StoreId::from_parts(1, [1; 10]), Digest::ZERO);
        let started = JournalRecord::Started { store, tenant, runner: self.runner, runner_key };
        let attested = JournalRecord::RunAttested { run: self.run, attestation_sha256: sha256(b"{}") };
        let mut chain = Chain::new();
        for record in [started, attested] {
            let appended = chain.append(now, &record).unwrap();
            journal.check(&appended.line).unwrap();
        }
        tx.append_journal(journal).await.unwrap();
    }

    fn runner(&self, now: Timestamp) -> Runner {
        let key = ed25519::SigningKey::from_seed([1; 32]).verifying_key();
        let vkey = proof::note::VerifierKey::new("w".parse().unwrap(), proof::note::Algorithm::Ed25519, key);
        Runner {
            id: self.runner,
            label: "runner".parse().unwrap(),
            token: self.token,
            enrolled: now,
            state: RunnerState::Active { since: now },
            keys: RunnerKeys {
                fingerprint: FINGERPRINT,
                statement: b"{}".to_vec(),
                tls_key: Digest::from_bytes([6; 32]),
                attestation_key: p256::SigningKey::generate(&SystemEntropy::new()).verifying_key().to_spki(),
                journal_key: vkey.to_string(),
                witness_key: vkey.to_string(),
                sealing_key: [1; 32],
            },
            generation: 1,
            presence: Presence {
                last_seen: Some(now),
                connected: false,
                condition: None,
                software: "proctor-runner 0.1.0".parse().unwrap(),
                seal_level: None,
                waiting: 0,
            },
            overdue_since: None,
        }
    }

    fn procedure(&self, now: Timestamp) -> ReportedProcedure {
        let installed = InstalledProcedure {
            runner: self.runner,
            id: "access-review".parse().unwrap(),
            version: 1,
            digest: PROCEDURE,
            title: "Access review".parse().unwrap(),
            notation: "yaml".parse().unwrap(),
            approved: now,
            schedule: None,
            time_zone: None,
            has_source: true,
            reported: now,
        };
        ReportedProcedure { installed, source: Some(b"procedure: 1\n".to_vec()) }
    }

    fn manifest(&self, tenant: TenantId, now: Timestamp) -> Manifest {
        let counts = Counts { fail: 1, ..Counts::default() };
        let run = RunLine {
            run: self.run,
            tenant,
            runner: self.runner,
            procedure: ProcedureVersion { id: "access-review".parse().unwrap(), version: 1, sha256: PROCEDURE },
            trigger: Trigger::Schedule,
            due: Some(now),
            started: now,
            ended: now,
            verdict: Status::Fail,
            score: Some(0),
            score_with_exceptions: Some(0),
            counts,
            partial: false,
            software: "proctor-runner 0.1.0".parse().unwrap(),
        };
        let step = StepLine {
            step: "users".parse().unwrap(),
            status: StepStatus::Ok,
            code: None,
            attempts: 1,
            started: now,
            ended: now,
        };
        let item = ItemLine {
            item: self.item,
            step: "users".parse().unwrap(),
            form: EvidenceForm::Rows,
            class: *EvidenceClass::ALL.first().unwrap(),
            collected: now,
            rows: 3,
            root: Digest::from_bytes([8; 32]),
        };
        let check = CheckLine {
            check: "mfa".parse().unwrap(),
            status: Status::Fail,
            severity: *Severity::ALL.first().unwrap(),
            counts,
            exceptions: Vec::new(),
        };
        Manifest { run, steps: vec![step], items: vec![item], checks: vec![check], metrics: Vec::new() }
    }

    fn drilldown(&self, owner: PersonId, now: Timestamp) -> DrillDown {
        DrillDown {
            id: self.drilldown,
            runner: self.runner,
            run: self.run,
            items: vec![AskedItem { item: self.item, root: Digest::from_bytes([8; 32]), rows: Some(vec![0, 2]) }],
            person: owner,
            with: control_plane_domain::drilldown::AskedWith::Key(self.key),
            purpose: control_plane_domain::audit::Purpose::Audit,
            reason: "as agreed".parse().unwrap(),
            recipient: [1; 32],
            device_key: device(),
            requested: now,
            expires: now.plus_ms(600_000),
            audit: AuditRef { seq: 0, hash: Digest::ZERO },
            state: DrillDownState::WaitingForRunner,
        }
    }

    fn secret(&self, owner: PersonId, now: Timestamp) -> ConnectorSecret {
        ConnectorSecret {
            id: self.secret,
            runner: self.runner,
            name: "orders-db".parse().unwrap(),
            person: owner,
            role: Role::Owner,
            with: control_plane_domain::drilldown::AskedWith::Key(self.key),
            device_key: device(),
            requested: now,
            seal_by: now.plus_ms(600_000),
            expires: now.plus_ms(86_400_000),
            audit: AuditRef { seq: 0, hash: Digest::ZERO },
            state: SecretState::ToSeal,
        }
    }

    /// A framework of which controls are listed; no other tenant names it.
    fn framework(&self) -> String {
        format!("framework-{}", self.runner)
    }

    /// Every id, as text.
    pub(crate) fn ids(&self) -> Vec<String> {
        vec![
            self.runner.to_string(),
            self.token.to_string(),
            self.run.to_string(),
            self.item.to_string(),
            self.drilldown.to_string(),
            self.secret.to_string(),
            self.request.to_string(),
            self.alarm.to_string(),
            self.person.to_string(),
            self.key.to_string(),
        ]
    }

    /// The path of a route with these ids in it.
    pub(crate) fn path_of(&self, route: &Route) -> String {
        let request = match route.path {
            path if path.contains("run-requests") => self.request,
            path if path.contains("/secrets") => self.secret,
            _ => self.drilldown,
        };
        route
            .path
            .replace("{runner}", &self.runner.to_string())
            .replace("{digest}", &PROCEDURE.to_string())
            .replace("{token}", &self.token.to_string())
            .replace("{run}", &self.run.to_string())
            .replace("{item}", &self.item.to_string())
            .replace("{request}", &request.to_string())
            .replace("{alarm}", &self.alarm.to_string())
            .replace("{person}", &self.person.to_string())
            .replace("{key}", &self.key.to_string())
            .replace("{framework}", &self.framework())
    }

    /// A good body for a route; `None` if it takes none.
    pub(crate) fn body_of(&self, route: &Route) -> Option<Value> {
        route.body?;
        let justified = json!({"justification": "as agreed"});
        Some(match route.id {
            "switchDrilldowns" => json!({"enabled": true}),
            "setCoverageScope" => json!({"framework": "soc2-tsc", "text": "CC6.1,Logical access"}),
            "addPerson" => json!({"email": "new@example.org", "name": "New", "role": "viewer"}),
            "setRole" => json!({"role": "auditor"}),
            "createPersonLink" => json!({"kind": "password"}),
            "createApiKey" => json!({"label": "ci", "expires": "2026-11-30T00:00:00.000Z"}),
            "createToken" => json!({"label": "cellar"}),
            "approveRunner" => json!({"fingerprint": FINGERPRINT.to_string()}),
            "revokeRunner" | "unlockRunner" | "acknowledgeAlarm" => justified,
            "requestRun" => json!({"runner": self.runner, "procedure": PROCEDURE}),
            "requestDrilldown" => self.new_drilldown(),
            "requestSecret" => {
                json!({"runner": self.runner, "name": "orders-db", "device_key": base64(&device())})
            }
            "sealSecret" => json!({
                "sealed": base64(&[1; 304]), "payload": base64(b"{}"), "signature": base64(&[1; 64]),
            }),
            "signDrilldown" => json!({"signature": base64(&[1; 64])}),
            other => panic!("{other} needs a sample body"),
        })
    }

    pub(crate) fn new_drilldown(&self) -> Value {
        let recipient = hpke::KeyPair::generate(&SystemEntropy::new()).public();
        json!({
            "run": self.run,
            "items": [{"item": self.item, "rows": [0, 2]}],
            "purpose": "audit",
            "reason": "as agreed",
            "recipient_key": base64(recipient.as_bytes()),
            "device_key": base64(&device()),
        })
    }
}

fn device() -> Vec<u8> {
    ed25519::SigningKey::from_seed([9; 32]).verifying_key().to_spki()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
