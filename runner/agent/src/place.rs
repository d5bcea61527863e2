//! Where a command works and prints.

use std::path::PathBuf;

use crate::output::Output;
use crate::wiring::runner::Runner;

/// The folder and the printer of a command.
#[derive(Clone)]
pub(crate) struct Place {
    /// Folder of the Runner.
    pub(crate) dir: PathBuf,
    /// Printer.
    pub(crate) out: Output,
    /// The Runner that is open already, where the service carries out the command.
    pub(crate) open: Option<Runner>,
}
