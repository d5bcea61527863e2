//! A sealed answer, pulled frame by frame.

use std::collections::VecDeque;

use contract::{Sealed, SealedFrame, SealedStart};
use crypto::{Digest, Entropy};
use ids::RequestId;
use proof::drilldown::{AnswerError, AnswerWriter, AnsweredItem, Frame, Opened, PendingRequest};
use runner_vault::{Admitted, Ending, OpenedRows, Reader, StoredReceipt, Vault, VaultError};

use super::DrillDownCode;
use crate::line;

/// Why an answer cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum AnswerFault {
    /// The rows cannot be read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// They cannot be sealed.
    #[error("the answer cannot be sealed: {0}")]
    Seal(#[from] AnswerError),
    /// What let the request in no longer holds.
    #[error("{}", .0.says())]
    Withdrawn(DrillDownCode),
    /// A frame is none that may cross the line.
    #[error("a sealed frame that may not be sent: {0}")]
    Frame(String),
    /// The last frame was given, or an earlier fault ended it.
    #[error("the answer has come to its end")]
    Over,
}

/// An answer under way. It owns what it needs and borrows nothing between frames, so that other work goes on with the
/// vault. At most one chunk of rows and what one row fills are in memory.
///
/// It ends with [`finish`](Self::finish) or [`cancel`](Self::cancel). If it is dropped, or the process ends, the vault
/// receipts it as cut off when it is opened again.
pub struct Answer {
    admitted: Admitted,
    device: Digest,
    /// Size of the journal when its reader was looked at last.
    journal: u64,
    /// What its receipt says if it is cut off now.
    cut_off_by: DrillDownCode,
    enc: [u8; 32],
    state: State,
    rows: VecDeque<OpenedRows>,
    ready: VecDeque<Frame>,
}

enum State {
    Sealing(Box<AnswerWriter>),
    /// The last frame is sealed, and given once `ready` is empty.
    Sealed(Digest),
    Failed,
}

impl Answer {
    /// Opens what was let in. Gives the admission back if that fails, so that it can be receipted.
    pub(super) fn begin(
        vault: &Vault,
        admitted: Admitted,
        pending: &PendingRequest,
        entropy: &dyn Entropy,
    ) -> Result<Self, Box<(Admitted, AnswerFault)>> {
        let opened = match admitted.open(vault) {
            Ok(opened) => opened,
            Err(error) => return Err(Box::new((admitted, error.into()))),
        };
        let (mut rows, mut items) = (VecDeque::new(), Vec::new());
        for (opened, paths) in opened {
            items.push(AnsweredItem {
                item: opened.item(),
                commitment: opened.commitment(),
                opened: paths.map_or(Opened::All, Opened::Rows),
            });
            rows.push_back(opened);
        }
        match AnswerWriter::new(pending, items, entropy) {
            Ok((enc, writer)) => {
                let state = State::Sealing(Box::new(writer));
                let (device, cut_off_by) = (pending.request().person.device, DrillDownCode::CutOff);
                Ok(Self { admitted, device, journal: 0, cut_off_by, enc, state, rows, ready: VecDeque::new() })
            }
            Err(error) => Err(Box::new((admitted, error.into()))),
        }
    }

    /// The request that is answered.
    pub fn request(&self) -> RequestId {
        self.admitted.request()
    }

    /// What goes before the first frame.
    pub fn start(&self) -> SealedStart {
        SealedStart { request: self.request(), enc: self.enc }
    }

    /// The next frame; it says whether it is the last one. Rows are read and sealed now, no more than the frame needs.
    ///
    /// # Errors
    ///
    /// Rows that cannot be read or are not what was committed to. Nothing more comes then; the last frame, without which
    /// nobody believes the others, is never made.
    pub fn next(&mut self, vault: &Vault) -> Result<SealedFrame, AnswerFault> {
        let over = self.ready.is_empty() && !matches!(self.state, State::Sealing(_));
        let next = if over { Err(AnswerFault::Over) } else { self.next_frame(vault) };
        if let Err(fault) = &next
            && !over
        {
            self.cut_off_by = match fault {
                AnswerFault::Withdrawn(code) => *code,
                AnswerFault::Vault(_) => DrillDownCode::Unreadable,
                AnswerFault::Seal(_) | AnswerFault::Frame(_) | AnswerFault::Over => DrillDownCode::CutOff,
            };
            self.state = State::Failed;
            self.rows.clear();
            self.ready.clear();
        }
        next
    }

    /// Bytes of sealed frames that wait to be pulled.
    pub fn held(&self) -> usize {
        self.ready.iter().map(|frame| frame.ciphertext.len()).sum()
    }

    /// The receipt of the whole answer, kept durably; once its last frame was given. Before that it is cut off.
    ///
    /// # Errors
    ///
    /// A store that cannot be written to; the answer is then receipted as cut off when it is opened again.
    pub fn finish(self, vault: &mut Vault) -> Result<contract::Receipt, VaultError> {
        match self.state {
            State::Sealed(sealed_sha256) if self.ready.is_empty() => {
                let receipt = vault.finish_drilldown(self.admitted, Ending::Answered { sealed_sha256 })?;
                line::receipt(&receipt)
            }
            State::Sealed(_) | State::Sealing(_) | State::Failed => self.cancel(vault),
        }
    }

    /// The receipt of an answer that ends here.
    ///
    /// # Errors
    ///
    /// A store that cannot be written to; the answer is then receipted as cut off when it is opened again.
    pub fn cancel(self, vault: &mut Vault) -> Result<contract::Receipt, VaultError> {
        line::receipt(&cut_off(vault, self.admitted, self.cut_off_by)?)
    }

    fn next_frame(&mut self, vault: &Vault) -> Result<SealedFrame, AnswerFault> {
        self.check_standing(vault)?;
        while self.ready.is_empty() {
            self.seal_more(vault)?;
        }
        let frame = self.ready.pop_front().ok_or(AnswerFault::Over)?;
        let ciphertext = Sealed::new(frame.ciphertext).map_err(|fault| AnswerFault::Frame(fault.to_string()))?;
        Ok(SealedFrame { request: self.request(), index: frame.index, ciphertext, last: frame.last })
    }

    /// A reader that is revoked while an answer is under way gets no more of it, and nobody does once the audit log is seen
    /// to fork. Both stand in the journal, so there is nothing to look at unless it grew.
    fn check_standing(&mut self, vault: &Vault) -> Result<(), AnswerFault> {
        let size = vault.journal_size()?;
        if size == self.journal {
            return Ok(());
        }
        let revoked = |reader: &Reader| reader.device == self.device && reader.revoked.is_some();
        if vault.readers()?.iter().any(revoked) {
            return Err(AnswerFault::Withdrawn(DrillDownCode::Revoked));
        }
        if vault.audit_fork()?.is_some() {
            return Err(AnswerFault::Withdrawn(DrillDownCode::ForkSeen));
        }
        self.journal = size;
        Ok(())
    }

    fn seal_more(&mut self, vault: &Vault) -> Result<(), AnswerFault> {
        let State::Sealing(writer) = &mut self.state else { return Err(AnswerFault::Over) };
        if let Some(rows) = self.rows.front_mut() {
            match rows.next(vault)? {
                Some(row) => self.ready.extend(writer.row(row.index, &row.salt, row.row)?),
                None => drop(self.rows.pop_front()),
            }
            return Ok(());
        }
        let State::Sealing(writer) = std::mem::replace(&mut self.state, State::Failed) else {
            return Err(AnswerFault::Over);
        };
        let (last, sealed_sha256) = writer.finish()?;
        self.ready.push_back(last);
        self.state = State::Sealed(sealed_sha256);
        Ok(())
    }
}

pub(super) fn cut_off(vault: &mut Vault, admitted: Admitted, code: DrillDownCode) -> Result<StoredReceipt, VaultError> {
    vault.finish_drilldown(admitted, Ending::CutOff { code: code.name() })
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({})", self.request())
    }
}
