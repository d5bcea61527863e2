//! Where a command works and prints.

use std::path::PathBuf;

use crate::output::Output;

/// The folder and the printer of a command.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Folder of the Runner.
    pub(crate) dir: PathBuf,
    /// Printer.
    pub(crate) out: Output,
}
