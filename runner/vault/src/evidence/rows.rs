//! Opened rows, pulled one at a time: nothing of the store is borrowed in between, and no more than one chunk is open.

use crypto::Digest;
use ids::ItemId;
use proof::commitment::{Commitment, Salt, Salts};
use proof::merkle::{Frontier, leaf_hash_of_parts};

use super::Selection;
use super::chunk::{self, ChunkReader, Cursor};
use super::open::leads_to;
use super::read::{ItemRow, Unsealed};
use super::tree::RowTree;
use crate::VaultError;
use crate::vault::Vault;

/// The rows of an item whose opening is journalled and durable. It holds the item's key, so it is to be dropped when
/// nobody wants the rest.
pub struct OpenedRows {
    row: ItemRow,
    unsealed: Unsealed,
    salts: Salts,
    cursor: Cursor,
    wanted: Wanted,
}

enum Wanted {
    /// From this row on; the tree over those before.
    All { next: u64, tree: Frontier },
    /// These, each with the hash that leads to the root; how many were given.
    Some { rows: Vec<(u64, Digest)>, given: usize },
}

/// One opened row.
#[derive(Debug)]
pub struct NextRow<'a> {
    /// Its position in the item.
    pub index: u64,
    /// Its salt.
    pub salt: Salt,
    /// Its bytes.
    pub row: &'a [u8],
}

/// Rows with their inclusion paths.
pub type Paths = Vec<(u64, Vec<Digest>)>;

impl OpenedRows {
    /// Opens the item. Of single rows the paths are given, each of which leads to what was committed to; of all rows
    /// none, as the tree is computed while they are read.
    pub(crate) fn open(
        vault: &Vault,
        item: ItemId,
        selection: &Selection,
    ) -> Result<(Self, Option<Paths>), VaultError> {
        vault.check_ready()?;
        let row = ItemRow::find(&vault.db, item)?;
        let unsealed = row.unseal(&vault.ring, &vault.identity)?;
        let salts = Salts::new(&unsealed.secret);
        let all = row.stored.record.commitment.rows;
        let mut opened = Self {
            row,
            unsealed,
            salts,
            cursor: Cursor::default(),
            wanted: Wanted::All { next: 0, tree: Frontier::new() },
        };
        let Selection::Rows(wanted) = selection else { return Ok((opened, None)) };
        if wanted.len() as u64 == all && wanted.last().is_none_or(|last| *last < all) {
            return Ok((opened, None));
        }
        let (mut rows, mut paths) = (Vec::with_capacity(wanted.len()), Vec::with_capacity(wanted.len()));
        for (index, leaf, path) in opened.prove(vault, wanted)? {
            rows.push((index, leaf));
            paths.push((index, path));
        }
        opened.wanted = Wanted::Some { rows, given: 0 };
        Ok((opened, Some(paths)))
    }

    /// The item.
    pub fn item(&self) -> ItemId {
        self.row.stored.record.item
    }

    /// What was committed to when it was collected.
    pub fn commitment(&self) -> Commitment {
        self.row.stored.record.commitment
    }

    /// The next row; none after the last one. Rows that are not what was committed to are an error, at the latest where
    /// the end would be.
    pub fn next(&mut self, vault: &Vault) -> Result<Option<NextRow<'_>>, VaultError> {
        vault.check_ready()?;
        let (item, Commitment { rows: all, root }) = (self.item(), self.commitment());
        let index = match &self.wanted {
            Wanted::All { next, .. } if *next < all => *next,
            Wanted::All { tree, .. } => {
                let stray = all == 0 && chunk::any(&vault.db, self.row.id)?;
                let whole = tree.root() == root && !stray;
                return if whole { Ok(None) } else { Err(VaultError::Commitment(item.to_string())) };
            }
            Wanted::Some { rows, given } => match rows.get(*given) {
                Some((index, _)) => *index,
                None => return Ok(None),
            },
        };
        let source = self.row.source(&vault.db, vault.identity, &self.unsealed.key);
        let row = self.cursor.row(&source, index)?;
        let salt = self.salts.of(index);
        let leaf = leaf_hash_of_parts(salt.as_bytes(), row);
        match &mut self.wanted {
            Wanted::All { next, tree } => {
                tree.push(leaf);
                *next += 1;
            }
            Wanted::Some { rows, given } => {
                if rows.get(*given).is_none_or(|(_, proven)| *proven != leaf) {
                    return Err(VaultError::Commitment(item.to_string()));
                }
                *given += 1;
            }
        }
        Ok(Some(NextRow { index, salt, row }))
    }

    fn prove(
        &self,
        vault: &Vault,
        wanted: &std::collections::BTreeSet<u64>,
    ) -> Result<Vec<(u64, Digest, Vec<Digest>)>, VaultError> {
        let (item, Commitment { rows: all, root }) = (self.item(), self.commitment());
        if let Some(beyond) = wanted.last().filter(|last| **last >= all) {
            return Err(VaultError::not_found("row", format!("{beyond} of item {item}, which has {all}")));
        }
        let mut tree = RowTree::new(all, &self.row.nodes)
            .ok_or_else(|| VaultError::inconsistent("item", item, "its stored tree does not fit its rows"))?;
        let mut reader = ChunkReader::new(self.row.source(&vault.db, vault.identity, &self.unsealed.key));
        let mut proven = Vec::with_capacity(wanted.len());
        for index in wanted.iter().copied() {
            let path = tree.path(&mut reader, &self.salts, index)?;
            let leaf = leaf_hash_of_parts(self.salts.of(index).as_bytes(), reader.row(index)?);
            if !leads_to(&root, leaf, index, all, &path) {
                return Err(VaultError::Commitment(item.to_string()));
            }
            proven.push((index, leaf, path));
        }
        Ok(proven)
    }
}

impl std::fmt::Debug for OpenedRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenedRows({})", self.item())
    }
}
