//! The tenant's audit log: shown, signed, checked, taken away.

mod checkpoint;
mod export;
mod list;
mod search;
mod verify;

pub use export::AuditExport;
pub use search::AuditFound;
