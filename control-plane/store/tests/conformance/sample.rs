//! Records to write, all of them with ids that two tenants can share.

use control_plane_domain::account::{Password, Totp};
use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::api_key::{ApiKey, StoredApiKey};
use control_plane_domain::audit::Purpose;
use control_plane_domain::audit_log::AuditRef;
use control_plane_domain::device::Device;
use control_plane_domain::drilldown::{AskedItem, AskedWith, DrillDown, DrillDownState};
use control_plane_domain::join_token::{JoinToken, TokenState};
use control_plane_domain::link::{LinkKind, LinkState, PersonLink};
use control_plane_domain::person::{Person, PersonState};
use control_plane_domain::policy::{Role, Scopes};
use control_plane_domain::procedure::{InstalledProcedure, ReportedProcedure};
use control_plane_domain::run::AcceptedReport;
use control_plane_domain::run_request::{RunRequest, RunRequestState};
use control_plane_domain::runner::{CertificateState, Presence, Runner, RunnerCertificate, RunnerKeys, RunnerState};
use control_plane_domain::sealed::Sealed;
use control_plane_domain::secret::{ConnectorSecret, SecretState};
use control_plane_domain::session::{Session, SessionState};
use crypto::Digest;
use ids::{AlarmId, ApiKeyId, ItemId, LinkId, PersonId, RequestId, RunId, RunnerId, SessionId, TenantId, TokenId};
use proof::manifest::{CheckLine, ItemLine, Manifest, MetricLine, ProcedureVersion, RunLine, StepLine};
use verdict::{Counts, EvidenceClass, EvidenceForm, Severity, Status, StepStatus, Trigger};

use crate::world::at;

const MS: u64 = 1_763_755_896_097;

pub(crate) fn person_id(n: u8) -> PersonId {
    PersonId::from_parts(MS + u64::from(n), [n; 10])
}

pub(crate) fn key_id(n: u8) -> ApiKeyId {
    ApiKeyId::from_parts(MS + u64::from(n), [n; 10])
}

pub(crate) fn token_id(n: u8) -> TokenId {
    TokenId::from_parts(MS + u64::from(n), [n; 10])
}

pub(crate) fn runner_id(n: u8) -> RunnerId {
    RunnerId::from_parts(MS + u64::from(n), [n; 10])
}

pub(crate) fn run_id(n: u32) -> RunId {
    let [a, b, c, d] = n.to_be_bytes();
    RunId::from_parts(MS + u64::from(n), [a, b, c, d, 0, 0, 0, 0, 0, 1])
}

pub(crate) fn item_id(n: u32) -> ItemId {
    let [a, b, c, d] = n.to_be_bytes();
    ItemId::from_parts(MS + u64::from(n), [a, b, c, d, 0, 0, 0, 0, 0, 2])
}

pub(crate) fn request_id(n: u8) -> RequestId {
    RequestId::from_parts(MS + u64::from(n), [n; 10])
}

pub(crate) fn alarm_id(n: u8) -> AlarmId {
    AlarmId::from_parts(MS + u64::from(n), [n; 10])
}

pub(crate) fn session_id(n: u8) -> SessionId {
    SessionId::from_parts(MS + u64::from(n), [n; 10])
}

pub(crate) fn link_id(n: u8) -> LinkId {
    LinkId::from_parts(MS + u64::from(n), [n; 10])
}

pub(crate) fn digest(n: u8) -> Digest {
    Digest::from_bytes([n; 32])
}

pub(crate) fn person(n: u8) -> Person {
    Person {
        id: person_id(n),
        name: "Ada L.".parse().unwrap(),
        email: format!("ada{n}@example.org").parse().unwrap(),
        role: Role::Owner,
        state: PersonState::Active,
        created: at(0),
    }
}

pub(crate) fn api_key(n: u8, person: u8) -> StoredApiKey {
    let key = ApiKey {
        id: key_id(n),
        person: person_id(person),
        label: "laptop".parse().unwrap(),
        scopes: Scopes::of_role(Role::Auditor),
        created: at(0),
        expires: at(1_000_000),
        last_used: None,
        revoked: None,
    };
    StoredApiKey { key, digest: digest(n), created_by: Some(person_id(person)) }
}

pub(crate) fn join_token(n: u8) -> JoinToken {
    JoinToken {
        id: token_id(n),
        label: "web-1".parse().unwrap(),
        created_by: person_id(1),
        created: at(0),
        expires: at(600_000),
        state: TokenState::Open,
    }
}

pub(crate) fn presence() -> Presence {
    Presence {
        last_seen: None,
        connected: false,
        condition: None,
        software: "proctor-runner 0.1.0".parse().unwrap(),
        seal_level: None,
        waiting: 0,
    }
}

pub(crate) fn runner(n: u8) -> Runner {
    let keys = RunnerKeys {
        fingerprint: digest(n),
        statement: b"{\"payload\":\"\"}".to_vec(),
        tls_key: digest(n + 1),
        attestation_key: vec![n; 91],
        journal_key: "proctor/a+00000000+AA==".to_owned(),
        witness_key: "proctor/a/witness+00000000+AA==".to_owned(),
        sealing_key: [n; 32],
    };
    Runner {
        id: runner_id(n),
        label: "web-1".parse().unwrap(),
        token: token_id(1),
        enrolled: at(0),
        state: RunnerState::Pending,
        keys,
        generation: 0,
        presence: presence(),
        overdue_since: None,
    }
}

pub(crate) fn certificate(runner: u8, generation: u8, state: CertificateState) -> RunnerCertificate {
    RunnerCertificate {
        runner: runner_id(runner),
        generation: u64::from(generation),
        fingerprint: digest(100 + generation),
        serial: [generation; 16],
        key: digest(generation),
        request: digest(50 + generation),
        chain: vec![vec![generation; 300], vec![1; 200]],
        not_before: at(0),
        not_after: at(86_400_000),
        state,
    }
}

pub(crate) fn reported_procedure(id: &str, n: u8) -> ReportedProcedure {
    let installed = InstalledProcedure {
        runner: runner_id(1),
        id: id.parse().unwrap(),
        version: 3,
        digest: digest(n),
        title: "Access review".parse().unwrap(),
        notation: "yaml".parse().unwrap(),
        approved: at(0),
        schedule: Some("0 6 * * *".parse().unwrap()),
        time_zone: Some("Europe/Berlin".parse().unwrap()),
        has_source: true,
        reported: at(1),
    };
    ReportedProcedure { installed, source: Some(b"id: access-review\n".to_vec()) }
}

/// A run of one check and one item per check, ended `n` milliseconds after the start.
pub(crate) fn manifest(tenant: TenantId, n: u32, verdict: Status) -> Manifest {
    let counts = Counts { fail: u64::from(verdict == Status::Fail), pass: 1, ..Counts::default() };
    let started = at(i64::from(n) * 1_000);
    Manifest {
        run: RunLine {
            run: run_id(n),
            tenant,
            runner: runner_id(1),
            procedure: ProcedureVersion { id: "access-review".parse().unwrap(), version: 3, sha256: digest(9) },
            trigger: Trigger::Schedule,
            due: Some(started),
            started,
            ended: started.plus_ms(500),
            verdict,
            score: (verdict != Status::Pending).then_some(7_500),
            score_with_exceptions: None,
            counts,
            partial: false,
            software: "proctor-runner 0.1.0".parse().unwrap(),
        },
        steps: vec![StepLine {
            step: "list".parse().unwrap(),
            status: StepStatus::Ok,
            code: None,
            attempts: 1,
            started,
            ended: started.plus_ms(200),
        }],
        items: vec![ItemLine {
            item: item_id(n),
            step: "list".parse().unwrap(),
            form: EvidenceForm::Rows,
            class: EvidenceClass::Internal,
            collected: started.plus_ms(100),
            rows: 17,
            root: digest(n as u8),
        }],
        checks: vec![CheckLine {
            check: "mfa".parse().unwrap(),
            status: verdict,
            severity: Severity::High,
            counts,
            exceptions: vec!["019aa7f0-0000-7000-8000-000000000003".parse().unwrap()],
        }],
        metrics: vec![MetricLine { metric: "people".parse().unwrap(), value: -4 }],
    }
}

pub(crate) fn report(manifest: &Manifest, seq: u64) -> AcceptedReport<'_> {
    AcceptedReport { seq, manifest, manifest_bytes: b"manifest\n", attestation: b"{}", at: at(5) }
}

pub(crate) fn run_request(n: u8, audit: AuditRef) -> RunRequest {
    RunRequest {
        id: request_id(n),
        runner: runner_id(1),
        procedure: digest(9),
        person: person_id(1),
        requested: at(0),
        expires: at(1_000),
        audit,
        state: RunRequestState::Waiting,
    }
}

pub(crate) fn drilldown(n: u8, audit: AuditRef) -> DrillDown {
    DrillDown {
        id: request_id(n),
        runner: runner_id(1),
        run: run_id(1),
        items: vec![AskedItem { item: item_id(1), root: digest(1), rows: Some(vec![0, 3]) }],
        person: person_id(1),
        with: AskedWith::Key(key_id(1)),
        purpose: Purpose::Audit,
        reason: "Sample of the quarter".parse().unwrap(),
        recipient: [7; 32],
        device_key: vec![8; 44],
        requested: at(0),
        expires: at(1_000),
        audit,
        state: DrillDownState::WaitingForRunner,
    }
}

pub(crate) fn alarm(n: u8) -> Alarm {
    Alarm {
        id: alarm_id(n),
        kind: AlarmKind::Overdue,
        runner: Some(runner_id(1)),
        subject: Some("access-review".parse().unwrap()),
        opened: at(0),
        evidence: Some(b"note".to_vec()),
        acknowledged: None,
    }
}

pub(crate) fn password() -> Password {
    Password { phc: "$argon2id$v=19$m=32768,t=3,p=1$c2FsdA$dGFn".to_owned(), set: at(1) }
}

pub(crate) fn totp() -> Totp {
    Totp { sealed: Sealed::new(vec![5; 48]), since: at(2), last_step: 58_791_863 }
}

pub(crate) fn link(n: u8) -> PersonLink {
    PersonLink {
        id: link_id(n),
        person: person_id(1),
        kind: LinkKind::Invitation,
        created_by: None,
        created: at(0),
        expires: at(1_000),
        state: LinkState::Open,
    }
}

pub(crate) fn session(n: u8, state: SessionState) -> Session {
    Session {
        id: session_id(n),
        person: person_id(1),
        begun: at(0),
        seen: at(0),
        expires: at(1_000),
        address: "192.0.2.1".to_owned(),
        agent: "A browser/1.0".parse().unwrap(),
        recovered: false,
        state,
    }
}

pub(crate) fn device(n: u8) -> Device {
    Device {
        person: person_id(1),
        fingerprint: digest(n),
        spki: vec![n; 44],
        label: "Laptop".parse().unwrap(),
        created: at(0),
        last_used: None,
    }
}

pub(crate) fn connector_secret(n: u8, audit: AuditRef) -> ConnectorSecret {
    ConnectorSecret {
        id: request_id(n),
        runner: runner_id(1),
        name: "orders-db".parse().unwrap(),
        person: person_id(1),
        role: Role::Administrator,
        with: AskedWith::Key(key_id(1)),
        device_key: vec![8; 44],
        requested: at(0),
        seal_by: at(600),
        expires: at(1_000),
        audit,
        state: SecretState::ToSeal,
    }
}
