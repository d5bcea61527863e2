//! What the command lines have in common for the people and scripts that use them: exit codes, errors with a code and a
//! next step, tables, JSON, and text from elsewhere made safe for a terminal.
//!
//! It knows statuses and nothing else of the product. Binaries alone may depend on it.
#![deny(missing_docs)]

mod fail;
mod output;

pub use fail::{Exit, Fail};
pub use output::{Cell, Output, brief, inert, printable, score, status};
