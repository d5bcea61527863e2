//! Destroying an item: its wrapped key, secret, provenance and rows go, its commitment stays and means nothing any more.

use ids::{ItemId, PersonId, RunId};
use proof::log::Appended;
use proof::log::journal::{DestroyCause, JournalRecord};
use proof::text::FreeText;

use super::{ItemRow, chunk_ids};
use crate::VaultError;
use crate::holds::on_hold;
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
        self.check_holds()?;
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
