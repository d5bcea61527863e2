//! Reading a run back: all of it but its evidence.

use clock::Timestamp;
use crypto::Digest;
use ids::RunId;
use proof::text::Name;
use runner_evidence::ItemRecord;
use rusqlite::{OptionalExtension, Row};
use verdict::Trigger;

use super::begin::{Columns, RunStart, inputs_cell};
use super::history::{Place, StateRow};
use super::list::run_state;
use super::record::{key_cell, key_part};
use super::{Notation, PieceState, ProcedureSource, RunRow, RunState};
use crate::VaultError;
use crate::evidence::ItemRow;
use crate::keys::DataKey;
use crate::vault::Vault;

/// A run with everything that was recorded of it.
#[derive(Debug, Clone)]
pub struct StoredRun {
    /// What was fixed when it began.
    pub start: RunStart,
    /// Where it stands.
    pub state: RunState,
    /// Its pieces, in the order in which they were first recorded.
    pub pieces: Vec<StoredPiece>,
}

/// A piece of a run.
#[derive(Clone, PartialEq)]
pub struct StoredPiece {
    /// The step.
    pub step: String,
    /// Which element of the step's `for_each` list; none for a step without.
    pub position: Option<u32>,
    /// The element's key.
    pub key: Option<String>,
    /// Where it stands.
    pub state: PieceState,
    /// How often it was tried: failed attempts and the last one. A state of waiting is no attempt.
    pub attempts: u32,
    /// When its first attempt, or its waiting, began.
    pub started: Timestamp,
    /// When its last state was reached.
    pub ended: Timestamp,
    /// Everything that came before its present state, oldest first.
    pub history: Vec<PastState>,
    /// Its evidence items, destroyed ones included.
    pub items: Vec<ItemRecord>,
}

/// Shows where the piece stands and never what is in it.
impl std::fmt::Debug for StoredPiece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredPiece({}, {:?}, {:?})", self.step, self.position, self.state)
    }
}

/// What a piece was before.
#[derive(Debug, Clone, PartialEq)]
pub struct PastState {
    /// An attempt that failed, or a state of waiting.
    pub state: PieceState,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
}

impl Vault {
    /// A run with everything but its evidence. Refused once its retention time is over; the run itself, its manifest and
    /// its attestations stay.
    pub fn load_run(&self, run: RunId) -> Result<StoredRun, VaultError> {
        let _snapshot = self.snapshot()?;
        let row = RunRow::find(&self.db, run)?;
        let start = self.load_start(&row)?;
        let state = self.db.query_row(
            "SELECT state, ended, code, verdict, score, score_with_exceptions FROM run WHERE id = ?1",
            [row.id],
            |found| Ok(run_state(run, found, 0)),
        )??;
        Ok(StoredRun { start, state, pieces: self.load_pieces(&row)? })
    }

    pub(super) fn load_start(&self, row: &RunRow) -> Result<RunStart, VaultError> {
        let key = row.key(&self.ring)?;
        let mut statement = self.db.prepare_cached(
            "SELECT run.procedure, run.notation, procedure_id, procedure_version, trigger, due, started, period_start, \
             period_end, only_ids, software, retention, inputs, procedure.source FROM run \
             JOIN procedure ON procedure.digest = run.procedure AND procedure.notation = run.notation WHERE run.id = ?1",
        )?;
        let mut rows = statement.query([row.id])?;
        let found = rows.next()?.ok_or_else(|| VaultError::inconsistent("run", row.run, "its procedure is missing"))?;
        self.read_start(row, &key, found)
    }

    fn read_start(&self, run: &RunRow, key: &DataKey, row: &Row<'_>) -> Result<RunStart, VaultError> {
        let fault = |what: &dyn std::fmt::Display| VaultError::inconsistent("run", run.run, what);
        let (notation, id): (String, String) = (row.get(1)?, row.get(2)?);
        let (trigger, software, retention): (String, String, String) = (row.get(4)?, row.get(10)?, row.get(11)?);
        let only: Option<String> = row.get(9)?;
        let columns = Columns {
            procedure: Digest::from_bytes(row.get(0)?),
            notation: &notation,
            procedure_id: &id,
            procedure_version: row.get(3)?,
            trigger: &trigger,
            due: row.get(5)?,
            started: row.get(6)?,
            period_start: row.get(7)?,
            period_end: row.get(8)?,
            only: only.as_deref(),
            software: &software,
            retention: &retention,
        };
        let sealed: Vec<u8> = row.get::<_, Option<_>>(12)?.ok_or_else(|| fault(&"its inputs are missing"))?;
        let cell = inputs_cell(run.run, key.generation);
        let inputs = cell.part(columns.part().as_bytes()).open(&self.identity, &key.key, &sealed)?;
        let trigger: Trigger = trigger.parse().map_err(|error| fault(&error))?;
        let only: Option<Vec<String>> = match &only {
            Some(text) => Some(serde_json::from_str(text).map_err(|_| fault(&"`only_ids` is malformed"))?),
            None => None,
        };
        let period = columns.period_start.zip(columns.period_end);
        Ok(RunStart {
            run: run.run,
            procedure: ProcedureSource {
                id: id.parse::<Name>().map_err(|error| fault(&error))?,
                version: columns.procedure_version as u64,
                digest: columns.procedure,
                notation: Notation::stored(&notation, run.run)?,
                source: row.get(13)?,
            },
            inputs: serde_json::from_slice(&inputs).map_err(|_| fault(&"its inputs are malformed"))?,
            trigger,
            due: columns.due.map(Timestamp::from_millis),
            started: run.started,
            period: period.map(|(from, to)| (Timestamp::from_millis(from), Timestamp::from_millis(to))),
            only,
            software: software.clone(),
            retention: run.retention,
        })
    }

    fn load_pieces(&self, run: &RunRow) -> Result<Vec<StoredPiece>, VaultError> {
        let key = run.key(&self.ring)?;
        let mut statement =
            self.db.prepare_cached("SELECT id, step, position, key FROM piece WHERE run = ?1 ORDER BY id")?;
        let mut rows = statement.query([run.id])?;
        let mut pieces = Vec::new();
        while let Some(row) = rows.next()? {
            let (id, step, position): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let sealed: Option<Vec<u8>> = row.get(3)?;
            let element = sealed.map(|sealed| {
                let part = key_part(&step, position);
                let plain =
                    key_cell(run.run, key.generation).part(part.as_bytes()).open(&self.identity, &key.key, &sealed)?;
                String::from_utf8(plain.to_vec())
                    .map_err(|_| VaultError::inconsistent("piece", id, "its key is no text"))
            });
            let items = ItemRow::of_piece(&self.db, id)?;
            let mut history = self.load_history(run, &key, &Place { piece: id, step: &step, position })?;
            let last = history.pop().ok_or_else(|| VaultError::inconsistent("piece", id, "it has no state"))?;
            last.check_items(id, &items)?;
            let tried = |past: &StateRow| matches!(past.state, PieceState::Collected | PieceState::Failed { .. });
            let attempts = history.iter().chain([&last]).filter(|past| tried(past)).count();
            let past = |row: StateRow| PastState { state: row.state, started: row.started, ended: row.ended };
            pieces.push(StoredPiece {
                position: u32::try_from(position).ok(),
                key: element.transpose()?,
                attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
                started: history.first().map_or(last.started, |first| first.started),
                ended: last.ended,
                state: last.state,
                history: history.into_iter().map(past).collect(),
                items: items.into_iter().map(|item| item.stored.record).collect(),
                step,
            });
        }
        Ok(pieces)
    }
}

impl Vault {
    /// The digest of the procedure that a run executed and the run's key id; what `show` needs of a purged run.
    pub fn procedure_of(&self, run: RunId) -> Result<Digest, VaultError> {
        let digest = self
            .db
            .prepare_cached("SELECT procedure FROM run WHERE run = ?1")?
            .query_row([run.as_bytes()], |row| row.get::<_, [u8; 32]>(0))
            .optional()?;
        digest.map(Digest::from_bytes).ok_or_else(|| VaultError::not_found("run", run))
    }
}
