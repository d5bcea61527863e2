//! An enrolment under way.

use clock::Timestamp;
use contract::identity::RunnerName;
use contract::token::JoinToken;
use contract::version::CURRENT;
use contract::{DerRequest, EnrolRequest, Enrolled, StatementEnvelope};
use crypto::{Digest, Secret, SystemEntropy};
use rustls_pki_types::CertificateDer;

use crate::address::Address;
use crate::error::LinkError;
use crate::identity::{ControlPlaneKeys, Holding, Identity, IdentityError, Reader, TlsKey, Writer};
use crate::identity::{address, read_trust, write_trust};
use crate::trust::Trust;

const MAGIC: &str = "proctor/link/application/v1";

/// The key that was made for the line, the request for its certificate, where to ask and whom to believe.
#[derive(Debug, Clone)]
pub struct Application {
    name: RunnerName,
    address: Address,
    trust: Trust,
    key: TlsKey,
    request: DerRequest,
    statement: Option<StatementEnvelope>,
}

impl Application {
    /// A fresh key and its request.
    pub fn new(name: RunnerName, address: Address, trust: Trust, entropy: &SystemEntropy) -> Self {
        let key = TlsKey::generate(entropy);
        let request = key.request();
        Self { name, address, trust, key, request, statement: None }
    }

    /// With the statement of the Runner's keys, which names [`tls_key_digest`](Self::tls_key_digest).
    #[must_use]
    pub fn with_statement(self, statement: StatementEnvelope) -> Self {
        Self { statement: Some(statement), ..self }
    }

    pub fn name(&self) -> RunnerName {
        self.name
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub fn tls_key_digest(&self) -> Digest {
        self.key.digest()
    }

    pub fn statement(&self) -> Result<&StatementEnvelope, LinkError> {
        self.statement.as_ref().ok_or(LinkError::Identity { why: "the enrolment has no statement of the keys yet" })
    }

    /// What is asked of the control plane: the same each time.
    pub fn enrol_request(&self, token: &JoinToken) -> Result<EnrolRequest, LinkError> {
        Ok(EnrolRequest {
            version: CURRENT,
            token: token.clone(),
            certificate_request: self.request.clone(),
            statement: self.statement()?.clone(),
        })
    }

    /// The application, private key included, to be sealed by the vault.
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        let mut writer = Writer::new(MAGIC);
        writer.text(&self.name.to_string());
        writer.text(&self.address.to_string());
        write_trust(&mut writer, &self.trust);
        writer.field(self.request.as_bytes());
        writer.flag(self.statement.is_some());
        if let Some(statement) = &self.statement {
            writer.field(statement.as_bytes());
        }
        writer.keys(&[Some(&self.key)])
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub fn from_bytes(bytes: &Secret<Vec<u8>>, entropy: &SystemEntropy) -> Result<Self, IdentityError> {
        let mut reader = Reader::new(bytes.expose(), MAGIC)?;
        let name = reader.text()?.parse().map_err(|_| IdentityError("the Runner's name is damaged"))?;
        let address = address(&mut reader)?;
        let trust = read_trust(&mut reader)?;
        let request = DerRequest::new(reader.field()?.to_vec());
        let request = request.map_err(|_| IdentityError("the certificate request is damaged"))?;
        let statement = if reader.flag()? { Some(StatementEnvelope::new(reader.field()?)) } else { None };
        let statement = statement.transpose().map_err(|_| IdentityError("the statement of the keys is damaged"))?;
        let key = reader.key(entropy)?;
        reader.end()?;
        Ok(Self { name, address, trust, key, request, statement })
    }

    /// The identity that this answer gives. `authority` is the pinned authority's certificate, if it was shown.
    pub fn enrolled(
        &self,
        answer: Enrolled,
        authority: Option<CertificateDer<'static>>,
        now: Timestamp,
    ) -> Result<Identity, LinkError> {
        let current = Holding::issued(self.key.clone(), answer.chain, answer.generation, &self.name)?;
        if current.expired(now) {
            return Err(LinkError::CertificateAnswer { why: "it has expired by this host's clock".to_owned() });
        }
        let trust = match &self.trust {
            Trust::Pinned { pin, authority: kept } => {
                Trust::Pinned { pin: *pin, authority: authority.or_else(|| kept.clone()) }
            }
            other @ (Trust::Authorities(_) | Trust::System) => other.clone(),
        };
        Ok(Identity {
            name: self.name,
            enrolment_address: self.address.clone(),
            line_address: answer.line_address.to_string().parse()?,
            trust,
            control_plane: ControlPlaneKeys {
                drilldown: answer.drilldown_key,
                audit: answer.audit_key,
                witness: answer.witness_key,
            },
            current,
            pending: None,
            next: None,
        })
    }
}
