//! Recording what a step collected, or why it did not.

use clock::Timestamp;
use ids::RunId;
use runner_evidence::{ItemRecord, Provenance, RawEvidence};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use verdict::{Code, EvidenceClass};
use zeroize::Zeroizing;

use super::words::word;
use super::{RunRow, history_part};
use crate::VaultError;
use crate::evidence::{NewItem, store_item};
use crate::keys::{DataKey, Epoch};
use crate::seal::Cell;
use crate::vault::Vault;
use crate::writer::Writer;

/// One piece of a run: a step's evidence, or one element's of a step with `for_each`.
pub struct PieceRecord {
    /// The step.
    pub step: String,
    /// Which element of the `for_each` list, from 0; none for a step without.
    pub position: Option<u32>,
    /// The element's key; sealed.
    pub key: Option<String>,
    /// Attempts before the one that gave the outcome.
    pub failed: Vec<FailedAttempt>,
    /// When the last attempt began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
}

/// An attempt that failed and was followed by another.
#[derive(Clone)]
pub struct FailedAttempt {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Why it failed.
    pub code: Code,
    /// Why, in words that stay here; sealed.
    pub detail: String,
}

/// What came of a piece.
pub enum Outcome {
    /// Evidence.
    Collected {
        /// What was collected.
        evidence: RawEvidence,
        /// Where from and how; sealed.
        provenance: Provenance,
        /// How confidential it is.
        class: EvidenceClass,
    },
    /// It could not be collected.
    Failed {
        /// Why.
        code: Code,
        /// Why, in words that stay here; sealed.
        detail: String,
        /// How it was tried; sealed.
        provenance: Option<Provenance>,
    },
    /// It waits for a person's answer.
    Pending {
        /// What is asked; sealed.
        question: Value,
        /// Who is asked; sealed.
        who: String,
        /// Until when.
        deadline: Option<Timestamp>,
    },
    /// It waits for a time.
    Waiting {
        /// Which.
        until: Timestamp,
    },
    /// Nobody answered before the deadline.
    Overdue,
    /// Left out of a partial run.
    Skipped,
    /// The step's `for_each` gave an empty list.
    Empty,
}

/// Shows where the piece stands and never what is in it.
impl std::fmt::Debug for PieceRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PieceRecord({}, {:?}, …)", self.step, self.position)
    }
}

impl Vault {
    /// Records one piece in one transaction; when it returns, the piece is durable. Gives the items that were stored.
    pub fn record_piece(&mut self, run: RunId, record: PieceRecord) -> Result<Vec<ItemRecord>, VaultError> {
        Ok(self.record_pieces(run, vec![record])?.pop().unwrap_or_default())
    }

    /// Records many pieces in one transaction: all of them or none.
    pub fn record_pieces(&mut self, run: RunId, records: Vec<PieceRecord>) -> Result<Vec<Vec<ItemRecord>>, VaultError> {
        self.check_ready()?;
        let row = RunRow::find(&self.db, run)?;
        row.check_running()?;
        let epoch = Epoch::of(row.started, row.retention);
        // A piece has at most two items, each with a data key of its own.
        let collected = records.iter().filter(|record| matches!(record.outcome, Outcome::Collected { .. })).count();
        self.reserve(&epoch, collected.saturating_mul(2))?;
        let key = row.key(&self.ring)?;
        let mut writer = self.begin()?;
        let mut stored = Vec::with_capacity(records.len());
        for record in records {
            stored.push(Piece { row: &row, key: &key, epoch: &epoch }.record(&mut writer, record)?);
        }
        writer.commit()?;
        Ok(stored)
    }
}

/// What recording a piece needs of its run.
struct Piece<'a> {
    row: &'a RunRow,
    key: &'a DataKey,
    epoch: &'a Epoch,
}

/// A state before it is sealed.
struct State {
    word: &'static str,
    code: Option<Code>,
    started: Timestamp,
    ended: Timestamp,
    until: Option<Timestamp>,
    sealed: Option<Value>,
}

/// The same, as its columns are stored.
struct SealedState {
    word: &'static str,
    code: Option<&'static str>,
    started: i64,
    ended: i64,
    until: Option<i64>,
    sealed: Vec<u8>,
}

impl Piece<'_> {
    fn record(&self, writer: &mut Writer<'_>, record: PieceRecord) -> Result<Vec<ItemRecord>, VaultError> {
        let PieceRecord { step, position, key, failed, started, ended, outcome } = record;
        let position = position.map_or(-1, i64::from);
        let known = self.known_piece(writer, &step, position)?;
        let (piece, mut number) = match known {
            Some((piece, number)) => (piece, number + 1),
            None => (next_piece(&writer.tx)?, 1),
        };
        for FailedAttempt { started, ended, code, detail } in failed {
            let sealed = Some(json!({ "detail": detail }));
            let state = State { word: word::ATTEMPT, code: Some(code), started, ended, until: None, sealed };
            let mut insert = writer.tx.prepare_cached(
                "INSERT INTO history (piece, number, state, code, started, ended, until, sealed) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            let SealedState { word, code, started, ended, until, sealed } =
                self.seal_state(writer, number, &step, position, state);
            insert.execute(params![piece, number, word, code, started, ended, until, sealed])?;
            number += 1;
        }
        let state = |word, code, until, sealed| State { word, code, started, ended, until, sealed };
        let mut items = Vec::new();
        let last = match outcome {
            Outcome::Collected { evidence, provenance, class } => {
                let new = NewItem { run: self.row.run, piece, step: &step, position, class, collected: ended };
                let contents = evidence
                    .into_items()
                    .map_err(|error| VaultError::Unstorable { what: "evidence", why: error.to_string() })?;
                for (ordinal, content) in contents.into_iter().enumerate() {
                    items.push(store_item(writer, self.epoch, &new, ordinal, content, &provenance)?);
                }
                let ids: Vec<_> = items.iter().map(|item: &ItemRecord| item.item.to_string()).collect();
                state(word::COLLECTED, None, None, Some(json!({ "items": ids })))
            }
            Outcome::Failed { code, detail, provenance } => {
                let sealed = json!({ "detail": detail, "provenance": provenance });
                state(word::FAILED, Some(code), None, Some(sealed))
            }
            Outcome::Pending { question, who, deadline } => {
                state(word::PENDING, None, deadline, Some(json!({ "question": question, "who": who })))
            }
            Outcome::Waiting { until } => state(word::WAITING, None, Some(until), None),
            Outcome::Overdue => state(word::OVERDUE, None, None, None),
            Outcome::Skipped => state(word::SKIPPED, None, None, None),
            Outcome::Empty => state(word::EMPTY, None, None, None),
        };
        let SealedState { word, code, started, ended, until, sealed } =
            self.seal_state(writer, number, &step, position, last);
        if known.is_some() {
            writer
                .tx
                .prepare_cached(
                    "UPDATE piece SET number = ?2, state = ?3, code = ?4, started = ?5, ended = ?6, until = ?7, \
                     sealed = ?8 WHERE id = ?1",
                )?
                .execute(params![piece, number, word, code, started, ended, until, sealed])?;
        } else {
            let key = key.map(|key| self.seal_key(writer, &step, position, key));
            writer
                .tx
                .prepare_cached(
                    "INSERT INTO piece (id, run, step, position, key, number, state, code, started, ended, until, \
                     sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                )?
                .execute(params![
                    piece,
                    self.row.id,
                    step,
                    position,
                    key,
                    number,
                    word,
                    code,
                    started,
                    ended,
                    until,
                    sealed
                ])?;
        }
        Ok(items)
    }

    /// The number of the piece and of its state, if it was recorded before; its state moves to the history then. A piece
    /// that has its final state is refused.
    fn known_piece(&self, writer: &Writer<'_>, step: &str, position: i64) -> Result<Option<(i64, i64)>, VaultError> {
        let known = writer
            .tx
            .prepare_cached("SELECT id, number, state FROM piece WHERE run = ?1 AND step = ?2 AND position = ?3")?
            .query_row(params![self.row.id, step, position], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
            })
            .optional()?;
        let Some((piece, number, state)) = known else { return Ok(None) };
        if !word::is_open(&state) {
            let why = format!("step `{step}`, element {position}, is recorded as {state}");
            return Err(VaultError::not_allowed("run", self.row.run, why));
        }
        writer.tx.execute(
            "INSERT INTO history (piece, number, state, code, started, ended, until, sealed) \
             SELECT id, number, state, code, started, ended, until, sealed FROM piece WHERE id = ?1",
            [piece],
        )?;
        Ok(Some((piece, number)))
    }

    fn seal_key(&self, writer: &Writer<'_>, step: &str, position: i64, key: String) -> Vec<u8> {
        let key = Zeroizing::new(key);
        let part = key_part(step, position);
        let cell = key_cell(self.row.run, self.key.generation);
        cell.part(part.as_bytes()).seal(&writer.identity, &self.key.key, writer.entropy, key.as_bytes())
    }

    fn seal_state(&self, writer: &Writer<'_>, number: i64, step: &str, position: i64, state: State) -> SealedState {
        let State { word, code, started, ended, until, sealed } = state;
        let code = code.map(Code::as_str);
        let (started, ended, until) = (started.as_millis(), ended.as_millis(), until.map(Timestamp::as_millis));
        let part = history_part(step, position, word, code, started, ended, until);
        // Sealed also where there is nothing to hide: the tag is what binds the clear columns.
        let text = Zeroizing::new(sealed.map(|value| value.to_string()).unwrap_or_default());
        let sealed = history_cell(self.row.run, number, self.key.generation).part(part.as_bytes()).seal(
            &writer.identity,
            &self.key.key,
            writer.entropy,
            text.as_bytes(),
        );
        SealedState { word, code, started, ended, until, sealed }
    }
}

/// Pieces are never deleted, so the next number was never used.
fn next_piece(db: &Connection) -> Result<i64, VaultError> {
    let last: Option<i64> = db.prepare_cached("SELECT max(id) FROM piece")?.query_row([], |row| row.get(0))?;
    Ok(last.unwrap_or(0) + 1)
}

pub(super) fn key_part(step: &str, position: i64) -> crate::seal::Part {
    crate::seal::Part::new().text(step).number(position)
}

pub(super) fn key_cell(run: RunId, generation: u64) -> Cell<'static> {
    Cell { media: "text", ..Cell::new("piece", "key", generation).run(run) }
}

pub(super) fn history_cell(run: RunId, number: i64, generation: u64) -> Cell<'static> {
    Cell { media: "json", ..Cell::new("history", "sealed", generation).run(run).row(number as u64) }
}
