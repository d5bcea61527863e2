//! The rows of the table of goals, each with its floor and its peers.

mod audit;
mod bundle;
mod connected;
mod drilldown;
mod evaluation;
mod fleet;
mod ingest;
mod journal;
mod pages;
mod process;
mod read_back;
mod reports;
mod sessions;
mod steps;

use crate::harness::{Outcome, Plan};

type Row = fn(&Plan) -> Outcome<()>;

/// All rows, by the name that chooses them.
pub(crate) const ROWS: &[(&str, Row)] = &[
    ("ingest", ingest::measure),
    ("read-back", read_back::measure),
    ("journal", journal::measure),
    ("bundle", bundle::measure),
    ("evaluation", evaluation::measure),
    ("steps", steps::measure),
    ("process", process::measure),
    ("connected", connected::measure),
    ("drilldown", drilldown::measure),
    ("reports", reports::measure),
    ("sessions", sessions::measure),
    ("audit", audit::measure),
    ("pages", pages::measure),
];

pub(crate) fn names() -> String {
    ROWS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
}
