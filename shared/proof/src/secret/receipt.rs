//! The receipt: what the Runner signs about having taken a value in or refused it.

use crate::receipt::{Decided, Fields};
use crate::text::Name;

/// The type of the envelope's payload.
pub const RECEIPT_TYPE: &str = "application/vnd.proctor.secret-receipt.v1+json";

/// A decision about one value that was sent.
pub type Receipt = crate::receipt::Receipt<Decision>;

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

impl Decided for Decision {
    const TYPE: &'static str = RECEIPT_TYPE;
    const WORDS: &'static [&'static str] = &["accepted", "refused"];
    const SEALS: bool = false;

    fn to_fields(&self) -> Fields {
        let (decision, code) = match self {
            Self::Accepted => ("accepted", None),
            Self::Refused { code } => ("refused", Some(code.clone())),
        };
        Fields { decision, code, sealed_sha256: None }
    }

    fn from_fields(fields: Fields) -> Option<Self> {
        match (fields.decision, fields.code) {
            ("accepted", None) => Some(Self::Accepted),
            ("refused", Some(code)) => Some(Self::Refused { code }),
            (_, _) => None,
        }
    }
}
