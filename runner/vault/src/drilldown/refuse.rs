//! Refusing a request: journalled with its code, and decided once. Nothing is receipted that not both signed, since anybody
//! could have made it, and of one request that was decided there are never two receipts that say different things. What is
//! for another stream or Runner is refused anew each time; so is, by a store that was put back, what it decided since.

use crypto::ed25519;
use ids::{ItemId, RequestId};
use proof::drilldown::{Decision, PendingRequest, RecordRef};
use proof::log::journal::JournalRecord;
use proof::text::Name;

use super::StoredReceipt;
use super::admit::{Row, take_id};
use super::confirm::ask;
use super::receipt::{first_receipt, issue};
use crate::VaultError;
use crate::readers::keep_pending;
use crate::vault::Vault;

/// What becomes of the id of a request that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing, and there is no receipt: nobody vouches for it, or it was over long ago.
    Nothing,
    /// There is a receipt. It needs no remembering: whatever names another Runner or another stream is never taken.
    Receipted,
    /// There is a receipt, and the id is used up.
    Taken,
}

/// A request that is refused.
#[derive(Debug, Clone)]
pub struct Refusal<'a> {
    /// The stable code of the check that refused.
    pub code: Name,
    /// The id that it claims for itself, if it could be read so far.
    pub claimed: Option<RequestId>,
    /// What was asked, if both signatures held.
    pub asked: Option<&'a PendingRequest>,
    /// What becomes of its id. Without both signatures: [`Fate::Nothing`].
    pub fate: Fate,
    /// The item that the check was about.
    pub item: Option<ItemId>,
    /// The key of a device that is not approved, to be shown to the Runner's operator.
    pub stranger: Option<ed25519::VerifyingKey>,
    /// Whether a second person may confirm that it be asked again.
    pub confirmable: bool,
}

impl Vault {
    /// Refuses a request, in one transaction; gives the receipt. One that was seen before gets the receipt that it got then,
    /// if it is still kept, and no other.
    pub fn refuse_drilldown(&mut self, refusal: &Refusal<'_>) -> Result<Option<StoredReceipt>, VaultError> {
        let Refusal { code, claimed, asked, fate, item, stranger, confirmable } = refusal;
        let seen = asked.map(|pending| self.request_seen(pending.request().request)).transpose()?;
        let person = asked.map(|pending| pending.request().person.id);
        let mut writer = self.begin()?;
        let appended = writer.journal(&JournalRecord::EvidenceRefused {
            item: *item,
            by: person,
            request: asked.map(|pending| pending.request().request).or(*claimed),
            code: code.clone(),
        })?;
        let journal = RecordRef { seq: appended.seq, hash: appended.hash };
        if let Some(pending) = asked.filter(|_| *fate == Fate::Taken && seen == Some(false)) {
            take_id(&writer.tx, writer.now, &Row { pending, rows: 0, journal, state: "refused" })?;
            if let Some(key) = stranger {
                let asker = &pending.request().person;
                keep_pending(&writer.tx, key, asker.id, &asker.role, writer.now)?;
            }
            if *confirmable {
                ask(&writer.tx, pending, writer.now)?;
            }
        }
        let receipt = match (asked, fate) {
            (None, _) | (_, Fate::Nothing) => None,
            (Some(pending), _) if seen == Some(true) => {
                first_receipt(&writer.tx, "drilldown", pending.request().request, pending.sha256())?
            }
            (Some(pending), _) => {
                let decision = Decision::Refused { code: code.clone() };
                Some(issue(&mut writer, pending.request().request, pending.sha256(), decision, journal)?)
            }
        };
        writer.commit()?;
        Ok(receipt)
    }
}
