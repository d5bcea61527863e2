//! Connector secrets: values sealed, names in clear. That a value is kept, where it came from and what is older than it
//! stands in the journal; the sealed value is bound to the record that says so. So nobody brings one back by writing to the
//! table.

mod earlier;
mod sent;
mod words;

use clock::Timestamp;
use crypto::{Digest, Secret};
use ids::{PersonId, RequestId};
use proof::log::journal::JournalRecord;
use proof::text::Name;
use rusqlite::{Connection, OptionalExtension, params};

use crate::VaultError;
use crate::keys::Epoch;
use crate::seal::Cell;
use crate::vault::Vault;
use crate::writer::Writer;

pub(crate) use earlier::EarlierSecrets;
pub use sent::SecretRefusal;
use words::Word;

/// What a sealed value is bound to besides its place, as an expression over its row: its name, and the record of the journal
/// that says that it is kept.
pub(crate) const BOUND_TO: &str = "name || ' ' || seq";

/// A secret as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSecret {
    /// Its name.
    pub name: Name,
    /// When it was set.
    pub set: Timestamp,
    /// Where it came from.
    pub origin: SecretOrigin,
}

/// Where a secret came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretOrigin {
    /// The Runner's operator set it here.
    Here,
    /// A person sent it over the line.
    Line {
        /// Who.
        person: PersonId,
        /// SHA-256 of the SubjectPublicKeyInfo of the key of that person's device.
        device: Digest,
        /// With which request.
        request: RequestId,
        /// The journal record that says so.
        seq: u64,
    },
}

/// What is too old to be taken in under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretFloor {
    /// Whatever was issued then or earlier, by the control plane's clock.
    pub issued: Option<Timestamp>,
    /// Whatever was issued then or earlier, by this Runner's clock: who compares adds how far the two may differ.
    pub here: Option<Timestamp>,
    /// Whatever names a record of the audit log before this one.
    pub audit: u64,
}

impl Vault {
    /// Keeps a secret under a name, replacing what was there; journalled. What was issued before by anybody else is refused
    /// from now on.
    pub fn set_secret(&mut self, name: &Name, value: &Secret<Vec<u8>>) -> Result<(), VaultError> {
        self.reserve(&Epoch::system(), 1)?;
        let witnessed = self.witnessed()?;
        let mut writer = self.begin()?;
        set_here(&mut writer, name, value, witnessed)?;
        writer.commit()?;
        self.truncate_wal()
    }

    /// The secret of this name. An error if the table holds another value than the journal says.
    pub fn secret(&self, name: &Name) -> Result<Secret<Vec<u8>>, VaultError> {
        let row = self
            .db
            .prepare_cached("SELECT generation, sealed, seq FROM secret WHERE name = ?1")?
            .query_row([name.as_str()], |row| {
                Ok((row.get::<_, i64>(0)? as u64, row.get::<_, Vec<u8>>(1)?, row.get::<_, Option<i64>>(2)?))
            })
            .optional()?;
        let word = self.word_on_secret(name)?;
        let Some((generation, sealed, seq)) = row else {
            check_absent(name, word.as_ref())?;
            return Err(VaultError::not_found("secret", name));
        };
        check_present(name, word.as_ref(), seq)?;
        let bound_to = bound_to(name, seq);
        let cell = cell(generation).part(bound_to.as_bytes());
        let mut plain = self.ring.open_direct(generation, &cell, &sealed)?;
        Ok(Secret::new(std::mem::take(&mut *plain)))
    }

    /// The names of all secrets and when each was set.
    pub fn secrets(&self) -> Result<Vec<(String, Timestamp)>, VaultError> {
        let mut statement = self.db.prepare_cached("SELECT name, set_at FROM secret ORDER BY name")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, Timestamp::from_millis(row.get(1)?))))?;
        rows.map(|row| row.map_err(VaultError::from)).collect()
    }

    /// All secrets with where each came from, by name. An error if the table holds others than the journal says.
    pub fn listed_secrets(&self) -> Result<Vec<ListedSecret>, VaultError> {
        let mut words = self.words_on_secrets()?;
        let mut statement = self.db.prepare_cached("SELECT name, set_at, seq FROM secret ORDER BY name")?;
        let mut rows = statement.query([])?;
        let mut listed = Vec::new();
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            let name: Name = text.parse().map_err(|error| VaultError::inconsistent("secret", &text, error))?;
            let origin = check_present(&name, words.remove(&name).as_ref(), row.get(2)?)?;
            listed.push(ListedSecret { name, set: Timestamp::from_millis(row.get(1)?), origin });
        }
        words.iter().try_for_each(|(name, word)| check_absent(name, Some(word)))?;
        Ok(listed)
    }

    /// Forgets a secret; journalled. What was issued before is refused from now on.
    pub fn remove_secret(&mut self, name: &Name) -> Result<(), VaultError> {
        let witnessed = self.witnessed()?;
        let mut writer = self.begin()?;
        if writer.tx.execute("DELETE FROM secret WHERE name = ?1", [name.as_str()])? == 0 {
            return Err(VaultError::not_found("secret", name));
        }
        writer.journal(&JournalRecord::SecretRemoved { name: name.clone(), audit: witnessed })?;
        writer.commit()?;
        self.truncate_wal()
    }

    /// How many records of the audit log this Runner has seen.
    pub(crate) fn witnessed(&self) -> Result<u64, VaultError> {
        Ok(self.audit_head()?.map_or(0, |head| head.size))
    }
}

/// Keeps what the operator set, within the caller's transaction.
pub(crate) fn set_here(
    writer: &mut Writer<'_>,
    name: &Name,
    value: &Secret<Vec<u8>>,
    witnessed: u64,
) -> Result<(), VaultError> {
    let replaced = is_there(&writer.tx, name)?;
    let seq = writer.journal(&JournalRecord::SecretSet { name: name.clone(), replaced, audit: witnessed })?.seq;
    put(writer, name, value, seq)
}

/// Whether there is a secret of this name.
pub(crate) fn is_there(db: &Connection, name: &Name) -> Result<bool, VaultError> {
    Ok(db.prepare_cached("SELECT 1 FROM secret WHERE name = ?1")?.exists([name.as_str()])?)
}

/// Seals a value and puts it in its place, within the caller's transaction; the record says that it is kept.
fn put(writer: &mut Writer<'_>, name: &Name, value: &Secret<Vec<u8>>, seq: u64) -> Result<(), VaultError> {
    let seq = seq as i64;
    let part = bound_to(name, Some(seq));
    let (generation, sealed) =
        writer.ring.seal_direct(writer.entropy, &Epoch::system(), cell, part.as_bytes(), value.expose())?;
    writer.tx.execute(
        "INSERT INTO secret (name, generation, sealed, set_at, seq) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (name) DO UPDATE SET generation = excluded.generation, sealed = excluded.sealed, \
         set_at = excluded.set_at, seq = excluded.seq",
        params![name.as_str(), generation as i64, sealed, writer.now.as_millis(), seq],
    )?;
    Ok(())
}

/// A value that is there must be the one of which the journal spoke last.
fn check_present(name: &Name, word: Option<&Word>, seq: Option<i64>) -> Result<SecretOrigin, VaultError> {
    let kept = word.filter(|word| Some(word.seq as i64) == seq).and_then(|word| word.origin);
    kept.ok_or_else(|| VaultError::inconsistent("secret", name, "it is not what the journal records"))
}

/// A value that is not there must be one that the journal does not know, or saw removed.
fn check_absent(name: &Name, word: Option<&Word>) -> Result<(), VaultError> {
    match word.and_then(|word| word.origin) {
        None => Ok(()),
        Some(_) => Err(VaultError::inconsistent("secret", name, "the journal says that it is kept")),
    }
}

/// [`BOUND_TO`] of a row; a name has no spaces.
fn bound_to(name: &Name, seq: Option<i64>) -> String {
    format!("{name} {}", seq.unwrap_or(-1))
}

pub(crate) fn cell(generation: u64) -> Cell<'static> {
    Cell::new("secret", "sealed", generation)
}
