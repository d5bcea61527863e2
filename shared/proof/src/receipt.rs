//! What a Runner signs about having decided a request. All kinds have one shape, with what can be decided in it; they are
//! told apart by their types, which are part of what is signed.

use clock::Timestamp;
use crypto::{Digest, p256};
use ids::RequestId;
use serde::Serialize;

use crate::drilldown::{RecordRef, read_record};
use crate::dsse::{DsseError, Envelope, PublicKey, Role, Signer};
use crate::json::{JsonError, Object};
use crate::text::Name;

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
    #[error("the receipt says `{0}`, which calls for another code, or another answer")]
    Contradiction(&'static str),
}

/// A decision as the fields of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// One of the words of the kind.
    pub decision: &'static str,
    /// A stable code, or null.
    pub code: Option<Name>,
    /// SHA-256 of a sealed answer, or null. Kinds without answers do not have the field.
    pub sealed_sha256: Option<Digest>,
}

/// What can be decided about one kind of request.
pub trait Decided: Sized {
    /// The type of the envelope's payload.
    const TYPE: &'static str;
    /// What `decision` can say.
    const WORDS: &'static [&'static str];
    /// Whether a receipt of this kind has the field `sealed_sha256`.
    const SEALS: bool;

    /// The decision as fields.
    fn to_fields(&self) -> Fields;

    /// The decision that these fields say; none if they contradict one another.
    fn from_fields(fields: Fields) -> Option<Self>;
}

/// A decision about one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt<D> {
    /// The request.
    pub request: RequestId,
    /// SHA-256 of the pre-authentication encoding of the request, so that it is about these bytes and no others.
    pub request_sha256: Digest,
    /// What was decided.
    pub decision: D,
    /// When.
    pub at: Timestamp,
    /// The record of the Runner's journal that says so.
    pub journal: RecordRef,
}

impl<D: Decided> Receipt<D> {
    /// Signs the receipt with the Runner's attestation key.
    pub fn sign(&self, key: &p256::SigningKey) -> Envelope {
        Envelope::sign(D::TYPE, &self.to_payload(), &[Signer::P256(key)])
    }

    /// Checks that one of these keys, and nobody else, signed the receipt, and reads it.
    pub fn open(bytes: &[u8], keys: &[p256::VerifyingKey]) -> Result<Self, ReceiptError> {
        let keys: Vec<PublicKey> = keys.iter().copied().map(PublicKey::P256).collect();
        let envelope = Envelope::parse(bytes, MAX_RECEIPT)?;
        Self::parse(envelope.verify(D::TYPE, &[Role { name: "Runner", keys: &keys }])?)
    }

    /// The payload.
    pub fn to_payload(&self) -> Vec<u8> {
        let Fields { decision, code, sealed_sha256 } = self.decision.to_fields();
        let document = Document {
            v: 1,
            request: self.request,
            request_sha256: self.request_sha256,
            decision,
            code,
            sealed_sha256: D::SEALS.then_some(sealed_sha256),
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
        let said = document.text("decision")?;
        let decision = D::WORDS.iter().copied().find(|word| *word == said);
        let decision =
            decision.ok_or_else(|| document.wrong("decision", "what can be decided about such a request"))?;
        let code = match document.present("code")? {
            true => Some(document.parsed("code", "a code")?),
            false => document.null("code").map(|()| None)?,
        };
        let sealed_sha256 = match D::SEALS {
            true if document.present("sealed_sha256")? => {
                Some(document.parsed("sealed_sha256", "a SHA-256 digest in lower-case hex")?)
            }
            true => document.null("sealed_sha256").map(|()| None)?,
            false => None,
        };
        let fields = Fields { decision, code, sealed_sha256 };
        let decision = D::from_fields(fields).ok_or(ReceiptError::Contradiction(decision))?;
        let at = document.parsed("at", "a time")?;
        let journal = read_record(document.object("journal")?)?;
        document.finish()?;
        let receipt = Self { request, request_sha256, decision, at, journal };
        if receipt.to_payload() == payload { Ok(receipt) } else { Err(JsonError::Spelling.into()) }
    }
}

#[derive(Serialize)]
struct Document {
    v: u8,
    request: RequestId,
    request_sha256: Digest,
    decision: &'static str,
    code: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed_sha256: Option<Option<Digest>>,
    at: Timestamp,
    journal: Record,
}

#[derive(Serialize)]
struct Record {
    seq: u64,
    hash: Digest,
}
