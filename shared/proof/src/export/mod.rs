//! The export of an audit log: one deterministic zip file with all records and the signed checkpoint over them.
//!
//! Knows lines, the chain and the archive; what a record says is the control plane's matter. Larger than memory on both
//! sides: it is written piece by piece and read from something that can be positioned. The control plane writes exports,
//! anybody checks them.

mod start;
mod verify;
mod write;

#[cfg(test)]
mod tests;

use ids::TenantId;

use crate::bundle::ArchiveError;
use crate::checkpoint::CheckpointError;
use crate::log::ChainError;

pub use start::ExportStart;
pub use verify::{ExportReport, ExportStep, ExportStepId, verify};
pub use write::{ExportSummary, ExportWriter};

/// Names of the files that an export has, or may have.
pub mod names {
    /// How to check all this.
    pub const GUIDE: &str = "VERIFY.md";
    /// The signed checkpoint with all cosignatures.
    pub const CHECKPOINT: &str = "audit.checkpoint";
    /// What is left of the records before the first one, after a purge.
    pub const FRONTIER: &str = "audit.frontier";
    /// The records, one a line.
    pub const LINES: &str = "audit.jsonl";
    /// The log's key.
    pub const KEY: &str = "audit.vkey";
}

/// How to check an export, with `proctor-verify` and by hand; the same text in every export.
pub const GUIDE: &str = include_str!("VERIFY.md");

/// The file name of a tenant's export.
pub fn file_name(tenant: TenantId) -> String {
    format!("{tenant}.audit.zip")
}

/// Why an export cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The archive would be larger than zip can count.
    #[error("the export does not fit into one archive of 4 GiB: {0}")]
    Archive(#[from] ArchiveError),
    /// The checkpoint is not one of the log with this key.
    #[error("the checkpoint to export: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A line is not the next record.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// More records than the checkpoint speaks of.
    #[error("record {0} lies beyond the checkpoint that is exported")]
    Beyond(u64),
    /// Fewer records than the checkpoint speaks of.
    #[error("{given} records were given, and the checkpoint speaks of {size}")]
    Missing {
        /// Records given, purged ones included.
        given: u64,
        /// Records of the checkpoint.
        size: u64,
    },
    /// The records are not those that were signed: the log was changed.
    #[error("the records do not lead to the root of the checkpoint: the log was changed after it was signed")]
    Root,
}
