//! The tenant's audit log as it is stored and shown; what its records say is in `audit`.

use clock::Timestamp;
use crypto::Digest;
use ids::{PersonId, RunnerId};
use proof::log::Appended;

use crate::policy::Actor;

/// Names a record of the audit log, by place and content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditRef {
    /// Its position.
    pub seq: u64,
    /// SHA-256 of its line.
    pub hash: Digest,
}

impl From<&Appended> for AuditRef {
    fn from(appended: &Appended) -> Self {
        Self { seq: appended.seq, hash: appended.hash }
    }
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// Its position.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// The line, without a newline.
    pub line: String,
}

/// A signed checkpoint of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCheckpoint {
    /// Records.
    pub size: u64,
    /// Root over them.
    pub root: Digest,
    /// The signed note, with the log's own signature alone.
    pub note: String,
    /// When it was signed.
    pub at: Timestamp,
}

/// A Runner's word that it has seen and keeps a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCosignature {
    /// Who.
    pub runner: RunnerId,
    /// The size of the checkpoint.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// The note with the Runner's cosignature.
    pub note: String,
    /// When it came.
    pub at: Timestamp,
}

/// What a whole, intact audit log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditReport {
    /// Records.
    pub records: u64,
    /// Root over them.
    pub root: Digest,
    /// Signed checkpoints, each of which has the root that the records have.
    pub checkpoints: u64,
    /// Cosignatures of Runners, each over such a root.
    pub cosignatures: u64,
}

/// Which lines are wanted; all given conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Recorded at or after.
    pub from: Option<Timestamp>,
    /// Recorded before.
    pub until: Option<Timestamp>,
    /// Of this action.
    pub action: Option<String>,
    /// Done by them.
    pub actor: Option<AuditActor>,
}

/// Who did something, as the log is searched: whichever of a person's keys or sessions it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditActor {
    /// A person.
    Person(PersonId),
    /// A Runner.
    Runner(RunnerId),
    /// The operator of the platform.
    Operator,
    /// The control plane itself.
    System,
}

impl From<Actor> for AuditActor {
    fn from(actor: Actor) -> Self {
        match actor {
            Actor::Person { person, .. } | Actor::Console { person, .. } => Self::Person(person),
            Actor::Runner { runner } => Self::Runner(runner),
            Actor::Operator {} => Self::Operator,
            Actor::System {} => Self::System,
        }
    }
}

/// An id, or a word: what is kept beside the line.
impl std::fmt::Display for AuditActor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Person(person) => person.fmt(f),
            Self::Runner(runner) => runner.fmt(f),
            Self::Operator => f.pad("operator"),
            Self::System => f.pad("system"),
        }
    }
}
