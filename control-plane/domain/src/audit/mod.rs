//! What the tenant's audit log says: a closed set of records, each with the exact words that are hashed.
//!
//! Records name people, keys, Runners and runs by id and outlive them. The only free texts are `justification` and,
//! typed as a word of a fixed set, `purpose`. Position, previous hash and time are put in front by
//! [`proof::log::Chain`]; what happened is said here.

mod action;
mod words;

#[cfg(test)]
mod tests;

use proof::log::Line;
use serde::{Deserialize, Serialize};

pub use action::{Action, AskedFor};
pub use words::{Purpose, RequestEnd};

use crate::policy::Actor;

/// Who did what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Who.
    pub actor: Actor,
    /// What.
    #[serde(flatten)]
    pub action: Action,
}

/// A line of the audit log that this version cannot read as one of its records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// An unknown action, a field that is missing, or a value that its type does not allow.
    #[error("E-AUDIT-001: record {seq} is none that this version knows: {why}")]
    Unknown {
        /// The record.
        seq: u64,
        /// What does not fit.
        why: String,
    },
    /// It says something in another spelling, or more than its action has words for.
    #[error("E-AUDIT-002: record {seq} has other bytes than the control plane would have written for it")]
    Spelling {
        /// The record.
        seq: u64,
    },
}

impl AuditRecord {
    /// Reads the record of a line. Only the exact bytes that were written for it are accepted.
    pub fn read(line: &Line<'_>) -> Result<Self, RecordError> {
        let seq = line.head().seq;
        let fields = format!("{{{}", line.rest());
        let record: Self = serde_json::from_str(&fields)
            .map_err(|error| RecordError::Unknown { seq, why: proof::text::printable(&error.to_string()) })?;
        match serde_json::to_string(&record) {
            Ok(again) if again == fields => Ok(record),
            _ => Err(RecordError::Spelling { seq }),
        }
    }
}
