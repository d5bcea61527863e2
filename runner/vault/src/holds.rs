//! Legal holds: what keeps the evidence of a run, whatever its retention time says.
//!
//! A hold stands in a table, where it is looked up, and in the journal, which nobody changes unseen. The two are compared
//! before anything is destroyed: a hold that somebody took out of the table still holds.

use std::collections::BTreeMap;

use clock::Timestamp;
use ids::RunId;
use proof::log::journal::JournalRecord;
use proof::log::{Appended, Line};
use proof::text::FreeText;
use rusqlite::{Connection, params};

use crate::VaultError;
use crate::runs::RunRow;
use crate::vault::Vault;

/// When a hold was laid on a run, and why.
type Hold = (Timestamp, String);

impl Vault {
    /// Keeps a run from being destroyed; journalled.
    pub fn hold(&mut self, run: RunId, justification: &FreeText) -> Result<Appended, VaultError> {
        let row = RunRow::find(&self.db, run)?;
        if on_hold(&self.db, row.id)? {
            return Err(VaultError::not_allowed("run", run, "it is under a legal hold already"));
        }
        let mut writer = self.begin()?;
        let record = JournalRecord::RunHeld { run, justification: justification.clone() };
        let appended = writer.journal(&record)?;
        writer.tx.execute(
            "INSERT INTO hold (run, placed, reason) VALUES (?1, ?2, ?3)",
            params![row.id, appended.at.as_millis(), justification.as_str()],
        )?;
        writer.commit()?;
        Ok(appended)
    }

    /// Lifts the hold on a run; journalled.
    pub fn release(&mut self, run: RunId, justification: FreeText) -> Result<Appended, VaultError> {
        let row = RunRow::find(&self.db, run)?;
        let mut writer = self.begin()?;
        let appended = writer.journal(&JournalRecord::RunReleased { run, justification })?;
        if writer.tx.execute("DELETE FROM hold WHERE run = ?1", [row.id])? == 0 {
            return Err(VaultError::not_found("legal hold on run", run));
        }
        writer.commit()?;
        Ok(appended)
    }

    /// Runs under a legal hold, when it was placed and why.
    pub fn holds(&self) -> Result<Vec<(RunId, Timestamp, String)>, VaultError> {
        let mut statement = self
            .db
            .prepare("SELECT run.run, placed, reason FROM hold JOIN run ON run.id = hold.run ORDER BY placed")?;
        let rows = statement.query_map([], |row| {
            Ok((RunId::from_bytes(row.get(0)?), Timestamp::from_millis(row.get(1)?), row.get(2)?))
        })?;
        rows.map(|row| row.map_err(VaultError::from)).collect()
    }

    /// The holds in the table are those that the journal records.
    pub(crate) fn check_holds(&self) -> Result<(), VaultError> {
        let stored: BTreeMap<RunId, Hold> = self.holds()?.into_iter().map(|(run, at, why)| (run, (at, why))).collect();
        let recorded = self.recorded_holds()?;
        let differs = |run: &&RunId| stored.get(run) != recorded.get(run);
        match stored.keys().chain(recorded.keys()).find(differs) {
            None => Ok(()),
            Some(run) => Err(VaultError::inconsistent("hold", run, "the legal hold is not what the journal records")),
        }
    }

    fn recorded_holds(&self) -> Result<BTreeMap<RunId, Hold>, VaultError> {
        let mut statement = self.db.prepare(
            "SELECT seq, line FROM journal WHERE line LIKE '%\"kind\":\"run.held\"%' \
             OR line LIKE '%\"kind\":\"run.released\"%' ORDER BY seq",
        )?;
        let mut rows = statement.query([])?;
        let mut holds = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(0)? as u64;
            let fault = |why: String| VaultError::Journal { seq, why };
            let text = row.get_ref(1)?.as_str().map_err(|_| fault("the line is not a text".into()))?;
            let line = Line::parse(text).map_err(|error| fault(error.to_string()))?;
            match JournalRecord::read(&line).map_err(|error| fault(error.to_string()))? {
                JournalRecord::RunHeld { run, justification } => {
                    holds.insert(run, (line.head().at, justification.as_str().to_owned()));
                }
                JournalRecord::RunReleased { run, .. } => {
                    holds.remove(&run);
                }
                // A text that a person typed may look like one of the two.
                _ => {}
            }
        }
        Ok(holds)
    }
}

/// Whether a legal hold keeps the run.
pub(crate) fn on_hold(db: &Connection, run: i64) -> Result<bool, VaultError> {
    Ok(db.prepare_cached("SELECT 1 FROM hold WHERE run = ?1")?.exists([run])?)
}
