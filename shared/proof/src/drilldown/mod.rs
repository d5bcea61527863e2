//! Drill-down: how a person asks for evidence, how the Runner answers sealed to that person alone, and what it signs
//! about having answered or refused.
//!
//! Knows documents, signatures, frames and commitments; must never know policies, stores, streams or who may ask for
//! what. The control plane builds requests and relays answers that it cannot read, the Runner's gate reads requests and
//! writes answers, and whoever asked reads those.

mod answer;
mod document;
pub mod octets;
mod receipt;
mod request;
mod signing;

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::Digest;
use crypto::digest::Sha256;

pub use answer::{
    AnswerError, AnswerReader, AnswerSummary, AnswerWriter, AnsweredItem, FRAME, Frame, MAX_CIPHERTEXT, MAX_ROW,
    Opened, OpenedRow,
};
pub use receipt::{Decision, RECEIPT_TYPE, Receipt};
pub use request::{
    Epoch, Factor, MAX_ITEMS, MAX_PAYLOAD, Person, Purpose, REQUEST_TYPE, RecordRef, Request, RequestedItem,
};
pub use signing::{PendingRequest, open, parse, roles};

pub use crate::countersigned::{MAX_REQUEST, RequestError, SignedBy, claimed, envelope};
pub use crate::receipt::{MAX_RECEIPT, ReceiptError};

pub(crate) use document::{read_epoch, read_person, read_record};

/// What the HPKE context of an answer is bound to: `"proctor/v1/drilldown" || 0x00 || H(PAE of the request)`.
pub fn info(request_sha256: &Digest) -> Vec<u8> {
    [b"proctor/v1/drilldown\0".as_slice(), request_sha256.as_bytes()].concat()
}

/// `sealed_sha256` as an answer goes by: SHA-256 of the encapsulated key and of every frame's ciphertext, each preceded
/// by its length as a `u32`.
#[derive(Clone)]
pub struct SealedHash(Sha256);

impl SealedHash {
    /// An answer that begins with this encapsulated key.
    pub fn new(enc: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(enc);
        Self(hash)
    }

    /// The next frame.
    pub fn frame(&mut self, ciphertext: &[u8]) {
        // No frame that anybody accepts comes near to 4 GiB.
        let length = u32::try_from(ciphertext.len()).unwrap_or(u32::MAX);
        self.0.update(&length.to_be_bytes());
        self.0.update(ciphertext);
    }

    /// The digest over everything.
    pub fn finish(self) -> Digest {
        self.0.finish()
    }
}

impl std::fmt::Debug for SealedHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedHash(…)")
    }
}

fn base64_of(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
