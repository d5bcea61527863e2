//! A Runner with real keys, a real journal and nothing else.

use clock::Timestamp;
use contract::enrolment::{Fingerprint, KeyStatement, RecoveryStatement};
use contract::identity::RunnerName;
use contract::limits::MAX_STATEMENT;
use contract::token::JoinToken;
use contract::{
    Attested, Condition, DerCertificate, DerRequest, EnrolRequest, Envelope, Epoch, Hello, JournalLine, ManifestBytes,
    NoteText, RecoverRequest, Renew, Report, version,
};
use crypto::entropy::random_bytes;
use crypto::{Digest, SystemEntropy, ed25519, hpke, p256};
use ids::{RunnerId, StoreId, TenantId};
use proof::attestation;
use proof::checkpoint::{Checkpoint, journal_origin, runner_witness};
use proof::cosignature::Witness;
use proof::log::Chain;
use proof::log::journal::JournalRecord;
use proof::note::{Algorithm, VerifierKey};

use super::RunSpec;

pub(crate) struct Held {
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) generation: u64,
}

pub(crate) struct FakeRunner {
    pub(crate) name: RunnerName,
    pub(crate) tls: rcgen::KeyPair,
    pub(crate) attestation: p256::SigningKey,
    pub(crate) journal_key: ed25519::SigningKey,
    pub(crate) witness_key: ed25519::SigningKey,
    pub(crate) sealing: hpke::KeyPair,
    pub(crate) statement: Envelope<MAX_STATEMENT>,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) request: Vec<u8>,
    pub(crate) held: Option<Held>,
    pub(crate) chain: Chain,
    pub(crate) reports: Vec<Report>,
    /// What it keeps of the audit log.
    pub(crate) audit: (u64, Digest),
    pub(crate) condition: Condition,
}

impl FakeRunner {
    pub(crate) fn new(tenant: TenantId, entropy: &SystemEntropy, now: Timestamp) -> Self {
        let runner = RunnerId::from_parts(u64::try_from(now.as_millis()).unwrap(), random_bytes(entropy));
        let attestation = p256::SigningKey::generate(entropy);
        let journal_key = ed25519::SigningKey::generate(entropy);
        let witness_key = ed25519::SigningKey::generate(entropy);
        let sealing = hpke::KeyPair::generate(entropy);
        let tls = rcgen::KeyPair::generate().unwrap();
        let witness = runner_witness(tenant, runner);
        let statement = KeyStatement {
            tenant,
            runner,
            label: "web".parse().unwrap(),
            software: "proctor-runner 0.1.0".parse().unwrap(),
            tls_key: key_id(&tls),
            attestation_key: attestation.verifying_key(),
            journal_key: VerifierKey::new(
                journal_origin(tenant, runner),
                Algorithm::Ed25519,
                journal_key.verifying_key(),
            ),
            witness_key: Witness { name: &witness, key: &witness_key }.verifier_key(),
            sealing_key: *sealing.public().as_bytes(),
        };
        let mut fake = Self {
            name: RunnerName { tenant, runner },
            request: certificate_request(&tls),
            fingerprint: statement.fingerprint(),
            statement: statement.sign(&attestation).unwrap(),
            tls,
            attestation,
            journal_key,
            witness_key,
            sealing,
            held: None,
            chain: Chain::new(),
            reports: Vec::new(),
            audit: (0, proof::merkle::empty_root()),
            condition: Condition::Ready,
        };
        let runner_key = fake.attestation.verifying_key().key_id();
        let store = StoreId::from_parts(1, random_bytes(entropy));
        fake.journal(now, &JournalRecord::Started { store, tenant, runner, runner_key });
        fake
    }

    /// Asks anew with a fresh TLS key, and with the attestation key of a stranger if there is one.
    pub(crate) fn ask_anew(&mut self, stranger: Option<&p256::SigningKey>) {
        let attestation = stranger.unwrap_or(&self.attestation);
        let (statement, _) = KeyStatement::open(self.statement.envelope()).unwrap();
        self.tls = rcgen::KeyPair::generate().unwrap();
        self.request = certificate_request(&self.tls);
        let tls_key = key_id(&self.tls);
        let statement = KeyStatement { tls_key, attestation_key: attestation.verifying_key(), ..statement };
        self.fingerprint = statement.fingerprint();
        self.statement = statement.sign(attestation).unwrap();
    }

    pub(crate) fn enrol_request(&self, token: &JoinToken) -> EnrolRequest {
        EnrolRequest {
            version: version::CURRENT,
            token: JoinToken::parse(token.to_text().expose()).unwrap(),
            certificate_request: DerRequest::new(self.request.clone()).unwrap(),
            statement: self.statement.clone(),
        }
    }

    pub(crate) fn recover_request(&self, now: Timestamp) -> RecoverRequest {
        let held = self.held.as_ref().unwrap();
        let RunnerName { tenant, runner } = self.name;
        let request = crypto::digest::sha256(&self.request);
        let statement = RecoveryStatement::new(tenant, runner, request, held.generation, now);
        RecoverRequest {
            version: version::CURRENT,
            certificate_request: DerRequest::new(self.request.clone()).unwrap(),
            certificate: DerCertificate::new(held.chain[0].clone()).unwrap(),
            statement: statement.sign(&self.attestation).unwrap(),
        }
    }

    /// Keeps a certificate.
    pub(crate) fn take(&mut self, chain: &[DerCertificate], generation: u64) {
        let chain = chain.iter().map(|link| link.as_bytes().to_vec()).collect();
        self.held = Some(Held { chain, generation });
    }

    /// A new TLS key, and a request for a certificate over it.
    pub(crate) fn renewal(&self) -> (rcgen::KeyPair, Renew) {
        let tls = rcgen::KeyPair::generate().unwrap();
        let certificate_request = DerRequest::new(certificate_request(&tls)).unwrap();
        (tls, Renew { certificate_request, generation: self.held.as_ref().unwrap().generation })
    }

    pub(crate) fn hello(&self, entropy: &SystemEntropy) -> Hello {
        Hello {
            version: version::CURRENT,
            software: "proctor-runner 0.1.0".parse().unwrap(),
            epoch: Epoch::from_bytes(random_bytes(entropy)),
            generation: self.held.as_ref().unwrap().generation,
            journal_size: self.chain.size(),
            journal_head: self.chain.prev(),
            audit_size: self.audit.0,
            audit_root: self.audit.1,
            condition: self.condition,
            seal_level: "key-file".parse().unwrap(),
            mark: None,
            marks_before: Vec::new(),
        }
    }

    /// Appends a record to the journal.
    pub(crate) fn journal(&mut self, now: Timestamp, record: &JournalRecord) -> Report {
        let appended = self.chain.append(now, record).unwrap();
        let line = JournalLine::new(appended.line).unwrap();
        let report = Report { seq: appended.seq, line, attested: None };
        self.reports.push(report.clone());
        report
    }

    /// Runs something, and attests it.
    pub(crate) fn attest(&mut self, now: Timestamp, spec: &RunSpec) -> Report {
        let manifest = spec.manifest(self.name, now);
        let bytes = manifest.to_bytes().unwrap();
        let envelope = attestation::attest(&manifest, &bytes, &self.attestation);
        let record = JournalRecord::RunAttested { run: spec.run, attestation_sha256: envelope.sha256() };
        let mut report = self.journal(now, &record);
        report.attested = Some(Attested {
            manifest: ManifestBytes::new(bytes).unwrap(),
            attestation: Envelope::new(envelope.bytes()).unwrap(),
        });
        *self.reports.last_mut().unwrap() = report.clone();
        report
    }

    /// A signed checkpoint of the journal.
    pub(crate) fn checkpoint(&self) -> NoteText {
        let RunnerName { tenant, runner } = self.name;
        let (size, root) = (self.chain.size(), self.chain.root());
        let checkpoint = Checkpoint { origin: journal_origin(tenant, runner), size, root };
        NoteText::new(checkpoint.sign(&self.journal_key).unwrap().to_text()).unwrap()
    }

    /// Copies of everything: a stolen identity, or a copied machine.
    pub(crate) fn cloned(&self, entropy: &SystemEntropy) -> Self {
        let pkcs8 = crypto::Secret::new(self.attestation.to_pkcs8().expose().clone());
        Self {
            name: self.name,
            tls: rcgen::KeyPair::try_from(self.tls.serialize_der()).unwrap(),
            attestation: p256::SigningKey::from_pkcs8(pkcs8, entropy).unwrap(),
            journal_key: ed25519::SigningKey::from_seed(*self.journal_key.to_seed().expose()),
            witness_key: ed25519::SigningKey::from_seed(*self.witness_key.to_seed().expose()),
            statement: self.statement.clone(),
            fingerprint: self.fingerprint,
            request: self.request.clone(),
            sealing: hpke::KeyPair::from_private(crypto::Secret::new(*self.sealing.private().expose())),
            held: self.held.as_ref().map(|held| Held { chain: held.chain.clone(), generation: held.generation }),
            chain: self.chain.clone(),
            reports: self.reports.clone(),
            audit: self.audit,
            condition: self.condition,
        }
    }
}

fn certificate_request(tls: &rcgen::KeyPair) -> Vec<u8> {
    rcgen::CertificateParams::default().serialize_request(tls).unwrap().der().to_vec()
}

fn key_id(tls: &rcgen::KeyPair) -> Digest {
    use rcgen::PublicKeyData;
    crypto::digest::sha256(&tls.subject_public_key_info())
}
