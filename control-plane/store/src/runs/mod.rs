//! Runs: what their newest reports say, the reports themselves, and tallies of them.

mod accept;
mod detail;
mod list;
mod search;
mod tally;
mod ways;

use control_plane_domain::run::RunSummary;
use proof::manifest::ProcedureVersion;
use verdict::Counts;

use crate::StoreError;
use crate::value::Cells;

pub use search::FoundRuns;

/// The columns of a run, in the order in which every statement on runs names them.
fn read_run(mut cells: Cells) -> Result<RunSummary, StoreError> {
    Ok(RunSummary {
        id: cells.take("run")?,
        runner: cells.take("runner")?,
        procedure: ProcedureVersion {
            id: cells.take("procedure_id")?,
            version: cells.take("procedure_version")?,
            sha256: cells.take("procedure_digest")?,
        },
        trigger: cells.take("cause")?,
        due: cells.take("due")?,
        started: cells.take("started")?,
        ended: cells.take("ended")?,
        verdict: cells.take("verdict")?,
        score: cells.take("score")?,
        score_with_exceptions: cells.take("score_with_exceptions")?,
        counts: read_counts(&mut cells)?,
        partial: cells.take("partial")?,
        software: cells.take("software")?,
        seq: cells.take("seq")?,
        reports: cells.take("reports")?,
        accepted: cells.take("accepted")?,
    })
}

fn read_counts(cells: &mut Cells) -> Result<Counts, StoreError> {
    Ok(Counts {
        pass: cells.take("pass")?,
        fail: cells.take("fail")?,
        error: cells.take("error")?,
        pending: cells.take("pending")?,
        not_applicable: cells.take("not_applicable")?,
        excepted: cells.take("excepted")?,
    })
}
