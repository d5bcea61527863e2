//! Replacing keys: every data key is wrapped anew, in batches; a rotation that was cut off goes on where it stood.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use clock::Timestamp;
use crypto::{Entropy, SystemEntropy};
use ids::{ItemId, RunId};
use proof::log::journal::{JournalRecord, RotatedKey};
use rusqlite::{Connection, params};

use super::{Epoch, KeyRing, wrapping_key};
use crate::VaultError;
use crate::provider::{Provider, RootKey, SealLevel};
use crate::seal::Cell;
use crate::vault::Vault;
use crate::writer::Writer;

/// Data keys that are wrapped anew in one transaction.
const BATCH: usize = 500;

/// How far a rotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationProgress {
    /// Data keys wrapped anew since this call began.
    pub done: u64,
    /// Data keys that still are under an old generation.
    pub remaining: u64,
}

/// The keys of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// What the root key's provider stops.
    pub seal_level: SealLevel,
    /// How often the root key was set, from 1.
    pub root_generation: u64,
    /// Whether a rotation began and has not finished.
    pub rotating: bool,
    /// Whether AES runs in hardware here.
    pub hardware_aes: bool,
    /// Every generation, retired ones included.
    pub generations: Vec<GenerationStatus>,
}

/// A generation of key-encryption keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationStatus {
    /// Its number.
    pub generation: u64,
    /// The month and retention class that it is for, or `system`.
    pub epoch: String,
    /// `active`, `full`, `retiring` or `retired`.
    pub state: String,
    /// When it was made.
    pub created: Timestamp,
    /// Wraps counted against its limit, those reserved and never made included.
    pub wraps: u64,
    /// Keys and values that are under it now.
    pub in_use: u64,
}

const IN_USE: &str = "(SELECT count(*) FROM item WHERE wrapped_by = kek.generation) \
    + (SELECT count(*) FROM run WHERE wrapped_by = kek.generation) \
    + (SELECT count(*) FROM secret WHERE secret.generation = kek.generation) \
    + (SELECT count(*) FROM exception WHERE exception.generation = kek.generation) \
    + (SELECT count(*) FROM sealed_value WHERE sealed_value.generation = kek.generation) \
    + (SELECT count(*) FROM reader WHERE reader.generation = kek.generation) \
    + (SELECT count(*) FROM signing_key WHERE signing_key.generation = kek.generation)";

/// The cell of a value under a generation.
type CellOf = fn(u64) -> Cell<'static>;

/// Tables whose values a generation seals itself, what else each value is bound to, and their cells.
const DIRECT: [(&str, &str, CellOf); 5] = [
    ("secret", crate::secrets::BOUND_TO, crate::secrets::cell),
    ("signing_key", "name", crate::own_keys::cell),
    ("exception", "name", crate::exceptions::cell),
    ("sealed_value", "name", crate::line::value_cell),
    ("reader", "name", crate::readers::cell),
];

impl Vault {
    /// Replaces every key-encryption key and wraps every data key anew. Old and new generations can be read until the
    /// last key is moved; then the old ones are gone. `progress` is called after each batch and may stop the rotation;
    /// like one that a crash stopped, it goes on with the next call. Gives whether it finished.
    pub fn rotate(
        &mut self,
        mut progress: impl FnMut(RotationProgress) -> ControlFlow<()>,
    ) -> Result<bool, VaultError> {
        self.check_ready()?;
        self.check_writable()?;
        if self.retiring()? == 0 {
            let (entropy, now) = (self.entropy.clone(), self.clock.now());
            if let Err(error) = self.ring.begin_rotation(&self.db, &entropy, now) {
                self.ring.reload(&self.db)?;
                return Err(error);
            }
        }
        self.move_direct()?;
        let mut done = 0;
        for kind in [Wrapped::Run, Wrapped::Item] {
            let mut cursor = 0;
            loop {
                let batch = self.wrapped_by_retiring(kind, cursor)?;
                let Some(last) = batch.last() else { break };
                cursor = last.id;
                done += batch.len() as u64;
                self.move_batch(kind, batch)?;
                if progress(RotationProgress { done, remaining: self.remaining()? }).is_break() {
                    return Ok(false);
                }
            }
        }
        self.finish_rotation()?;
        Ok(true)
    }

    /// Puts the store under another root key. The new provider's key file or header is made if it is missing. In one
    /// transaction: either the old key opens the store or the new one does.
    pub fn change_root(&mut self, provider: &Provider) -> Result<(), VaultError> {
        self.check_ready()?;
        provider.prepare(&self.entropy)?;
        let root = provider.root_key(self.files.folder())?;
        let level = root.level;
        let identity = self.identity;
        let mut writer = self.begin()?;
        let wrapping = rewrap_generations(&mut writer, &root)?;
        writer.tx.execute(
            "UPDATE store SET root_check = ?1, seal_level = ?2, root_generation = root_generation + 1",
            params![KeyRing::root_check(&root.key, &identity), level.name()],
        )?;
        let generation: i64 = writer.tx.query_row("SELECT root_generation FROM store", [], |row| row.get(0))?;
        let generation = generation as u64;
        writer.journal(&JournalRecord::KeyRotated { key: RotatedKey::Root, generation, public: None })?;
        writer.commit()?;
        self.ring.wrapping = wrapping;
        self.seal_level = level;
        self.truncate_wal()
    }

    /// What keys there are and what they are used for.
    pub fn key_status(&self) -> Result<KeyStatus, VaultError> {
        let root: i64 = self.db.query_row("SELECT root_generation FROM store", [], |row| row.get(0))?;
        let sql = format!("SELECT generation, epoch, state, created, wraps, {IN_USE} FROM kek ORDER BY generation");
        let mut statement = self.db.prepare(&sql)?;
        let rows = statement.query_map([], |row| {
            Ok(GenerationStatus {
                generation: row.get::<_, i64>(0)? as u64,
                epoch: row.get(1)?,
                state: row.get(2)?,
                created: Timestamp::from_millis(row.get(3)?),
                wraps: row.get::<_, i64>(4)? as u64,
                in_use: row.get::<_, i64>(5)? as u64,
            })
        })?;
        Ok(KeyStatus {
            seal_level: self.seal_level,
            root_generation: root as u64,
            rotating: self.retiring()? > 0,
            hardware_aes: crypto::aead::hardware_aes(),
            generations: rows.collect::<Result<_, _>>()?,
        })
    }

    fn retiring(&self) -> Result<i64, VaultError> {
        Ok(self.db.query_row("SELECT count(*) FROM kek WHERE state = 'retiring'", [], |row| row.get(0))?)
    }

    fn remaining(&self) -> Result<u64, VaultError> {
        let sql = format!("SELECT total({IN_USE}) FROM kek WHERE state = 'retiring'");
        let remaining: f64 = self.db.query_row(&sql, [], |row| row.get(0))?;
        Ok(remaining as u64)
    }

    /// Signing keys, connector secrets, exceptions, readers and the like: few, and sealed by the generation itself.
    fn move_direct(&mut self) -> Result<(), VaultError> {
        let mut values = Vec::new();
        for (table, bound_to, cell) in DIRECT {
            let sql = format!(
                "SELECT name, {bound_to}, generation, sealed FROM {table} \
                 WHERE generation IN (SELECT generation FROM kek WHERE state = 'retiring')"
            );
            let mut statement = self.db.prepare(&sql)?;
            let rows = statement.query_map([], |row| {
                let names = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
                Ok((names, row.get::<_, i64>(2)? as u64, row.get::<_, Vec<u8>>(3)?))
            })?;
            for row in rows {
                values.push((table, cell, row?));
            }
        }
        if values.is_empty() {
            return Ok(());
        }
        self.reserve(&Epoch::system(), values.len())?;
        let writer = self.begin()?;
        for (table, cell, ((name, bound_to), generation, sealed)) in values {
            let part = bound_to.as_bytes();
            let plain = writer.ring.open_direct(generation, &cell(generation).part(part), &sealed)?;
            let (generation, sealed) = writer.ring.seal_direct(writer.entropy, &Epoch::system(), cell, part, &plain)?;
            let sql = format!("UPDATE {table} SET generation = ?2, sealed = ?3 WHERE name = ?1");
            writer.tx.execute(&sql, params![name, generation as i64, sealed])?;
        }
        writer.commit()
    }

    fn wrapped_by_retiring(&self, kind: Wrapped, after: i64) -> Result<Vec<WrappedKey>, VaultError> {
        let mut statement = self.db.prepare_cached(kind.select())?;
        let rows = statement.query_map(params![after, BATCH as i64], |row| {
            Ok(WrappedKey {
                id: row.get(0)?,
                item: ItemId::from_bytes(row.get(1)?),
                run: RunId::from_bytes(row.get(2)?),
                by: row.get::<_, i64>(3)? as u64,
                wrapped: row.get(4)?,
            })
        })?;
        rows.map(|row| row.map_err(VaultError::from)).collect()
    }

    fn move_batch(&mut self, kind: Wrapped, batch: Vec<WrappedKey>) -> Result<(), VaultError> {
        let mut needed: BTreeMap<u64, usize> = BTreeMap::new();
        for key in &batch {
            *needed.entry(key.by).or_default() += 1;
        }
        // Several old generations may move to one new one, so what they need is counted for each epoch.
        let mut epochs: Vec<(Epoch, usize)> = Vec::new();
        for (generation, count) in needed {
            let epoch = self.ring.epoch_of(generation)?;
            match epochs.iter_mut().find(|(known, _)| *known == epoch) {
                Some((_, total)) => *total += count,
                None => epochs.push((epoch, count)),
            }
        }
        for (epoch, count) in &epochs {
            self.reserve(epoch, *count)?;
        }
        let writer = self.begin()?;
        for key in batch {
            let cell = |generation| kind.cell(&key, generation);
            let (generation, wrapped) = writer.ring.rewrap(writer.entropy, key.by, &key.wrapped, cell)?;
            let changed =
                writer.tx.prepare_cached(kind.update())?.execute(params![key.id, generation as i64, wrapped])?;
            if changed != 1 {
                return Err(VaultError::inconsistent("kek", key.by, "a key to be wrapped anew is gone"));
            }
        }
        writer.commit()
    }

    fn finish_rotation(&mut self) -> Result<(), VaultError> {
        let remaining = self.remaining()?;
        if remaining != 0 {
            return Err(VaultError::inconsistent("kek", remaining, "keys are still under a retiring generation"));
        }
        let mut writer = self.begin()?;
        let generation: i64 = writer.tx.query_row("SELECT max(generation) FROM kek", [], |row| row.get(0))?;
        writer.tx.execute("UPDATE kek SET state = 'retired', wrapped = NULL WHERE state = 'retiring'", [])?;
        let (key, generation) = (RotatedKey::Wrapping, generation as u64);
        writer.journal(&JournalRecord::KeyRotated { key, generation, public: None })?;
        writer.commit()?;
        self.ring.reload(&self.db)?;
        self.truncate_wal()
    }
}

/// What has a data key.
#[derive(Debug, Clone, Copy)]
enum Wrapped {
    Run,
    Item,
}

struct WrappedKey {
    id: i64,
    item: ItemId,
    run: RunId,
    by: u64,
    wrapped: Vec<u8>,
}

impl Wrapped {
    const fn select(self) -> &'static str {
        match self {
            Self::Run => {
                "SELECT id, zeroblob(16), run, wrapped_by, wrapped FROM run WHERE id > ?1 \
                 AND wrapped_by IN (SELECT generation FROM kek WHERE state = 'retiring') ORDER BY id LIMIT ?2"
            }
            Self::Item => {
                "SELECT item.id, item.item, run.run, item.wrapped_by, item.wrapped FROM item \
                 JOIN piece ON piece.id = item.id >> 2 JOIN run ON run.id = piece.run WHERE item.id > ?1 \
                 AND item.wrapped_by IN (SELECT generation FROM kek WHERE state = 'retiring') ORDER BY item.id LIMIT ?2"
            }
        }
    }

    const fn update(self) -> &'static str {
        match self {
            Self::Run => "UPDATE run SET wrapped_by = ?2, wrapped = ?3 WHERE id = ?1 AND wrapped IS NOT NULL",
            Self::Item => "UPDATE item SET wrapped_by = ?2, wrapped = ?3 WHERE id = ?1 AND wrapped IS NOT NULL",
        }
    }

    fn cell(self, key: &WrappedKey, generation: u64) -> Cell<'static> {
        match self {
            Self::Run => crate::runs::run_key_cell(key.run, generation),
            Self::Item => crate::evidence::key_cell(key.run, key.item, generation),
        }
    }
}

/// Wraps every generation that is alive under the new root; gives the key that does it.
fn rewrap_generations(writer: &mut Writer<'_>, root: &RootKey) -> Result<crypto::aead::SealingKey, VaultError> {
    let wrapping = wrapping_key(&root.key, &writer.identity);
    let mut statement = writer.tx.prepare("SELECT generation, epoch, wrapped FROM kek WHERE wrapped IS NOT NULL")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, i64>(0)? as u64, Epoch::stored(row.get(1)?), row.get::<_, Vec<u8>>(2)?))
    })?;
    let generations = rows.collect::<Result<Vec<_>, _>>()?;
    for (generation, epoch, wrapped) in generations {
        let cell = KeyRing::generation_cell(generation);
        let cell = cell.part(epoch.as_bytes());
        let plain = cell.open(&writer.identity, &writer.ring.wrapping, &wrapped)?;
        let wrapped = cell.seal(&writer.identity, &wrapping, writer.entropy, &plain);
        writer.tx.execute("UPDATE kek SET wrapped = ?2 WHERE generation = ?1", params![generation as i64, wrapped])?;
    }
    Ok(wrapping)
}

impl KeyRing {
    /// Marks every generation as retiring and makes a new one for each epoch, in one transaction.
    fn begin_rotation(&mut self, db: &Connection, entropy: &SystemEntropy, now: Timestamp) -> Result<(), VaultError> {
        let savepoint = super::Savepoint::begin(db, "rotation")?;
        db.execute("UPDATE kek SET state = 'retiring' WHERE wrapped IS NOT NULL", [])?;
        let mut epochs: Vec<Epoch> = Vec::new();
        for generation in self.generations.values() {
            if !epochs.contains(&generation.epoch) {
                epochs.push(generation.epoch.clone());
            }
        }
        for epoch in epochs {
            self.new_generation(db, entropy, now, &epoch, "retiring", 0)?;
        }
        savepoint.release()
    }

    fn rewrap(
        &mut self,
        entropy: &dyn Entropy,
        by: u64,
        wrapped: &[u8],
        cell: impl Fn(u64) -> Cell<'static>,
    ) -> Result<(u64, Vec<u8>), VaultError> {
        let epoch = self.epoch_of(by)?;
        let key = self.unwrap_secret(by, wrapped, &cell)?;
        let identity = self.identity;
        let (number, generation) = self.take_wrap(&epoch)?;
        Ok((number, cell(number).seal(&identity, &generation.key, entropy, key.expose())))
    }

    fn epoch_of(&self, generation: u64) -> Result<Epoch, VaultError> {
        Ok(self.generation(generation)?.epoch.clone())
    }

    /// Destroys generations whose epoch is over and that wrap nothing any more: what they wrapped in backups is gone too.
    pub(crate) fn retire_empty(&mut self, db: &Connection, now: Timestamp) -> Result<u64, VaultError> {
        let sql = format!("SELECT generation, epoch FROM kek WHERE wrapped IS NOT NULL AND {IN_USE} = 0");
        let mut statement = db.prepare(&sql)?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, Epoch::stored(row.get(1)?))))?;
        let empty: Vec<_> = rows.collect::<Result<_, _>>()?;
        let mut retired = 0;
        for (generation, _) in empty.into_iter().filter(|(_, epoch)| epoch.is_over(now)) {
            db.execute("UPDATE kek SET state = 'retired', wrapped = NULL WHERE generation = ?1", [generation])?;
            self.generations.remove(&(generation as u64));
            retired += 1;
        }
        Ok(retired)
    }
}
