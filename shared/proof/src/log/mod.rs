//! The two logs of Proctor, the tenant's audit log and the Runner's journal: hash-chained JSON lines that are the
//! entries of a Merkle tree.
//!
//! Knows lines, chains and the records of the journal; must never know where a log is stored. The vault writes the
//! journal with it, the control plane its audit log, and every verifier reads both.

mod chain;
pub mod journal;
mod line;
pub mod witness;

#[cfg(test)]
mod tests;

pub use chain::{Appended, Chain, ChainError};
pub use line::{Head, Line, LineError, MAX_LINE, build_line};
