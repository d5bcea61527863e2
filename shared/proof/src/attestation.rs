//! The attestation: an in-toto Statement v1 with a test-result predicate over a manifest, in a DSSE envelope, so that
//! existing supply-chain tools read it.

use crypto::digest::sha256;
use crypto::{Digest, p256};
use serde::Serialize;
use verdict::Status;

use crate::dsse::{DsseError, Envelope, PublicKey, Role, Signer};
use crate::json::{JsonError, Object};
use crate::manifest::Manifest;

/// The type of the envelope's payload.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";
const SUBJECT: &str = "manifest.jsonl";
const MAX_STATEMENT: usize = 512 * 1024;
const MAX_DEPTH: u32 = 6;

/// Why an attestation does not hold for a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// The envelope is not one, or not signed by the Runner.
    #[error(transparent)]
    Envelope(#[from] DsseError),
    /// The payload is not the JSON of a statement.
    #[error("not an attestation: {0}")]
    Json(#[from] JsonError),
    /// Another kind of statement.
    #[error("`{0}` is not that of a test result about a manifest")]
    Kind(&'static str),
    /// It is about another manifest.
    #[error("it attests another manifest: the digest in it is {0}")]
    Subject(Digest),
    /// What it says of the run is not what the manifest says.
    #[error("its `{0}` is not what the manifest implies")]
    Differs(&'static str),
}

/// What the statement says, without the words that are the same in every one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// SHA-256 of the manifest's bytes.
    pub manifest: Digest,
    /// The procedure's id.
    pub procedure: String,
    /// The digest of the procedure's model.
    pub procedure_sha256: Digest,
    /// `PASSED`, `WARNED` or `FAILED`.
    pub result: String,
    /// Ids of checks that passed.
    pub passed: Vec<String>,
    /// Ids of checks whose failures are all excepted.
    pub warned: Vec<String>,
    /// Ids of all other checks, except the not applicable and the skipped ones.
    pub failed: Vec<String>,
}

impl Statement {
    /// What a manifest with these bytes implies.
    pub fn of(manifest: &Manifest, bytes: &[u8]) -> Self {
        let checks = |wanted: fn(Status) -> bool| {
            let chosen = manifest.checks.iter().filter(|line| wanted(line.status));
            chosen.map(|line| line.check.to_string()).collect()
        };
        let result = match manifest.run.verdict {
            Status::Pass => "PASSED",
            Status::Excepted => "WARNED",
            Status::Fail | Status::Error | Status::Pending | Status::NotApplicable | Status::Skipped => "FAILED",
        };
        Self {
            manifest: sha256(bytes),
            procedure: manifest.run.procedure.id.to_string(),
            procedure_sha256: manifest.run.procedure.sha256,
            result: result.to_owned(),
            passed: checks(|status| status == Status::Pass),
            warned: checks(|status| status == Status::Excepted),
            failed: checks(|status| matches!(status, Status::Fail | Status::Error | Status::Pending)),
        }
    }

    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let document = wire::Statement {
            kind: STATEMENT_TYPE,
            subject: [wire::Descriptor { name: SUBJECT, digest: wire::Digests { sha256: &self.manifest } }],
            predicate_type: PREDICATE_TYPE,
            predicate: wire::Predicate {
                result: &self.result,
                configuration: [wire::Descriptor {
                    name: &self.procedure,
                    digest: wire::Digests { sha256: &self.procedure_sha256 },
                }],
                passed_tests: &self.passed,
                warned_tests: &self.warned,
                failed_tests: &self.failed,
            },
        };
        serde_json::to_vec(&document).expect("texts and digests are written to memory")
    }

    /// Reads a statement, strictly.
    pub fn parse(payload: &[u8]) -> Result<Self, AttestationError> {
        let mut statement = Object::parse(payload, MAX_STATEMENT, MAX_DEPTH)?;
        if statement.text("_type")? != STATEMENT_TYPE {
            return Err(AttestationError::Kind("_type"));
        }
        let (name, manifest) = one_descriptor(&mut statement, "subject")?;
        if name != SUBJECT {
            return Err(AttestationError::Kind("subject"));
        }
        if statement.text("predicateType")? != PREDICATE_TYPE {
            return Err(AttestationError::Kind("predicateType"));
        }
        let mut predicate = statement.object("predicate")?;
        statement.finish()?;
        let result = predicate.text("result")?;
        let (procedure, procedure_sha256) = one_descriptor(&mut predicate, "configuration")?;
        let passed = predicate.texts("passedTests")?;
        let warned = predicate.texts("warnedTests")?;
        let failed = predicate.texts("failedTests")?;
        predicate.finish()?;
        Ok(Self { manifest, procedure, procedure_sha256, result, passed, warned, failed })
    }

    /// Checks that this statement is the one that the manifest implies.
    pub fn matches(&self, manifest: &Manifest, bytes: &[u8]) -> Result<(), AttestationError> {
        let implied = Self::of(manifest, bytes);
        if self.manifest != implied.manifest {
            return Err(AttestationError::Subject(self.manifest));
        }
        for (name, same) in [
            ("result", self.result == implied.result),
            ("configuration.name", self.procedure == implied.procedure),
            ("configuration.digest", self.procedure_sha256 == implied.procedure_sha256),
            ("passedTests", self.passed == implied.passed),
            ("warnedTests", self.warned == implied.warned),
            ("failedTests", self.failed == implied.failed),
        ] {
            if !same {
                return Err(AttestationError::Differs(name));
            }
        }
        Ok(())
    }
}

/// Attests a manifest, whose exact bytes are given too.
pub fn attest(manifest: &Manifest, bytes: &[u8], key: &p256::SigningKey) -> Envelope {
    Envelope::sign(PAYLOAD_TYPE, &Statement::of(manifest, bytes).to_bytes(), &[Signer::P256(key)])
}

/// Checks that one of these keys, and nobody else, signed the statement in the envelope, and reads it.
pub fn open(envelope: &Envelope, keys: &[p256::VerifyingKey]) -> Result<Statement, AttestationError> {
    let keys: Vec<PublicKey> = keys.iter().copied().map(PublicKey::P256).collect();
    Statement::parse(envelope.verify(PAYLOAD_TYPE, &[Role { name: "Runner", keys: &keys }])?)
}

fn one_descriptor(object: &mut Object, name: &'static str) -> Result<(String, Digest), AttestationError> {
    let mut list = object.objects(name)?;
    let (Some(mut descriptor), true) = (list.pop(), list.is_empty()) else {
        return Err(AttestationError::Kind(name));
    };
    let text = descriptor.text("name")?;
    let mut digest = descriptor.object("digest")?;
    let sha256 = digest.parsed("sha256", "a SHA-256 digest in lower-case hex")?;
    digest.finish()?;
    descriptor.finish()?;
    Ok((text, sha256))
}

/// The documents of in-toto, fields in the order that is signed.
mod wire {
    use super::{Digest, Serialize};

    #[derive(Serialize)]
    pub(super) struct Statement<'a> {
        #[serde(rename = "_type")]
        pub(super) kind: &'a str,
        pub(super) subject: [Descriptor<'a>; 1],
        #[serde(rename = "predicateType")]
        pub(super) predicate_type: &'a str,
        pub(super) predicate: Predicate<'a>,
    }

    #[derive(Serialize)]
    pub(super) struct Descriptor<'a> {
        pub(super) name: &'a str,
        pub(super) digest: Digests<'a>,
    }

    #[derive(Serialize)]
    pub(super) struct Digests<'a> {
        pub(super) sha256: &'a Digest,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Predicate<'a> {
        pub(super) result: &'a str,
        pub(super) configuration: [Descriptor<'a>; 1],
        pub(super) passed_tests: &'a [String],
        pub(super) warned_tests: &'a [String],
        pub(super) failed_tests: &'a [String],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dsse, manifest, vectors};

    fn golden() -> (Manifest, Vec<u8>, Envelope) {
        let vectors = vectors::load();
        let bytes = vectors["manifest"].as_str().unwrap().as_bytes().to_vec();
        let envelope = Envelope::parse(vectors["attestation"].to_string().as_bytes(), dsse::MAX_ENVELOPE).unwrap();
        (manifest::parse(&bytes).unwrap(), bytes, envelope)
    }

    #[test]
    fn the_golden_attestation_verifies_and_its_payload_is_reproduced() {
        let (manifest, bytes, envelope) = golden();
        let key = vectors::p256_key("runner");
        let statement = open(&envelope, &[key.verifying_key()]).unwrap();
        assert_eq!(statement.matches(&manifest, &bytes), Ok(()));
        assert_eq!(Statement::of(&manifest, &bytes).to_bytes(), envelope.unverified_payload());
        let ours = attest(&manifest, &bytes, &key);
        assert_eq!(open(&ours, &[key.verifying_key()]).unwrap(), statement);
        let other = vectors::p256_key("control-plane").verifying_key();
        assert!(matches!(open(&ours, &[other]), Err(AttestationError::Envelope(DsseError::Unsigned(_)))));
    }

    #[test]
    fn a_statement_about_something_else_is_refused_with_the_reason() {
        let (manifest, bytes, _) = golden();
        let text = String::from_utf8(Statement::of(&manifest, &bytes).to_bytes()).unwrap();
        for (from, to, reason) in [
            ("Statement/v1", "Statement/v2", "`_type`"),
            ("manifest.jsonl", "manifest.json", "`subject`"),
            ("test-result/v0.1", "test-result/v0.2", "`predicateType`"),
            ("\"sha256\":\"04ac", "\"sha256\":\"04ad", "another manifest"),
            ("\"sha256\":\"6ede", "\"sha256\":\"6edf", "`configuration.digest`"),
            ("\"name\":\"demo\"", "\"name\":\"other\"", "`configuration.name`"),
            ("FAILED", "PASSED", "`result`"),
            ("\"passedTests\":[\"active\"]", "\"passedTests\":[\"active\",\"setting\"]", "`passedTests`"),
            ("\"warnedTests\":[]", "\"warnedTests\":[\"setting\"]", "`warnedTests`"),
            ("\"failedTests\":[\"setting\"]", "\"failedTests\":[]", "`failedTests`"),
            ("\"failedTests\":[\"setting\"]", "\"failedTests\":[1]", "array of strings"),
            ("\"failedTests\":[\"setting\"]", "\"failedTests\":[\"setting\"],\"url\":\"x\"", "unknown field"),
            ("\"digest\":{\"sha256\"", "\"digest\":{\"sha1\":\"\",\"sha256\"", "unknown field"),
            ("\"predicate\":{", "\"predicate\":{\"result\":\"PASSED\",", "comes twice"),
        ] {
            assert!(text.contains(from), "{from}");
            let changed = text.replacen(from, to, 1);
            let verified = Statement::parse(changed.as_bytes()).and_then(|s| s.matches(&manifest, &bytes));
            let error = verified.unwrap_err().to_string();
            assert!(error.contains(reason), "{from} -> {to}: {error}");
        }
    }

    #[test]
    fn each_verdict_has_its_result() {
        let (mut manifest, bytes, _) = golden();
        for (status, result) in [
            (Status::Pass, "PASSED"),
            (Status::Excepted, "WARNED"),
            (Status::Fail, "FAILED"),
            (Status::Error, "FAILED"),
            (Status::Pending, "FAILED"),
            (Status::NotApplicable, "FAILED"),
        ] {
            manifest.run.verdict = status;
            assert_eq!(Statement::of(&manifest, &bytes).result, result);
        }
        for (status, lists) in [
            (Status::Excepted, [1, 1, 0]),
            (Status::Error, [1, 0, 1]),
            (Status::Pending, [1, 0, 1]),
            (Status::NotApplicable, [1, 0, 0]),
            (Status::Skipped, [1, 0, 0]),
        ] {
            manifest.checks[1].status = status;
            let statement = Statement::of(&manifest, &bytes);
            assert_eq!([statement.passed.len(), statement.warned.len(), statement.failed.len()], lists, "{status}");
        }
    }
}
