//! Reading an answer: sealed frames go in, rows come out, and every one of them is held against its root.

use crypto::Digest;
use crypto::hpke::{KeyPair, Opener, TAG};

use super::header::{self, Paths};
use super::plan::{Plan, PlannedItem};
use super::{AnswerError, AnswerSummary, MAX_CIPHERTEXT, MAX_ROW, OpenedRow};
use crate::commitment::{Commitment, OpeningError, Salt, verify_row};
use crate::drilldown::{PendingRequest, SealedHash, info};
use crate::merkle::{Frontier, leaf_hash_of_parts};

/// Opens the answer to a request. It holds at most one frame and one row.
///
/// A row that [`frame`](Self::frame) gives is proven only when all is: rows of an item that is opened whole prove one
/// another, and an answer that was cut off shows it at its end. So nothing may be shown to anybody before
/// [`finish`](Self::finish) has given its word.
#[derive(Debug)]
pub struct AnswerReader {
    request: PendingRequest,
    opener: Opener,
    hash: SealedHash,
    plan: Plan,
    stage: Stage,
    buffer: Vec<u8>,
    frames: u64,
    paths: Vec<Paths>,
    tree: Frontier,
    rows: u64,
    bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    Rows,
    Ended,
    Refused,
}

impl AnswerReader {
    /// Begins to read the answer that begins with the encapsulated key `enc`. `attested` are the commitments of the
    /// request's items, in its order, as the attested manifest states them.
    pub fn new(
        request: &PendingRequest,
        recipient: &KeyPair,
        enc: &[u8],
        attested: &[Commitment],
    ) -> Result<Self, AnswerError> {
        let asked = &request.request().items;
        if attested.len() != asked.len() {
            let item = asked.get(attested.len()).map_or(ids::ItemId::NIL, |item| item.item);
            return Err(AnswerError::Item { item, why: "there is not one attested commitment for each item" });
        }
        let items = asked.iter().zip(attested).map(|(asked, attested)| PlannedItem::new(asked, *attested));
        let plan = Plan::new(items.collect::<Result<_, _>>()?);
        let opener = Opener::new(recipient, enc, &info(&request.sha256())).map_err(|_| AnswerError::Key)?;
        Ok(Self {
            request: request.clone(),
            opener,
            hash: SealedHash::new(enc),
            plan,
            stage: Stage::Header,
            buffer: Vec::new(),
            frames: 0,
            paths: Vec::new(),
            tree: Frontier::new(),
            rows: 0,
            bytes: 0,
        })
    }

    /// Opens the next frame; gives the rows that it completes. After an error every further frame is refused.
    pub fn frame(&mut self, ciphertext: &[u8], last: bool) -> Result<Vec<OpenedRow>, AnswerError> {
        let mut rows = Vec::new();
        match self.take_frame(ciphertext, last, &mut rows) {
            Ok(()) => Ok(rows),
            Err(error) => {
                self.stage = Stage::Refused;
                Err(error)
            }
        }
    }

    /// Bytes of plaintext that wait for the rest of their row.
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// The verdict: everything that was asked for came, and nothing else, and it is what the Runner committed to.
    pub fn finish(self) -> Result<AnswerSummary, AnswerError> {
        match self.stage {
            Stage::Header | Stage::Rows => Err(AnswerError::Incomplete("its last frame did not come")),
            Stage::Refused => Err(AnswerError::Refused),
            Stage::Ended => Ok(AnswerSummary {
                items: self.plan.items().len() as u64,
                rows: self.rows,
                bytes: self.bytes,
                sealed_sha256: self.hash.finish(),
            }),
        }
    }

    fn take_frame(&mut self, ciphertext: &[u8], last: bool, rows: &mut Vec<OpenedRow>) -> Result<(), AnswerError> {
        let frame = self.frames;
        match self.stage {
            Stage::Header | Stage::Rows => {}
            Stage::Ended => return Err(AnswerError::Extra),
            Stage::Refused => return Err(AnswerError::Refused),
        }
        if !(TAG..=MAX_CIPHERTEXT).contains(&ciphertext.len()) {
            return Err(AnswerError::FrameLength { frame, found: ciphertext.len() });
        }
        let opened = self.opener.open(&[u8::from(last)], ciphertext).map_err(|_| AnswerError::Sealed(frame))?;
        if opened.is_empty() && !last {
            return Err(AnswerError::EmptyFrame(frame));
        }
        self.frames = frame.saturating_add(1);
        self.hash.frame(ciphertext);
        self.buffer.extend_from_slice(&opened);
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut rest = buffer.as_slice();
        while let Some(after) = self.step(rest, rows)? {
            rest = after;
        }
        // Once a frame: the beginning of a large row is not moved again with each of its pieces.
        let read = buffer.len().saturating_sub(rest.len());
        buffer.drain(..read);
        self.buffer = buffer;
        if last { self.end() } else { Ok(()) }
    }

    /// Reads the header or one row; gives what follows it, or `None` if more must come first.
    fn step<'a>(&mut self, buffer: &'a [u8], rows: &mut Vec<OpenedRow>) -> Result<Option<&'a [u8]>, AnswerError> {
        if self.stage == Stage::Header {
            return self.read_header(buffer);
        }
        let Some((_, next)) = self.plan.current() else {
            return if buffer.is_empty() { Ok(None) } else { Err(AnswerError::Extra) };
        };
        let Some((index, head)) = buffer.split_first_chunk::<8>() else { return Ok(None) };
        // A row that was not asked for is refused before its length is believed.
        let index = u64::from_be_bytes(*index);
        if next != Some(index) {
            return Err(AnswerError::Row { expected: next, found: index });
        }
        let Some((salt, head)) = head.split_first_chunk::<32>() else { return Ok(None) };
        let Some((length, after)) = head.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length);
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= MAX_ROW)
            .ok_or(AnswerError::RowTooLong { found: u64::from(length) })?;
        let Some((row, after)) = after.split_at_checked(length) else { return Ok(None) };
        self.take_row(index, Salt::from_bytes(*salt), row, rows)?;
        Ok(Some(after))
    }

    fn read_header<'a>(&mut self, buffer: &'a [u8]) -> Result<Option<&'a [u8]>, AnswerError> {
        let Some((length, after)) = buffer.split_first_chunk::<4>() else { return Ok(None) };
        let found = u64::from(u32::from_be_bytes(*length));
        let limit = header::limit(self.plan.items());
        if found > limit {
            return Err(AnswerError::HeaderTooLong { found, limit });
        }
        let length = usize::try_from(found).map_err(|_| AnswerError::HeaderTooLong { found, limit })?;
        let Some((header, after)) = after.split_at_checked(length) else { return Ok(None) };
        self.paths = header::read(header, self.request.request().request, self.plan.items())?;
        self.paths.reverse();
        self.stage = Stage::Rows;
        self.skip_finished_items()?;
        Ok(Some(after))
    }

    fn take_row(&mut self, index: u64, salt: Salt, row: &[u8], rows: &mut Vec<OpenedRow>) -> Result<(), AnswerError> {
        let Some((item, _)) = self.plan.current() else { return Err(AnswerError::Extra) };
        let id = item.item;
        if item.is_whole() {
            self.tree.push(leaf_hash_of_parts(salt.as_bytes(), row));
        } else {
            let path: Vec<Digest> = self.paths.last_mut().and_then(Paths::pop_front).unwrap_or_default();
            verify_row(&item.commitment, index, &salt, row, &path)
                .map_err(|source| AnswerError::Opening { item: id, source })?;
        }
        rows.push(OpenedRow { item: id, index, salt, row: row.to_vec() });
        self.rows = self.rows.saturating_add(1);
        self.bytes = self.bytes.saturating_add(row.len() as u64);
        self.plan.take_row();
        self.skip_finished_items()
    }

    /// Judges every item whose rows have all come, also those without rows, and goes on to the one that has more.
    fn skip_finished_items(&mut self) -> Result<(), AnswerError> {
        while let Some((item, None)) = self.plan.current() {
            let tree = std::mem::take(&mut self.tree);
            if item.is_whole() && tree.root() != item.commitment.root {
                return Err(AnswerError::Opening { item: item.item, source: OpeningError::Root });
            }
            self.plan.next_item();
            self.paths.pop();
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), AnswerError> {
        if self.stage == Stage::Header {
            return Err(AnswerError::Incomplete("its header did not come whole"));
        }
        if let Some((item, expected)) = self.plan.next() {
            return Err(AnswerError::Truncated { item, expected });
        }
        self.stage = Stage::Ended;
        Ok(())
    }
}
