//! The keys that a judge trusts, from outside of the bundle.

use crypto::p256;
use serde::Serialize;

use crate::json::{JsonError, Object};
use crate::note::{Algorithm, VerifierKey, VerifierKeyError};

const MAX_TRUST: usize = 256 * 1024;

/// Why a trust file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not the JSON of a trust file.
    #[error("not a trust file: {0}")]
    Json(#[from] JsonError),
    /// A version that this program does not know.
    #[error("a trust file of version {0}; version 1 is read")]
    Version(u64),
    /// A Runner key that cannot be read.
    #[error("runner_keys: {0}")]
    RunnerKey(#[from] p256::KeyError),
    /// A log or witness key that cannot be read.
    #[error("{list}: {source}")]
    VerifierKey {
        /// In which list.
        list: &'static str,
        /// What is wrong with it.
        source: VerifierKeyError,
    },
    /// A key of the other kind.
    #[error("{list}: {name} is a key of another kind; logs have signature type 1, witnesses type 4")]
    Kind {
        /// In which list.
        list: &'static str,
        /// Its name.
        name: String,
    },
}

/// Keys that the judge has from somebody whom they trust. None at all is allowed: then nothing is vouched for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trust {
    /// Attestation keys of Runners.
    pub runner_keys: Vec<p256::VerifyingKey>,
    /// Keys of journals. If there are any, a bundle's journal key must be among them.
    pub journal_keys: Vec<VerifierKey>,
    /// Keys of witnesses. If there are any, at least one of them must have cosigned the journal.
    pub witness_keys: Vec<VerifierKey>,
    /// Keys of audit logs.
    pub audit_keys: Vec<VerifierKey>,
}

impl Trust {
    /// Reads a trust file: `{"v":1,"runner_keys":[PEM,…],"journal_keys":[VKEY,…],"witness_keys":[VKEY,…],
    /// "audit_keys":[VKEY,…]}`, in which a list may be left out.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TrustError> {
        let mut file = Object::parse(bytes, MAX_TRUST, 2)?;
        match file.integer("v")? {
            1 => {}
            other => return Err(TrustError::Version(other)),
        }
        let runner_keys = file.optional_texts("runner_keys")?;
        let trust = Self {
            runner_keys: runner_keys.iter().map(|pem| p256::VerifyingKey::from_pem(pem)).collect::<Result<_, _>>()?,
            journal_keys: verifier_keys(&mut file, "journal_keys", Algorithm::Ed25519)?,
            witness_keys: verifier_keys(&mut file, "witness_keys", Algorithm::Cosignature)?,
            audit_keys: verifier_keys(&mut file, "audit_keys", Algorithm::Ed25519)?,
        };
        file.finish()?;
        Ok(trust)
    }

    /// The trust file of these keys.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct File {
            v: u64,
            runner_keys: Vec<String>,
            journal_keys: Vec<String>,
            witness_keys: Vec<String>,
            audit_keys: Vec<String>,
        }
        let texts = |keys: &[VerifierKey]| keys.iter().map(VerifierKey::to_string).collect();
        let file = File {
            v: 1,
            runner_keys: self.runner_keys.iter().map(p256::VerifyingKey::to_pem).collect(),
            journal_keys: texts(&self.journal_keys),
            witness_keys: texts(&self.witness_keys),
            audit_keys: texts(&self.audit_keys),
        };
        serde_json::to_string_pretty(&file).expect("texts are written to memory") + "\n"
    }
}

fn verifier_keys(file: &mut Object, list: &'static str, kind: Algorithm) -> Result<Vec<VerifierKey>, TrustError> {
    let read = |text: &String| {
        let key: VerifierKey = text.parse().map_err(|source| TrustError::VerifierKey { list, source })?;
        if key.algorithm() == kind { Ok(key) } else { Err(TrustError::Kind { list, name: key.name().to_string() }) }
    };
    file.optional_texts(list)?.iter().map(read).collect()
}
