//! A connector's secret on its way to a Runner: who sends it, and the states it passes through. The value is in none of
//! them; sealed to the Runner it is kept until it was answered, and then forgotten.

use clock::Timestamp;
use crypto::Digest;
use ids::{PersonId, RequestId, RunnerId};
use proof::text::Name;

use crate::audit_log::AuditRef;
use crate::drilldown::AskedWith;
use crate::policy::Role;
use crate::vocabulary;

/// Which secrets a list shows. What is not named is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretFilter {
    /// For this Runner.
    pub runner: Option<RunnerId>,
    /// Called so.
    pub name: Option<Name>,
}

/// A connector's secret that somebody sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorSecret {
    /// Its id.
    pub id: RequestId,
    /// Who is to keep it.
    pub runner: RunnerId,
    /// Under which name.
    pub name: Name,
    /// Who sends it.
    pub person: PersonId,
    /// In which role.
    pub role: Role,
    /// How they had shown who they are.
    pub with: AskedWith,
    /// SubjectPublicKeyInfo of the device that signs.
    pub device_key: Vec<u8>,
    /// When it was asked for.
    pub requested: Timestamp,
    /// Until when the sealed value must have come.
    pub seal_by: Timestamp,
    /// Until when it waits for the Runner.
    pub expires: Timestamp,
    /// The record that logged it.
    pub audit: AuditRef,
    /// Where it stands.
    pub state: SecretState,
}

/// The request with both signatures, and the sealed value.
#[derive(Clone, PartialEq, Eq)]
pub struct Sent {
    /// The envelope's exact bytes.
    pub envelope: Vec<u8>,
    /// The value, sealed to the Runner.
    pub sealed: Vec<u8>,
    /// SHA-256 of the request's pre-authentication encoding.
    pub request_sha256: Digest,
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sent({})", self.request_sha256)
    }
}

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretState {
    /// Waits for the person's device to seal and sign.
    ToSeal,
    /// Waits for a session of the Runner.
    Waiting(Sent),
    /// Was sent to the Runner.
    Delivered(Sent),
    /// The Runner keeps it.
    Accepted {
        /// What was sent.
        request_sha256: Digest,
        /// SHA-256 of the receipt.
        receipt: Digest,
        /// When the receipt came.
        at: Timestamp,
    },
    /// The Runner does not keep it.
    Refused {
        /// What was sent.
        request_sha256: Digest,
        /// Why: the receipt's code, or ours when it could not be sent to the Runner.
        code: Name,
        /// SHA-256 of the receipt, if there is one.
        receipt: Option<Digest>,
        /// When.
        at: Timestamp,
    },
    /// Nothing came of it in time.
    Expired {
        /// What was sent, if it was sealed.
        request_sha256: Option<Digest>,
        /// What it was waiting for.
        code: Name,
        /// When.
        at: Timestamp,
    },
    /// Taken back.
    Cancelled {
        /// What was sent, if it was sealed.
        request_sha256: Option<Digest>,
        /// When.
        at: Timestamp,
    },
}

vocabulary! {
    /// The word of a [`SecretState`].
    SecretWord, "state of a secret" {
        /// Waits for the device.
        ToSeal = "to_seal",
        /// Waits for the Runner.
        Waiting = "waiting_for_runner",
        /// Sent.
        Delivered = "delivered",
        /// Kept.
        Accepted = "accepted",
        /// Not kept.
        Refused = "refused",
        /// Too late.
        Expired = "expired",
        /// Taken back.
        Cancelled = "cancelled",
    }
}

/// A change of state that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret that is {from} cannot become {to}")]
pub struct IllegalChange {
    /// What it is.
    pub from: SecretWord,
    /// What it should become.
    pub to: SecretWord,
}

impl SecretState {
    /// The word.
    pub const fn word(&self) -> SecretWord {
        match self {
            Self::ToSeal => SecretWord::ToSeal,
            Self::Waiting(_) => SecretWord::Waiting,
            Self::Delivered(_) => SecretWord::Delivered,
            Self::Accepted { .. } => SecretWord::Accepted,
            Self::Refused { .. } => SecretWord::Refused,
            Self::Expired { .. } => SecretWord::Expired,
            Self::Cancelled { .. } => SecretWord::Cancelled,
        }
    }

    /// What is to be sent, as long as it is.
    pub const fn sent(&self) -> Option<&Sent> {
        match self {
            Self::Waiting(sent) | Self::Delivered(sent) => Some(sent),
            Self::ToSeal
            | Self::Accepted { .. }
            | Self::Refused { .. }
            | Self::Expired { .. }
            | Self::Cancelled { .. } => None,
        }
    }

    /// SHA-256 of the pre-authentication encoding of what was signed, if it was.
    pub const fn request_sha256(&self) -> Option<Digest> {
        match self {
            Self::ToSeal => None,
            Self::Waiting(sent) | Self::Delivered(sent) => Some(sent.request_sha256),
            Self::Accepted { request_sha256, .. } | Self::Refused { request_sha256, .. } => Some(*request_sha256),
            Self::Expired { request_sha256, .. } | Self::Cancelled { request_sha256, .. } => *request_sha256,
        }
    }
}

impl SecretWord {
    /// Whether nothing more is expected.
    pub const fn is_over(self) -> bool {
        match self {
            Self::ToSeal | Self::Waiting | Self::Delivered => false,
            Self::Accepted | Self::Refused | Self::Expired | Self::Cancelled => true,
        }
    }

    /// Whether a secret may go from this state to that one.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::ToSeal => matches!(next, Self::Waiting | Self::Expired | Self::Cancelled),
            // That it was sent is written when there is time for it: the receipt may be first.
            Self::Waiting => {
                matches!(next, Self::Delivered | Self::Accepted | Self::Refused | Self::Expired | Self::Cancelled)
            }
            Self::Delivered => matches!(next, Self::Accepted | Self::Refused | Self::Expired | Self::Cancelled),
            // The Runner's receipt is the truth about what it did, also when it comes late.
            Self::Expired | Self::Cancelled => matches!(next, Self::Accepted | Self::Refused),
            Self::Accepted | Self::Refused => false,
        }
    }
}

impl ConnectorSecret {
    /// The secret in its next state.
    pub fn becoming(self, next: SecretState) -> Result<Self, IllegalChange> {
        let (from, to) = (self.state.word(), next.word());
        if from.may_become(to) { Ok(Self { state: next, ..self }) } else { Err(IllegalChange { from, to }) }
    }
}

/// A receipt that a Runner gave, exact bytes. The first one that decides counts; later ones are kept as what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretReceipt {
    /// The request.
    pub request: RequestId,
    /// SHA-256 of the envelope.
    pub sha256: Digest,
    /// The envelope.
    pub envelope: Vec<u8>,
    /// When it came.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_only_changes_by_a_late_receipt_and_keeps_no_sealed_value() {
        for from in SecretWord::ALL {
            for to in SecretWord::ALL {
                let late = matches!(from, SecretWord::Expired | SecretWord::Cancelled)
                    && matches!(to, SecretWord::Accepted | SecretWord::Refused);
                if from.is_over() {
                    assert_eq!(from.may_become(*to), late, "{from} to {to}");
                }
            }
        }
        assert!(!SecretWord::ToSeal.may_become(SecretWord::Delivered));
        assert!(!SecretWord::ToSeal.may_become(SecretWord::Accepted), "nothing was sent that could be kept");
        let sent = Sent { envelope: b"canary".to_vec(), sealed: b"canary".to_vec(), request_sha256: Digest::ZERO };
        assert!(!format!("{:?}", SecretState::Waiting(sent)).contains("99, 97"), "bytes are not printed");
    }
}
