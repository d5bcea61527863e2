//! Consecutive rows of one item, sealed together: `u32 length || row` for each.

use std::ops::Range;

use crypto::Entropy;
use ids::{ItemId, RunId};
use rusqlite::{Connection, OptionalExtension, params};
use verdict::EvidenceForm;
use zeroize::{Zeroize, Zeroizing};

use super::{chunk_id, chunk_ids};
use crate::VaultError;
use crate::keys::DataKey;
use crate::seal::{Cell, Identity};

/// A chunk is closed before it would grow beyond this many bytes, lengths included. A little above 64 KiB, so that 64
/// rows of 1 KiB and four of 16 KiB fit; a longer row has a chunk of its own.
const CHUNK: usize = 66 * 1024;

/// Whose rows they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub(super) identity: Identity,
    pub(super) run: RunId,
    pub(super) item: ItemId,
    pub(super) id: i64,
    pub(super) form: EvidenceForm,
}

impl Owner {
    fn seal(&self, key: &DataKey, entropy: &dyn Entropy, span: &Range<u64>, last: bool, plain: &[u8]) -> Vec<u8> {
        let count = (span.end - span.start).to_be_bytes();
        self.cell(key, span.start, last).part(&count).seal(&self.identity, &key.key, entropy, plain)
    }

    fn cell(&self, key: &DataKey, first: u64, last: bool) -> Cell<'static> {
        let cell = Cell::new("chunk", "sealed", key.generation).run(self.run).item(self.item).row(first);
        Cell { media: self.form.as_str(), last, ..cell }
    }
}

/// Collects rows and writes a chunk whenever one is full.
pub(super) struct ChunkWriter<'a> {
    db: &'a Connection,
    owner: Owner,
    key: &'a DataKey,
    entropy: &'a dyn Entropy,
    plain: Vec<u8>,
    first: u64,
    next: u64,
}

impl<'a> ChunkWriter<'a> {
    /// `expected` is how many bytes the rows have together, lengths included: what is reserved is wiped in the end, and
    /// most items are far smaller than a chunk.
    pub(super) fn new(
        db: &'a Connection,
        owner: Owner,
        key: &'a DataKey,
        entropy: &'a dyn Entropy,
        expected: usize,
    ) -> Self {
        Self { db, owner, key, entropy, plain: Vec::with_capacity(expected.min(CHUNK)), first: 0, next: 0 }
    }

    pub(super) fn push(&mut self, row: &[u8]) -> Result<(), VaultError> {
        let too_much = |what: &str| VaultError::Unstorable { what: "evidence", why: what.to_owned() };
        let length = u32::try_from(row.len()).map_err(|_| too_much("a row of 4 GiB or more"))?;
        if self.next >= u64::from(u32::MAX) {
            return Err(too_much("2^32 rows or more"));
        }
        let grown = self.plain.len().saturating_add(4).saturating_add(row.len());
        if !self.plain.is_empty() && grown > CHUNK {
            self.flush(false)?;
        }
        if self.plain.capacity() < self.plain.len().saturating_add(4).saturating_add(row.len()) {
            // Growing would leave a copy behind that nobody wipes.
            let mut larger = Vec::with_capacity(grown.max(CHUNK));
            larger.extend_from_slice(&self.plain);
            self.plain.zeroize();
            self.plain = larger;
        }
        self.plain.extend_from_slice(&length.to_be_bytes());
        self.plain.extend_from_slice(row);
        self.next += 1;
        Ok(())
    }

    /// Writes what is left. An item without rows has no chunk.
    pub(super) fn finish(mut self) -> Result<(), VaultError> {
        if self.next > self.first { self.flush(true) } else { Ok(()) }
    }

    fn flush(&mut self, last: bool) -> Result<(), VaultError> {
        let span = self.first..self.next;
        let sealed = self.owner.seal(self.key, self.entropy, &span, last, &self.plain);
        self.db
            .prepare_cached("INSERT INTO chunk (id, rows, last, sealed) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![chunk_id(self.owner.id, span.start), (span.end - span.start) as i64, last, sealed])?;
        self.plain.clear();
        self.first = self.next;
        Ok(())
    }
}

impl Drop for ChunkWriter<'_> {
    fn drop(&mut self) {
        self.plain.zeroize();
    }
}

/// Where the rows of one item are read from. `rows` is the number of rows that were committed to.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) db: &'a Connection,
    pub(super) owner: Owner,
    pub(super) key: &'a DataKey,
    pub(super) rows: u64,
}

/// The chunk that was decrypted last. It borrows nothing, so it can be kept while other work goes on.
#[derive(Default)]
pub(super) struct Cursor(Option<OpenChunk>);

/// Reads rows, keeping the chunk that it decrypted last.
pub(super) struct ChunkReader<'a> {
    source: Source<'a>,
    cursor: Cursor,
}

struct OpenChunk {
    span: Range<u64>,
    plain: Zeroizing<Vec<u8>>,
    /// Where each row lies in `plain`.
    places: Vec<Range<usize>>,
}

impl<'a> ChunkReader<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        Self { source, cursor: Cursor::default() }
    }

    /// The row at `index`, which must be below the number of rows.
    pub(super) fn row(&mut self, index: u64) -> Result<&[u8], VaultError> {
        self.cursor.row(&self.source, index)
    }
}

impl Cursor {
    /// The row at `index`, which must be below the number of rows.
    pub(super) fn row(&mut self, source: &Source<'_>, index: u64) -> Result<&[u8], VaultError> {
        if !self.0.as_ref().is_some_and(|open| open.span.contains(&index)) {
            // The chunk before goes first: never two of them at once.
            self.0 = None;
            self.0 = Some(source.decrypt(index)?);
        }
        let found = self.0.as_ref().and_then(|open| {
            let place = usize::try_from(index - open.span.start).ok().and_then(|at| open.places.get(at))?;
            open.plain.get(place.clone())
        });
        found.ok_or_else(|| source.fault(index, "the row is missing"))
    }
}

impl Source<'_> {
    fn decrypt(&self, index: u64) -> Result<OpenChunk, VaultError> {
        let (lowest, _) = chunk_ids(self.owner.id);
        let mut statement = self.db.prepare_cached(
            "SELECT id, rows, last, sealed FROM chunk WHERE id >= ?1 AND id <= ?2 ORDER BY id DESC LIMIT 1",
        )?;
        let mut found = statement.query(params![lowest, chunk_id(self.owner.id, index)])?;
        let row = found.next()?.ok_or_else(|| self.fault(index, "its chunk is missing"))?;
        let first = (row.get::<_, i64>(0)? - lowest) as u64;
        let count = row.get::<_, i64>(1)? as u64;
        let span = first..first.saturating_add(count);
        let last: bool = row.get(2)?;
        if !span.contains(&index) || last != (span.end == self.rows) {
            return Err(self.fault(index, "the chunks do not cover the rows that were committed to"));
        }
        let sealed = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
        let cell = self.owner.cell(self.key, first, last);
        let plain = cell.part(&count.to_be_bytes()).open(&self.owner.identity, &self.key.key, sealed)?;
        let places = split(&plain).filter(|places| places.len() as u64 == count);
        let places = places.ok_or_else(|| self.fault(index, "the chunk does not hold the rows that it should"))?;
        Ok(OpenChunk { span, plain, places })
    }

    fn fault(&self, index: u64, what: &str) -> VaultError {
        VaultError::inconsistent("chunk", format!("item {}, row {index}", self.owner.item), what)
    }
}

/// Whether an item has any chunk.
pub(super) fn any(db: &Connection, item: i64) -> Result<bool, VaultError> {
    let (from, to) = chunk_ids(item);
    let found = db
        .prepare_cached("SELECT 1 FROM chunk WHERE id >= ?1 AND id < ?2 LIMIT 1")?
        .query_row([from, to], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// Where the rows of a chunk lie in it; `None` if it does not consist of whole rows.
fn split(plain: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut places = Vec::new();
    let mut at = 0_usize;
    while at < plain.len() {
        let length = plain.get(at..)?.first_chunk::<4>().map(|length| u32::from_be_bytes(*length))?;
        let start = at.checked_add(4)?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        if end > plain.len() {
            return None;
        }
        places.push(start..end);
        at = end;
    }
    Some(places)
}
