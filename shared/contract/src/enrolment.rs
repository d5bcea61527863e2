//! What a Runner states about itself under its attestation key: its keys when it asks to be let in, and a request for a
//! new certificate when the old one has expired.
//!
//! Both are JSON in a DSSE envelope with a type of their own. The payload must be the very bytes that this code would
//! write for what it says, so that there is one payload, and one fingerprint, for one set of keys.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clock::Timestamp;
use crypto::digest::sha256;
use crypto::{Digest, p256};
use ids::{RunnerId, TenantId};
use proof::checkpoint::{journal_origin, runner_witness};
use proof::dsse::{self, DsseError, PublicKey, Role, Signer};
use proof::note::{Algorithm, VerifierKey};
use proof::text::Software;
use serde::{Deserialize, Serialize};

use crate::message::StatementEnvelope;
use crate::refusal::Fault;
use crate::word::Label;

/// The DSSE payload type of a [`KeyStatement`].
pub const KEYS_TYPE: &str = "application/vnd.proctor.runner-keys.v1+json";

/// The DSSE payload type of a [`RecoveryStatement`].
pub const RECOVERY_TYPE: &str = "application/vnd.proctor.recovery.v1+json";

/// Why a statement is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// It is not signed by the Runner's attestation key, or is of another type.
    #[error(transparent)]
    Signature(#[from] DsseError),
    /// Not the payload of this statement, or not in its one spelling.
    #[error("not the payload of a statement: {0}")]
    Payload(String),
    /// A key that is not what it has to be.
    #[error("`{field}` is not {expected}")]
    Key {
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The envelope is larger than a statement may be.
    #[error("the statement {0}")]
    Size(Fault),
}

/// The keys of a Runner. What an administrator approves is the fingerprint of this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatement {
    /// The tenant that it asks to join.
    pub tenant: TenantId,
    /// The id that it made for itself.
    pub runner: RunnerId,
    /// What its operator calls it.
    pub label: Label,
    /// Its program and version.
    pub software: Software,
    /// SHA-256 of the TLS key's SubjectPublicKeyInfo.
    pub tls_key: Digest,
    /// The key that signs attestations and receipts, and this statement.
    pub attestation_key: p256::VerifyingKey,
    /// The key that signs checkpoints of its journal.
    pub journal_key: VerifierKey,
    /// The key that countersigns the audit log.
    pub witness_key: VerifierKey,
    /// The X25519 key to which the control plane may seal secrets.
    pub sealing_key: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyPayload {
    v: u64,
    tenant: TenantId,
    runner: RunnerId,
    label: Label,
    software: Software,
    tls_key: Digest,
    attestation_key: String,
    journal_key: String,
    witness_key: String,
    sealing_key: String,
}

impl KeyStatement {
    /// The payload.
    pub fn to_bytes(&self) -> Vec<u8> {
        written(&KeyPayload {
            v: 1,
            tenant: self.tenant,
            runner: self.runner,
            label: self.label.clone(),
            software: self.software.clone(),
            tls_key: self.tls_key,
            attestation_key: STANDARD.encode(self.attestation_key.to_spki()),
            journal_key: self.journal_key.to_string(),
            witness_key: self.witness_key.to_string(),
            sealing_key: STANDARD.encode(self.sealing_key),
        })
    }

    /// What is compared by eye at the Runner and at the control plane.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(sha256(&self.to_bytes()))
    }

    /// Signs it with the attestation key that it names.
    ///
    /// # Errors
    ///
    /// Another key than the one it names, or keys that [`open`](Self::open) would refuse.
    pub fn sign(&self, key: &p256::SigningKey) -> Result<StatementEnvelope, StatementError> {
        self.check()?;
        if key.verifying_key() != self.attestation_key {
            return Err(StatementError::Key { field: "attestation_key", expected: "the key that signs" });
        }
        signed(KEYS_TYPE, &self.to_bytes(), key)
    }

    /// Reads a statement that is signed by the attestation key in it. That somebody holds this key is all that it proves.
    ///
    /// # Errors
    ///
    /// A signature, payload or key that is not in order.
    pub fn open(envelope: &dsse::Envelope) -> Result<(Self, Fingerprint), StatementError> {
        let payload: KeyPayload = read(envelope.unverified_payload())?;
        let spki = base64(&payload.attestation_key, "attestation_key")?;
        let attestation_key = p256::VerifyingKey::from_spki(&spki)
            .map_err(|_| StatementError::Key { field: "attestation_key", expected: "a P-256 public key" })?;
        let bytes = verified(envelope, KEYS_TYPE, attestation_key)?;
        let vkey = |text: &str, field| {
            text.parse().map_err(|_| StatementError::Key { field, expected: "a verifier key NAME+HEX+BASE64" })
        };
        let sealing_key = base64(&payload.sealing_key, "sealing_key")?;
        let statement = Self {
            tenant: payload.tenant,
            runner: payload.runner,
            label: payload.label,
            software: payload.software,
            tls_key: payload.tls_key,
            attestation_key,
            journal_key: vkey(&payload.journal_key, "journal_key")?,
            witness_key: vkey(&payload.witness_key, "witness_key")?,
            sealing_key: sealing_key
                .try_into()
                .map_err(|_| StatementError::Key { field: "sealing_key", expected: "32 bytes" })?,
        };
        statement.check()?;
        one_spelling(payload.v, &statement.to_bytes(), bytes)?;
        Ok((statement, Fingerprint(sha256(bytes))))
    }

    /// Every key has its own job, and the keys of logs carry the names of this Runner.
    fn check(&self) -> Result<(), StatementError> {
        let fault = |field, expected| Err(StatementError::Key { field, expected });
        if self.tenant == TenantId::NIL || self.runner == RunnerId::NIL {
            return fault("tenant", "a tenant and a Runner that have ids");
        }
        if self.tls_key == self.attestation_key.key_id() {
            return fault("tls_key", "another key than the attestation key");
        }
        let journal = (&journal_origin(self.tenant, self.runner), Algorithm::Ed25519);
        if (self.journal_key.name(), self.journal_key.algorithm()) != journal {
            return fault("journal_key", "an Ed25519 key with the name of this Runner's journal");
        }
        let witness = (&runner_witness(self.tenant, self.runner), Algorithm::Cosignature);
        if (self.witness_key.name(), self.witness_key.algorithm()) != witness {
            return fault("witness_key", "a cosignature key with the name of this Runner as a witness");
        }
        if self.journal_key.key() == self.witness_key.key() {
            return fault("witness_key", "another key than the journal key");
        }
        // The one key of small order that a careless program produces; crypto refuses the others when it seals.
        if self.sealing_key == [0; 32] {
            return fault("sealing_key", "an X25519 public key");
        }
        Ok(())
    }
}

/// A request for a new certificate by a Runner whose old one expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryStatement {
    v: u64,
    /// The tenant.
    pub tenant: TenantId,
    /// The Runner.
    pub runner: RunnerId,
    /// SHA-256 of the certificate request's DER.
    pub request_sha256: Digest,
    /// The generation of the expired certificate.
    pub generation: u64,
    /// When it was made.
    pub at: Timestamp,
}

impl RecoveryStatement {
    /// A statement about the certificate request with this digest.
    pub fn new(tenant: TenantId, runner: RunnerId, request_sha256: Digest, generation: u64, at: Timestamp) -> Self {
        Self { v: 1, tenant, runner, request_sha256, generation, at }
    }

    /// The payload.
    pub fn to_bytes(&self) -> Vec<u8> {
        written(self)
    }

    /// Signs it with the Runner's attestation key.
    ///
    /// # Errors
    ///
    /// An envelope larger than allowed, which no statement reaches.
    pub fn sign(&self, key: &p256::SigningKey) -> Result<StatementEnvelope, StatementError> {
        signed(RECOVERY_TYPE, &self.to_bytes(), key)
    }

    /// Reads a statement that is signed by this attestation key.
    ///
    /// # Errors
    ///
    /// A signature or payload that is not in order.
    pub fn open(envelope: &dsse::Envelope, attestation_key: &p256::VerifyingKey) -> Result<Self, StatementError> {
        let bytes = verified(envelope, RECOVERY_TYPE, *attestation_key)?;
        let statement: Self = read(bytes)?;
        one_spelling(statement.v, &statement.to_bytes(), bytes)?;
        Ok(statement)
    }
}

/// SHA-256 of a [`KeyStatement`]'s payload, written in 16 groups of 4 hex digits so that people can compare it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(Digest);

/// A text that is not a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint: expected 64 hex digits, best copied whole from where the Runner shows them")]
pub struct FingerprintError;

impl Fingerprint {
    /// The fingerprint of a statement with this digest.
    pub const fn new(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn digest(&self) -> Digest {
        self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pair) in self.0.as_bytes().chunks(2).enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { "-" }, hex::encode(pair))?;
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads the 64 digits in either case, with or without `-`, `:` or spaces between them.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits: String = text
            .chars()
            .filter(|character| !matches!(character, '-' | ':' | ' '))
            .map(|character| character.to_ascii_lowercase())
            .collect();
        digits.parse().map(Self).map_err(|_| FingerprintError)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn written(payload: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(payload).expect("a struct of texts and numbers is written as JSON")
}

fn signed(payload_type: &str, payload: &[u8], key: &p256::SigningKey) -> Result<StatementEnvelope, StatementError> {
    dsse::Envelope::sign(payload_type, payload, &[Signer::P256(key)]).try_into().map_err(StatementError::Size)
}

fn verified<'e>(
    envelope: &'e dsse::Envelope,
    payload_type: &str,
    key: p256::VerifyingKey,
) -> Result<&'e [u8], StatementError> {
    Ok(envelope.verify(payload_type, &[Role { name: "runner", keys: &[PublicKey::P256(key)] }])?)
}

fn read<T: for<'de> Deserialize<'de>>(payload: &[u8]) -> Result<T, StatementError> {
    serde_json::from_slice(payload).map_err(|error| StatementError::Payload(proof::text::printable(&error.to_string())))
}

fn base64(text: &str, field: &'static str) -> Result<Vec<u8>, StatementError> {
    STANDARD.decode(text).map_err(|_| StatementError::Key { field, expected: "standard base64 with padding" })
}

fn one_spelling(version: u64, ours: &[u8], theirs: &[u8]) -> Result<(), StatementError> {
    if version != 1 {
        return Err(StatementError::Payload(format!("version {version} of it; version 1 is read")));
    }
    if ours != theirs {
        return Err(StatementError::Payload("it is spelled in another way than it is written".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
