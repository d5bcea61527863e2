//! Devices that asked and were not approved, so that the Runner's operator needs to compare a fingerprint and nothing else.

use clock::Timestamp;
use crypto::{Digest, ed25519};
use ids::PersonId;
use proof::text::Name;
use rusqlite::{Connection, params};

use crate::VaultError;
use crate::vault::Vault;

/// So many are kept, those that asked last: whoever invents devices cannot fill the store.
const MOST: i64 = 64;

/// A device that signed a request and is not approved. What it says of itself nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingReader {
    /// SHA-256 of its key's SubjectPublicKeyInfo.
    pub device: Digest,
    /// The key, which did sign the request.
    pub key: ed25519::VerifyingKey,
    /// Whom the request named.
    pub person: PersonId,
    /// In which role.
    pub role: Name,
    /// When it asked first.
    pub first_seen: Timestamp,
    /// When it asked last.
    pub last_seen: Timestamp,
    /// How often.
    pub count: u64,
}

impl Vault {
    /// The devices that asked last and were not approved, the newest first.
    pub fn pending_readers(&self) -> Result<Vec<PendingReader>, VaultError> {
        let mut statement = self.db.prepare_cached(
            "SELECT device, key, person, role, first_seen, last_seen, count FROM pending_reader \
             ORDER BY last_seen DESC, device",
        )?;
        let mut rows = statement.query([])?;
        let mut pending = Vec::new();
        while let Some(row) = rows.next()? {
            let device = Digest::from_bytes(row.get(0)?);
            let fault = |what: &dyn std::fmt::Display| VaultError::inconsistent("pending_reader", device, what);
            let key: [u8; 32] = row.get(1)?;
            let key = ed25519::VerifyingKey::from_bytes(&key).map_err(|error| fault(&error))?;
            if key.key_id() != device {
                return Err(fault(&"its key has another fingerprint"));
            }
            let role: String = row.get(3)?;
            pending.push(PendingReader {
                device,
                key,
                person: PersonId::from_bytes(row.get(2)?),
                role: role.parse().map_err(|error| fault(&error))?,
                first_seen: Timestamp::from_millis(row.get(4)?),
                last_seen: Timestamp::from_millis(row.get(5)?),
                count: row.get::<_, i64>(6)? as u64,
            });
        }
        Ok(pending)
    }
}

/// Keeps a device that asked, within the caller's transaction.
pub(crate) fn keep_pending(
    db: &Connection,
    key: &ed25519::VerifyingKey,
    person: PersonId,
    role: &Name,
    now: Timestamp,
) -> Result<(), VaultError> {
    db.prepare_cached(
        "INSERT INTO pending_reader (device, key, person, role, first_seen, last_seen, count) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1) ON CONFLICT (device) DO UPDATE SET person = excluded.person, \
         role = excluded.role, last_seen = excluded.last_seen, count = count + 1",
    )?
    .execute(params![
        key.key_id().as_bytes(),
        key.to_bytes(),
        person.as_bytes(),
        role.as_str(),
        now.as_millis()
    ])?;
    db.prepare_cached(
        "DELETE FROM pending_reader WHERE device NOT IN \
         (SELECT device FROM pending_reader ORDER BY last_seen DESC, device LIMIT ?1)",
    )?
    .execute([MOST])?;
    Ok(())
}
