//! How things stand, as pages read it.

use std::collections::BTreeSet;

use clock::Timestamp;
use control_plane_domain::standing::{
    CheckSummary, DayTally, PreviousRun, ProcedureState, StandingCounts, VerdictCounts, Word,
};
use ids::{RunId, RunnerId};
use proof::text::Name;
use verdict::{Severity, Status};

use crate::StoreError;
use crate::sql::{Sql, sql};
use crate::tx::Reads;
use crate::value::{Cells, values};

pub(super) const PROCEDURE_STATE: Sql = sql!(
    "SELECT runner, procedure_id, procedure_version, procedure_digest, run, started, ended, verdict, score, \
     score_with_exceptions, since, changed_from, previous_run, previous_verdict, previous_score, previous_ended, retired \
     FROM procedure_state WHERE tenant = $1 AND runner = $2 AND procedure_id = $3"
);

impl Reads {
    /// The newest verdict of these procedures at these Runners, where there is one.
    pub async fn procedure_states(&self, places: &[(RunnerId, Name)]) -> Result<Vec<ProcedureState>, StoreError> {
        let each = places.iter().map(|(runner, procedure)| values![runner, procedure]).collect();
        let states = self.all_of_each("procedure_state", PROCEDURE_STATE, each, read_procedure_state).await?;
        Ok(states.into_iter().map(|(state, _)| state).collect())
    }

    /// How many procedures at Runners have which verdict, and how many findings are open.
    pub async fn standing_counts(&self) -> Result<StandingCounts, StoreError> {
        let sql = sql!("SELECT what, word, number FROM standing_count WHERE tenant = $1");
        let mut counts = StandingCounts::default();
        for mut cells in self.rows("standing_count", sql, values![]).await? {
            let what: String = cells.take("what")?;
            if what == "verdict" {
                let (status, number): (Status, u64) = (cells.take("word")?, cells.take("number")?);
                counts.verdicts = counts.verdicts.with(status, number);
            } else {
                let (severity, number): (Severity, u64) = (cells.take("word")?, cells.take("number")?);
                counts.findings = counts.findings.with(severity, number);
            }
        }
        Ok(counts)
    }

    /// How the runs of each day from `from` on and before `until` ended; days without runs are not there.
    pub async fn day_tallies(&self, from: Timestamp, until: Timestamp) -> Result<Vec<DayTally>, StoreError> {
        let sql = sql!(
            "SELECT day, runs, pass, fail, error, pending, not_applicable, excepted, scored, score_sum FROM day_tally \
             WHERE tenant = $1 AND day >= $2 AND day < $3 ORDER BY day"
        );
        let read = |mut cells: Cells| {
            Ok(DayTally {
                day: cells.take("day")?,
                runs: cells.take("runs")?,
                verdicts: read_counts(&mut cells)?,
                scored: cells.take("scored")?,
                score_sum: cells.take("score_sum")?,
            })
        };
        self.all("day_tally", sql, values![from, until], read).await
    }

    /// How the checks of these procedures stand at all Runners.
    pub async fn check_summaries(&self, procedures: &BTreeSet<Name>) -> Result<Vec<CheckSummary>, StoreError> {
        let sql = sql!(
            "SELECT procedure_id, check_id, pass, fail, error, pending, not_applicable, excepted, last_run, last_runner, \
             last_status, last_at, pass_run, pass_runner, pass_at FROM check_summary \
             WHERE tenant = $1 AND procedure_id = $2 ORDER BY check_id"
        );
        let each = procedures.iter().map(|procedure| values![procedure]).collect();
        self.all_of_each("check_summary", sql, each, read_summary).await
    }
}

/// The state, and whether it is retired.
pub(super) fn read_procedure_state(mut cells: Cells) -> Result<(ProcedureState, bool), StoreError> {
    let (runner, procedure) = (cells.take("runner")?, cells.take("procedure_id")?);
    let (version, digest) = (cells.take("procedure_version")?, cells.take("procedure_digest")?);
    let (run, started, ended) = (cells.take("run")?, cells.take("started")?, cells.take("ended")?);
    let (verdict, score) = (cells.take("verdict")?, cells.take("score")?);
    let score_with_exceptions = cells.take("score_with_exceptions")?;
    let (since, changed_from) = (cells.take("since")?, cells.take("changed_from")?);
    let previous: Option<RunId> = cells.take("previous_run")?;
    let previous_verdict: Option<Status> = cells.take("previous_verdict")?;
    let previous_score: Option<u64> = cells.take("previous_score")?;
    let previous_ended: Option<Timestamp> = cells.take("previous_ended")?;
    let previous = match (previous, previous_verdict, previous_ended) {
        (Some(run), Some(verdict), Some(ended)) => Some(PreviousRun { run, verdict, score: previous_score, ended }),
        (None, None, None) => None,
        _ => return Err(cells.wrong("the run before is there in part")),
    };
    let is_retired = cells.take("retired")?;
    let state = ProcedureState {
        runner,
        procedure,
        version,
        digest,
        run,
        started,
        ended,
        verdict,
        score,
        score_with_exceptions,
        since,
        changed_from,
        previous,
    };
    Ok((state, is_retired))
}

fn read_summary(mut cells: Cells) -> Result<CheckSummary, StoreError> {
    let (procedure, check) = (cells.take("procedure_id")?, cells.take("check_id")?);
    let runners = read_counts(&mut cells)?;
    let (run, runner): (Option<RunId>, Option<RunnerId>) = (cells.take("last_run")?, cells.take("last_runner")?);
    let (status, at): (Option<Status>, Option<Timestamp>) = (cells.take("last_status")?, cells.take("last_at")?);
    let last = match (run, runner, status, at) {
        (Some(run), Some(runner), Some(status), Some(at)) => Some(Word { run, runner, status, at }),
        (None, None, None, None) => None,
        _ => return Err(cells.wrong("the newest word is there in part")),
    };
    let (run, runner): (Option<RunId>, Option<RunnerId>) = (cells.take("pass_run")?, cells.take("pass_runner")?);
    let last_pass = match (run, runner, cells.take("pass_at")?) {
        (Some(run), Some(runner), Some(at)) => Some(Word { run, runner, status: Status::Pass, at }),
        (None, None, None) => None,
        _ => return Err(cells.wrong("the newest word that it holds is there in part")),
    };
    Ok(CheckSummary { procedure, check, runners, last, last_pass })
}

fn read_counts(cells: &mut Cells) -> Result<VerdictCounts, StoreError> {
    Ok(VerdictCounts {
        pass: cells.take("pass")?,
        fail: cells.take("fail")?,
        error: cells.take("error")?,
        pending: cells.take("pending")?,
        not_applicable: cells.take("not_applicable")?,
        excepted: cells.take("excepted")?,
    })
}
