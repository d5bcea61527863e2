//! The tenant's audit log: shown, signed, checked, taken away.

mod checkpoint;
mod export;
mod list;
mod page;
mod search;
mod verify;
mod walk;

pub use export::AuditExport;
pub use page::{AuditNewest, AuditPage};
pub use search::AuditFound;
pub use walk::{AuditCheck, AuditOutcome, AuditStep, AuditStepId, AuditVerification};
