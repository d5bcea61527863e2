//! Destroying an item: its wrapped key, secret, provenance and rows go, its commitment stays and means nothing any more.

use clock::Timestamp;
use ids::{ItemId, PersonId, RunId};
use proof::log::Appended;
use proof::log::journal::{DestroyCause, JournalRecord};
use proof::text::FreeText;
use rusqlite::{Connection, params};

use super::{ItemRow, chunk_ids};
use crate::VaultError;
use crate::runs::RunRow;
use crate::vault::Vault;
use crate::writer::Writer;

/// An item that is gone, and the record that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DestroyedItem {
    /// The item.
    pub item: ItemId,
    /// The journal record.
    pub seq: u64,
}

impl Vault {
    /// Destroys an item for good. The journal record is part of the same transaction; afterwards neither the database
    /// nor its write-ahead log holds what was there. Gives the journal record.
    pub fn destroy(
        &mut self,
        item: ItemId,
        by: Option<PersonId>,
        justification: FreeText,
    ) -> Result<Appended, VaultError> {
        self.check_ready()?;
        let row = ItemRow::find(&self.db, item)?;
        if let Some(seq) = row.stored.destroyed {
            return Err(VaultError::Destroyed(item.to_string(), seq));
        }
        let run = RunRow::find(&self.db, row.stored.run)?;
        if on_hold(&self.db, run.id)? {
            return Err(VaultError::OnHold(row.stored.run.to_string()));
        }
        if run.state == "running" {
            let why = "it is not finished; its evidence is still needed to judge it";
            return Err(VaultError::not_allowed("run", row.stored.run, why));
        }
        let mut writer = self.begin()?;
        let appended = destroy_item(&mut writer, &row, DestroyCause::Request, by, Some(justification))?;
        writer.commit()?;
        self.truncate_wal()?;
        Ok(appended)
    }

    /// The destroyed items of a run.
    pub fn destroyed_items(&self, run: RunId) -> Result<Vec<DestroyedItem>, VaultError> {
        let items = self.items(run)?;
        let gone = items.into_iter().filter_map(|item| Some((item.record.item, item.destroyed?)));
        Ok(gone.map(|(item, seq)| DestroyedItem { item, seq }).collect())
    }

    /// Keeps a run from being destroyed, whatever its retention time says.
    pub fn hold(&mut self, run: RunId, reason: &FreeText) -> Result<(), VaultError> {
        let row = RunRow::find(&self.db, run)?;
        let writer = self.begin()?;
        writer.tx.execute(
            "INSERT INTO hold (run, placed, reason) VALUES (?1, ?2, ?3) ON CONFLICT (run) DO NOTHING",
            params![row.id, writer.now.as_millis(), reason.as_str()],
        )?;
        writer.commit()
    }

    /// Ends the hold on a run.
    pub fn release(&mut self, run: RunId) -> Result<(), VaultError> {
        let row = RunRow::find(&self.db, run)?;
        let writer = self.begin()?;
        if writer.tx.execute("DELETE FROM hold WHERE run = ?1", [row.id])? == 0 {
            return Err(VaultError::not_found("legal hold on run", run));
        }
        writer.commit()
    }

    /// Runs under a legal hold, when it was placed and why.
    pub fn holds(&self) -> Result<Vec<(RunId, Timestamp, String)>, VaultError> {
        let mut statement = self
            .db
            .prepare("SELECT run.run, placed, reason FROM hold JOIN run ON run.id = hold.run ORDER BY placed")?;
        let rows = statement.query_map([], |row| {
            Ok((RunId::from_bytes(row.get(0)?), Timestamp::from_millis(row.get(1)?), row.get(2)?))
        })?;
        rows.map(|row| row.map_err(VaultError::from)).collect()
    }
}

/// Destroys an item within a transaction.
pub(crate) fn destroy_item(
    writer: &mut Writer<'_>,
    row: &ItemRow,
    cause: DestroyCause,
    by: Option<PersonId>,
    justification: Option<FreeText>,
) -> Result<Appended, VaultError> {
    let item = row.stored.record.item;
    let appended = writer.journal(&JournalRecord::ItemDestroyed { item, by, cause, justification })?;
    let (from, to) = chunk_ids(row.id);
    writer.tx.prepare_cached("DELETE FROM chunk WHERE id >= ?1 AND id < ?2")?.execute([from, to])?;
    let changed = writer
        .tx
        .prepare_cached(
            "UPDATE item SET wrapped = NULL, wrapped_by = NULL, head = NULL, nodes = NULL, destroyed = ?2 \
             WHERE id = ?1 AND destroyed IS NULL",
        )?
        .execute([row.id, appended.seq as i64])?;
    if changed == 1 { Ok(appended) } else { Err(VaultError::inconsistent("item", item, "it is destroyed already")) }
}

pub(crate) fn on_hold(db: &Connection, run: i64) -> Result<bool, VaultError> {
    Ok(db.prepare_cached("SELECT 1 FROM hold WHERE run = ?1")?.exists([run])?)
}
