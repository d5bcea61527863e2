//! Reading the journal and proving what stands in it.

use proof::log::Line;
use proof::log::journal::JournalRecord;
use proof::merkle::inclusion_path;
use proof::note::SignedNote;
use proof::tlog_proof::TlogProof;
use rusqlite::{OptionalExtension, params};

use super::{node, path_error, resume, stored_checkpoint};
use crate::VaultError;
use crate::vault::Vault;

/// A record of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalLine {
    /// Its position.
    pub seq: u64,
    /// Its exact text.
    pub line: String,
    /// What it says.
    pub record: JournalRecord,
}

impl Vault {
    /// How many records there are.
    pub fn journal_size(&self) -> Result<u64, VaultError> {
        Ok(resume(&self.db)?.size())
    }

    /// The last `count` records, oldest first.
    pub fn journal_tail(&self, count: u64) -> Result<Vec<JournalLine>, VaultError> {
        let first = self.journal_size()?.saturating_sub(count);
        let mut statement = self.db.prepare_cached("SELECT seq, line FROM journal WHERE seq >= ?1 ORDER BY seq")?;
        let rows = statement.query_map([first as i64], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?;
        rows.map(|row| row.map_err(VaultError::from).and_then(|(seq, line)| read(seq, line))).collect()
    }

    /// One record.
    pub fn journal_line(&self, seq: u64) -> Result<JournalLine, VaultError> {
        let line: Option<String> = self
            .db
            .prepare_cached("SELECT line FROM journal WHERE seq = ?1")?
            .query_row([seq as i64], |row| row.get(0))
            .optional()?;
        read(seq as i64, line.ok_or_else(|| VaultError::not_found("journal record", seq))?)
    }

    /// The proof that a record stands in the journal; its text is `journal.proof` of a bundle. It is under the newest
    /// checkpoint that the control plane cosigned, if that covers the record, else under the newest one.
    pub fn inclusion(&self, seq: u64) -> Result<TlogProof, VaultError> {
        let (size, checkpoint) = match self.cosigned_over(seq)? {
            Some(cosigned) => cosigned,
            None => (self.journal_size()?, self.checkpoint()?),
        };
        let path = inclusion_path(seq, size, |wanted| node(&self.db, wanted)).map_err(path_error)?;
        Ok(TlogProof { extra: None, index: seq, path, checkpoint })
    }

    /// The proof that the journal grew from its first `earlier` records.
    pub fn consistency(&self, earlier: u64) -> Result<Vec<crypto::Digest>, VaultError> {
        let size = self.journal_size()?;
        proof::merkle::consistency_proof(earlier, size, |wanted| node(&self.db, wanted)).map_err(path_error)
    }

    /// The newest signed checkpoint.
    pub fn checkpoint(&self) -> Result<SignedNote, VaultError> {
        SignedNote::parse(&stored_checkpoint(&self.db)?)
            .map_err(|error| VaultError::inconsistent("journal_head", 1, error))
    }

    /// The lines from `first` on, at most `limit`, as they are: an export.
    pub fn journal_lines(&self, first: u64, limit: u64) -> Result<Vec<String>, VaultError> {
        let mut statement = self.db.prepare_cached("SELECT line FROM journal WHERE seq >= ?1 ORDER BY seq LIMIT ?2")?;
        let rows = statement.query_map(params![first as i64, limit as i64], |row| row.get(0))?;
        rows.map(|row| row.map_err(VaultError::from)).collect()
    }
}

fn read(seq: i64, line: String) -> Result<JournalLine, VaultError> {
    let seq = seq as u64;
    let fault = |why: String| VaultError::Journal { seq, why };
    let parsed = Line::parse(&line).map_err(|error| fault(error.to_string()))?;
    if parsed.head().seq != seq {
        return Err(fault(format!("the line says that it is record {}", parsed.head().seq)));
    }
    let record = JournalRecord::read(&parsed).map_err(|error| fault(error.to_string()))?;
    Ok(JournalLine { seq, line, record })
}
