//! A control plane over a fresh database.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use clock::{Clock, ManualClock, Timestamp};
use contract::token::JoinToken;
use contract::{EnrolResponse, FromControlPlane};
use control_plane_authority::{Authority, RootKey};
use control_plane_domain::audit::AuditRecord;
use control_plane_domain::audit_log::AuditFilter;
use control_plane_domain::list::Page;
use control_plane_domain::policy::{Caller, Role};
use control_plane_operations::{
    AddPerson, CreateApiKey, CreateTenant, LineError, Operations, Parts, PeerCertificate, Session, Settings,
};
use control_plane_store::Store;
use crypto::{Secret, SystemEntropy};
use ids::TenantId;
use proof::log::Line;

use super::FakeRunner;
use crate::database::Database;

pub(crate) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(crate) struct World {
    pub(crate) ops: Operations,
    pub(crate) clock: Arc<ManualClock>,
    database: Database,
    pub(crate) entropy: SystemEntropy,
}

/// A tenant with its first owner.
pub(crate) struct Tenancy {
    pub(crate) id: TenantId,
    pub(crate) owner: Caller,
    pub(crate) key: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = Database::fresh().await;
        let start: Timestamp = "2026-11-21T20:00:00.000Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(start));
        let ops = Self::open(&database, &clock).await;
        Self { ops, clock, database, entropy: SystemEntropy::new() }
    }

    /// The same control plane after a restart.
    pub(crate) async fn restarted(self) -> Self {
        let ops = Self::open(&self.database, &self.clock).await;
        ops.refresh_trust().await.unwrap();
        Self { ops, ..self }
    }

    /// A second process over the same database.
    pub(crate) async fn replica(&self) -> Operations {
        let ops = Self::open(&self.database, &self.clock).await;
        ops.refresh_trust().await.unwrap();
        ops
    }

    async fn open(database: &Database, clock: &Arc<ManualClock>) -> Operations {
        let clock: Arc<dyn Clock> = clock.clone();
        let store = Store::open(&database.config(), clock.clone()).await.unwrap();
        let authority = Arc::new(Authority::new(RootKey::new(Secret::new([7; 32]))));
        let settings = Settings::new("cp.example.org:8442".parse().unwrap());
        Operations::new(Parts { store, authority, clock, entropy: SystemEntropy::new(), settings })
    }

    /// A copy of everything in the database.
    pub(crate) async fn dump(&self) -> crate::database::Dump {
        self.database.dump().await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn advance_seconds(&self, seconds: i64) {
        self.clock.advance_ms(seconds * 1000);
    }

    pub(crate) async fn tenant(&self, name: &str) -> Tenancy {
        let created = self
            .ops
            .create_tenant(CreateTenant {
                name: name.parse().unwrap(),
                owner_email: format!("owner@{name}.example").parse().unwrap(),
                owner_name: "The Owner".parse().unwrap(),
            })
            .await
            .unwrap();
        let key = created.api_key.expose().clone();
        let owner = self.ops.authenticate(&key, ADDRESS).await.unwrap();
        assert_eq!((owner.tenant(), owner.person(), owner.role()), (created.tenant, created.owner, Role::Owner));
        Tenancy { id: created.tenant, owner, key }
    }

    /// A person of a tenant, with a key that carries all that the role allows.
    pub(crate) async fn person(&self, tenant: &Tenancy, role: Role) -> Caller {
        self.person_with_key(tenant, role).await.0
    }

    pub(crate) async fn person_with_key(&self, tenant: &Tenancy, role: Role) -> (Caller, String) {
        let email = format!("{role}-{}@example.org", self.count(tenant).await);
        let person = AddPerson { email: email.parse().unwrap(), name: "Somebody".parse().unwrap(), role };
        let person = self.ops.add_person(&tenant.owner, person).await.unwrap();
        let key = CreateApiKey {
            person: Some(person.id),
            label: "test".parse().unwrap(),
            scopes: None,
            expires: self.now().plus_ms(86_400_000),
        };
        let key = self.ops.create_api_key(&tenant.owner, key).await.unwrap();
        let caller = self.ops.authenticate(key.text.expose(), ADDRESS).await.unwrap();
        (caller, key.text.expose().clone())
    }

    async fn count(&self, tenant: &Tenancy) -> usize {
        self.ops.list_people(&tenant.owner, &Page::first()).await.unwrap().items.len()
    }

    /// A token, as the Runner's operator gets it.
    pub(crate) async fn token(&self, tenant: &Tenancy) -> JoinToken {
        let token = self.ops.create_token(&tenant.owner, "web".parse().unwrap()).await.unwrap();
        JoinToken::parse(token.text.expose()).unwrap()
    }

    /// A Runner that was let in and has its first certificate.
    pub(crate) async fn runner(&self, tenant: &Tenancy) -> FakeRunner {
        let token = self.token(tenant).await;
        let mut runner = FakeRunner::new(tenant.id, &self.entropy, self.now());
        let waiting = self.ops.enrol(&runner.enrol_request(&token), ADDRESS).await;
        assert!(matches!(waiting, EnrolResponse::AwaitingApproval(_)), "{waiting:?}");
        let id = runner.name.runner;
        self.ops.approve_runner(&tenant.owner, id, &runner.fingerprint).await.unwrap();
        match self.ops.enrol(&runner.enrol_request(&token), ADDRESS).await {
            EnrolResponse::Enrolled(enrolled) => runner.take(&enrolled.chain, enrolled.generation),
            other => panic!("{other:?}"),
        }
        runner
    }

    /// The certificate as the handshake would see it.
    pub(crate) fn peer(&self, runner: &FakeRunner) -> PeerCertificate {
        let chain = &runner.held.as_ref().unwrap().chain;
        let verified = self.ops.authority().trusted().verify_runner(chain, self.now()).unwrap();
        PeerCertificate::from(&verified)
    }

    pub(crate) async fn connect(&self, runner: &mut FakeRunner) -> Result<(Session, Vec<FromControlPlane>), LineError> {
        let hello = runner.hello(&self.entropy);
        self.ops.hello(&self.peer(runner), &hello).await
    }

    /// A session that reported everything that the Runner has.
    pub(crate) async fn connected(&self, runner: &mut FakeRunner) -> Session {
        let (mut session, _) = self.connect(runner).await.unwrap();
        let reports = runner.reports.clone();
        self.ops.line().accept_reports(&mut session, reports).await.unwrap();
        session
    }

    /// The actions of the log, oldest first, each line read strictly.
    pub(crate) async fn actions(&self, tenant: &Tenancy) -> Vec<AuditRecord> {
        let mut records = Vec::new();
        let mut page = Page::first();
        loop {
            let listed = self.ops.list_audit(&tenant.owner, &AuditFilter::default(), &page).await.unwrap();
            records
                .extend(listed.items.iter().map(|line| AuditRecord::read(&Line::parse(&line.line).unwrap()).unwrap()));
            let Some(next) = listed.next else { break };
            page = page.following(next);
        }
        records.reverse();
        records
    }

    /// How often the log has this action.
    pub(crate) async fn logged(&self, tenant: &Tenancy, action: &str) -> usize {
        self.actions(tenant).await.iter().filter(|record| record.action.name() == action).count()
    }

    /// The words of the tenant's open alarms.
    pub(crate) async fn alarms(&self, tenant: &Tenancy) -> Vec<&'static str> {
        let alarms = self.ops.list_alarms(&tenant.owner, true, &Page::first()).await.unwrap();
        alarms.items.iter().map(|alarm| alarm.kind.as_str()).collect()
    }
}

/// The names of messages.
pub(crate) fn words(messages: &[FromControlPlane]) -> Vec<&'static str> {
    messages.iter().map(FromControlPlane::name).collect()
}
