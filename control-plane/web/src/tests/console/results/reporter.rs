//! A Runner with real keys and a real journal, that reports runs of one procedure.

use clock::Timestamp;
use contract::enrolment::{Fingerprint, KeyStatement};
use contract::identity::RunnerName;
use contract::limits::MAX_STATEMENT;
use contract::token::JoinToken;
use contract::{
    Attested, Catalogue, Condition, DerRequest, EnrolRequest, EnrolResponse, Envelope, Epoch, FromRunner, Hello,
    InstalledProcedure, JournalCheckpoint, JournalLine, ManifestBytes, NoteText, ProcedureSource, Report, version,
};
use control_plane_domain::policy::Caller;
use control_plane_operations::{PeerCertificate, Session};
use crypto::entropy::random_bytes;
use crypto::{Digest, SystemEntropy, ed25519, p256};
use ids::{ExceptionId, ItemId, RunId, RunnerId, StoreId, TenantId};
use proof::attestation;
use proof::checkpoint::{Checkpoint, journal_origin, runner_witness};
use proof::cosignature::Witness;
use proof::log::Chain;
use proof::log::journal::JournalRecord;
use proof::manifest::{CheckLine, ItemLine, Manifest, MetricLine, ProcedureVersion, RunLine, StepLine};
use proof::note::{Algorithm, VerifierKey};
use verdict::{
    CheckTally, Code, Counts, EvidenceClass, EvidenceForm, Severity, Status, StepStatus, Trigger, score,
    score_with_exceptions,
};

use crate::tests::harness::{CLIENT, Fixture, Tenant};

/// A file whose author means no good: markup and formulas wherever a text may stand.
pub(in crate::tests::console) const SOURCE: &str = r##"schema: procedure/v1
id: demo
version: 3
title: "Hosts <script>alert(1)</script> are looked after"
purpose: "Shows that <img src=x onerror=alert(2)> hosts are looked after."
owner: linux-operations
controls:
  iso-27001-2022: [A.8.8]
schedule: { every: day }
retention: audit
steps:
  - id: release
    title: "=1+1 reads the <b>release</b> file"
    use: file
    with: { path: /etc/os-release, content: text }
checks:
  - id: is-there
    title: "=HYPERLINK(\"http://evil.example\") the file is there"
    assert: steps.release.exists
    severity: critical
    fix: "@SUM(1) <script>alert(3)</script> put the file back"
    controls: { cis-v8: ["4.1"] }
  - id: is-small
    title: The file is small
    assert: steps.release.size < 1000
    severity: low
"##;

/// The checks of [`SOURCE`], in its order.
const CHECKS: [(&str, Severity); 2] = [("is-there", Severity::Critical), ("is-small", Severity::Low)];

pub(in crate::tests::console) struct Reporter<'f> {
    fixture: &'f Fixture,
    pub(in crate::tests::console) name: RunnerName,
    pub(in crate::tests::console) digest: Digest,
    attestation: p256::SigningKey,
    journal_key: ed25519::SigningKey,
    chain: Chain,
    pub(in crate::tests::console) session: Session,
}

/// A run that is to be reported.
#[derive(Clone, Copy)]
pub(in crate::tests::console) struct Ran {
    pub(in crate::tests::console) run: u8,
    /// What the two checks came to.
    pub(in crate::tests::console) statuses: [Status; 2],
    /// Milliseconds before now.
    pub(in crate::tests::console) ago: i64,
}

pub(in crate::tests::console) fn run_id(number: u8) -> RunId {
    RunId::from_parts(1_794_000_000_000 + u64::from(number), [number; 10])
}

pub(in crate::tests::console) fn item_id(run: u8) -> ItemId {
    ItemId::from_parts(1_794_000_000_000 + u64::from(run), [run, 1, 1, 1, 1, 1, 1, 1, 1, 1])
}

struct Keys {
    attestation: p256::SigningKey,
    journal: ed25519::SigningKey,
    statement: Envelope<MAX_STATEMENT>,
    fingerprint: Fingerprint,
    request: Vec<u8>,
}

impl Keys {
    fn new(tenant: TenantId, runner: RunnerId, label: &str) -> Self {
        let entropy = SystemEntropy::new();
        let attestation = p256::SigningKey::generate(&entropy);
        let (journal, witness_key) = (ed25519::SigningKey::generate(&entropy), ed25519::SigningKey::generate(&entropy));
        let tls = rcgen::KeyPair::generate().unwrap();
        let witness = runner_witness(tenant, runner);
        let tls_key = {
            use rcgen::PublicKeyData;
            crypto::digest::sha256(&tls.subject_public_key_info())
        };
        let journal_name = journal_origin(tenant, runner);
        let statement = KeyStatement {
            tenant,
            runner,
            label: label.parse().unwrap(),
            software: "proctor-runner 0.1.0".parse().unwrap(),
            tls_key,
            attestation_key: attestation.verifying_key(),
            journal_key: VerifierKey::new(journal_name, Algorithm::Ed25519, journal.verifying_key()),
            witness_key: Witness { name: &witness, key: &witness_key }.verifier_key(),
            sealing_key: [9; 32],
        };
        let request = rcgen::CertificateParams::default().serialize_request(&tls).unwrap().der().to_vec();
        let fingerprint = statement.fingerprint();
        Self { statement: statement.sign(&attestation).unwrap(), fingerprint, attestation, journal, request }
    }
}

impl<'f> Reporter<'f> {
    /// A Runner that was let in, is connected, and says that it has the procedure.
    pub(in crate::tests::console) async fn connect(fixture: &'f Fixture, tenant: &Tenant, label: &str) -> Self {
        let operations = &fixture.operations;
        let owner = operations.authenticate(&tenant.key, CLIENT).await.unwrap();
        let now = operations.clock().now();
        let runner = RunnerId::from_parts(1_794_000_000_000, random_bytes(&SystemEntropy::new()));
        let keys = Keys::new(tenant.id, runner, label);
        let peer = enrol(fixture, &owner, runner, &keys).await;
        let mut chain = Chain::new();
        let store = StoreId::from_parts(1, random_bytes(&SystemEntropy::new()));
        let runner_key = keys.attestation.verifying_key().key_id();
        let started = JournalRecord::Started { store, tenant: tenant.id, runner, runner_key };
        let first = chain.append(now, &started).unwrap();
        let hello = Hello {
            version: version::CURRENT,
            software: "proctor-runner 0.1.0".parse().unwrap(),
            epoch: Epoch::from_bytes(random_bytes(&SystemEntropy::new())),
            generation: 1,
            journal_size: chain.size(),
            journal_head: chain.prev(),
            audit_size: 0,
            audit_root: proof::merkle::empty_root(),
            condition: Condition::Ready,
            seal_level: "key-file".parse().unwrap(),
            mark: None,
            marks_before: Vec::new(),
        };
        let (mut session, _) = operations.hello(&peer, &hello).await.unwrap();
        let report = Report { seq: first.seq, line: JournalLine::new(first.line).unwrap(), attested: None };
        operations.line().accept_reports(&mut session, vec![report]).await.unwrap();
        let procedure = procedure::read(SOURCE.as_bytes(), procedure::Notation::Yaml).unwrap();
        let mut reporter = Self {
            fixture,
            name: RunnerName { tenant: tenant.id, runner },
            digest: procedure.digest(),
            attestation: keys.attestation,
            journal_key: keys.journal,
            chain,
            session,
        };
        reporter.install(Some(SOURCE)).await;
        reporter
    }

    /// Says what is installed, with its text or without.
    pub(in crate::tests::console) async fn install(&mut self, source: Option<&str>) {
        let installed = InstalledProcedure {
            id: "demo".parse().unwrap(),
            version: 3,
            digest: self.digest,
            title: "Hosts <script>alert(1)</script> are looked after".parse().unwrap(),
            notation: contract::Notation::Yaml,
            source: source.map(|source| ProcedureSource::new(source.as_bytes().to_vec()).unwrap()),
            approved: self.fixture.operations.clock().now(),
            schedule: Some("day".parse().unwrap()),
            time_zone: Some("UTC".parse().unwrap()),
        };
        self.say(FromRunner::Catalogue(Catalogue { procedures: vec![installed] })).await;
    }

    pub(in crate::tests::console) async fn say(&mut self, message: FromRunner) {
        self.fixture.operations.line().receive(&mut self.session, message).await.unwrap();
    }

    /// Reports a run, attested.
    pub(in crate::tests::console) async fn report(&mut self, ran: Ran) {
        let now = self.fixture.operations.clock().now();
        let manifest = self.manifest(ran, now.plus_ms(-ran.ago));
        let bytes = manifest.to_bytes().unwrap();
        let envelope = attestation::attest(&manifest, &bytes, &self.attestation);
        let record = JournalRecord::RunAttested { run: manifest.run.run, attestation_sha256: envelope.sha256() };
        let appended = self.chain.append(now, &record).unwrap();
        let attested = Attested {
            manifest: ManifestBytes::new(bytes).unwrap(),
            attestation: Envelope::new(envelope.bytes()).unwrap(),
        };
        let line = JournalLine::new(appended.line).unwrap();
        let report = Report { seq: appended.seq, line, attested: Some(attested) };
        self.fixture.operations.line().accept_reports(&mut self.session, vec![report]).await.unwrap();
    }

    /// Has its journal witnessed as it is now.
    pub(in crate::tests::console) async fn checkpoint(&mut self) {
        let RunnerName { tenant, runner } = self.name;
        let (size, root) = (self.chain.size(), self.chain.root());
        let checkpoint = Checkpoint { origin: journal_origin(tenant, runner), size, root };
        let note = NoteText::new(checkpoint.sign(&self.journal_key).unwrap().to_text()).unwrap();
        self.say(FromRunner::JournalCheckpoint(JournalCheckpoint { note })).await;
    }

    fn manifest(&self, ran: Ran, started: Timestamp) -> Manifest {
        let checks: Vec<CheckLine> =
            CHECKS.iter().zip(ran.statuses).map(|((id, severity), status)| check(id, *severity, status)).collect();
        let mut counts = Counts::default();
        checks.iter().for_each(|check| counts.add(&check.counts));
        let tallies: Vec<_> =
            checks.iter().map(|check| CheckTally { severity: check.severity, counts: check.counts }).collect();
        let has_failed = ran.statuses.contains(&Status::Error);
        Manifest {
            run: RunLine {
                run: run_id(ran.run),
                tenant: self.name.tenant,
                runner: self.name.runner,
                procedure: ProcedureVersion { id: "demo".parse().unwrap(), version: 3, sha256: self.digest },
                trigger: Trigger::Schedule,
                due: Some(started),
                started,
                ended: started.plus_ms(1_000),
                verdict: *ran.statuses.iter().min().unwrap(),
                score: score(&tallies),
                score_with_exceptions: score_with_exceptions(&tallies),
                counts,
                partial: false,
                software: "proctor-runner 0.1.0".parse().unwrap(),
            },
            steps: vec![StepLine {
                step: "release".parse().unwrap(),
                status: if has_failed { StepStatus::Error } else { StepStatus::Ok },
                code: has_failed.then_some(Code::Timeout),
                attempts: 1,
                started,
                ended: started.plus_ms(500),
            }],
            items: vec![ItemLine {
                item: item_id(ran.run),
                step: "release".parse().unwrap(),
                form: EvidenceForm::Blob,
                class: EvidenceClass::Internal,
                collected: started,
                rows: 1,
                root: Digest::from_bytes([ran.run; 32]),
            }],
            checks,
            metrics: Vec::<MetricLine>::new(),
        }
    }
}

async fn enrol(fixture: &Fixture, owner: &Caller, runner: RunnerId, keys: &Keys) -> PeerCertificate {
    let operations = &fixture.operations;
    let token = operations.create_token(owner, "test".parse().unwrap()).await.unwrap();
    let ask = || EnrolRequest {
        version: version::CURRENT,
        token: JoinToken::parse(token.text.expose()).unwrap(),
        certificate_request: DerRequest::new(keys.request.clone()).unwrap(),
        statement: keys.statement.clone(),
    };
    let waiting = operations.enrol(&ask(), CLIENT).await;
    assert!(matches!(waiting, EnrolResponse::AwaitingApproval(_)), "{waiting:?}");
    operations.approve_runner(owner, runner, &keys.fingerprint).await.unwrap();
    let EnrolResponse::Enrolled(enrolled) = operations.enrol(&ask(), CLIENT).await else { panic!("not enrolled") };
    let chain: Vec<Vec<u8>> = enrolled.chain.iter().map(|link| link.as_bytes().to_vec()).collect();
    let verified = operations.authority().trusted().verify_runner(&chain, operations.clock().now()).unwrap();
    PeerCertificate::from(&verified)
}

fn check(id: &str, severity: Severity, status: Status) -> CheckLine {
    let one = |of: Status| u64::from(status == of);
    let excepted = one(Status::Excepted);
    let counts = Counts {
        pass: one(Status::Pass),
        fail: one(Status::Fail) + excepted,
        error: one(Status::Error),
        pending: one(Status::Pending),
        not_applicable: one(Status::NotApplicable),
        excepted,
    };
    let exceptions = (excepted > 0).then(|| ExceptionId::from_parts(1, [1; 10]));
    CheckLine { check: id.parse().unwrap(), status, severity, counts, exceptions: exceptions.into_iter().collect() }
}
