//! The key hierarchy: root key → HKDF → generations of key-encryption keys → one random data key for each evidence item
//! and each run.
//!
//! A generation belongs to a retention epoch, so retiring it kills what it wrapped in backups too. Wraps are counted, and
//! the count is durable before a wrap is made.

mod epoch;
mod rotation;

use std::collections::BTreeMap;

use clock::Timestamp;
use crypto::aead::SealingKey;
use crypto::kdf::hkdf_sha256;
use crypto::{Entropy, Secret, SystemEntropy};
use rusqlite::{Connection, OptionalExtension, params};

use crate::VaultError;
use crate::seal::{Cell, Identity};

pub(crate) use epoch::Epoch;
pub use epoch::{Retention, UnknownRetention};
pub use rotation::{GenerationStatus, KeyStatus, RotationProgress};

/// How many values one key-encryption key wraps, far below what random 96-bit nonces allow.
const MAX_WRAPS: i64 = 1 << 28;
/// How many wraps are counted in advance; what a process does not use of them is never used.
const RESERVED: i64 = 1024;

/// All key-encryption keys that are alive, and the key that wraps them.
pub(crate) struct KeyRing {
    identity: Identity,
    wrapping: SealingKey,
    generations: BTreeMap<u64, Generation>,
}

struct Generation {
    epoch: Epoch,
    active: bool,
    key: SealingKey,
    left: i64,
}

/// A data key in use, and the generation that its contents are bound to.
pub(crate) struct DataKey {
    pub(crate) key: SealingKey,
    pub(crate) generation: u64,
}

/// A fresh data key and its wrapped form, to be stored beside what it seals.
pub(crate) struct FreshKey {
    pub(crate) data: DataKey,
    pub(crate) wrapped: Vec<u8>,
}

impl KeyRing {
    /// A value that tells the right root key from a wrong one and nothing else.
    pub(crate) fn root_check(root: &Secret<[u8; 32]>, identity: &Identity) -> [u8; 32] {
        *hkdf_sha256(root, identity.store.as_bytes(), b"proctor/v1/root-key-check").expose()
    }

    /// The ring of a new store: no generation yet.
    pub(crate) fn new(root: &Secret<[u8; 32]>, identity: Identity) -> Self {
        Self { identity, wrapping: wrapping_key(root, &identity), generations: BTreeMap::new() }
    }

    /// Unwraps all generations that are alive.
    pub(crate) fn load(db: &Connection, root: &Secret<[u8; 32]>, identity: Identity) -> Result<Self, VaultError> {
        let mut ring = Self::new(root, identity);
        ring.reload(db)?;
        Ok(ring)
    }

    /// Reads the generations again; what was reserved and not used is given up.
    fn reload(&mut self, db: &Connection) -> Result<(), VaultError> {
        self.generations.clear();
        let mut statement = db.prepare(
            "SELECT generation, epoch, state, wrapped FROM kek WHERE wrapped IS NOT NULL ORDER BY generation",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let generation = u64::try_from(row.get::<_, i64>(0)?)
                .map_err(|_| VaultError::inconsistent("kek", "generation", "negative"))?;
            let epoch = Epoch::stored(row.get(1)?);
            let active = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)? == "active";
            let wrapped = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
            let key = self.unwrap_generation(generation, &epoch, wrapped)?;
            self.generations.insert(generation, Generation { epoch, active, key, left: 0 });
        }
        Ok(())
    }

    /// Sees to it that `count` wraps of this epoch may be made, making a generation if there is none. To be called
    /// outside of a transaction: the count is durable when it returns.
    pub(crate) fn reserve(
        &mut self,
        db: &Connection,
        entropy: &SystemEntropy,
        now: Timestamp,
        epoch: &Epoch,
        count: i64,
    ) -> Result<(), VaultError> {
        if self.active(epoch).is_some_and(|(_, generation)| generation.left >= count) {
            return Ok(());
        }
        let batch = count.max(RESERVED);
        if let Some(generation) = self.active(epoch).map(|(number, _)| number) {
            let changed = db
                .prepare_cached("UPDATE kek SET wraps = wraps + ?2 WHERE generation = ?1 AND wraps + ?2 <= ?3")?
                .execute(params![generation as i64, batch, MAX_WRAPS])?;
            if let (1, Some(generation)) = (changed, self.generations.get_mut(&generation)) {
                generation.left += batch;
                return Ok(());
            }
        }
        self.new_generation(db, entropy, now, epoch, "full", batch).map(|_| ())
    }

    /// A fresh data key, wrapped by the active generation of the epoch. `cell` names where the wrapped key is stored.
    pub(crate) fn fresh(
        &mut self,
        entropy: &dyn Entropy,
        epoch: &Epoch,
        cell: impl Fn(u64) -> Cell<'static>,
    ) -> Result<FreshKey, VaultError> {
        let identity = self.identity;
        let (number, generation) = self.take_wrap(epoch)?;
        let key = Secret::random(entropy);
        let wrapped = cell(number).seal(&identity, &generation.key, entropy, key.expose());
        Ok(FreshKey { data: DataKey { key: SealingKey::new(&key), generation: number }, wrapped })
    }

    /// Unwraps a stored data key. `sealed_under` is the generation that its contents are bound to, which stays when the
    /// key is wrapped anew.
    pub(crate) fn unwrap(
        &self,
        wrapped_by: u64,
        sealed_under: u64,
        wrapped: &[u8],
        cell: impl Fn(u64) -> Cell<'static>,
    ) -> Result<DataKey, VaultError> {
        let key = self.unwrap_secret(wrapped_by, wrapped, cell)?;
        Ok(DataKey { key: SealingKey::new(&key), generation: sealed_under })
    }

    /// Seals a small value under the active generation of the epoch itself; counted as a wrap.
    pub(crate) fn seal_direct(
        &mut self,
        entropy: &dyn Entropy,
        epoch: &Epoch,
        cell: impl Fn(u64) -> Cell<'static>,
        part: &[u8],
        plaintext: &[u8],
    ) -> Result<(u64, Vec<u8>), VaultError> {
        let identity = self.identity;
        let (number, generation) = self.take_wrap(epoch)?;
        Ok((number, cell(number).part(part).seal(&identity, &generation.key, entropy, plaintext)))
    }

    /// Opens what [`seal_direct`](Self::seal_direct) made.
    pub(crate) fn open_direct(
        &self,
        generation: u64,
        cell: &Cell<'_>,
        sealed: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, VaultError> {
        cell.open(&self.identity, &self.generation(generation)?.key, sealed)
    }

    fn unwrap_secret(
        &self,
        wrapped_by: u64,
        wrapped: &[u8],
        cell: impl Fn(u64) -> Cell<'static>,
    ) -> Result<Secret<[u8; 32]>, VaultError> {
        let cell = cell(wrapped_by);
        let plain = cell.open(&self.identity, &self.generation(wrapped_by)?.key, wrapped)?;
        let key = <[u8; 32]>::try_from(plain.as_slice())
            .map_err(|_| VaultError::inconsistent(cell.table, wrapped_by, "a wrapped key of another length"))?;
        Ok(Secret::new(key))
    }

    fn generation(&self, number: u64) -> Result<&Generation, VaultError> {
        self.generations.get(&number).ok_or_else(|| {
            VaultError::inconsistent(
                "kek",
                number,
                "the generation is not there; if keys were rotated just now, open the store again",
            )
        })
    }

    fn active(&self, epoch: &Epoch) -> Option<(u64, &Generation)> {
        let mut all = self.generations.iter().rev();
        all.find(|(_, generation)| generation.active && generation.epoch == *epoch).map(|(n, g)| (*n, g))
    }

    fn take_wrap(&mut self, epoch: &Epoch) -> Result<(u64, &Generation), VaultError> {
        let mut all = self.generations.iter_mut().rev();
        let (number, generation) = all
            .find(|(_, generation)| generation.active && generation.epoch == *epoch && generation.left > 0)
            .ok_or_else(|| VaultError::inconsistent("kek", epoch, "no wrap was reserved"))?;
        generation.left -= 1;
        Ok((*number, generation))
    }

    /// Makes a generation for the epoch; the one that was active before becomes `former`.
    fn new_generation(
        &mut self,
        db: &Connection,
        entropy: &SystemEntropy,
        now: Timestamp,
        epoch: &Epoch,
        former: &str,
        wraps: i64,
    ) -> Result<u64, VaultError> {
        let key = Secret::random(entropy);
        let savepoint = Savepoint::begin(db, "generation")?;
        db.execute("UPDATE kek SET state = ?2 WHERE epoch = ?1 AND state = 'active'", params![epoch.as_str(), former])?;
        let highest: Option<i64> =
            db.query_row("SELECT max(generation) FROM kek", [], |row| row.get(0)).optional()?.flatten();
        let number = highest.unwrap_or(0).saturating_add(1);
        let generation = u64::try_from(number).unwrap_or(0);
        let wrapped = Self::generation_cell(generation).part(epoch.as_bytes()).seal(
            &self.identity,
            &self.wrapping,
            entropy,
            key.expose(),
        );
        db.execute(
            "INSERT INTO kek (generation, epoch, state, created, wraps, wrapped) VALUES (?1, ?2, 'active', ?3, ?4, ?5)",
            params![number, epoch.as_str(), now.as_millis(), wraps, wrapped],
        )?;
        savepoint.release()?;
        for other in self.generations.values_mut().filter(|other| other.epoch == *epoch) {
            other.active = false;
        }
        let made = Generation { epoch: epoch.clone(), active: true, key: SealingKey::new(&key), left: wraps };
        self.generations.insert(generation, made);
        Ok(generation)
    }

    fn generation_cell(generation: u64) -> Cell<'static> {
        Cell::new("kek", "wrapped", generation)
    }

    fn unwrap_generation(&self, number: u64, epoch: &Epoch, wrapped: &[u8]) -> Result<SealingKey, VaultError> {
        let cell = Self::generation_cell(number).part(epoch.as_bytes());
        let plain = cell.open(&self.identity, &self.wrapping, wrapped)?;
        let key = <[u8; 32]>::try_from(plain.as_slice())
            .map_err(|_| VaultError::inconsistent("kek", number, "a wrapped key of another length"))?;
        Ok(SealingKey::new(&Secret::new(key)))
    }
}

fn wrapping_key(root: &Secret<[u8; 32]>, identity: &Identity) -> SealingKey {
    SealingKey::new(&hkdf_sha256(root, identity.store.as_bytes(), b"proctor/v1/key-encryption-keys"))
}

/// A savepoint that is rolled back unless it is released; outside of a transaction it is one.
struct Savepoint<'a> {
    db: &'a Connection,
    name: &'static str,
    released: bool,
}

impl<'a> Savepoint<'a> {
    fn begin(db: &'a Connection, name: &'static str) -> Result<Self, VaultError> {
        db.execute_batch(&format!("SAVEPOINT {name}"))?;
        Ok(Self { db, name, released: false })
    }

    fn release(mut self) -> Result<(), VaultError> {
        self.db.execute_batch(&format!("RELEASE {}", self.name))?;
        self.released = true;
        Ok(())
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        if !self.released {
            // Nothing more can be done about a failure here: SQLite rolls back when the connection closes.
            let _ = self.db.execute_batch(&format!("ROLLBACK TO {0}; RELEASE {0}", self.name));
        }
    }
}
