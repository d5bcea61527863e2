//! The states of runs and pieces.

use clock::Timestamp;
use runner_evidence::Provenance;
use serde_json::Value;
use verdict::{Code, Status};

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// It has not ended: it collects, waits, or was cut off by a crash.
    Running,
    /// It ended and was attested for good.
    Final {
        /// When it ended.
        ended: Timestamp,
        /// Its verdict.
        verdict: Status,
        /// Basis points; none if the procedure gives none.
        score: Option<u64>,
        /// The same with exceptions applied.
        score_with_exceptions: Option<u64>,
    },
    /// It ended and there was nothing to attest; the journal says so.
    Ended {
        /// When.
        ended: Timestamp,
        /// Why.
        code: Code,
    },
}

/// Where a piece stands. The texts inside came from targets or people and stay at the Runner.
#[derive(Clone, PartialEq)]
pub enum PieceState {
    /// Its evidence is stored.
    Collected,
    /// It could not be collected.
    Failed {
        /// Why, in a word that may leave.
        code: Code,
        /// Why, in words that may not.
        detail: String,
        /// How it was tried.
        provenance: Option<Provenance>,
    },
    /// It waits for a person.
    Pending {
        /// What the person is asked.
        question: Value,
        /// Who is asked.
        who: String,
        /// Until when.
        deadline: Option<Timestamp>,
    },
    /// It waits for a time.
    Waiting {
        /// Which.
        until: Timestamp,
    },
    /// Nobody answered before the deadline.
    Overdue,
    /// Left out of a partial run.
    Skipped,
    /// The step's `for_each` gave an empty list.
    Empty,
}

impl PieceState {
    /// Whether something else may still come of it.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Pending { .. } | Self::Waiting { .. })
    }
}

/// Shows the word and the code, never the texts.
impl std::fmt::Debug for PieceState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Collected => f.write_str("Collected"),
            Self::Failed { code, .. } => write!(f, "Failed({code}, …)"),
            Self::Pending { deadline, .. } => write!(f, "Pending(until {deadline:?}, …)"),
            Self::Waiting { until } => write!(f, "Waiting(until {until})"),
            Self::Overdue => f.write_str("Overdue"),
            Self::Skipped => f.write_str("Skipped"),
            Self::Empty => f.write_str("Empty"),
        }
    }
}

/// Words of the `state` column of a history row.
pub(crate) mod word {
    pub(crate) const ATTEMPT: &str = "attempt";
    pub(crate) const COLLECTED: &str = "collected";
    pub(crate) const FAILED: &str = "failed";
    pub(crate) const PENDING: &str = "pending";
    pub(crate) const WAITING: &str = "waiting";
    pub(crate) const OVERDUE: &str = "overdue";
    pub(crate) const SKIPPED: &str = "skipped";
    pub(crate) const EMPTY: &str = "empty";

    /// Whether a state with this word may be followed by another.
    pub(crate) fn is_open(word: &str) -> bool {
        matches!(word, PENDING | WAITING | ATTEMPT)
    }
}
