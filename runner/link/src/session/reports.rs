//! The drain of the journal: in order, without a gap, never more under way than the control plane asked for, and released
//! only by what it acknowledged.

use contract::Report;

use crate::duties::ReportLimit;

/// Read from the store at once, at most.
const RECORDS: usize = 64;
const BYTES: usize = 1024 * 1024;
/// Reports that stay unanswered for this long mean that the other side is stuck.
pub(super) const ANSWER_MS: u64 = 120_000;

/// Where the drain stands. `accepted <= next <= size`.
#[derive(Debug)]
pub(super) struct Reports {
    /// Records in the journal.
    size: u64,
    /// Records that the control plane has.
    accepted: u64,
    /// The next one to be sent.
    next: u64,
    window: u64,
    reading: bool,
    /// Cleared until the journal is known to continue what the control plane has, and for good when it refused a record.
    open: bool,
    /// When the control plane last answered, or last had nothing to answer.
    answered_ms: u64,
}

impl Reports {
    pub(super) fn new(size: u64, accepted: u64, window: u32, now_ms: u64) -> Self {
        Self { size, accepted, next: accepted, window: window.into(), reading: false, open: false, answered_ms: now_ms }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn accepted(&self) -> u64 {
        self.accepted
    }

    pub(super) fn waiting(&self) -> u64 {
        self.size - self.accepted
    }

    pub(super) fn open(&mut self) {
        self.open = true;
    }

    pub(super) fn grew(&mut self, size: u64) {
        self.size = self.size.max(size);
    }

    /// What to read next, if anything may be sent.
    pub(super) fn next_read(&mut self) -> Option<(u64, ReportLimit)> {
        let room = self.window.saturating_sub(self.next - self.accepted);
        if !self.open || self.reading || room == 0 || self.next >= self.size {
            return None;
        }
        self.reading = true;
        let room = usize::try_from(room).unwrap_or(RECORDS);
        Some((self.next, ReportLimit { records: room.min(RECORDS), bytes: BYTES }))
    }

    /// Records that were read; returns those to be sent. An error if they are not those that come next.
    pub(super) fn read(&mut self, reports: Vec<Report>, now_ms: u64) -> Result<Vec<Report>, String> {
        self.reading = false;
        if !self.open {
            return Ok(Vec::new());
        }
        if reports.is_empty() {
            // The store has less than was said; the next word about its growth starts the drain again.
            self.size = self.next;
            return Ok(reports);
        }
        if self.next == self.accepted {
            self.answered_ms = now_ms;
        }
        for report in &reports {
            if report.seq != self.next || self.next - self.accepted >= self.window {
                return Err(format!("the store gave record {} where {} comes next", report.seq, self.next));
            }
            self.next += 1;
        }
        self.size = self.size.max(self.next);
        Ok(reports)
    }

    /// The control plane acknowledged. Returns what is newly accepted, nothing if it is a repetition; an error if it
    /// acknowledges what it was not sent, or takes an acknowledgement back.
    pub(super) fn acknowledged(&mut self, accepted: u64, now_ms: u64) -> Result<Option<u64>, String> {
        if accepted > self.next {
            return Err(format!("it acknowledges {accepted} records and was sent {}", self.next));
        }
        if accepted < self.accepted {
            return Err(format!("it acknowledges {accepted} records after {}", self.accepted));
        }
        if accepted == self.accepted {
            return Ok(None);
        }
        self.accepted = accepted;
        self.answered_ms = now_ms;
        Ok(Some(accepted))
    }

    /// The control plane refused a record. Nothing is sent any more; an error if it is none of those under way.
    pub(super) fn refused(&mut self, seq: u64) -> Result<(), String> {
        if (self.accepted..self.next).contains(&seq) {
            self.open = false;
            return Ok(());
        }
        Err(format!("it refuses record {seq}, which is not under way"))
    }

    /// When the wait for an answer is over.
    pub(super) fn answer_due_ms(&self) -> Option<u64> {
        (self.open && self.next > self.accepted).then(|| self.answered_ms + ANSWER_MS)
    }
}
