//! Opening evidence to somebody: journalled and durable first, read afterwards.

use std::collections::BTreeSet;

use crypto::Digest;
use ids::{ItemId, PersonId, RequestId};
use proof::commitment::{ItemSecret, RowOpening, Salts};
use proof::log::journal::JournalRecord;
use proof::merkle::{leaf_hash_of_parts, root_from_inclusion};
use proof::text::FreeText;
use runner_evidence::{Place, Provenance};
use zeroize::Zeroizing;

use super::chunk::ChunkReader;
use super::read::{ItemRow, StoredItem, Unsealed};
use super::tree::RowTree;
use crate::VaultError;
use crate::vault::Vault;

/// Which rows of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    All,
    /// These, by position from 0.
    Rows(BTreeSet<u64>),
}

/// For whom and what for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purpose {
    /// Who looks; none for the operator at the Runner's own console.
    pub by: Option<PersonId>,
    /// The drill-down request, if there is one.
    pub request: Option<RequestId>,
    /// What for, typed by that person.
    pub purpose: Option<FreeText>,
}

/// An item whose opening stands in the journal. Rows are decrypted as they are asked for, chunk by chunk.
pub struct Opened<'v> {
    vault: &'v Vault,
    row: ItemRow,
    unsealed: Unsealed,
    selection: Selection,
    seq: u64,
}

impl Vault {
    /// Opens rows of an item. The record `evidence.opened` is durable before anything is decrypted.
    pub fn open_item(
        &mut self,
        item: ItemId,
        selection: Selection,
        purpose: Purpose,
    ) -> Result<Opened<'_>, VaultError> {
        self.check_ready()?;
        let row = ItemRow::find(&self.db, item)?;
        let all = row.stored.record.commitment.rows;
        let rows = match &selection {
            Selection::All => all,
            Selection::Rows(rows) => {
                if let Some(beyond) = rows.last().filter(|last| **last >= all) {
                    return Err(VaultError::not_found("row", format!("{beyond} of item {item}, which has {all}")));
                }
                rows.len() as u64
            }
        };
        // Opens here already, so that a destroyed or damaged item is refused and not recorded as opened.
        let unsealed = row.unseal(&self.ring, &self.identity)?;
        let Purpose { by, request, purpose } = purpose;
        let opened = JournalRecord::EvidenceOpened { item, rows, by, request, purpose };
        let seq = self.begin()?.with_journal(&opened)?.seq;
        Ok(Opened { vault: self, row, unsealed, selection, seq })
    }
}

impl Opened<'_> {
    /// What is known of the item.
    pub fn item(&self) -> &StoredItem {
        &self.row.stored
    }

    /// Where it came from and how.
    pub fn provenance(&self) -> &Provenance {
        &self.unsealed.provenance
    }

    /// Where its rows belong in the value of its piece.
    pub fn place(&self) -> &Place {
        &self.unsealed.place
    }

    /// The journal record of this opening.
    pub fn journal_seq(&self) -> u64 {
        self.seq
    }

    /// The item's secret: with all rows it opens the whole commitment. Only if all rows were opened.
    pub fn secret(&self) -> Option<&ItemSecret> {
        match self.selection {
            Selection::All => Some(&self.unsealed.secret),
            Selection::Rows(_) => None,
        }
    }

    /// Positions of the opened rows.
    pub fn selected(&self) -> Box<dyn Iterator<Item = u64> + '_> {
        match &self.selection {
            Selection::All => Box::new(0..self.row.stored.record.commitment.rows),
            Selection::Rows(rows) => Box::new(rows.iter().copied()),
        }
    }

    /// One opened row.
    pub fn row(&self, index: u64) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let opened = match &self.selection {
            Selection::All => index < self.row.stored.record.commitment.rows,
            Selection::Rows(rows) => rows.contains(&index),
        };
        if !opened {
            let item = self.row.stored.record.item;
            return Err(VaultError::not_allowed("evidence item", item, format!("row {index} was not opened")));
        }
        Ok(Zeroizing::new(self.reader().row(index)?.to_vec()))
    }

    /// Each opened row in order, without keeping more than a chunk in memory.
    pub fn each_row<E: From<VaultError>>(&self, mut take: impl FnMut(u64, &[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut reader = self.reader();
        for index in self.selected() {
            take(index, reader.row(index)?)?;
        }
        Ok(())
    }

    /// Each opened row in order with its salt and path, checked against the commitment.
    pub fn each_opening<E: From<VaultError>>(
        &self,
        mut take: impl FnMut(RowOpening) -> Result<(), E>,
    ) -> Result<(), E> {
        let record = &self.row.stored.record;
        let fault = |what| VaultError::inconsistent("item", record.item, what);
        let mut tree = RowTree::new(record.commitment.rows, &self.row.nodes)
            .ok_or_else(|| fault("its stored tree does not fit its rows"))?;
        let salts = Salts::new(&self.unsealed.secret);
        let mut reader = self.reader();
        for index in self.selected() {
            let path = tree.path(&mut reader, &salts, index)?;
            let row = reader.row(index)?.to_vec();
            let salt = salts.of(index);
            let leaf = leaf_hash_of_parts(salt.as_bytes(), &row);
            if !leads_to(&record.commitment.root, leaf, index, record.commitment.rows, &path) {
                return Err(VaultError::Commitment(record.item.to_string()).into());
            }
            take(RowOpening { index, salt, row, path })?;
        }
        Ok(())
    }

    /// All openings at once; for few rows.
    pub fn openings(&self) -> Result<Vec<RowOpening>, VaultError> {
        let mut openings = Vec::new();
        self.each_opening(|opening| {
            openings.push(opening);
            Ok::<_, VaultError>(())
        })?;
        Ok(openings)
    }

    fn reader(&self) -> ChunkReader<'_> {
        ChunkReader::new(self.row.source(&self.vault.db, self.vault.identity, &self.unsealed.key))
    }
}

impl std::fmt::Debug for Opened<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened({}, journal record {})", self.row.stored.record.item, self.seq)
    }
}

pub(super) fn leads_to(root: &Digest, leaf: Digest, index: u64, rows: u64, path: &[Digest]) -> bool {
    root_from_inclusion(leaf, index, rows, path).is_ok_and(|found| found == *root)
}
