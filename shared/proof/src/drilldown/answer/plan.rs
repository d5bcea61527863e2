//! Which rows an answer must hold, in which order: it follows from the request and the commitments.

use ids::ItemId;

use super::AnswerError;
use crate::commitment::Commitment;
use crate::drilldown::request::RequestedItem;

/// One item of the answer.
#[derive(Debug, Clone)]
pub(super) struct PlannedItem {
    pub(super) item: ItemId,
    pub(super) commitment: Commitment,
    /// Positions that are opened; `None` for all.
    listed: Option<Vec<u64>>,
}

impl PlannedItem {
    /// What answers this part of a request, if the item was committed to so.
    pub(super) fn new(asked: &RequestedItem, commitment: Commitment) -> Result<Self, AnswerError> {
        let refused = |why| AnswerError::Item { item: asked.item, why };
        if commitment.root != asked.root {
            return Err(refused("it is committed to under another root"));
        }
        let listed = match &asked.rows {
            Some(rows) if rows.iter().any(|row| *row >= commitment.rows) => {
                return Err(refused("it has fewer rows than that"));
            }
            // A list of all rows is all rows: they need no paths.
            Some(rows) if rows.len() as u64 == commitment.rows => None,
            Some(rows) => Some(rows.clone()),
            None => None,
        };
        Ok(Self { item: asked.item, commitment, listed })
    }

    /// Number of rows that are opened.
    pub(super) fn opened(&self) -> u64 {
        self.listed.as_ref().map_or(self.commitment.rows, |rows| rows.len() as u64)
    }

    /// Whether all rows are opened.
    pub(super) fn is_whole(&self) -> bool {
        self.listed.is_none()
    }

    /// Positions that are opened, if they are not all.
    pub(super) fn listed(&self) -> Option<&[u64]> {
        self.listed.as_deref()
    }

    /// The position of the `nth` opened row.
    fn row(&self, nth: u64) -> Option<u64> {
        match &self.listed {
            None => (nth < self.commitment.rows).then_some(nth),
            Some(rows) => rows.get(usize::try_from(nth).ok()?).copied(),
        }
    }
}

/// All rows of an answer and how far it has come.
#[derive(Debug)]
pub(super) struct Plan {
    items: Vec<PlannedItem>,
    item: usize,
    nth: u64,
}

impl Plan {
    pub(super) fn new(items: Vec<PlannedItem>) -> Self {
        Self { items, item: 0, nth: 0 }
    }

    pub(super) fn items(&self) -> &[PlannedItem] {
        &self.items
    }

    /// The item that is under way, and the row that comes next in it; `None` as the row when all have come.
    pub(super) fn current(&self) -> Option<(&PlannedItem, Option<u64>)> {
        let item = self.items.get(self.item)?;
        Some((item, item.row(self.nth)))
    }

    /// The next row has come.
    pub(super) fn take_row(&mut self) {
        self.nth = self.nth.saturating_add(1);
    }

    /// All rows of the present item have come.
    pub(super) fn next_item(&mut self) {
        self.item = self.item.saturating_add(1);
        self.nth = 0;
    }

    /// The next row in whatever item it is.
    pub(super) fn next(&self) -> Option<(ItemId, u64)> {
        let (item, row) = self.current()?;
        if let Some(row) = row {
            return Some((item.item, row));
        }
        let later = self.items.iter().skip(self.item + 1);
        later.filter_map(|item| Some((item.item, item.row(0)?))).next()
    }
}
