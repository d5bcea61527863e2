//! A Runner without a store: keys, a certificate, a journal in memory, and its end of the stream.

use clock::{Clock, SystemClock};
use contract::enrolment::KeyStatement;
use contract::identity::RunnerName;
use contract::token::JoinToken;
use contract::{
    Attested, Condition, DerRequest, EnrolRequest, EnrolResponse, Envelope, Epoch, FromControlPlane, FromRunner, Hello,
    JournalLine, ManifestBytes, Report, Welcome, version,
};
use crypto::entropy::random_bytes;
use crypto::{SystemEntropy, digest::sha256, ed25519, p256};
use ids::{ItemId, RunId, RunnerId};
use proof::checkpoint::{journal_origin, runner_witness};
use proof::log::Chain;
use proof::log::journal::JournalRecord;
use proof::manifest::{CheckLine, ItemLine, Manifest, ProcedureVersion, RunLine, StepLine};
use proof::merkle::Frontier;
use proof::note::{Algorithm, VerifierKey};
use proto::enrolment_client::EnrolmentClient;
use proto::line_client::LineClient;
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use serde_json::json;
use tests::{ControlPlane, Tenant};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use verdict::{Counts, EvidenceClass, EvidenceForm, Severity, Status, StepStatus, Trigger};

use super::{Web, pem};
use crate::harness::Outcome;

const SOFTWARE: &str = "proctor-runner 0.1.0";

/// Such a Runner, enrolled.
pub(crate) struct Peer {
    name: RunnerName,
    tls: KeyPair,
    attestation: p256::SigningKey,
    journal_key: ed25519::SigningKey,
    witness_key: ed25519::SigningKey,
    chain: Vec<Vec<u8>>,
    generation: u64,
    journal: Chain,
}

impl Peer {
    /// Token, request, approval, certificate.
    pub(crate) async fn enrol(control_plane: &ControlPlane, tenant: &Tenant, web: &Web) -> Outcome<Self> {
        let entropy = SystemEntropy::new();
        let now = u64::try_from(SystemClock::new().now().as_millis())?;
        let mut peer = Self {
            name: RunnerName { tenant: tenant.id.parse()?, runner: RunnerId::from_parts(now, random_bytes(&entropy)) },
            tls: KeyPair::generate()?,
            attestation: p256::SigningKey::generate(&entropy),
            journal_key: ed25519::SigningKey::generate(&entropy),
            witness_key: ed25519::SigningKey::generate(&entropy),
            chain: Vec::new(),
            generation: 0,
            journal: Chain::new(),
        };
        let made = web.post("/tokens", &json!({"label": "bench"})).await?;
        let token = made.get("text").and_then(|text| text.as_str()).ok_or("the token has no text")?;
        let statement = peer.statement()?;
        let request = EnrolRequest {
            version: version::CURRENT,
            token: JoinToken::parse(token).map_err(|error| error.to_string())?,
            certificate_request: DerRequest::new(
                CertificateParams::default().serialize_request(&peer.tls)?.der().to_vec(),
            )
            .map_err(|error| error.to_string())?,
            statement: statement.sign(&peer.attestation).map_err(|error| error.to_string())?,
        };
        let port = control_plane.ports.enrolment;
        let authority = Certificate::from_pem(std::fs::read(control_plane.authority())?);
        let trust = ClientTlsConfig::new().ca_certificate(authority).domain_name("localhost");
        let channel = Endpoint::from_shared(format!("https://127.0.0.1:{port}"))?.tls_config(trust)?.connect().await?;
        let mut client = EnrolmentClient::new(channel);
        let asked: EnrolResponse =
            client.enrol(proto::EnrolRequest::from(request.clone())).await?.into_inner().try_into()?;
        if !matches!(asked, EnrolResponse::AwaitingApproval(_)) {
            return Err("nobody was asked to approve".into());
        }
        let path = format!("/runners/{}/approve", peer.name.runner);
        web.post(&path, &json!({"fingerprint": statement.fingerprint().to_string()})).await?;
        match client.enrol(proto::EnrolRequest::from(request)).await?.into_inner().try_into()? {
            EnrolResponse::Enrolled(enrolled) => {
                peer.chain = enrolled.chain.iter().map(|der| der.as_bytes().to_vec()).collect();
                peer.generation = enrolled.generation;
                Ok(peer)
            }
            other @ (EnrolResponse::AwaitingApproval(_) | EnrolResponse::Refused(_)) => {
                Err(format!("not enrolled: {other:?}").into())
            }
        }
    }

    fn statement(&self) -> Outcome<KeyStatement> {
        let RunnerName { tenant, runner } = self.name;
        let key = |name, algorithm, key: &ed25519::SigningKey| VerifierKey::new(name, algorithm, key.verifying_key());
        Ok(KeyStatement {
            tenant,
            runner,
            label: "bench".parse().map_err(|_| "the label")?,
            software: SOFTWARE.parse().map_err(|_| "the software")?,
            tls_key: sha256(&self.tls.subject_public_key_info()),
            attestation_key: self.attestation.verifying_key(),
            journal_key: key(journal_origin(tenant, runner), Algorithm::Ed25519, &self.journal_key),
            witness_key: key(runner_witness(tenant, runner), Algorithm::Cosignature, &self.witness_key),
            sealing_key: [9; 32],
        })
    }

    /// The certificate of the tenant's authority, PEM.
    pub(crate) fn authority_pem(&self) -> Outcome<String> {
        Ok(pem("CERTIFICATE", self.chain.last().ok_or("the chain is empty")?))
    }

    /// Everything that is needed to dial a server which has a certificate of this authority.
    pub(crate) fn dialled(&self, port: u16, authority_pem: &[u8]) -> Outcome<Dialled> {
        let chain: String = self.chain.iter().map(|der| pem("CERTIFICATE", der)).collect();
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(authority_pem))
            .identity(Identity::from_pem(chain, self.tls.serialize_pem()))
            .domain_name("localhost");
        let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{port}"))?.tcp_nodelay(true).tls_config(tls)?;
        let hello = Hello {
            version: version::CURRENT,
            software: SOFTWARE.parse().map_err(|_| "the software")?,
            epoch: Epoch::from_bytes(random_bytes(&SystemEntropy::new())),
            generation: self.generation,
            journal_size: self.journal.size(),
            journal_head: self.journal.prev(),
            audit_size: 0,
            audit_root: Frontier::new().root(),
            condition: Condition::Ready,
            seal_level: "software".parse().map_err(|_| "the seal level")?,
            mark: None,
            marks_before: Vec::new(),
        };
        Ok(Dialled { endpoint, hello: FromRunner::Hello(hello).into() })
    }

    /// The next record of the journal, as it is reported.
    pub(crate) fn report(&mut self, record: &JournalRecord) -> Outcome<Report> {
        let line = self.journal.append(SystemClock::new().now(), record)?;
        Ok(Report {
            seq: line.seq,
            line: JournalLine::new(line.line).map_err(|error| error.to_string())?,
            attested: None,
        })
    }

    /// The next record, which is about a run of one step with one item and one check, with its manifest and attestation.
    pub(crate) fn run(&mut self) -> Outcome<Report> {
        let now = SystemClock::new().now();
        let entropy = SystemEntropy::new();
        let milliseconds = u64::try_from(now.as_millis())?;
        let run = RunId::from_parts(milliseconds, random_bytes(&entropy));
        let item = ItemId::from_parts(milliseconds, random_bytes(&entropy));
        let manifest = manifest(self.name, run, item, now)?;
        let bytes = manifest.to_bytes()?;
        let envelope = proof::attestation::attest(&manifest, &bytes, &self.attestation);
        let record = JournalRecord::RunAttested { run, attestation_sha256: envelope.sha256() };
        let report = self.report(&record)?;
        let attestation = Envelope::new(envelope.bytes()).map_err(|error| error.to_string())?;
        let manifest = ManifestBytes::new(bytes).map_err(|error| error.to_string())?;
        Ok(Report { attested: Some(Attested { manifest, attestation }), ..report })
    }
}

/// A server to be dialled, and what is said first.
#[derive(Clone)]
pub(crate) struct Dialled {
    endpoint: Endpoint,
    hello: proto::FromRunner,
}

impl Dialled {
    /// Connects, says Hello and waits for the first answer.
    pub(crate) async fn open(&self) -> Outcome<Session> {
        let channel = self.endpoint.connect().await?;
        let (to, outgoing) = mpsc::channel(1024);
        to.send(self.hello.clone()).await?;
        let from = LineClient::new(channel).session(ReceiverStream::new(outgoing)).await?.into_inner();
        let mut session = Session { to, from, window: 0 };
        match session.hear().await? {
            FromControlPlane::Welcome(Welcome { window, .. }) => {
                session.window = usize::try_from(window)?;
                Ok(session)
            }
            other => Err(format!("not welcomed: {other:?}").into()),
        }
    }
}

/// A stream that was opened.
pub(crate) struct Session {
    to: mpsc::Sender<proto::FromRunner>,
    from: Streaming<proto::FromControlPlane>,
    /// Reports that may be under way.
    window: usize,
}

impl Session {
    /// Sends the reports, as many under way as may be, and waits until all of them are accepted.
    pub(crate) async fn report(&mut self, first: u64, reports: Vec<proto::FromRunner>) -> Outcome<()> {
        let all = first + u64::try_from(reports.len())?;
        let mut accepted = first;
        for (sent, report) in (first..).zip(reports) {
            while sent - accepted >= u64::try_from(self.window)? {
                accepted = self.hear_accepted().await?;
            }
            self.to.send(report).await?;
        }
        while accepted < all {
            accepted = self.hear_accepted().await?;
        }
        Ok(())
    }

    async fn hear_accepted(&mut self) -> Outcome<u64> {
        loop {
            match self.hear().await? {
                FromControlPlane::Accepted(accepted) => return Ok(accepted.accepted),
                FromControlPlane::AuditCheckpoint(_) => {}
                other => return Err(format!("not accepted: {other:?}").into()),
            }
        }
    }

    /// The next message.
    pub(crate) async fn hear(&mut self) -> Outcome<FromControlPlane> {
        let message = self.from.message().await?.ok_or("the stream has ended")?;
        Ok(message.try_into()?)
    }
}

fn manifest(name: RunnerName, run: RunId, item: ItemId, now: clock::Timestamp) -> Outcome<Manifest> {
    let counts = Counts { pass: 1, ..Counts::default() };
    let step: proof::text::Name = "collect".parse()?;
    Ok(Manifest {
        run: RunLine {
            run,
            tenant: name.tenant,
            runner: name.runner,
            procedure: ProcedureVersion { id: "bench".parse()?, version: 1, sha256: sha256(b"bench") },
            trigger: Trigger::Local,
            due: None,
            started: now,
            ended: now,
            verdict: Status::Pass,
            score: Some(10_000),
            score_with_exceptions: Some(10_000),
            counts,
            partial: false,
            software: SOFTWARE.parse()?,
        },
        steps: vec![StepLine {
            step: step.clone(),
            status: StepStatus::Ok,
            code: None,
            attempts: 1,
            started: now,
            ended: now,
        }],
        items: vec![ItemLine {
            item,
            step,
            form: EvidenceForm::Rows,
            class: EvidenceClass::Internal,
            collected: now,
            rows: 1,
            root: sha256(b"root"),
        }],
        checks: vec![CheckLine {
            check: "holds".parse()?,
            status: Status::Pass,
            severity: Severity::High,
            counts,
            exceptions: Vec::new(),
        }],
        metrics: Vec::new(),
    })
}
