//! The Runner's encrypted store: the only room with plaintext keys.
//!
//! It keeps what runs collected, sealed and committed to; the journal; attestations; connector secrets; and what the line
//! to a control plane needs: pinned keys, readers, receipts, checkpoints that others vouched for. It knows bytes, records
//! and keys. It must never know targets, expressions or networks, and it does not know `engine`.
//! `agent` and `disclosure` depend on it, nobody else.
//!
//! What is in clear in the file is what the control plane may know anyway: ids, names out of approved procedures,
//! statuses, times, commitments. Everything that came from a target or a person is sealed.

mod carry_over;
mod drilldown;
mod due;
mod error;
mod evidence;
mod exceptions;
mod files;
mod harden;
mod holds;
mod journal;
mod keys;
mod line;
mod own_keys;
mod procedures;
mod provider;
mod readers;
mod retention;
mod runs;
mod schema;
mod seal;
mod secrets;
mod vault;
mod writer;

#[cfg(test)]
mod tests;

pub use carry_over::{CarryOver, Imported};
pub use drilldown::{Admitted, Confirmation, Ending, Fate, Refusal, Spent, StoredReceipt};
pub use error::VaultError;
pub use evidence::{DestroyedItem, NextRow, Opened, OpenedRows, Paths, Purpose, Selection, StoredItem};
pub use exceptions::{NewException, Removed, StoredException};
pub use harden::harden_process;
pub use journal::{JournalLine, JournalReport};
pub use keys::{GenerationStatus, KeyStatus, Retention, RotationProgress, UnknownRetention};
pub use line::{
    Acceptance, AttestedRun, AuditFork, AuditSeen, ControlPlanePins, Cosigned, ReportRecord, RequestOutcome,
    RequestedRun, Waiting,
};
pub use procedures::InstalledProcedure;
pub use provider::{Provider, RootKey, SameDisk, SealLevel};
pub use readers::{MAX_READER_DAYS, NewReader, PendingReader, Reader};
pub use retention::{ExpiredRun, PurgeReport};
pub use runs::{
    Attested, CheckState, FailedAttempt, Notation, Outcome, PastState, PieceRecord, PieceState, ProcedureSource,
    RunFilter, RunStart, RunState, RunSummary, StoredAttestation, StoredPiece, StoredRun,
};
pub use seal::Identity;
pub use secrets::{ListedSecret, SecretFloor, SecretOrigin, SecretRefusal};
pub use vault::{Condition, Files, Options, RetentionDays, Vault};
