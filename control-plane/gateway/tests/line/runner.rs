//! A Runner that does on the wire what a test tells it, right or wrong.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use clock::Clock;
use contract::enrolment::{KeyStatement, RecoveryStatement};
use contract::identity::RunnerName;
use contract::{
    Alive, Condition, DerRequest, EnrolRequest, EnrolResponse, Epoch, FromControlPlane, FromRunner, Hello, JournalLine,
    Report, Stop, Timestamp, version,
};
use crypto::{SystemEntropy, digest::sha256, ed25519, p256};
use hyper_util::rt::TokioIo;
use ids::{ItemId, RunId, RunnerId, StoreId};
use proof::checkpoint::{journal_origin, runner_witness};
use proof::log::Chain;
use proof::log::journal::{JournalRecord, MissReason};
use proof::manifest::{CheckLine, ItemLine, Manifest, ProcedureVersion, RunLine, StepLine};
use proof::merkle::Frontier;
use proof::note::{Algorithm, VerifierKey};
use proto::enrolment_client::EnrolmentClient;
use proto::line_client::LineClient;
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

use verdict::{Counts, EvidenceClass, EvidenceForm, Severity, Status as Outcome, StepStatus, Trigger};

use crate::world::{PATIENCE, World};

pub(super) struct Runner {
    pub(super) name: RunnerName,
    pub(super) tls: KeyPair,
    attestation: p256::SigningKey,
    journal_key: ed25519::SigningKey,
    witness_key: ed25519::SigningKey,
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) generation: u64,
    pub(super) journal: Chain,
    pub(super) lines: Vec<String>,
}

impl Runner {
    /// A Runner that nobody knows yet.
    pub(super) fn new(world: &World) -> Self {
        let entropy = SystemEntropy::new();
        let now = world.clock.now().as_millis().unsigned_abs();
        let runner = RunnerId::from_parts(now, crypto::entropy::random_bytes(&entropy));
        Self {
            name: RunnerName { tenant: world.owner.tenant(), runner },
            tls: KeyPair::generate().unwrap(),
            attestation: p256::SigningKey::generate(&entropy),
            journal_key: ed25519::SigningKey::generate(&entropy),
            witness_key: ed25519::SigningKey::generate(&entropy),
            chain: Vec::new(),
            generation: 0,
            journal: Chain::new(),
            lines: Vec::new(),
        }
    }

    /// A Runner that was let in.
    pub(super) async fn enrolled(world: &World) -> Self {
        let mut runner = Self::new(world);
        let token = world.token().await;
        let request = runner.request(token);
        let first = runner.ask(world, request.clone()).await;
        assert!(matches!(first, EnrolResponse::AwaitingApproval(_)), "{first:?}");
        let fingerprint = runner.statement().fingerprint();
        world.operations.approve_runner(&world.owner, runner.name.runner, &fingerprint).await.unwrap();
        match runner.ask(world, request).await {
            EnrolResponse::Enrolled(enrolled) => {
                runner.chain = enrolled.chain.iter().map(|der| der.as_bytes().to_vec()).collect();
                runner.generation = enrolled.generation;
            }
            other => panic!("not enrolled: {other:?}"),
        }
        runner
    }

    pub(super) fn statement(&self) -> KeyStatement {
        let RunnerName { tenant, runner } = self.name;
        let key = |name, algorithm, key: &ed25519::SigningKey| VerifierKey::new(name, algorithm, key.verifying_key());
        KeyStatement {
            tenant,
            runner,
            label: "test runner".parse().unwrap(),
            software: "proctor-runner 0.1.0".parse().unwrap(),
            tls_key: sha256(&self.tls.subject_public_key_info()),
            attestation_key: self.attestation.verifying_key(),
            journal_key: key(journal_origin(tenant, runner), Algorithm::Ed25519, &self.journal_key),
            witness_key: key(runner_witness(tenant, runner), Algorithm::Cosignature, &self.witness_key),
            sealing_key: [9; 32],
        }
    }

    pub(super) fn sign_recovery(&self, statement: &RecoveryStatement) -> contract::Envelope<16384> {
        statement.sign(&self.attestation).unwrap()
    }

    pub(super) fn request(&self, token: contract::token::JoinToken) -> EnrolRequest {
        let request = CertificateParams::default().serialize_request(&self.tls).unwrap();
        EnrolRequest {
            version: version::CURRENT,
            token,
            certificate_request: DerRequest::new(request.der().to_vec()).unwrap(),
            statement: self.statement().sign(&self.attestation).unwrap(),
        }
    }

    pub(super) async fn ask(&self, world: &World, request: EnrolRequest) -> EnrolResponse {
        let mut client = EnrolmentClient::new(channel(world.enrolment, client(world, None)).await.unwrap());
        client.enrol(proto::EnrolRequest::from(request)).await.unwrap().into_inner().try_into().unwrap()
    }

    /// Writes so many more records into the journal.
    pub(super) fn write(&mut self, world: &World, records: usize) {
        let now = world.clock.now();
        for _ in 0..records {
            let record = if self.journal.size() == 0 {
                JournalRecord::Started {
                    store: StoreId::from_bytes([7; 16]),
                    tenant: self.name.tenant,
                    runner: self.name.runner,
                    runner_key: self.attestation.verifying_key().key_id(),
                }
            } else {
                JournalRecord::DueMissed {
                    procedure: "access-review".parse().unwrap(),
                    due: now.plus_ms(-1000 * i64::try_from(self.journal.size()).unwrap()),
                    reason: MissReason::Stopped,
                }
            };
            self.append(world, &record);
        }
    }

    /// Writes this record; its number.
    pub(super) fn append(&mut self, world: &World, record: &JournalRecord) -> usize {
        self.lines.push(self.journal.append(world.clock.now(), record).unwrap().line);
        self.lines.len() - 1
    }

    pub(super) fn attestation(&self) -> &p256::SigningKey {
        &self.attestation
    }

    pub(super) fn hello(&self) -> Hello {
        Hello {
            version: version::CURRENT,
            software: "proctor-runner 0.1.0".parse().unwrap(),
            epoch: Epoch::from_bytes(crypto::entropy::random_bytes(&SystemEntropy::new())),
            generation: self.generation,
            journal_size: self.journal.size(),
            journal_head: self.journal.prev(),
            audit_size: 0,
            audit_root: Frontier::new().root(),
            condition: Condition::Ready,
            seal_level: "software".parse().unwrap(),
            mark: None,
            marks_before: Vec::new(),
        }
    }

    pub(super) fn report(&self, seq: usize) -> Report {
        let line = JournalLine::new(self.lines[seq].clone()).unwrap();
        Report { seq: u64::try_from(seq).unwrap(), line, attested: None }
    }

    /// Connects and says nothing yet.
    pub(super) async fn connect(&self, world: &World) -> Result<Conversation, Failure> {
        connect(world, &self.chain, &self.tls).await
    }

    /// A session that has been welcomed.
    pub(super) async fn session(&self, world: &World) -> Conversation {
        let mut conversation = self.connect(world).await.unwrap();
        conversation.say(FromRunner::Hello(self.hello())).await;
        let welcome = conversation.hear().await;
        assert!(matches!(welcome, Some(FromControlPlane::Welcome(_))), "{welcome:?}");
        conversation
    }
}

/// Both directions of one stream.
pub(super) struct Conversation {
    to: mpsc::Sender<proto::FromRunner>,
    pub(super) from: Streaming<proto::FromControlPlane>,
}

impl Conversation {
    /// Sends a message; one that can no longer be sent is what the test will hear about.
    pub(super) async fn say(&self, message: FromRunner) {
        self.say_raw(message.into()).await;
    }

    pub(super) async fn say_raw(&self, message: proto::FromRunner) -> bool {
        tokio::time::timeout(PATIENCE, self.to.send(message)).await.unwrap().is_ok()
    }

    pub(super) fn sender(&self) -> mpsc::Sender<proto::FromRunner> {
        self.to.clone()
    }

    /// The next message; nothing when the stream has ended.
    pub(super) async fn hear(&mut self) -> Option<FromControlPlane> {
        let heard =
            tokio::time::timeout(PATIENCE, self.from.message()).await.expect("the control plane says something");
        heard.ok().flatten().map(|message| FromControlPlane::try_from(message).unwrap())
    }

    /// What ends the conversation: a Stop, or nothing. What comes before is passed over.
    pub(super) async fn hear_end(&mut self) -> Option<Stop> {
        loop {
            match self.hear().await {
                Some(FromControlPlane::Stop(stop)) => {
                    assert_eq!(self.hear().await, None, "nothing follows a Stop");
                    return Some(stop);
                }
                Some(_) => {}
                None => return None,
            }
        }
    }

    /// Waits until this many records are accepted.
    pub(super) async fn hear_accepted(&mut self, wanted: u64) {
        loop {
            match self.hear().await {
                Some(FromControlPlane::Accepted(accepted)) if accepted.accepted >= wanted => return,
                Some(FromControlPlane::Stop(stop)) => panic!("stopped: {stop:?}"),
                Some(_) => {}
                None => panic!("the stream ended before {wanted} records were accepted"),
            }
        }
    }
}

pub(super) fn alive(at: Timestamp) -> FromRunner {
    FromRunner::Alive(Alive { at, condition: Condition::Ready, waiting: 0 })
}

/// Why there is no conversation.
#[derive(Debug)]
pub(super) enum Failure {
    Connection,
    Status(Status),
}

/// Opens a stream, whatever is presented.
pub(super) async fn connect(world: &World, chain: &[Vec<u8>], key: &KeyPair) -> Result<Conversation, Failure> {
    let identity = (!chain.is_empty()).then_some((chain, key));
    let channel = channel(world.line, client(world, identity)).await.map_err(|_| Failure::Connection)?;
    converse(channel).await
}

/// Opens a stream on this connection.
pub(super) async fn converse(channel: Channel) -> Result<Conversation, Failure> {
    let (to, outgoing) = mpsc::channel(1024);
    let mut client = LineClient::new(channel);
    let opening = client.session(ReceiverStream::new(outgoing));
    let from = tokio::time::timeout(PATIENCE, opening).await.expect("an answer").map_err(Failure::Status)?;
    Ok(Conversation { to, from: from.into_inner() })
}

pub(super) fn client(world: &World, identity: Option<(&[Vec<u8>], &KeyPair)>) -> ClientConfig {
    client_of(&world.roots, identity)
}

pub(super) fn client_of(roots: &Arc<RootCertStore>, identity: Option<(&[Vec<u8>], &KeyPair)>) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(Arc::clone(roots));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = chain.iter().cloned().map(CertificateDer::from).collect();
            let key: PrivateKeyDer<'static> = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
            // Presented as told, whether the key fits or not.
            let key = rustls::crypto::ring::default_provider().key_provider.load_private_key(key).unwrap();
            let resolver = SingleCertAndKey::from(CertifiedKey::new(chain, key));
            builder.with_client_cert_resolver(Arc::new(resolver))
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

pub(super) async fn shake(address: SocketAddr, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

/// One connection.
pub(super) async fn channel(address: SocketAddr, config: ClientConfig) -> Result<Channel, tonic::transport::Error> {
    let config = Arc::new(config);
    Endpoint::from_static("http://localhost")
        .connect_with_connector(tower::service_fn(move |_| {
            let config = ClientConfig::clone(&config);
            async move { shake(address, config).await.map(TokioIo::new) }
        }))
        .await
}

/// A run of one step with one item of one row and one check.
pub(super) fn manifest(name: RunnerName, run: RunId, item: ItemId, now: Timestamp) -> Manifest {
    let counts = Counts { pass: 1, fail: 0, error: 0, pending: 0, not_applicable: 0, excepted: 0 };
    Manifest {
        run: RunLine {
            run,
            tenant: name.tenant,
            runner: name.runner,
            procedure: ProcedureVersion { id: "demo".parse().unwrap(), version: 1, sha256: sha256(b"demo") },
            trigger: Trigger::Local,
            due: None,
            started: now,
            ended: now,
            verdict: Outcome::Pass,
            score: Some(10_000),
            score_with_exceptions: Some(10_000),
            counts,
            partial: false,
            software: "proctor-runner 0.1.0".parse().unwrap(),
        },
        steps: vec![StepLine {
            step: "collect".parse().unwrap(),
            status: StepStatus::Ok,
            code: None,
            attempts: 1,
            started: now,
            ended: now,
        }],
        items: vec![ItemLine {
            item,
            step: "collect".parse().unwrap(),
            form: EvidenceForm::Rows,
            class: EvidenceClass::Internal,
            collected: now,
            rows: 1,
            root: sha256(b"root"),
        }],
        checks: vec![CheckLine {
            check: "is-set".parse().unwrap(),
            status: Outcome::Pass,
            severity: Severity::High,
            counts,
            exceptions: Vec::new(),
        }],
        metrics: Vec::new(),
    }
}
