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
    /// By the control plane's clock.
    issued: Option<Timestamp>,
    /// By this Runner's clock.
    here: Option<Timestamp>,
    audit: u64,
}

/// Somebody acknowledged a fork of the audit log, which is followed from so many records.
#[derive(Debug)]
struct Acknowledged {
    seq: u64,
    size: u64,
}

impl Word {
    /// The floor in the audit log as it is at a later record: a fork that was acknowledged since may have left a shorter log,
    /// in which no later request could come up to it.
    fn audit_at(&self, seq: u64, forks: &[Acknowledged]) -> u64 {
        let since = forks.iter().filter(|fork| (self.seq..seq).contains(&fork.seq));
        since.fold(self.audit, |audit, fork| audit.min(fork.size))
    }
}

impl Vault {
    /// What is too old to be taken in under this name: what was issued before anything that was ever kept, set or removed
    /// under it, and whatever was issued before a rollback was acknowledged.
    pub fn secret_floor(&self, name: &Name) -> Result<SecretFloor, VaultError> {
        let word = self.word_on_secret(name)?;
        let rollback = self.rollback_acknowledged()?;
        let forks = self.forks_acknowledged()?;
        Ok(SecretFloor {
            issued: word.as_ref().and_then(|word| word.issued).max(rollback),
            here: word.as_ref().and_then(|word| word.here),
            audit: word.map_or(0, |word| word.audit_at(u64::MAX, &forks)),
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
        let forks = self.forks_acknowledged()?;
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
                    (name, Some(origin), issued, audit.map_or(0, |audit| audit.saturating_add(1)))
                }
                JournalRecord::SecretSet { name, audit, .. } => (name, Some(SecretOrigin::Here), None, audit),
                JournalRecord::SecretRemoved { name, audit } => (name, None, None, audit),
                // The index finds by text; a record of another kind cannot hold this one outside of a quoted string.
                _ => return Err(VaultError::Journal { seq, why: "it is not the record of a secret".into() }),
            };
            let here = issued.is_none().then_some(at);
            let mut word = Word { seq, origin, issued, here, audit };
            if let Some(before) = words.get(&name) {
                // A clock that was set back does not bring the floor down.
                (word.issued, word.here) = (issued.max(before.issued), here.max(before.here));
                // What came over the line does not bring it down either. The operator's word does: it goes by what this
                // Runner witnessed, so a request that named a record that the log never had is not the end of a name.
                if matches!(origin, Some(SecretOrigin::Line { .. })) {
                    word.audit = audit.max(before.audit_at(seq, &forks));
                }
            }
            words.insert(name, word);
        }
        Ok(words)
    }

    /// The forks of the audit log that somebody acknowledged. The table says where; what is believed is the journal.
    fn forks_acknowledged(&self) -> Result<Vec<Acknowledged>, VaultError> {
        let mut statement = self.db.prepare_cached(
            "SELECT journal.seq, journal.line FROM audit_fork JOIN journal ON journal.seq = audit_fork.acknowledged",
        )?;
        let mut rows = statement.query([])?;
        let mut forks = Vec::new();
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(0)? as u64;
            let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            if let JournalRecord::AuditForkAcknowledged { adopted, .. } = read(seq, text)?.1 {
                forks.push(Acknowledged { seq, size: adopted.size });
            }
        }
        Ok(forks)
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
