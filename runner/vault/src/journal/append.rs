//! What others have the journal record: due times that were missed, gaps, refused openings, forks of the audit log.

use clock::Timestamp;
use ids::{ItemId, PersonId, RequestId};
use proof::log::Appended;
use proof::log::journal::{GapReason, JournalRecord, MissReason, TreeHead};
use proof::text::{FreeText, Name};

use crate::VaultError;
use crate::vault::Vault;

impl Vault {
    /// A procedure was due and was not run.
    pub fn journal_missed(
        &mut self,
        procedure: Name,
        due: Timestamp,
        reason: MissReason,
    ) -> Result<Appended, VaultError> {
        self.record(JournalRecord::DueMissed { procedure, due, reason })
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

    /// Evidence was asked for and not opened.
    pub fn journal_refused(
        &mut self,
        item: Option<ItemId>,
        by: Option<PersonId>,
        request: Option<RequestId>,
        code: Name,
    ) -> Result<Appended, VaultError> {
        self.record(JournalRecord::EvidenceRefused { item, by, request, code })
    }

    /// The control plane showed an audit log that did not grow from the one before.
    pub fn journal_fork_seen(&mut self, kept: TreeHead, shown: TreeHead) -> Result<Appended, VaultError> {
        self.record(JournalRecord::AuditForkSeen { kept, shown })
    }

    fn record(&mut self, record: JournalRecord) -> Result<Appended, VaultError> {
        self.begin()?.with_journal(&record)
    }
}
