//! The request: what a person asks to see, for what, and to which key it is to be sealed.

use std::fmt;
use std::str::FromStr;

use clock::Timestamp;
use crypto::{Digest, hpke};
use ids::{ItemId, PersonId, RequestId, RunId, RunnerId, TenantId};

use crate::text::{Name, Reason};

/// The type of the envelope's payload.
pub const REQUEST_TYPE: &str = "application/vnd.proctor.drilldown-request.v1+json";

/// Bytes of a request's payload, so that the envelope with both signatures stays within [`MAX_REQUEST`](super::MAX_REQUEST).
pub const MAX_PAYLOAD: usize = 5_760;

/// Items of one request.
pub const MAX_ITEMS: usize = 32;

/// What a person asks for. Whether it may be granted is for the Runner's policy to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// This request.
    pub request: RequestId,
    /// The nonce that the Runner issued for its present stream.
    pub epoch: Epoch,
    /// The tenant.
    pub tenant: TenantId,
    /// The Runner that holds the evidence.
    pub runner: RunnerId,
    /// SHA-256 of the SubjectPublicKeyInfo of the Runner's attestation key.
    pub runner_key: Digest,
    /// The run that collected the evidence.
    pub run: RunId,
    /// What is asked for: 1 to [`MAX_ITEMS`] items, none twice.
    pub items: Vec<RequestedItem>,
    /// Who asks.
    pub person: Person,
    /// What for.
    pub purpose: Purpose,
    /// What for, in that person's words.
    pub reason: Reason,
    /// The key to which the answer is sealed.
    pub recipient: hpke::PublicKey,
    /// The record of the audit log that logged this request.
    pub audit: RecordRef,
    /// From when it holds.
    pub issued: Timestamp,
    /// Until when it holds.
    pub expires: Timestamp,
}

/// One item that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedItem {
    /// The item.
    pub item: ItemId,
    /// The root that it is committed under, so that nothing else can stand behind the id.
    pub root: Digest,
    /// Positions of the rows, in strictly ascending order and at least one; `None` for all rows.
    pub rows: Option<Vec<u64>>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The person.
    pub id: PersonId,
    /// SHA-256 of the SubjectPublicKeyInfo of the key of that person's device.
    pub device: Digest,
    /// The role in which that person asks.
    pub role: Name,
    /// How the control plane recognised that person; at least one, none twice.
    pub factors: Vec<Factor>,
}

/// A record of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef {
    /// Its position.
    pub seq: u64,
    /// SHA-256 of its line.
    pub hash: Digest,
}

/// The nonce that a Runner issues for a stream; a request of another stream is dead. Its text is base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch([u8; 16]);

impl Epoch {
    /// The epoch with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::base64_of(&self.0))
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epoch({self})")
    }
}

/// A word that is none of a vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of: {0}")]
pub struct WordError(&'static str);

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $all:literal, $($(#[$variant_doc:meta])* $variant:ident = $word:literal),* $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every word.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word in the format.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = WordError;

            fn from_str(text: &str) -> Result<Self, WordError> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(WordError($all)),
                }
            }
        }
    };
}

vocabulary! {
    /// How the control plane recognised a person.
    Factor, "pwd, otp, oidc, passkey, api-key",
    /// A password.
    Password = "pwd",
    /// A one-time code.
    Otp = "otp",
    /// Another identity provider.
    Oidc = "oidc",
    /// A passkey.
    Passkey = "passkey",
    /// An API key, with which no person was present.
    ApiKey = "api-key",
}

vocabulary! {
    /// What evidence is asked for.
    Purpose, "audit, investigation, remediation, test",
    /// To judge controls.
    Audit = "audit",
    /// To find out what happened.
    Investigation = "investigation",
    /// To put something right.
    Remediation = "remediation",
    /// To try out the way itself.
    Test = "test",
}
