//! Connector secrets: values sealed, names and where they came from in clear.

mod sent;

use clock::Timestamp;
use crypto::{Digest, Secret};
use ids::{PersonId, RequestId};
use proof::text::Name;
use rusqlite::{OptionalExtension, params};

use crate::VaultError;
use crate::keys::Epoch;
use crate::seal::Cell;
use crate::vault::Vault;
use crate::writer::Writer;

pub use sent::SecretRefusal;

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

impl Vault {
    /// Keeps a secret under a name, replacing what was there. What was issued before by anybody else is refused from now
    /// on.
    pub fn set_secret(&mut self, name: &Name, value: &Secret<Vec<u8>>) -> Result<(), VaultError> {
        self.reserve(&Epoch::system(), 1)?;
        let mut writer = self.begin()?;
        put(&mut writer, name, value)?;
        set_here(&writer, name)?;
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

    /// All secrets with where each came from, by name.
    pub fn listed_secrets(&self) -> Result<Vec<ListedSecret>, VaultError> {
        let mut statement = self.db.prepare_cached(
            "SELECT secret.name, secret.set_at, person, device, request, seq \
             FROM secret LEFT JOIN secret_origin ON secret_origin.name = secret.name ORDER BY secret.name",
        )?;
        let mut rows = statement.query([])?;
        let mut listed = Vec::new();
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            let fault = |what: &dyn std::fmt::Display| VaultError::inconsistent("secret", &text, what);
            let name = text.parse().map_err(|error| fault(&error))?;
            let (person, device) = (row.get::<_, Option<[u8; 16]>>(2)?, row.get::<_, Option<[u8; 32]>>(3)?);
            let (request, seq) = (row.get::<_, Option<[u8; 16]>>(4)?, row.get::<_, Option<i64>>(5)?);
            let origin = match (person, device, request, seq) {
                (None, None, None, None) => SecretOrigin::Here,
                (Some(person), Some(device), Some(request), Some(seq)) => SecretOrigin::Line {
                    person: PersonId::from_bytes(person),
                    device: Digest::from_bytes(device),
                    request: RequestId::from_bytes(request),
                    seq: seq as u64,
                },
                _ => return Err(fault(&"it came from nowhere that can be named")),
            };
            listed.push(ListedSecret { name, set: Timestamp::from_millis(row.get(1)?), origin });
        }
        Ok(listed)
    }

    /// Forgets a secret. What was issued before is refused from now on.
    pub fn remove_secret(&mut self, name: &Name) -> Result<(), VaultError> {
        let writer = self.begin()?;
        if writer.tx.execute("DELETE FROM secret WHERE name = ?1", [name.as_str()])? == 0 {
            return Err(VaultError::not_found("secret", name));
        }
        set_here(&writer, name)?;
        writer.commit()?;
        self.truncate_wal()
    }
}

/// Seals a value and puts it in its place, within the caller's transaction.
fn put(writer: &mut Writer<'_>, name: &Name, value: &Secret<Vec<u8>>) -> Result<(), VaultError> {
    let part = name.as_str().as_bytes();
    let (generation, sealed) = writer.ring.seal_direct(writer.entropy, &Epoch::system(), cell, part, value.expose())?;
    writer.tx.execute(
        "INSERT INTO secret (name, generation, sealed, set_at) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (name) DO UPDATE SET generation = excluded.generation, sealed = excluded.sealed, \
         set_at = excluded.set_at",
        params![name.as_str(), generation as i64, sealed, writer.now.as_millis()],
    )?;
    Ok(())
}

/// The operator has the last word until now. A clock that was set back does not bring the floor down.
fn set_here(writer: &Writer<'_>, name: &Name) -> Result<(), VaultError> {
    writer.tx.execute(
        "INSERT INTO secret_origin (name, floor) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE \
         SET floor = max(floor, excluded.floor), request = NULL, person = NULL, device = NULL, seq = NULL",
        params![name.as_str(), writer.now.as_millis()],
    )?;
    Ok(())
}

pub(crate) fn cell(generation: u64) -> Cell<'static> {
    Cell::new("secret", "sealed", generation)
}
