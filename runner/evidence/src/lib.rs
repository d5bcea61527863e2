//! What a step collected: [`RawEvidence`], the value that expressions see of it, the rows that are sealed and committed
//! to, and byte-free records about it.
//!
//! The value is always rebuilt from the stored rows, by the same code at collection and at re-performance, so that a
//! run can be evaluated again years later from the vault alone. Pure: knows neither targets nor the store. Only the
//! Runner's rooms may depend on this crate; the control plane has no path to it.

mod parse;
mod provenance;
mod raw;
mod wipe;

pub use parse::{Parse, ParseError};
pub use provenance::{ItemRecord, Provenance};
pub use raw::{BLOB_ROW, EvidenceError, ItemContent, Place, RawEvidence};
