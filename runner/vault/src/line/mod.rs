//! What the vault keeps for the line to a control plane: who this Runner is there, how far its journal was taken, which
//! checkpoints both sides vouched for, and which requests were seen.
//!
//! Knows records, notes and keys; must never know sessions, messages or networks.

mod audit;
mod cosigned;
mod identity;
mod reports;
mod requests;

pub use audit::{AuditFork, AuditSeen};
pub use cosigned::Cosigned;
pub(crate) use cosigned::compare_with_cosigned;
pub use identity::ControlPlanePins;
pub(crate) use identity::value_cell;
pub use reports::{Acceptance, AttestedRun, ReportRecord, Waiting};
pub(crate) use reports::{Counted, forget_rollback, stored_rollback};
pub(crate) use requests::insert_request;
pub use requests::{RequestOutcome, RequestedRun};
