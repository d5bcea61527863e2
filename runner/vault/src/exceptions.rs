//! Exceptions: approved overlays on failing checks. Who asked, who approved and what they cover is sealed; that there is
//! one, for which check and until when stands in the journal.

use clock::Timestamp;
use crypto::Digest;
use ids::ExceptionId;
use proof::log::Appended;
use proof::log::journal::JournalRecord;
use proof::text::{FreeText, Name};
use rusqlite::{OptionalExtension, params};
use zeroize::Zeroizing;

use crate::VaultError;
use crate::keys::Epoch;
use crate::seal::Cell;
use crate::vault::Vault;

/// An exception to be recorded.
pub struct NewException {
    /// Its id.
    pub id: ExceptionId,
    /// The procedure.
    pub procedure: Name,
    /// The check.
    pub check: Name,
    /// The digest of the check that was approved.
    pub check_sha256: Digest,
    /// From when it does not count any more.
    pub expires: Timestamp,
    /// Typed by the person who approved it.
    pub justification: FreeText,
    /// Everything else, as the caller writes it; sealed.
    pub body: Vec<u8>,
}

/// An exception in the store.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredException {
    /// Its id.
    pub id: ExceptionId,
    /// What was given as its body.
    pub body: Zeroizing<Vec<u8>>,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// The journal record.
    pub seq: u64,
    /// The record that took it back.
    pub removed: Option<Removed>,
}

/// The end of an exception before it expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// The journal record.
    pub seq: u64,
    /// Its time.
    pub at: Timestamp,
}

impl Vault {
    /// Records an exception; journalled.
    pub fn add_exception(&mut self, new: NewException) -> Result<Appended, VaultError> {
        self.check_ready()?;
        self.reserve(&Epoch::system(), 1)?;
        let NewException { id, procedure, check, check_sha256, expires, justification, body } = new;
        let body = Zeroizing::new(body);
        let mut writer = self.begin()?;
        let record =
            JournalRecord::ExceptionRecorded { exception: id, procedure, check, check_sha256, expires, justification };
        let appended = writer.journal(&record)?;
        let name = id.to_string();
        let (generation, sealed) =
            writer.ring.seal_direct(writer.entropy, &Epoch::system(), cell, name.as_bytes(), &body)?;
        let inserted = writer.tx.execute(
            "INSERT INTO exception (name, generation, sealed, recorded, seq) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (name) DO NOTHING",
            params![name, generation as i64, sealed, appended.at.as_millis(), appended.seq as i64],
        )?;
        if inserted != 1 {
            return Err(VaultError::not_allowed("exception", id, "it is recorded already"));
        }
        writer.commit()?;
        Ok(appended)
    }

    /// Takes an exception back; journalled. It stays in the store, as earlier runs were judged by it.
    pub fn remove_exception(&mut self, id: ExceptionId, justification: FreeText) -> Result<Appended, VaultError> {
        let mut writer = self.begin()?;
        let known: Option<bool> = writer
            .tx
            .query_row("SELECT removed IS NOT NULL FROM exception WHERE name = ?1", [id.to_string()], |row| row.get(0))
            .optional()?;
        if known.ok_or_else(|| VaultError::not_found("exception", id))? {
            return Err(VaultError::not_allowed("exception", id, "it was taken back already"));
        }
        let appended = writer.journal(&JournalRecord::ExceptionRemoved { exception: id, justification })?;
        writer.tx.execute(
            "UPDATE exception SET removed = ?2, removed_at = ?3 WHERE name = ?1",
            params![id.to_string(), appended.seq as i64, appended.at.as_millis()],
        )?;
        writer.commit()?;
        Ok(appended)
    }

    /// Every exception that was ever recorded, oldest first. Refused in state `ROLLBACK`.
    pub fn exceptions(&self) -> Result<Vec<StoredException>, VaultError> {
        self.check_ready()?;
        self.stored_exceptions()
    }

    pub(crate) fn stored_exceptions(&self) -> Result<Vec<StoredException>, VaultError> {
        let mut statement = self.db.prepare_cached(
            "SELECT name, generation, sealed, recorded, seq, removed, removed_at FROM exception ORDER BY seq",
        )?;
        let mut rows = statement.query([])?;
        let mut exceptions = Vec::new();
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let id = name.parse().map_err(|error| VaultError::inconsistent("exception", &name, error))?;
            let generation = row.get::<_, i64>(1)? as u64;
            let sealed = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            let body = self.ring.open_direct(generation, &cell(generation).part(name.as_bytes()), sealed)?;
            let removed = row.get::<_, Option<i64>>(5)?.zip(row.get::<_, Option<i64>>(6)?);
            exceptions.push(StoredException {
                id,
                body,
                recorded: Timestamp::from_millis(row.get(3)?),
                seq: row.get::<_, i64>(4)? as u64,
                removed: removed.map(|(seq, at)| Removed { seq: seq as u64, at: Timestamp::from_millis(at) }),
            });
        }
        Ok(exceptions)
    }
}

impl std::fmt::Debug for StoredException {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredException({}, journal record {}, …)", self.id, self.seq)
    }
}

pub(crate) fn cell(generation: u64) -> Cell<'static> {
    Cell { media: "json", ..Cell::new("exception", "sealed", generation) }
}
