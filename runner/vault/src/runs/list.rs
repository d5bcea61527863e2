//! Lists of runs, newest first, a page at a time.

use clock::Timestamp;
use ids::RunId;
use rusqlite::{Row, params};
use verdict::{Status, Trigger};

use super::{RunRow, RunState};
use crate::VaultError;
use crate::vault::Vault;

/// Which runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Of this procedure.
    pub procedure: Option<String>,
    /// With this verdict.
    pub verdict: Option<Status>,
    /// Only those that have not ended.
    pub unfinished: bool,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// The procedure's id.
    pub procedure: String,
    /// Its version.
    pub version: u64,
    /// What set it off.
    pub trigger: Trigger,
    /// When it was due.
    pub due: Option<Timestamp>,
    /// When it began.
    pub started: Timestamp,
    /// Whether it is limited to some steps or checks.
    pub partial: bool,
    /// Where it stands.
    pub state: RunState,
    /// Whether its retention time is over and what it collected is destroyed.
    pub purged: bool,
}

const COLUMNS: &str = "run, procedure_id, procedure_version, trigger, due, started, only_ids IS NOT NULL, state, ended, \
    code, verdict, score, score_with_exceptions, wrapped IS NULL";

impl Vault {
    /// At most `limit` runs that began before the run `before` was recorded, newest first.
    pub fn runs(&self, filter: &RunFilter, before: Option<RunId>, limit: u32) -> Result<Vec<RunSummary>, VaultError> {
        let before = match before {
            Some(run) => RunRow::find(&self.db, run)?.id,
            None => i64::MAX,
        };
        let mut sql = format!("SELECT {COLUMNS} FROM run WHERE id < ?1");
        // Each filter is its own text, so that each uses its own index.
        if filter.procedure.is_some() {
            sql.push_str(" AND procedure_id = ?3");
        } else {
            sql.push_str(" AND ?3 IS NULL");
        }
        if filter.verdict.is_some() {
            sql.push_str(" AND verdict = ?4");
        } else {
            sql.push_str(" AND ?4 IS NULL");
        }
        if filter.unfinished {
            sql.push_str(" AND state = 'running'");
        }
        sql.push_str(" ORDER BY id DESC LIMIT ?2");
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query(params![before, limit, filter.procedure, filter.verdict.map(Status::as_str)])?;
        let mut runs = Vec::new();
        while let Some(row) = rows.next()? {
            runs.push(read(row)?);
        }
        Ok(runs)
    }

    /// One run, as it stands in lists.
    pub fn run(&self, run: RunId) -> Result<RunSummary, VaultError> {
        let mut statement = self.db.prepare_cached(&format!("SELECT {COLUMNS} FROM run WHERE run = ?1"))?;
        let mut rows = statement.query([run.as_bytes()])?;
        let row = rows.next()?.ok_or_else(|| VaultError::not_found("run", run))?;
        read(row)
    }

    /// Every run that has not ended, oldest first.
    pub fn unfinished_runs(&self) -> Result<Vec<RunId>, VaultError> {
        let mut statement = self.db.prepare_cached("SELECT run FROM run WHERE state = 'running' ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok(RunId::from_bytes(row.get(0)?)))?;
        rows.map(|row| row.map_err(VaultError::from)).collect()
    }
}

fn read(row: &Row<'_>) -> Result<RunSummary, VaultError> {
    let run = RunId::from_bytes(row.get(0)?);
    let word = |error: verdict::UnknownWord| VaultError::inconsistent("run", run, error);
    Ok(RunSummary {
        run,
        procedure: row.get(1)?,
        version: row.get::<_, i64>(2)? as u64,
        trigger: row.get::<_, String>(3)?.parse().map_err(word)?,
        due: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_millis),
        started: Timestamp::from_millis(row.get(5)?),
        partial: row.get(6)?,
        state: run_state(run, row, 7)?,
        purged: row.get(13)?,
    })
}

/// The state of a run from its columns `state, ended, code, verdict, score, score_with_exceptions`, from `at` on.
pub(crate) fn run_state(run: RunId, row: &Row<'_>, at: usize) -> Result<RunState, VaultError> {
    let word = |error: verdict::UnknownWord| VaultError::inconsistent("run", run, error);
    let missing = || VaultError::inconsistent("run", run, "it ended and does not say how");
    let name: String = row.get(at)?;
    if name == "running" {
        return Ok(RunState::Running);
    }
    let ended = Timestamp::from_millis(row.get::<_, Option<i64>>(at + 1)?.ok_or_else(missing)?);
    if name == "ended" {
        let code = row.get::<_, Option<String>>(at + 2)?.ok_or_else(missing)?.parse().map_err(word)?;
        return Ok(RunState::Ended { ended, code });
    }
    let score = |score: Option<i64>| score.map(|score| score as u64);
    Ok(RunState::Final {
        ended,
        verdict: row.get::<_, Option<String>>(at + 3)?.ok_or_else(missing)?.parse().map_err(word)?,
        score: score(row.get(at + 4)?),
        score_with_exceptions: score(row.get(at + 5)?),
    })
}
