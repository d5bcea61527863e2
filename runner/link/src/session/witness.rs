//! Checkpoints of the journal, shown to the control plane once it has every record that they cover.

use contract::JournalCheckpoint;

use crate::duties::SizedNote;

/// Checkpoints are shown at most this often.
const PAUSE_MS: u64 = 5_000;

#[derive(Debug)]
pub(super) struct Witness {
    /// Records that the last shown checkpoint covers.
    shown: u64,
    not_before_ms: u64,
    asking: bool,
    /// A checkpoint that covers records which are not accepted yet.
    held: Option<SizedNote>,
}

impl Witness {
    pub(super) fn new(now_ms: u64) -> Self {
        Self { shown: 0, not_before_ms: now_ms, asking: false, held: None }
    }

    /// A new checkpoint was made: no reason to wait.
    pub(super) fn made(&mut self, now_ms: u64) {
        self.not_before_ms = now_ms;
    }

    /// Whether to ask for the newest checkpoint now.
    pub(super) fn ask(&mut self, accepted: u64, now_ms: u64) -> bool {
        let ask = !self.asking && self.held.is_none() && accepted > self.shown && now_ms >= self.not_before_ms;
        self.asking |= ask;
        ask
    }

    /// When it may be asked for, if there is something new.
    pub(super) fn ask_at_ms(&self, accepted: u64) -> Option<u64> {
        (!self.asking && self.held.is_none() && accepted > self.shown).then_some(self.not_before_ms)
    }

    pub(super) fn given(&mut self, note: Option<SizedNote>, now_ms: u64) {
        self.asking = false;
        self.not_before_ms = now_ms + PAUSE_MS;
        self.held = note.filter(|note| note.size > self.shown);
    }

    /// The checkpoint to show now.
    pub(super) fn next_shown(&mut self, accepted: u64) -> Option<JournalCheckpoint> {
        let held = self.held.take_if(|held| held.size <= accepted)?;
        self.shown = held.size;
        Some(JournalCheckpoint { note: held.note })
    }
}
