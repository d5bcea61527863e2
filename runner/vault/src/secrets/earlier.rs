//! Secrets of a store with earlier tables. Their values were bound to their names alone; when the tables are brought up to
//! date, the journal says of each that it is kept, and the value is bound to that record.
//!
//! Earlier tables can be made out of present ones by whoever writes to the file. So nothing of them is believed that the
//! journal does not say, and a journal that a store of the present tables wrote is none of theirs.

use std::collections::BTreeMap;

use clock::Timestamp;
use crypto::SystemEntropy;
use proof::log::journal::JournalRecord;
use proof::text::Name;
use rusqlite::{Connection, Transaction, params};

use super::words::{SPEAKS, read};
use super::{bound_to, cell};
use crate::VaultError;
use crate::journal;
use crate::keys::{Epoch, KeyRing};
use crate::own_keys::OwnKeys;

/// What the earlier tables held.
#[derive(Debug)]
pub(crate) struct EarlierSecrets {
    kept: Vec<Earlier>,
    /// Names of which nothing is kept any more, and under which nothing older may come back.
    removed: Vec<Name>,
}

#[derive(Debug)]
struct Earlier {
    name: Name,
    generation: u64,
    sealed: Vec<u8>,
    /// The record that says that it came over the line.
    received: Option<i64>,
}

impl EarlierSecrets {
    /// Reads them, before the tables are changed.
    pub(crate) fn read(db: &Connection) -> Result<Self, VaultError> {
        let named = |text: String| text.parse().map_err(|error| VaultError::inconsistent("secret", &text, error));
        let mut kept = Vec::new();
        let mut statement = db.prepare(
            "SELECT secret.name, generation, sealed, origin.seq FROM secret \
             LEFT JOIN secret_origin AS origin ON origin.name = secret.name ORDER BY secret.name",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (name, generation) = (named(row.get(0)?)?, row.get::<_, i64>(1)? as u64);
            kept.push(Earlier { name, generation, sealed: row.get(2)?, received: row.get(3)? });
        }
        let mut statement =
            db.prepare("SELECT name FROM secret_origin WHERE name NOT IN (SELECT name FROM secret) ORDER BY name")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        let removed = rows.map(|name| named(name?)).collect::<Result<_, _>>()?;
        Ok(Self { kept, removed })
    }

    /// Binds each value to its record, within the caller's transaction. Those without one get it now.
    pub(crate) fn adopt(
        self,
        tx: &Transaction<'_>,
        ring: &mut KeyRing,
        keys: &OwnKeys,
        entropy: &SystemEntropy,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        let words = last_words(tx)?;
        if self.kept.is_empty() && self.removed.is_empty() {
            return Ok(());
        }
        let mut chain = journal::resume(tx)?;
        for Earlier { name, generation, sealed, received } in self.kept {
            let plain = ring.open_direct(generation, &cell(generation).part(name.as_str().as_bytes()), &sealed)?;
            let record = JournalRecord::SecretSet { name: name.clone(), replaced: false, audit: 0 };
            let seq = match received {
                Some(seq) if words.get(&name) == Some(&seq) => seq,
                Some(seq) => {
                    let what = format!("journal record {seq} is not the last one that says that it came over the line");
                    return Err(VaultError::inconsistent("secret_origin", &name, what));
                }
                None => journal::append(tx, &mut chain, now, &record)?.seq as i64,
            };
            let part = bound_to(&name, Some(seq));
            let (generation, sealed) = ring.seal_direct(entropy, &Epoch::system(), cell, part.as_bytes(), &plain)?;
            tx.execute(
                "UPDATE secret SET generation = ?2, sealed = ?3, seq = ?4 WHERE name = ?1",
                params![name.as_str(), generation as i64, sealed, seq],
            )?;
        }
        for name in self.removed {
            journal::append(tx, &mut chain, now, &JournalRecord::SecretRemoved { name, audit: 0 })?;
        }
        journal::store_head(tx, &chain, &keys.journal)?;
        Ok(())
    }
}

/// The last record on each name that came over the line. An error if the journal holds what no program wrote that worked
/// with earlier tables.
fn last_words(db: &Connection) -> Result<BTreeMap<Name, i64>, VaultError> {
    let mut statement = db.prepare(&format!("SELECT seq, line FROM journal WHERE {SPEAKS} ORDER BY seq"))?;
    let mut rows = statement.query([])?;
    let mut words = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let seq = row.get::<_, i64>(0)?;
        let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        match read(seq as u64, text)?.1 {
            JournalRecord::SecretReceived { name, issued: None, audit: None, .. } => {
                words.insert(name, seq);
            }
            _ => {
                let why =
                    "a later program wrote it than the one that left these tables: they are not the store's".into();
                return Err(VaultError::Journal { seq: seq as u64, why });
            }
        }
    }
    Ok(words)
}
