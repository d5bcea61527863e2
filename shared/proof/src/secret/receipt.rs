//! The receipt: what the Runner signs about having taken a value in or refused it.

use clock::Timestamp;
use crypto::{Digest, p256};
use ids::RequestId;
use serde::Serialize;

use crate::drilldown::{RecordRef, read_record};
use crate::dsse::{DsseError, Envelope, PublicKey, Role, Signer};
use crate::json::{JsonError, Object};
use crate::text::Name;

/// The type of the envelope's payload.
pub const RECEIPT_TYPE: &str = "application/vnd.proctor.secret-receipt.v1+json";

/// Bytes of a receipt's envelope.
pub const MAX_RECEIPT: usize = 4096;

const MAX_DEPTH: u32 = 2;

/// Why a receipt is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not an envelope, or not signed by the Runner.
    #[error("the receipt: {0}")]
    Envelope(#[from] DsseError),
    /// The payload is not that of a receipt.
    #[error("the receipt's payload: {0}")]
    Payload(#[from] JsonError),
    /// The decision and what comes with it contradict one another.
    #[error("the receipt says `{0}`, which calls for another `code`")]
    Contradiction(&'static str),
}

/// What the Runner decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It keeps the value, and its connectors use it from now on.
    Accepted,
    /// It refused.
    Refused {
        /// The stable code of the check that refused.
        code: Name,
    },
}

/// A decision about one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The request.
    pub request: RequestId,
    /// SHA-256 of the pre-authentication encoding of the request, so that it is about these bytes and no others.
    pub request_sha256: Digest,
    /// What was decided.
    pub decision: Decision,
    /// When.
    pub at: Timestamp,
    /// The record of the Runner's journal that says so.
    pub journal: RecordRef,
}

impl Receipt {
    /// Signs the receipt with the Runner's attestation key.
    pub fn sign(&self, key: &p256::SigningKey) -> Envelope {
        Envelope::sign(RECEIPT_TYPE, &self.to_payload(), &[Signer::P256(key)])
    }

    /// Checks that one of these keys, and nobody else, signed the receipt, and reads it.
    pub fn open(bytes: &[u8], keys: &[p256::VerifyingKey]) -> Result<Self, ReceiptError> {
        let keys: Vec<PublicKey> = keys.iter().copied().map(PublicKey::P256).collect();
        let envelope = Envelope::parse(bytes, MAX_RECEIPT)?;
        Self::parse(envelope.verify(RECEIPT_TYPE, &[Role { name: "Runner", keys: &keys }])?)
    }

    /// The payload.
    pub fn to_payload(&self) -> Vec<u8> {
        let (decision, code) = match &self.decision {
            Decision::Accepted => ("accepted", None),
            Decision::Refused { code } => ("refused", Some(code)),
        };
        let document = Document {
            v: 1,
            request: self.request,
            request_sha256: self.request_sha256,
            decision,
            code,
            at: self.at,
            journal: Record { seq: self.journal.seq, hash: self.journal.hash },
        };
        serde_json::to_vec(&document).expect("texts and numbers are written to memory")
    }

    fn parse(payload: &[u8]) -> Result<Self, ReceiptError> {
        let mut document = Object::parse(payload, MAX_RECEIPT, MAX_DEPTH)?;
        if document.integer("v")? != 1 {
            return Err(document.wrong("v", "1").into());
        }
        let request = document.parsed("request", "a request's id")?;
        let request_sha256 = document.parsed("request_sha256", "a SHA-256 digest in lower-case hex")?;
        let decision = document.text("decision")?;
        let code = match document.present("code")? {
            true => Some(document.parsed("code", "a code")?),
            false => document.null("code").map(|()| None)?,
        };
        let decision = match (decision.as_str(), code) {
            ("accepted", None) => Decision::Accepted,
            ("refused", Some(code)) => Decision::Refused { code },
            ("accepted", Some(_)) => return Err(ReceiptError::Contradiction("accepted")),
            ("refused", None) => return Err(ReceiptError::Contradiction("refused")),
            (_, _) => return Err(document.wrong("decision", "accepted or refused").into()),
        };
        let at = document.parsed("at", "a time")?;
        let journal = read_record(document.object("journal")?)?;
        document.finish()?;
        let receipt = Self { request, request_sha256, decision, at, journal };
        if receipt.to_payload() == payload { Ok(receipt) } else { Err(JsonError::Spelling.into()) }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    v: u8,
    request: RequestId,
    request_sha256: Digest,
    decision: &'static str,
    code: Option<&'a Name>,
    at: Timestamp,
    journal: Record,
}

#[derive(Serialize)]
struct Record {
    seq: u64,
    hash: Digest,
}
