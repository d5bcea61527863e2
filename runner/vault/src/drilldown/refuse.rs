//! Refusing a request: journalled with its code, receipted if its id can be told, and its id taken if it was whole.

use crypto::{Digest, ed25519};
use ids::{ItemId, PersonId, RequestId};
use proof::drilldown::{Decision, PendingRequest, RecordRef};
use proof::log::journal::JournalRecord;
use proof::text::Name;

use super::StoredReceipt;
use super::admit::{Row, take_id};
use super::confirm::ask;
use super::receipt::issue;
use crate::VaultError;
use crate::readers::keep_pending;
use crate::vault::Vault;

/// A request that is refused.
#[derive(Debug, Clone)]
pub struct Refusal<'a> {
    /// The stable code of the check that refused.
    pub code: Name,
    /// Its id and the hash of its pre-authentication encoding, if it could be read so far.
    pub request: Option<(RequestId, Digest)>,
    /// Who asked, if both signatures held.
    pub person: Option<PersonId>,
    /// The item that the check was about.
    pub item: Option<ItemId>,
    /// The request, if its id is to be taken: it was meant for this Runner and this stream.
    pub taken: Option<&'a PendingRequest>,
    /// The key of a device that is not approved, to be shown to the administrator.
    pub stranger: Option<ed25519::VerifyingKey>,
    /// Whether a second person may confirm that it be asked again.
    pub confirmable: bool,
}

impl Vault {
    /// Refuses a request, in one transaction; gives the receipt. A request that was seen before is receipted again, under
    /// its own journal record.
    pub fn refuse_drilldown(&mut self, refusal: &Refusal<'_>) -> Result<Option<StoredReceipt>, VaultError> {
        let Refusal { code, request, person, item, taken, stranger, confirmable } = refusal;
        let mut writer = self.begin()?;
        let appended = writer.journal(&JournalRecord::EvidenceRefused {
            item: *item,
            by: *person,
            request: request.map(|(id, _)| id),
            code: code.clone(),
        })?;
        let journal = RecordRef { seq: appended.seq, hash: appended.hash };
        if let Some(pending) = taken {
            take_id(&writer.tx, writer.now, &Row { pending, rows: 0, journal, state: "refused" })?;
            if let Some(key) = stranger {
                let asker = &pending.request().person;
                keep_pending(&writer.tx, key, asker.id, &asker.role, writer.now)?;
            }
            if *confirmable {
                ask(&writer.tx, pending, writer.now)?;
            }
        }
        let receipt = match request {
            Some((id, sha256)) => {
                Some(issue(&mut writer, *id, *sha256, Decision::Refused { code: code.clone() }, journal)?)
            }
            None => None,
        };
        writer.commit()?;
        Ok(receipt)
    }
}
