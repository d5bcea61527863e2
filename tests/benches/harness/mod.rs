//! What all rows share: interleaved rounds, time and processor time, the disk's floor, a vault to fill, processes to
//! start, and the lines of the table.

mod bed;
mod cost;
mod disk;
mod process;
mod rounds;
mod table;

pub(crate) use bed::{Bed, one_row, records, rows_of};
pub(crate) use cost::{Cost, cost, now};
pub(crate) use disk::Disk;
pub(crate) use process::{binary, idle_memory, program, quietly};
pub(crate) use rounds::{Contender, Measured, contend};
pub(crate) use table::{Goal, Line, heading, note, say};

/// What a bench gives: there is nothing to recover from.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// A short form, for a look.
    pub(crate) is_quick: bool,
}

impl Plan {
    pub(crate) fn full() -> Self {
        Self { is_quick: false }
    }

    pub(crate) fn quick() -> Self {
        Self { is_quick: true }
    }

    /// Interleaved rounds of every row.
    pub(crate) fn rounds(&self) -> usize {
        if self.is_quick { 5 } else { 15 }
    }

    /// The first number, or the second in the short form.
    pub(crate) fn pick(&self, full: usize, quick: usize) -> usize {
        if self.is_quick { quick } else { full }
    }
}
