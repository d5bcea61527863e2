//! Where a command works and where it prints.

use std::path::PathBuf;

use terminal::Output;

/// The folder of a control plane, and the output of the command.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) dir: PathBuf,
    pub(crate) out: Output,
}
