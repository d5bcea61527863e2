//! A request to run a procedure at a Runner.

use clock::Timestamp;
use crypto::Digest;
use ids::{PersonId, RequestId, RunId, RunnerId};
use proof::text::Name;

use crate::audit_log::AuditRef;
use crate::vocabulary;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    /// Its id.
    pub id: RequestId,
    /// Where.
    pub runner: RunnerId,
    /// What, by digest.
    pub procedure: Digest,
    /// Who asked.
    pub person: PersonId,
    /// When.
    pub requested: Timestamp,
    /// When the Runner may begin it no more.
    pub expires: Timestamp,
    /// The record that logged it.
    pub audit: AuditRef,
    /// What became of it.
    pub state: RunRequestState,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunRequestState {
    /// The Runner has not said anything yet. It is sent again in every new session.
    Waiting,
    /// The Runner runs it.
    Begun {
        /// The run.
        run: RunId,
        /// When the Runner said so.
        at: Timestamp,
    },
    /// The run ended.
    Ended {
        /// The run.
        run: RunId,
        /// When the Runner said so.
        at: Timestamp,
        /// Why it ended without a result, if it did.
        code: Option<Name>,
    },
    /// The Runner did not run it.
    Refused {
        /// Why.
        code: Name,
        /// When it said so.
        at: Timestamp,
    },
    /// Nobody took it in time.
    Expired {
        /// When that was found.
        at: Timestamp,
    },
}

vocabulary! {
    /// The word of a [`RunRequestState`].
    RunRequestWord, "state of a run request" {
        /// Not taken yet.
        Waiting = "waiting",
        /// Runs.
        Begun = "begun",
        /// Ran.
        Ended = "ended",
        /// Not run.
        Refused = "refused",
        /// Not taken in time.
        Expired = "expired",
    }
}

/// A change of state that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a run request that is {from} cannot become {to}")]
pub struct IllegalChange {
    /// What it is.
    pub from: RunRequestWord,
    /// What it should become.
    pub to: RunRequestWord,
}

impl RunRequestState {
    /// The word.
    pub const fn word(&self) -> RunRequestWord {
        match self {
            Self::Waiting => RunRequestWord::Waiting,
            Self::Begun { .. } => RunRequestWord::Begun,
            Self::Ended { .. } => RunRequestWord::Ended,
            Self::Refused { .. } => RunRequestWord::Refused,
            Self::Expired { .. } => RunRequestWord::Expired,
        }
    }

    /// The state after this one; a state that says the same again is no error.
    pub fn become_state(self, next: Self) -> Result<Self, IllegalChange> {
        use RunRequestWord::{Begun, Ended, Expired, Refused, Waiting};
        let legal = match (self.word(), next.word()) {
            (Waiting, Begun | Ended | Refused | Expired) | (Begun, Begun | Ended | Refused) | (Ended, Ended) => true,
            // The Runner began it just before it expired here: what ran has run.
            (Expired, Begun | Ended | Refused) | (Refused, Refused) | (Expired, Expired) => true,
            (Waiting, Waiting)
            | (Begun, Waiting | Expired)
            | (Ended, Waiting | Begun | Refused | Expired)
            | (Refused, Waiting | Begun | Ended | Expired)
            | (Expired, Waiting) => false,
        };
        if legal { Ok(next) } else { Err(IllegalChange { from: self.word(), to: next.word() }) }
    }
}
