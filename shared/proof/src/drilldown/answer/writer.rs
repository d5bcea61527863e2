//! Writing an answer: rows go in one by one, sealed frames come out.

use crypto::hpke::{ENC, Sealer};
use crypto::{Digest, Entropy, Secret};

use super::plan::{Plan, PlannedItem};
use super::{AnswerError, AnsweredItem, FRAME, Frame, MAX_ROW, Opened, header};
use crate::commitment::Salt;
use crate::drilldown::{PendingRequest, SealedHash, info};

/// Seals the rows that a request asks for. It holds at most one frame besides the row that it is given.
#[derive(Debug)]
pub struct AnswerWriter {
    sealer: Sealer,
    hash: SealedHash,
    plan: Plan,
    /// Rows in clear until they are sealed; then wiped.
    buffer: Secret<Vec<u8>>,
    sealed: u64,
    /// Frames that the header filled; they go out with the first row.
    ready: Vec<Frame>,
}

impl AnswerWriter {
    /// Begins the answer to a request; gives the encapsulated key, which goes first. The items must be those of the
    /// request, in its order, with the rows that it asks for.
    pub fn new(
        request: &PendingRequest,
        items: Vec<AnsweredItem>,
        entropy: &dyn Entropy,
    ) -> Result<([u8; ENC], Self), AnswerError> {
        let asked = &request.request().items;
        if items.len() != asked.len() {
            let item = asked.get(items.len()).map_or(ids::ItemId::NIL, |item| item.item);
            return Err(AnswerError::Item { item, why: "another number of items is answered" });
        }
        let mut planned = Vec::with_capacity(items.len());
        let mut paths = Vec::with_capacity(items.len());
        for (asked, answered) in asked.iter().zip(&items) {
            if answered.item != asked.item {
                return Err(AnswerError::Item { item: asked.item, why: "another item is answered at its place" });
            }
            let item = PlannedItem::new(asked, answered.commitment)?;
            paths.push(paths_of(&item, &answered.opened)?);
            planned.push(item);
        }
        let head = header::write(request.request().request, &planned, &paths);
        let length = u32::try_from(head.len())
            .map_err(|_| AnswerError::HeaderTooLong { found: head.len() as u64, limit: u64::from(u32::MAX) })?;
        let recipient = &request.request().recipient;
        let (enc, sealer) = Sealer::new(recipient, &info(&request.sha256()), entropy).map_err(|_| AnswerError::Key)?;
        let mut writer = Self {
            sealer,
            hash: SealedHash::new(&enc),
            plan: Plan::new(planned),
            buffer: Secret::with_capacity(FRAME),
            sealed: 0,
            ready: Vec::new(),
        };
        let mut ready = Vec::new();
        writer.write(&length.to_be_bytes(), &mut ready)?;
        writer.write(&head, &mut ready)?;
        writer.ready = ready;
        Ok((enc, writer))
    }

    /// Adds the next row; gives the frames that it completes, most often none.
    pub fn row(&mut self, index: u64, salt: &Salt, row: &[u8]) -> Result<Vec<Frame>, AnswerError> {
        while self.plan.current().is_some_and(|(_, row)| row.is_none()) {
            self.plan.next_item();
        }
        let expected = self.plan.next().map(|(_, index)| index);
        if expected != Some(index) {
            return Err(AnswerError::Row { expected, found: index });
        }
        let length = u32::try_from(row.len()).ok().filter(|_| row.len() <= MAX_ROW);
        let length = length.ok_or(AnswerError::RowTooLong { found: row.len() as u64 })?;
        let mut frames = std::mem::take(&mut self.ready);
        for part in [&index.to_be_bytes(), salt.as_bytes().as_slice(), &length.to_be_bytes(), row] {
            self.write(part, &mut frames)?;
        }
        self.plan.take_row();
        Ok(frames)
    }

    /// Ends the answer: its last frame, and what the receipt names as `sealed_sha256`. All rows must have been given.
    pub fn finish(mut self) -> Result<(Frame, Digest), AnswerError> {
        if let Some((item, expected)) = self.plan.next() {
            return Err(AnswerError::Truncated { item, expected });
        }
        if !self.ready.is_empty() {
            // Only paths make a header that long, and every path comes with a row.
            return Err(AnswerError::Incomplete("frames of the header have not been taken"));
        }
        let frame = self.seal(true)?;
        Ok((frame, self.hash.finish()))
    }

    /// A full frame is sealed only when more is to come: the last one must say that it is the last.
    fn write(&mut self, mut bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), AnswerError> {
        while !bytes.is_empty() {
            if self.buffer.expose().len() >= FRAME {
                frames.push(self.seal(false)?);
            }
            let room = FRAME.saturating_sub(self.buffer.expose().len());
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend(now);
            bytes = rest;
        }
        Ok(())
    }

    fn seal(&mut self, last: bool) -> Result<Frame, AnswerError> {
        let ciphertext = self.sealer.seal(&[u8::from(last)], self.buffer.expose());
        let ciphertext = ciphertext.map_err(|_| AnswerError::Sealed(self.sealed))?;
        self.buffer.wipe();
        self.hash.frame(&ciphertext);
        let index = self.sealed;
        self.sealed = index.saturating_add(1);
        Ok(Frame { index, ciphertext, last })
    }
}

/// The paths of an item's opened rows, which must be those that the plan has.
fn paths_of<'a>(item: &PlannedItem, opened: &'a Opened) -> Result<Vec<&'a [Digest]>, AnswerError> {
    let refused = || AnswerError::Item { item: item.item, why: "other rows are opened than were asked for" };
    match (item.listed(), opened) {
        (None, Opened::All) => Ok(Vec::new()),
        (None, Opened::Rows(rows)) => {
            let all = (0..item.commitment.rows).eq(rows.iter().map(|(index, _)| *index));
            if all { Ok(Vec::new()) } else { Err(refused()) }
        }
        (Some(_), Opened::All) => Err(refused()),
        (Some(listed), Opened::Rows(rows)) => {
            let same = listed.iter().eq(rows.iter().map(|(index, _)| index));
            if same { Ok(rows.iter().map(|(_, path)| path.as_slice()).collect()) } else { Err(refused()) }
        }
    }
}
