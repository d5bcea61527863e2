//! Connector secrets: values sealed, names in clear.

use clock::Timestamp;
use crypto::Secret;
use proof::text::Name;
use rusqlite::{OptionalExtension, params};

use crate::VaultError;
use crate::keys::Epoch;
use crate::seal::Cell;
use crate::vault::Vault;

impl Vault {
    /// Keeps a secret under a name, replacing what was there.
    pub fn set_secret(&mut self, name: &Name, value: &Secret<Vec<u8>>) -> Result<(), VaultError> {
        self.reserve(&Epoch::system(), 1)?;
        let writer = self.begin()?;
        let part = name.as_str().as_bytes();
        let (generation, sealed) =
            writer.ring.seal_direct(writer.entropy, &Epoch::system(), cell, part, value.expose())?;
        writer.tx.execute(
            "INSERT INTO secret (name, generation, sealed, set_at) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (name) DO UPDATE SET generation = excluded.generation, sealed = excluded.sealed, \
             set_at = excluded.set_at",
            params![name.as_str(), generation as i64, sealed, writer.now.as_millis()],
        )?;
        writer.commit()?;
        self.truncate_wal()
    }

    /// The secret of this name.
    pub fn secret(&self, name: &Name) -> Result<Secret<Vec<u8>>, VaultError> {
        let row = self
            .db
            .prepare_cached("SELECT generation, sealed FROM secret WHERE name = ?1")?
            .query_row([name.as_str()], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, Vec<u8>>(1)?)))
            .optional()?;
        let (generation, sealed) = row.ok_or_else(|| VaultError::not_found("secret", name))?;
        let cell = cell(generation).part(name.as_str().as_bytes());
        let mut plain = self.ring.open_direct(generation, &cell, &sealed)?;
        Ok(Secret::new(std::mem::take(&mut *plain)))
    }

    /// The names of all secrets and when each was set.
    pub fn secrets(&self) -> Result<Vec<(String, Timestamp)>, VaultError> {
        let mut statement = self.db.prepare_cached("SELECT name, set_at FROM secret ORDER BY name")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, Timestamp::from_millis(row.get(1)?))))?;
        rows.map(|row| row.map_err(VaultError::from)).collect()
    }

    /// Forgets a secret.
    pub fn remove_secret(&mut self, name: &Name) -> Result<(), VaultError> {
        let writer = self.begin()?;
        if writer.tx.execute("DELETE FROM secret WHERE name = ?1", [name.as_str()])? == 0 {
            return Err(VaultError::not_found("secret", name));
        }
        writer.commit()?;
        self.truncate_wal()
    }
}

pub(crate) fn cell(generation: u64) -> Cell<'static> {
    Cell::new("secret", "sealed", generation)
}
