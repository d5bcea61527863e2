//! Evidence items: sealed, committed to, read back, opened and destroyed.
//!
//! Each item has a data key of its own. Its rows are sealed in chunks of about 64 KiB, so that reading one row decrypts
//! one chunk. Every byte is hashed once, at collection, for the commitment.

mod chunk;
mod destroy;
mod open;
mod read;
mod rows;
mod store;
mod tree;

pub use destroy::DestroyedItem;
pub(crate) use destroy::destroy_item;
pub use open::{Opened, Purpose, Selection};
pub(crate) use read::ItemRow;
pub use read::StoredItem;
pub use rows::{NextRow, OpenedRows, Paths};
pub(crate) use store::{NewItem, store_item};

use crate::seal::{Cell, Part};
use ids::{ItemId, RunId};

/// An item's number is its piece's times this plus its place in the piece.
const PER_PIECE: i64 = 4;
/// A chunk's key is its item's number and, in so many bits, its first row.
const ROW_BITS: u32 = 32;
/// So that both fit 63 bits.
const MAX_ITEM: i64 = (1 << 31) - 1;

/// Key of the chunk that begins at a row.
fn chunk_id(item: i64, first: u64) -> i64 {
    (item << ROW_BITS) | i64::try_from(first).unwrap_or(i64::from(u32::MAX))
}

/// All chunks of an item: from the first key to before the last.
fn chunk_ids(item: i64) -> (i64, i64) {
    (item << ROW_BITS, (item + 1) << ROW_BITS)
}

pub(crate) fn key_cell(run: RunId, item: ItemId, generation: u64) -> Cell<'static> {
    Cell::new("item", "wrapped", generation).run(run).item(item)
}

fn head_cell(run: RunId, item: ItemId, generation: u64) -> Cell<'static> {
    Cell { media: "head", ..Cell::new("item", "head", generation).run(run).item(item) }
}

/// What an item's head is bound to: its place in the run and every clear column.
#[derive(Debug, Clone, Copy)]
struct Clear<'a> {
    step: &'a str,
    position: i64,
    ordinal: i64,
    form: &'a str,
    class: &'a str,
    collected: i64,
    rows: i64,
    root: &'a [u8],
}

impl Clear<'_> {
    fn part(&self) -> Part {
        Part::new()
            .text(self.step)
            .number(self.position)
            .number(self.ordinal)
            .text(self.form)
            .text(self.class)
            .number(self.collected)
            .number(self.rows)
            .bytes(self.root)
    }
}

#[cfg(test)]
mod tests;
