//! Readers: devices that may ask for evidence, because the Runner's own operator approved their keys.
//!
//! Whose device it is and how long it is approved is sealed; that it was approved or revoked stands in the journal, and
//! both must agree before a reader counts. So nobody makes or revives one by writing to the table.

mod pending;

use std::collections::BTreeMap;

use clock::Timestamp;
use crypto::{Digest, ed25519};
use ids::PersonId;
use proof::log::Line;
use proof::log::journal::JournalRecord;
use proof::text::FreeText;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use crate::VaultError;
use crate::keys::Epoch;
use crate::seal::Cell;
use crate::vault::Vault;

pub use pending::PendingReader;
pub(crate) use pending::keep_pending;

/// The longest time that an approval lasts.
pub const MAX_READER_DAYS: u32 = 90;

const DAY_MS: i64 = 86_400_000;

/// A device to be approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReader {
    /// SHA-256 of its key's SubjectPublicKeyInfo: the fingerprint that was compared.
    pub device: Digest,
    /// The key, if it is known. The fingerprint suffices: a request brings the key, which must have it.
    pub key: Option<ed25519::VerifyingKey>,
    /// Whose it is.
    pub person: PersonId,
    /// What the operator calls it.
    pub label: FreeText,
    /// For how long, at most [`MAX_READER_DAYS`].
    pub days: u32,
}

/// A device that was approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// SHA-256 of its key's SubjectPublicKeyInfo.
    pub device: Digest,
    /// The key, if it was given.
    pub key: Option<ed25519::VerifyingKey>,
    /// Whose it is.
    pub person: PersonId,
    /// What the operator calls it.
    pub label: FreeText,
    /// When it was approved last.
    pub approved: Timestamp,
    /// When that ends.
    pub expires: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

/// What is sealed of a reader.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    key: Option<String>,
    person: PersonId,
    label: FreeText,
    approved: Timestamp,
    expires: Timestamp,
    seq: u64,
}

/// What the journal says of a device, its last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Claimed {
    person: PersonId,
    approved: (u64, Timestamp),
    expires: Timestamp,
    revoked: Option<(u64, Timestamp)>,
}

impl Vault {
    /// Approves a device, or renews its approval; journalled. Gives the number of the record.
    pub fn approve_reader(&mut self, new: &NewReader, by: Option<PersonId>) -> Result<u64, VaultError> {
        let refused = |why: &str| VaultError::Unstorable { what: "reader", why: why.to_owned() };
        if !(1..=MAX_READER_DAYS).contains(&new.days) {
            return Err(refused("an approval lasts 1 to 90 days"));
        }
        if new.key.is_some_and(|key| key.key_id() != new.device) {
            return Err(refused("its key has another fingerprint"));
        }
        self.check_ready()?;
        self.reserve(&Epoch::system(), 1)?;
        let mut writer = self.begin()?;
        let expires = writer.now.plus_ms(i64::from(new.days).saturating_mul(DAY_MS));
        let record = JournalRecord::ReaderApproved { device: new.device, person: new.person, expires, by };
        let appended = writer.journal(&record)?;
        let stored = Stored {
            key: new.key.map(|key| hex::encode(key.to_bytes())),
            person: new.person,
            label: new.label.clone(),
            approved: appended.at,
            expires,
            seq: appended.seq,
        };
        let json = serde_json::to_vec(&stored).map_err(|error| refused(&error.to_string()))?;
        let name = new.device.to_string();
        let (generation, sealed) =
            writer.ring.seal_direct(writer.entropy, &Epoch::system(), cell, name.as_bytes(), &json)?;
        writer.tx.execute(
            "INSERT INTO reader (name, generation, sealed) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE \
             SET generation = excluded.generation, sealed = excluded.sealed, revoked = NULL",
            params![name, generation as i64, sealed],
        )?;
        writer.tx.execute("DELETE FROM pending_reader WHERE device = ?1", [new.device.as_bytes()])?;
        writer.commit()?;
        Ok(appended.seq)
    }

    /// Revokes a device; journalled. Gives the number of the record.
    pub fn revoke_reader(&mut self, device: &Digest, by: Option<PersonId>) -> Result<u64, VaultError> {
        let readers = self.readers()?;
        let known = readers.iter().find(|reader| reader.device == *device);
        if known.ok_or_else(|| VaultError::not_found("reader", device))?.revoked.is_some() {
            return Err(VaultError::not_allowed("reader", device, "it was revoked already"));
        }
        let mut writer = self.begin()?;
        let seq = writer.journal(&JournalRecord::ReaderRevoked { device: *device, by })?.seq;
        writer.tx.execute("UPDATE reader SET revoked = ?2 WHERE name = ?1", params![device.to_string(), seq as i64])?;
        writer.commit()?;
        Ok(seq)
    }

    /// Every device that was ever approved, by fingerprint. An error if the table says other than the journal.
    pub fn readers(&self) -> Result<Vec<Reader>, VaultError> {
        let mut claimed = self.claimed_readers()?;
        let mut statement =
            self.db.prepare_cached("SELECT name, generation, sealed, revoked FROM reader ORDER BY name")?;
        let mut rows = statement.query([])?;
        let mut readers = Vec::new();
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let fault = |what: &dyn std::fmt::Display| VaultError::inconsistent("reader", &name, what);
            let device: Digest = name.parse().map_err(|error| fault(&error))?;
            let generation = row.get::<_, i64>(1)? as u64;
            let sealed = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            let plain = self.ring.open_direct(generation, &cell(generation).part(name.as_bytes()), sealed)?;
            let stored: Stored = serde_json::from_slice(&plain).map_err(|error| fault(&error))?;
            let revoked = row.get::<_, Option<i64>>(3)?.map(|seq| seq as u64);
            let claimed = claimed.remove(&device).ok_or_else(|| fault(&"the journal knows nothing of it"))?;
            if !claimed.fits(&stored, revoked) {
                return Err(fault(&"it is not what the journal records"));
            }
            readers.push(Reader {
                device,
                key: stored.key.map(|key| read_key(&key)).transpose().map_err(|error| fault(&error))?,
                person: stored.person,
                label: stored.label,
                approved: stored.approved,
                expires: stored.expires,
                revoked: claimed.revoked.map(|(_, at)| at),
            });
        }
        match claimed.pop_first() {
            None => Ok(readers),
            Some((device, _)) => Err(VaultError::inconsistent("reader", device, "it is missing in the store")),
        }
    }

    /// The last word of the journal on each device.
    fn claimed_readers(&self) -> Result<BTreeMap<Digest, Claimed>, VaultError> {
        // The condition is that of an index, so that the journal is not read as a whole.
        let mut statement = self
            .db
            .prepare_cached("SELECT seq, line FROM journal WHERE instr(line, '\"kind\":\"reader.') > 0 ORDER BY seq")?;
        let mut rows = statement.query([])?;
        let mut claimed: BTreeMap<Digest, Claimed> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(0)? as u64;
            let fault = |why: String| VaultError::Journal { seq, why };
            let text = row.get_ref(1)?.as_str().map_err(|_| fault("the line is not a text".into()))?;
            let line = Line::parse(text).map_err(|error| fault(error.to_string()))?;
            let at = line.head().at;
            match JournalRecord::read(&line).map_err(|error| fault(error.to_string()))? {
                JournalRecord::ReaderApproved { device, person, expires, .. } => {
                    claimed.insert(device, Claimed { person, approved: (seq, at), expires, revoked: None });
                }
                JournalRecord::ReaderRevoked { device, .. } => {
                    let known = claimed.get_mut(&device);
                    known.ok_or_else(|| fault("an unknown reader was revoked".into()))?.revoked = Some((seq, at));
                }
                // The index finds by text; a record of another kind cannot hold this one outside of a quoted string.
                _ => return Err(fault("it is not the record of a reader".into())),
            }
        }
        Ok(claimed)
    }
}

impl Claimed {
    fn fits(&self, stored: &Stored, revoked: Option<u64>) -> bool {
        self.person == stored.person
            && self.approved == (stored.seq, stored.approved)
            && self.expires == stored.expires
            && self.revoked.map(|(seq, _)| seq) == revoked
    }
}

pub(crate) fn cell(generation: u64) -> Cell<'static> {
    Cell { media: "json", ..Cell::new("reader", "sealed", generation) }
}

fn read_key(text: &str) -> Result<ed25519::VerifyingKey, String> {
    let bytes = hex::decode(text).map_err(|error| error.to_string())?;
    ed25519::VerifyingKey::from_bytes(&bytes).map_err(|error| error.to_string())
}
