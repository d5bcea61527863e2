//! What the journal says of secrets: its last word on each name, and what is too old.

use std::collections::BTreeMap;

use clock::Timestamp;
use ids::RequestId;
use proof::log::Line;
use proof::log::journal::{GapReason, JournalRecord};
use proof::text::Name;

use super::{SecretFloor, SecretOrigin};
use crate::VaultError;
use crate::vault::Vault;

/// The condition of the index over what the journal says of secrets, so that it is not read as a whole.
pub(super) const SPEAKS: &str = "(instr(line, '\"kind\":\"secret.received\"') > 0 \
    OR instr(line, '\"kind\":\"secret.set\"') > 0 OR instr(line, '\"kind\":\"secret.removed\"') > 0)";

/// The last word of the journal on a name.
#[derive(Debug)]
pub(super) struct Word {
    /// The record.
    pub(super) seq: u64,
    /// Where the value came from; `None` if it was removed.
    pub(super) origin: Option<SecretOrigin>,
    issued: Timestamp,
    audit: u64,
}

impl Vault {
    /// What is too old to be taken in under this name: what was issued before anything that was ever kept, set or removed
    /// under it, and whatever was issued before a rollback was acknowledged.
    pub fn secret_floor(&self, name: &Name) -> Result<SecretFloor, VaultError> {
        let word = self.word_on_secret(name)?;
        let rollback = self.rollback_acknowledged()?;
        Ok(SecretFloor {
            issued: word.as_ref().map(|word| word.issued).max(rollback),
            audit: word.map_or(0, |word| word.audit),
        })
    }

    /// Where the secret of this name came from, if there is one.
    pub fn secret_origin(&self, name: &Name) -> Result<Option<SecretOrigin>, VaultError> {
        Ok(self.word_on_secret(name)?.and_then(|word| word.origin))
    }

    pub(super) fn word_on_secret(&self, name: &Name) -> Result<Option<Word>, VaultError> {
        Ok(self.read_words(Some(&format!("\"name\":\"{name}\"")))?.remove(name))
    }

    pub(super) fn words_on_secrets(&self) -> Result<BTreeMap<Name, Word>, VaultError> {
        self.read_words(None)
    }

    /// Whether the journal says that this request was taken in.
    pub(super) fn journal_knows_secret(&self, request: RequestId) -> Result<bool, VaultError> {
        let sql = format!("SELECT 1 FROM journal WHERE {SPEAKS} AND instr(line, ?1) > 0");
        Ok(self.db.prepare_cached(&sql)?.exists([format!("\"request\":\"{request}\"")])?)
    }

    fn read_words(&self, containing: Option<&str>) -> Result<BTreeMap<Name, Word>, VaultError> {
        let sql = format!(
            "SELECT seq, line FROM journal WHERE {SPEAKS} AND (?1 IS NULL OR instr(line, ?1) > 0) ORDER BY seq"
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query([containing])?;
        let mut words: BTreeMap<Name, Word> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(0)? as u64;
            let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            let (at, record) = read(seq, text)?;
            let (name, origin, issued, audit) = match record {
                JournalRecord::SecretReceived { name, by, device, request, issued, audit, .. } => {
                    let origin = SecretOrigin::Line { person: by, device, request, seq };
                    let audit = audit.map_or(0, |audit| audit.saturating_add(1));
                    (name, Some(origin), issued.unwrap_or(at), audit)
                }
                JournalRecord::SecretSet { name, audit, .. } => (name, Some(SecretOrigin::Here), at, audit),
                JournalRecord::SecretRemoved { name, audit } => (name, None, at, audit),
                // The index finds by text; a record of another kind cannot hold this one outside of a quoted string.
                _ => return Err(VaultError::Journal { seq, why: "it is not the record of a secret".into() }),
            };
            // A clock that was set back does not bring the floor down.
            let before = words.get(&name).map(|word| (word.issued, word.audit));
            let (issued, audit) = before.map_or((issued, audit), |(at, size)| (issued.max(at), audit.max(size)));
            words.insert(name, Word { seq, origin, issued, audit });
        }
        Ok(words)
    }

    /// When a rollback of the store was acknowledged last.
    fn rollback_acknowledged(&self) -> Result<Option<Timestamp>, VaultError> {
        let mut statement = self.db.prepare_cached(
            "SELECT seq, line FROM journal WHERE instr(line, '\"kind\":\"gap\"') > 0 ORDER BY seq DESC",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            if let (at, JournalRecord::Gap { reason: GapReason::Rollback, .. }) =
                read(row.get::<_, i64>(0)? as u64, text)?
            {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}

pub(super) fn read(seq: u64, text: &str) -> Result<(Timestamp, JournalRecord), VaultError> {
    let fault = |why: String| VaultError::Journal { seq, why };
    let line = Line::parse(text).map_err(|error| fault(error.to_string()))?;
    let record = JournalRecord::read(&line).map_err(|error| fault(error.to_string()))?;
    Ok((line.head().at, record))
}
