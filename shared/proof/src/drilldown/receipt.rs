//! The receipt: what the Runner signs about having answered or refused a request, so that nobody can invent or hide
//! either.

use crypto::Digest;

use crate::receipt::{Decided, Fields};
use crate::text::Name;

/// The type of the envelope's payload.
pub const RECEIPT_TYPE: &str = "application/vnd.proctor.drilldown-receipt.v1+json";

/// A decision about one request for evidence.
pub type Receipt = crate::receipt::Receipt<Decision>;

/// What the Runner decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It sealed an answer.
    Answered {
        /// SHA-256 of the sealed answer: see [`SealedHash`](super::SealedHash).
        sealed_sha256: Digest,
    },
    /// It opened evidence and began to answer, and the answer did not come to its end: the person may have seen some of
    /// it, and nobody has a whole answer that this Runner vouches for.
    CutOff {
        /// Why.
        code: Name,
    },
    /// It refused.
    Refused {
        /// The stable code of the check that refused.
        code: Name,
    },
}

impl Decided for Decision {
    const TYPE: &'static str = RECEIPT_TYPE;
    const WORDS: &'static [&'static str] = &["answered", "refused"];
    const SEALS: bool = true;

    fn to_fields(&self) -> Fields {
        let (decision, code, sealed_sha256) = match self.clone() {
            Self::Answered { sealed_sha256 } => ("answered", None, Some(sealed_sha256)),
            Self::CutOff { code } => ("answered", Some(code), None),
            Self::Refused { code } => ("refused", Some(code), None),
        };
        Fields { decision, code, sealed_sha256 }
    }

    fn from_fields(fields: Fields) -> Option<Self> {
        match (fields.decision, fields.code, fields.sealed_sha256) {
            ("answered", None, Some(sealed_sha256)) => Some(Self::Answered { sealed_sha256 }),
            ("answered", Some(code), None) => Some(Self::CutOff { code }),
            ("refused", Some(code), None) => Some(Self::Refused { code }),
            (_, _, _) => None,
        }
    }
}
