//! Secrets that came over the line. In one transaction: the journal says who sent what under which name, the value stands
//! in its place, the request's id is used up, and a receipt is owed.

use clock::Timestamp;
use crypto::{Digest, Secret, ed25519};
use ids::{PersonId, RequestId};
use proof::drilldown::RecordRef;
use proof::log::Appended;
use proof::log::journal::JournalRecord;
use proof::secret::{self, Decision, OpenError, PendingSecret, Receipt, Request};
use proof::text::Name;
use rusqlite::params;

use super::{is_there, put};
use crate::VaultError;
use crate::drilldown::Fate;
use crate::drilldown::{StoredReceipt, first_receipt, keep_receipt};
use crate::keys::Epoch;
use crate::readers::keep_pending;
use crate::vault::Vault;
use crate::writer::Writer;

/// A secret that is refused.
#[derive(Debug, Clone)]
pub struct SecretRefusal<'a> {
    /// The stable code of the check that refused.
    pub code: Name,
    /// The id that it claims for itself, if it could be read so far.
    pub claimed: Option<RequestId>,
    /// What was asked, if both signatures held.
    pub asked: Option<&'a PendingSecret>,
    /// What becomes of its id. Without both signatures: [`Fate::Nothing`].
    pub fate: Fate,
    /// The key of a device that is not approved, to be shown to the Runner's operator.
    pub stranger: Option<ed25519::VerifyingKey>,
}

impl Vault {
    /// Whether a request of this id was taken in or refused for good before. That it was taken in stands in the journal too,
    /// whatever the table says.
    pub fn secret_request_seen(&self, request: RequestId) -> Result<bool, VaultError> {
        let mut statement = self.db.prepare_cached("SELECT 1 FROM secret_request WHERE request = ?1")?;
        Ok(statement.exists([request.as_bytes()])? || self.journal_knows_secret(request)?)
    }

    /// How many secrets of a person came since then, refused ones included. What a clock that stood ahead wrote counts.
    pub fn secrets_received_since(&self, person: PersonId, since: Timestamp) -> Result<u64, VaultError> {
        let count: i64 = self
            .db
            .prepare_cached("SELECT count(*) FROM secret_request WHERE received >= ?1 AND person = ?2")?
            .query_row(params![since.as_millis(), person.as_bytes()], |row| row.get(0))?;
        Ok(count as u64)
    }

    /// Opens a value that was sealed to this Runner.
    pub fn open_sent_secret(&self, request: &Request, sealed: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        secret::open_value(request, &self.keys.sealing, sealed)
    }

    /// Keeps a value that somebody sent; gives the receipt.
    pub fn keep_sent_secret(
        &mut self,
        pending: &PendingSecret,
        value: &Secret<Vec<u8>>,
    ) -> Result<StoredReceipt, VaultError> {
        let terms = &pending.request().terms;
        self.reserve(&Epoch::system(), 1)?;
        let mut writer = self.begin()?;
        let replaced = is_there(&writer.tx, &terms.name)?;
        let appended = writer.journal(&JournalRecord::SecretReceived {
            name: terms.name.clone(),
            by: terms.person.id,
            device: terms.person.device,
            request: terms.request,
            request_sha256: pending.sha256(),
            replaced,
            issued: Some(terms.issued),
            audit: Some(terms.audit.seq),
        })?;
        if !take_id(&writer, pending, "kept")? {
            return Err(VaultError::Seen(terms.request.to_string()));
        }
        put(&mut writer, &terms.name, value, appended.seq)?;
        let receipt = issue(&mut writer, (terms.request, pending.sha256()), Decision::Accepted, &appended)?;
        writer.commit()?;
        self.truncate_wal()?;
        Ok(receipt)
    }

    /// Refuses a secret, in one transaction; gives the receipt. A request is decided once: one that was seen before gets the
    /// receipt that it got then, if it is still kept, and no other.
    pub fn refuse_sent_secret(&mut self, refusal: &SecretRefusal<'_>) -> Result<Option<StoredReceipt>, VaultError> {
        let SecretRefusal { code, claimed, asked, fate, stranger } = refusal;
        let seen = asked.map(|pending| self.secret_request_seen(pending.request().terms.request)).transpose()?;
        let terms = asked.map(|pending| &pending.request().terms);
        let mut writer = self.begin()?;
        let appended = writer.journal(&JournalRecord::SecretRefused {
            name: terms.map(|terms| terms.name.clone()),
            by: terms.map(|terms| terms.person.id),
            device: terms.map(|terms| terms.person.device),
            request: terms.map(|terms| terms.request).or(*claimed),
            code: code.clone(),
        })?;
        if let (Some(key), Some(terms)) = (stranger, terms) {
            keep_pending(&writer.tx, key, terms.person.id, &terms.person.role, writer.now)?;
        }
        let receipt = match (asked, fate) {
            (None, _) | (_, Fate::Nothing) => None,
            (Some(pending), _) if seen == Some(true) => {
                first_receipt(&writer.tx, "secret_request", pending.request().terms.request, pending.sha256())?
            }
            (Some(pending), fate) => {
                if *fate == Fate::Taken {
                    take_id(&writer, pending, "refused")?;
                }
                let named = (pending.request().terms.request, pending.sha256());
                Some(issue(&mut writer, named, Decision::Refused { code: code.clone() }, &appended)?)
            }
        };
        writer.commit()?;
        Ok(receipt)
    }
}

/// Uses a request's id up for good, within the caller's transaction; whether it was free.
fn take_id(writer: &Writer<'_>, pending: &PendingSecret, state: &'static str) -> Result<bool, VaultError> {
    let terms = &pending.request().terms;
    let inserted = writer
        .tx
        .prepare_cached(
            "INSERT INTO secret_request (request, request_sha256, person, received, expires, state) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (request) DO NOTHING",
        )?
        .execute(params![
            terms.request.as_bytes(),
            pending.sha256().as_bytes(),
            terms.person.id.as_bytes(),
            writer.now.as_millis(),
            terms.expires.as_millis(),
            state,
        ])?;
    Ok(inserted == 1)
}

/// Signs a receipt, journals its hash and keeps it, within the caller's transaction.
fn issue(
    writer: &mut Writer<'_>,
    (request, request_sha256): (RequestId, Digest),
    decision: Decision,
    appended: &Appended,
) -> Result<StoredReceipt, VaultError> {
    let journal = RecordRef { seq: appended.seq, hash: appended.hash };
    let receipt = Receipt { request, request_sha256, decision, at: writer.now, journal };
    let envelope = receipt.sign(&writer.keys.attester);
    let record = JournalRecord::SecretReceipted { request, receipt_sha256: envelope.sha256() };
    keep_receipt(writer, request, &envelope, &record)
}
