//! What became of a piece, state by state.

use clock::Timestamp;
use ids::ItemId;
use runner_evidence::Provenance;
use serde::Deserialize;
use serde_json::Value;
use verdict::Code;

use super::record::history_cell;
use super::words::word;
use super::{PieceState, RunRow, history_part};
use crate::VaultError;
use crate::evidence::ItemRow;
use crate::keys::DataKey;
use crate::vault::Vault;

/// Which piece.
pub(crate) struct Place<'a> {
    pub(crate) piece: i64,
    pub(crate) step: &'a str,
    pub(crate) position: i64,
}

/// One state.
pub(crate) struct StateRow {
    pub(super) state: PieceState,
    pub(super) started: Timestamp,
    pub(super) ended: Timestamp,
    is_attempt: bool,
    /// The items that were stored with it.
    items: Vec<ItemId>,
}

impl StateRow {
    /// Whether it can be the last state and the items of the piece are those that were stored with it, all of them.
    pub(crate) fn check_items(&self, piece: i64, items: &[ItemRow]) -> Result<(), VaultError> {
        if self.is_attempt {
            return Err(VaultError::inconsistent("piece", piece, "its last attempt has no outcome"));
        }
        let found = items.iter().map(|item| item.stored.record.item);
        if found.eq(self.items.iter().copied()) {
            Ok(())
        } else {
            Err(VaultError::inconsistent("piece", piece, "its evidence items are not those that were stored"))
        }
    }
}

impl Vault {
    /// All states of a piece, oldest first.
    pub(crate) fn load_history(
        &self,
        run: &RunRow,
        key: &DataKey,
        place: &Place<'_>,
    ) -> Result<Vec<StateRow>, VaultError> {
        let Place { piece, step, position } = *place;
        let fault = |what: String| VaultError::inconsistent("history", piece, what);
        let mut statement = self.db.prepare_cached(
            "SELECT number, state, code, started, ended, until, sealed FROM history WHERE piece = ?1 UNION ALL \
             SELECT number, state, code, started, ended, until, sealed FROM piece WHERE id = ?1 ORDER BY number",
        )?;
        let mut rows = statement.query([piece])?;
        let mut history = Vec::new();
        while let Some(row) = rows.next()? {
            let (number, word): (i64, String) = (row.get(0)?, row.get(1)?);
            if number != history.len() as i64 + 1 {
                return Err(fault(format!("state {} is missing", history.len() + 1)));
            }
            let code: Option<String> = row.get(2)?;
            let (started, ended, until): (i64, i64, Option<i64>) = (row.get(3)?, row.get(4)?, row.get(5)?);
            let part = history_part(step, position, &word, code.as_deref(), started, ended, until);
            let sealed: Option<Vec<u8>> = row.get(6)?;
            let sealed = sealed.ok_or_else(|| fault("its sealed part is missing".into()))?;
            let cell = history_cell(run.run, number, key.generation);
            let plain = cell.part(part.as_bytes()).open(&self.identity, &key.key, &sealed)?;
            let (state, items) = read(piece, &word, code.as_deref(), until, &plain)?;
            let (started, ended) = (Timestamp::from_millis(started), Timestamp::from_millis(ended));
            history.push(StateRow { state, started, ended, is_attempt: word == word::ATTEMPT, items });
        }
        Ok(history)
    }
}

#[derive(Deserialize)]
struct CollectedText {
    items: Vec<ItemId>,
}

#[derive(Deserialize)]
struct FailedText {
    detail: String,
    #[serde(default)]
    provenance: Option<Provenance>,
}

#[derive(Deserialize)]
struct PendingText {
    question: Value,
    who: String,
}

fn read(
    piece: i64,
    word: &str,
    code: Option<&str>,
    until: Option<i64>,
    sealed: &[u8],
) -> Result<(PieceState, Vec<ItemId>), VaultError> {
    let fault = |what: &dyn std::fmt::Display| VaultError::inconsistent("history", piece, what);
    let until = until.map(Timestamp::from_millis);
    let state = match word {
        word::COLLECTED => {
            let text: CollectedText = serde_json::from_slice(sealed).map_err(|_| fault(&"a malformed item list"))?;
            return Ok((PieceState::Collected, text.items));
        }
        word::FAILED | word::ATTEMPT => {
            let code: Code = code.ok_or_else(|| fault(&"a failure without a code"))?.parse().map_err(|e| fault(&e))?;
            let text: FailedText = serde_json::from_slice(sealed).map_err(|_| fault(&"a malformed failure"))?;
            PieceState::Failed { code, detail: text.detail, provenance: text.provenance }
        }
        word::PENDING => {
            let text: PendingText = serde_json::from_slice(sealed).map_err(|_| fault(&"a malformed question"))?;
            PieceState::Pending { question: text.question, who: text.who, deadline: until }
        }
        word::WAITING => PieceState::Waiting { until: until.ok_or_else(|| fault(&"waiting without a time"))? },
        word::OVERDUE => PieceState::Overdue,
        word::SKIPPED => PieceState::Skipped,
        word::EMPTY => PieceState::Empty,
        _ => return Err(fault(&"an unknown state")),
    };
    Ok((state, Vec::new()))
}
