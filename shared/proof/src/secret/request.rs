//! What a person signs: which value goes to which Runner under which name.

use clock::Timestamp;
use crypto::Digest;
use ids::{RequestId, RunnerId, TenantId};

use crate::drilldown::{Epoch, Person, RecordRef};
use crate::text::Name;

/// The type of the envelope's payload.
pub const SECRET_TYPE: &str = "application/vnd.proctor.secret.v2+json";

/// Bytes of a request's payload, so that the envelope with both signatures stays within [`MAX_REQUEST`](super::MAX_REQUEST).
pub const MAX_PAYLOAD: usize = 4096;

/// Bytes of a value.
pub const MAX_VALUE: usize = Class::Large.bytes() - 4;

/// Everything about a request but the value: fixed before the value is sealed, because the value is bound to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// This request.
    pub request: RequestId,
    /// The nonce that the Runner issued for its present stream.
    pub epoch: Epoch,
    /// The tenant.
    pub tenant: TenantId,
    /// The Runner that is to keep the value.
    pub runner: RunnerId,
    /// SHA-256 of the SubjectPublicKeyInfo of the Runner's attestation key.
    pub runner_key: Digest,
    /// The name under which the Runner keeps it.
    pub name: Name,
    /// Who sends it.
    pub person: Person,
    /// The record of the audit log that logged this request.
    pub audit: RecordRef,
    /// From when it holds. Of two values of one name the one issued later is the newer.
    pub issued: Timestamp,
    /// Until when it holds.
    pub expires: Timestamp,
}

/// A request to keep a value. Whether it may be kept is for the Runner's policy to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it is about.
    pub terms: Terms,
    /// The sealed value, which goes beside the request.
    pub sealed: SealedRef,
}

/// Which sealed bytes a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedRef {
    /// SHA-256 of the 32 bytes of the X25519 key to which the value is sealed.
    pub key: Digest,
    /// How long the value is, told in steps.
    pub class: Class,
    /// SHA-256 of the sealed bytes: the encapsulated key, and the ciphertext after it.
    pub sha256: Digest,
}

/// The length to which a value is filled up, so that whoever carries it does not learn how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// 256 bytes: passwords and tokens.
    Small,
    /// 2,048 bytes: private keys.
    Medium,
    /// 16,384 bytes: keys with their certificates, files of credentials.
    Large,
}

impl Class {
    /// Every class, the shortest first.
    pub const ALL: &'static [Self] = &[Self::Small, Self::Medium, Self::Large];

    /// Bytes of the plaintext.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Small => 256,
            Self::Medium => 2048,
            Self::Large => 16_384,
        }
    }

    /// The shortest class that holds a value of so many bytes, if one does.
    pub fn holding(value: usize) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| value.checked_add(4).is_some_and(|needed| needed <= class.bytes()))
    }

    /// The class with this plaintext.
    pub fn from_bytes(bytes: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.bytes() as u64 == bytes)
    }
}
