//! A drill-down: what was asked, and the states it passes through. Evidence is in none of them.

use clock::Timestamp;
use crypto::Digest;
use ids::{ApiKeyId, ItemId, PersonId, RequestId, RunId, RunnerId, SessionId};
use proof::text::{FreeText, Name};
use serde::{Deserialize, Serialize};

use crate::audit::Purpose;
use crate::audit_log::AuditRef;
use crate::vocabulary;

/// A drill-down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillDown {
    /// Its id.
    pub id: RequestId,
    /// Who has the evidence.
    pub runner: RunnerId,
    /// The run that collected it.
    pub run: RunId,
    /// What is to be opened.
    pub items: Vec<AskedItem>,
    /// Who asked.
    pub person: PersonId,
    /// How they had shown who they are.
    pub with: AskedWith,
    /// For what.
    pub purpose: Purpose,
    /// Why, in the person's words.
    pub reason: FreeText,
    /// To whom the answer is sealed: X25519.
    pub recipient: [u8; 32],
    /// SubjectPublicKeyInfo of the device that will sign.
    pub device_key: Vec<u8>,
    /// When it was asked.
    pub requested: Timestamp,
    /// Until when it may wait for the Runner and for the signature.
    pub expires: Timestamp,
    /// The record that logged it.
    pub audit: AuditRef,
    /// Where it stands.
    pub state: DrillDownState,
}

/// How a person who asks had shown who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedWith {
    /// With a key.
    Key(ApiKeyId),
    /// In a session at the console, with both factors.
    Session(SessionId),
}

/// An item, or rows of it, that is to be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedItem {
    /// The item.
    pub item: ItemId,
    /// Its commitment, out of the attested manifest.
    pub root: Digest,
    /// Which rows; all of them when `None`.
    pub rows: Option<Vec<u64>>,
}

/// The request as it is to be signed, bound to one session of the Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToSign {
    /// The exact bytes.
    pub payload: Vec<u8>,
    /// The nonce of the Runner's session that it names: with another session it is worth nothing.
    pub epoch: [u8; 16],
    /// When the signed request ends.
    pub until: Timestamp,
}

/// The request with both signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The exact bytes of the envelope.
    pub envelope: Vec<u8>,
    /// SHA-256 of what was signed, as receipts name it.
    pub request_sha256: Digest,
    /// The nonce of the Runner's session that it names.
    pub epoch: [u8; 16],
    /// When the signed request ends.
    pub until: Timestamp,
}

/// Where a drill-down stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrillDownState {
    /// The Runner has no session, so nothing can be signed yet.
    WaitingForRunner,
    /// Waits for the signature of the person's device.
    ToSign(ToSign),
    /// Signed by both; to be sent to the Runner.
    Signed(Signed),
    /// Sent to the Runner.
    Delivered(Signed),
    /// The Runner answers; frames are relayed.
    Answering(Signed),
    /// Answered to the end.
    Answered {
        /// What was asked.
        signed: Signed,
        /// SHA-256 of the receipt.
        receipt: Digest,
        /// When the receipt came.
        at: Timestamp,
    },
    /// The Runner did not answer, or not to the end.
    Refused {
        /// What was asked, if the Runner got it.
        signed: Option<Signed>,
        /// Why: the receipt's code, or ours when it never reached the Runner.
        code: Name,
        /// SHA-256 of the receipt, if there is one.
        receipt: Option<Digest>,
        /// When.
        at: Timestamp,
    },
    /// Nobody answered in time.
    Expired {
        /// What was asked, if it was signed.
        signed: Option<Signed>,
        /// What it was waiting for.
        code: Name,
        /// When.
        at: Timestamp,
    },
    /// Taken back by the person who asked.
    Cancelled {
        /// What was asked, if it was signed.
        signed: Option<Signed>,
        /// When.
        at: Timestamp,
    },
}

vocabulary! {
    /// The word of a [`DrillDownState`].
    DrillDownWord, "state of a drill-down" {
        /// Waits for a session of the Runner.
        WaitingForRunner = "waiting_for_runner",
        /// Waits for the device's signature.
        ToSign = "to_sign",
        /// To be sent.
        Signed = "signed",
        /// Sent.
        Delivered = "delivered",
        /// Frames come.
        Answering = "answering",
        /// Done.
        Answered = "answered",
        /// Not answered.
        Refused = "refused",
        /// Not answered in time.
        Expired = "expired",
        /// Taken back.
        Cancelled = "cancelled",
    }
}

vocabulary! {
    /// What became of a drill-down, as far as a list tells them apart.
    DrillDownEnd, "end of a drill-down" {
        /// It is not over.
        Open = "open",
        /// The Runner answered.
        Answered = "answered",
        /// It was not answered.
        Refused = "refused",
        /// Nothing came in time.
        Expired = "expired",
        /// Whoever asked took it back.
        Cancelled = "cancelled",
    }
}

/// Which drill-downs a list shows. What is not named is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DrillDownFilter {
    /// At this Runner.
    pub runner: Option<RunnerId>,
    /// Asked by this person.
    pub person: Option<PersonId>,
    /// For this.
    pub purpose: Option<Purpose>,
    /// That came to this.
    pub end: Option<DrillDownEnd>,
    /// Asked then or later.
    pub from: Option<Timestamp>,
    /// Asked before.
    pub until: Option<Timestamp>,
}

/// A change of state that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a drill-down that is {from} cannot become {to}")]
pub struct IllegalChange {
    /// What it is.
    pub from: DrillDownWord,
    /// What it should become.
    pub to: DrillDownWord,
}

impl DrillDownState {
    /// The word.
    pub const fn word(&self) -> DrillDownWord {
        match self {
            Self::WaitingForRunner => DrillDownWord::WaitingForRunner,
            Self::ToSign(_) => DrillDownWord::ToSign,
            Self::Signed(_) => DrillDownWord::Signed,
            Self::Delivered(_) => DrillDownWord::Delivered,
            Self::Answering(_) => DrillDownWord::Answering,
            Self::Answered { .. } => DrillDownWord::Answered,
            Self::Refused { .. } => DrillDownWord::Refused,
            Self::Expired { .. } => DrillDownWord::Expired,
            Self::Cancelled { .. } => DrillDownWord::Cancelled,
        }
    }

    /// What was signed, if it was.
    pub const fn signed(&self) -> Option<&Signed> {
        match self {
            Self::WaitingForRunner | Self::ToSign(_) => None,
            Self::Signed(signed) | Self::Delivered(signed) | Self::Answering(signed) => Some(signed),
            Self::Answered { signed, .. } => Some(signed),
            Self::Refused { signed, .. } | Self::Expired { signed, .. } | Self::Cancelled { signed, .. } => {
                signed.as_ref()
            }
        }
    }

    /// Whether nothing more is expected.
    pub const fn is_over(&self) -> bool {
        self.word().is_over()
    }
}

impl DrillDownWord {
    /// Whether nothing more is expected.
    pub const fn is_over(self) -> bool {
        match self {
            Self::WaitingForRunner | Self::ToSign | Self::Signed | Self::Delivered | Self::Answering => false,
            Self::Answered | Self::Refused | Self::Expired | Self::Cancelled => true,
        }
    }

    /// Whether a drill-down may go from this state to that one.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            // A new session of the Runner makes a new request to sign; without one it waits again.
            Self::WaitingForRunner => {
                matches!(next, Self::WaitingForRunner | Self::ToSign | Self::Refused | Self::Expired | Self::Cancelled)
            }
            Self::ToSign => matches!(
                next,
                Self::WaitingForRunner | Self::ToSign | Self::Signed | Self::Refused | Self::Expired | Self::Cancelled
            ),
            // That it was sent, and that frames come, is written when there is time for it: the receipt may be first.
            Self::Signed => matches!(
                next,
                Self::Delivered | Self::Answering | Self::Answered | Self::Refused | Self::Expired | Self::Cancelled
            ),
            Self::Delivered => {
                matches!(next, Self::Answering | Self::Answered | Self::Refused | Self::Expired | Self::Cancelled)
            }
            Self::Answering => matches!(next, Self::Answered | Self::Refused | Self::Expired | Self::Cancelled),
            // The Runner's receipt is the truth about what it did, also when it comes late.
            Self::Expired | Self::Cancelled => matches!(next, Self::Answered | Self::Refused),
            Self::Answered | Self::Refused => false,
        }
    }
}

impl DrillDown {
    /// The drill-down in its next state.
    pub fn becoming(self, next: DrillDownState) -> Result<Self, IllegalChange> {
        let (from, to) = (self.state.word(), next.word());
        if from.may_become(to) { Ok(Self { state: next, ..self }) } else { Err(IllegalChange { from, to }) }
    }
}

/// A receipt that a Runner gave, exact bytes. The first of a drill-down decides; later ones are kept as what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillDownReceipt {
    /// The drill-down.
    pub drilldown: RequestId,
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
    fn what_is_over_only_changes_by_a_late_receipt() {
        for from in DrillDownWord::ALL {
            for to in DrillDownWord::ALL {
                let late = matches!(from, DrillDownWord::Expired | DrillDownWord::Cancelled)
                    && matches!(to, DrillDownWord::Answered | DrillDownWord::Refused);
                if from.is_over() {
                    assert_eq!(from.may_become(*to), late, "{from} to {to}");
                }
            }
        }
        assert!(!DrillDownWord::ToSign.may_become(DrillDownWord::Delivered));
        assert!(!DrillDownWord::Delivered.may_become(DrillDownWord::ToSign));
    }
}
