//! Reading items back.

use clock::Timestamp;
use crypto::Digest;
use ids::{ItemId, RunId};
use proof::commitment::{Commitment, Committer, ItemSecret};
use runner_evidence::{ItemContent, ItemRecord, Provenance, RawEvidence};
use rusqlite::{Connection, OptionalExtension, Row, params};
use verdict::{EvidenceClass, EvidenceForm};

use super::chunk::{self, ChunkReader, Owner, Source};
use super::store::StoredAbout;
use super::{Clear, PER_PIECE, head_cell, key_cell};
use crate::VaultError;
use crate::keys::{DataKey, KeyRing};
use crate::runs::{Place, RunRow};
use crate::seal::Identity;
use crate::vault::Vault;

/// An item and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredItem {
    /// The item.
    pub record: ItemRecord,
    /// Its run.
    pub run: RunId,
    /// Its step.
    pub step: String,
    /// Its element in the step's `for_each` list.
    pub position: Option<u32>,
    /// The journal record that destroyed it.
    pub destroyed: Option<u64>,
}

/// A row of the table, with what identifies its piece.
pub(crate) struct ItemRow {
    pub(crate) id: i64,
    pub(crate) stored: StoredItem,
    position: i64,
    generation: u64,
    wrapped_by: Option<u64>,
    wrapped: Option<Vec<u8>>,
    pub(super) nodes: Vec<u8>,
    head: Option<Vec<u8>>,
}

/// An item's key, secret and story, unsealed.
pub(super) struct Unsealed {
    pub(super) key: DataKey,
    pub(super) secret: ItemSecret,
    pub(super) place: runner_evidence::Place,
    pub(super) provenance: Provenance,
}

const COLUMNS: &str = "item.id, item.item, run.run, piece.step, piece.position, item.form, item.class, \
    item.collected, item.rows, item.root, item.generation, item.wrapped_by, item.wrapped, item.nodes, item.head, \
    item.destroyed";
const FROM_ITEM: &str = "item JOIN piece ON piece.id = item.id >> 2 JOIN run ON run.id = piece.run";
const FROM_PIECE: &str =
    "piece JOIN run ON run.id = piece.run CROSS JOIN item ON item.id BETWEEN piece.id * 4 AND piece.id * 4 + 3";

impl ItemRow {
    pub(crate) fn find(db: &Connection, item: ItemId) -> Result<Self, VaultError> {
        let sql = format!("SELECT {COLUMNS} FROM {FROM_ITEM} WHERE item.item = ?1");
        let row = db.prepare_cached(&sql)?.query_row([item.as_bytes()], |row| Ok(Self::read(row))).optional()?;
        row.ok_or_else(|| VaultError::not_found("evidence item", item))?
    }

    pub(crate) fn of_piece(db: &Connection, piece: i64) -> Result<Vec<Self>, VaultError> {
        Self::list(db, &format!("SELECT {COLUMNS} FROM {FROM_PIECE} WHERE piece.id = ?1 ORDER BY item.id"), piece)
    }

    /// All items of a run, in the order in which they were stored.
    pub(crate) fn of_run(db: &Connection, run: i64) -> Result<Vec<Self>, VaultError> {
        Self::list(db, &format!("SELECT {COLUMNS} FROM {FROM_PIECE} WHERE piece.run = ?1 ORDER BY item.id"), run)
    }

    fn list(db: &Connection, sql: &str, key: i64) -> Result<Vec<Self>, VaultError> {
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query(params![key])?;
        let mut items = Vec::new();
        while let Some(row) = rows.next()? {
            items.push(Self::read(row)?);
        }
        Ok(items)
    }

    fn read(row: &Row<'_>) -> Result<Self, VaultError> {
        let item = ItemId::from_bytes(row.get(1)?);
        let word = |error: verdict::UnknownWord| VaultError::inconsistent("item", item, error);
        let position: i64 = row.get(4)?;
        let form: EvidenceForm = row.get::<_, String>(5)?.parse().map_err(word)?;
        let class: EvidenceClass = row.get::<_, String>(6)?.parse().map_err(word)?;
        let rows = u64::try_from(row.get::<_, i64>(8)?)
            .map_err(|_| VaultError::inconsistent("item", item, "a negative number of rows"))?;
        let record = ItemRecord {
            item,
            form,
            class,
            collected: Timestamp::from_millis(row.get(7)?),
            commitment: Commitment { rows, root: Digest::from_bytes(row.get(9)?) },
        };
        let stored = StoredItem {
            record,
            run: RunId::from_bytes(row.get(2)?),
            step: row.get(3)?,
            position: u32::try_from(position).ok(),
            destroyed: row.get::<_, Option<i64>>(15)?.map(|seq| seq as u64),
        };
        Ok(Self {
            id: row.get(0)?,
            stored,
            position,
            generation: row.get::<_, i64>(10)? as u64,
            wrapped_by: row.get::<_, Option<i64>>(11)?.map(|number| number as u64),
            wrapped: row.get(12)?,
            nodes: row.get::<_, Option<Vec<u8>>>(13)?.unwrap_or_default(),
            head: row.get(14)?,
        })
    }

    pub(super) fn owner(&self, identity: Identity) -> Owner {
        let StoredItem { record, run, .. } = &self.stored;
        Owner { identity, run: *run, item: record.item, id: self.id, form: record.form }
    }

    pub(super) fn source<'a>(&self, db: &'a Connection, identity: Identity, key: &'a DataKey) -> Source<'a> {
        Source { db, owner: self.owner(identity), key, rows: self.stored.record.commitment.rows }
    }

    /// Refuses a destroyed item.
    pub(super) fn unseal(&self, ring: &KeyRing, identity: &Identity) -> Result<Unsealed, VaultError> {
        let StoredItem { record, run, step, destroyed, .. } = &self.stored;
        let item = record.item;
        if let Some(seq) = destroyed {
            return Err(VaultError::Destroyed(item.to_string(), *seq));
        }
        let (Some(by), Some(wrapped), Some(head)) = (self.wrapped_by, &self.wrapped, &self.head) else {
            return Err(VaultError::inconsistent("item", item, "its key or head is missing and nobody destroyed it"));
        };
        let run = *run;
        let key = ring.unwrap(by, self.generation, wrapped, |generation| key_cell(run, item, generation))?;
        let clear = Clear {
            step,
            position: self.position,
            ordinal: self.id % PER_PIECE,
            form: record.form.as_str(),
            class: record.class.as_str(),
            collected: record.collected.as_millis(),
            rows: i64::try_from(record.commitment.rows).unwrap_or(i64::MAX),
            root: record.commitment.root.as_bytes(),
        };
        let cell = head_cell(run, item, self.generation);
        let plain = cell.part(clear.part().as_bytes()).open(identity, &key.key, head)?;
        let malformed = || VaultError::inconsistent("item", item, "its head is malformed");
        let (secret, about) = plain.split_first_chunk::<32>().ok_or_else(malformed)?;
        let StoredAbout { place, provenance } = serde_json::from_slice(about).map_err(|_| malformed())?;
        Ok(Unsealed { key, secret: ItemSecret::from_bytes(*secret), place, provenance })
    }

    /// All rows, decrypted, hashed again and compared with the commitment.
    fn content(&self, db: &Connection, unsealed: Unsealed, identity: Identity) -> Result<ItemContent, VaultError> {
        let Commitment { rows: count, .. } = self.stored.record.commitment;
        let mut committer = Committer::new(&unsealed.secret);
        let mut reader = ChunkReader::new(self.source(db, identity, &unsealed.key));
        // The count is bound to the item's head, which opened.
        let rows = Vec::with_capacity(usize::try_from(count).unwrap_or(0).min(1 << 20));
        // From the first row on they lie where they are wiped when something fails.
        let mut content = ItemContent { place: unsealed.place, form: self.stored.record.form, rows };
        for index in 0..count {
            let row = reader.row(index)?;
            committer.push(row);
            content.rows.push(row.to_vec());
        }
        if count == 0 && chunk::any(db, self.id)? {
            return Err(VaultError::inconsistent("chunk", self.stored.record.item, "rows of an item without rows"));
        }
        if committer.commitment() == self.stored.record.commitment {
            Ok(content)
        } else {
            Err(VaultError::Commitment(self.stored.record.item.to_string()))
        }
    }
}

impl Vault {
    /// What is known of an item without opening it.
    pub fn item(&self, item: ItemId) -> Result<StoredItem, VaultError> {
        Ok(ItemRow::find(&self.db, item)?.stored)
    }

    /// All items of a run, destroyed ones included.
    pub fn items(&self, run: RunId) -> Result<Vec<StoredItem>, VaultError> {
        let row = RunRow::find(&self.db, run)?;
        Ok(ItemRow::of_run(&self.db, row.id)?.into_iter().map(|item| item.stored).collect())
    }

    /// Where an item came from and how; for the Runner's own evaluation and display, not journalled.
    pub fn provenance(&self, item: ItemId) -> Result<Provenance, VaultError> {
        self.check_ready()?;
        Ok(ItemRow::find(&self.db, item)?.unseal(&self.ring, &self.identity)?.provenance)
    }

    /// The evidence of a piece, checked against its commitments. For evaluation within this process: it is not opened to
    /// anybody and not journalled. Refused in state `ROLLBACK`.
    pub fn evidence(&self, run: RunId, step: &str, position: Option<u32>) -> Result<RawEvidence, VaultError> {
        let _snapshot = self.snapshot()?;
        self.check_ready()?;
        let row = RunRow::find(&self.db, run)?;
        let place = || format!("of run {run}, step `{step}`, element {position:?}");
        let piece = self
            .db
            .prepare_cached("SELECT id FROM piece WHERE run = ?1 AND step = ?2 AND position = ?3")?
            .query_row(params![row.id, step, position.map_or(-1, i64::from)], |row| row.get::<_, i64>(0))
            .optional()?
            .ok_or_else(|| VaultError::not_found("evidence", place()))?;
        let items = ItemRow::of_piece(&self.db, piece)?;
        // A piece with an item missing would still look like one: the list of them is sealed with its last state.
        let position = position.map_or(-1, i64::from);
        let states = self.load_history(&row, &row.key(&self.ring)?, &Place { piece, step, position })?;
        let last = states.last().ok_or_else(|| VaultError::inconsistent("piece", piece, "it has no state"))?;
        last.check_items(piece, &items)?;
        if items.is_empty() {
            return Err(VaultError::not_found("evidence", place()));
        }
        let mut contents = Vec::with_capacity(items.len());
        for item in items {
            let unsealed = item.unseal(&self.ring, &self.identity)?;
            contents.push(item.content(&self.db, unsealed, self.identity)?);
        }
        RawEvidence::from_items(contents).map_err(|error| VaultError::inconsistent("piece", piece, error))
    }
}
