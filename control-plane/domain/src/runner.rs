//! A Runner as the control plane knows it: keys, standing, certificates, presence.

use clock::Timestamp;
use crypto::Digest;
use ids::{RunnerId, TokenId};
use proof::text::{FreeText, Name, Software};

use crate::vocabulary;

/// A Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// The id that it made for itself.
    pub id: RunnerId,
    /// What people call it.
    pub label: FreeText,
    /// The token it came with.
    pub token: TokenId,
    /// When it came.
    pub enrolled: Timestamp,
    /// Its standing.
    pub state: RunnerState,
    /// Its keys.
    pub keys: RunnerKeys,
    /// The generation of its newest certificate that has been used; 0 before the first.
    pub generation: u64,
    /// What it said of itself last.
    pub presence: Presence,
    /// The earliest due time that has neither a run nor a reason, of all its procedures.
    pub overdue_since: Option<Timestamp>,
}

/// The standing of a Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunnerState {
    /// Waits for an administrator to compare its fingerprint.
    Pending,
    /// Let in.
    Active {
        /// When.
        since: Timestamp,
    },
    /// Kept out until an administrator decides: there may be a second holder of its identity, or a second history.
    Locked {
        /// When.
        since: Timestamp,
        /// Why.
        reason: LockReason,
    },
    /// Kept out for good.
    Revoked {
        /// When.
        since: Timestamp,
    },
}

/// A Runner's health in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerLine {
    /// Which.
    pub id: RunnerId,
    /// What people call it.
    pub label: FreeText,
    /// Its standing.
    pub state: RunnerState,
    /// When it was heard of last.
    pub last_seen: Option<Timestamp>,
    /// Whether it has a session.
    pub connected: bool,
    /// Its condition.
    pub condition: Option<Condition>,
    /// The earliest due time that has neither a run nor a reason.
    pub overdue_since: Option<Timestamp>,
}

vocabulary! {
    /// The word of a [`RunnerState`], to filter by.
    Standing, "standing of a Runner" {
        /// Waits for approval.
        Pending = "pending",
        /// Let in.
        Active = "active",
        /// Kept out until an administrator decides.
        Locked = "locked",
        /// Kept out for good.
        Revoked = "revoked",
    }
}

vocabulary! {
    /// Why a Runner was locked.
    LockReason, "reason of a lock" {
        /// A certificate of an earlier generation was used after its successor.
        GenerationReused = "generation_reused",
        /// A renewal that does not follow from the generation in use.
        RenewalConflict = "renewal_conflict",
        /// Two live sessions of one certificate kept replacing one another.
        TakenOver = "taken_over",
        /// Its journal does not continue what was accepted.
        JournalForked = "journal_forked",
        /// Its journal is shorter than what was accepted.
        JournalRolledBack = "journal_rolled_back",
    }
}

impl RunnerState {
    /// The word.
    pub const fn standing(&self) -> Standing {
        match self {
            Self::Pending => Standing::Pending,
            Self::Active { .. } => Standing::Active,
            Self::Locked { .. } => Standing::Locked,
            Self::Revoked { .. } => Standing::Revoked,
        }
    }
}

/// The keys that a Runner came with, as its statement names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerKeys {
    /// SHA-256 of the statement's payload: what people compare.
    pub fingerprint: Digest,
    /// The statement, exact bytes of the envelope.
    pub statement: Vec<u8>,
    /// SHA-256 of the SubjectPublicKeyInfo of its first TLS key.
    pub tls_key: Digest,
    /// SubjectPublicKeyInfo.
    pub attestation_key: Vec<u8>,
    /// Verifier key of its journal.
    pub journal_key: String,
    /// Verifier key of its cosignatures.
    pub witness_key: String,
    /// X25519.
    pub sealing_key: [u8; 32],
}

vocabulary! {
    /// What a Runner says of itself.
    Condition, "condition of a Runner" {
        /// All is well.
        Ready = "ready",
        /// Disk or queue is full: no new runs.
        Full = "full",
        /// An older copy of its store was put back: no runs, no drill-downs.
        Rollback = "rollback",
        /// It saw the audit log fork: no drill-downs.
        ForkSeen = "fork_seen",
    }
}

/// What a Runner said of itself last; not audited, overwritten with each sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// When it was heard of last.
    pub last_seen: Option<Timestamp>,
    /// Whether it has a session, as far as the database knows.
    pub connected: bool,
    /// Its condition.
    pub condition: Option<Condition>,
    /// Its program.
    pub software: Software,
    /// How its store's root key is kept.
    pub seal_level: Option<Name>,
    /// Journal records that wait at the Runner.
    pub waiting: u64,
}

/// A certificate that was issued to a Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerCertificate {
    /// Whose it is.
    pub runner: RunnerId,
    /// 1, 2, …
    pub generation: u64,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// Its serial number.
    pub serial: [u8; 16],
    /// SHA-256 of the SubjectPublicKeyInfo it certifies.
    pub key: Digest,
    /// SHA-256 of the request that it answers: the same request gets the same certificate again.
    pub request: Digest,
    /// The certificate and its issuer, DER.
    pub chain: Vec<Vec<u8>>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid to.
    pub not_after: Timestamp,
    /// Where it stands.
    pub state: CertificateState,
}

vocabulary! {
    /// Where a certificate stands. At most one of a Runner is next, and at most one is current.
    CertificateState, "state of a certificate" {
        /// Issued, and no session has used it: the one before is still good.
        Next = "next",
        /// In use.
        Current = "current",
        /// A session has used its successor: whoever shows it now is a second holder of the identity.
        Superseded = "superseded",
        /// Issued, and replaced before it was used, because its request was lost on the way.
        Abandoned = "abandoned",
    }
}
