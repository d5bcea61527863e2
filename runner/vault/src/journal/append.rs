//! What others have the journal record: due times that were missed, gaps, refused openings.

use clock::Timestamp;
use ids::{ItemId, PersonId, RequestId};
use proof::log::Appended;
use proof::log::journal::{GapReason, JournalRecord, MissReason};
use proof::text::{FreeText, Name};

use crate::VaultError;
use crate::due::handle_due;
use crate::vault::Vault;

impl Vault {
    /// A procedure was due and was not run; the due time is handled with that. One that was handled before is refused.
    pub fn journal_missed(
        &mut self,
        procedure: Name,
        due: Timestamp,
        reason: MissReason,
    ) -> Result<Appended, VaultError> {
        let writer = self.begin()?;
        handle_due(&writer.tx, &procedure, due)?;
        writer.with_journal(&JournalRecord::DueMissed { procedure, due, reason })
    }

    /// Less was recorded than should have been.
    pub fn journal_gap(
        &mut self,
        from: Option<Timestamp>,
        reason: GapReason,
        by: Option<PersonId>,
        justification: Option<FreeText>,
    ) -> Result<Appended, VaultError> {
        let until = self.now();
        self.record(JournalRecord::Gap { from, until, reason, by, justification })
    }

    /// Evidence was asked for and not opened; where no drill-down request was read that could be receipted.
    pub fn journal_refused(
        &mut self,
        item: Option<ItemId>,
        by: Option<PersonId>,
        request: Option<RequestId>,
        code: Name,
    ) -> Result<Appended, VaultError> {
        self.record(JournalRecord::EvidenceRefused { item, by, request, code })
    }

    fn record(&mut self, record: JournalRecord) -> Result<Appended, VaultError> {
        self.begin()?.with_journal(&record)
    }
}
