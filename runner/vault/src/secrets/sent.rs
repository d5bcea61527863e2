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
use rusqlite::{OptionalExtension, params};

use super::{SecretOrigin, put};
use crate::VaultError;
use crate::drilldown::{StoredReceipt, keep_receipt};
use crate::keys::Epoch;
use crate::readers::keep_pending;
use crate::vault::Vault;
use crate::writer::Writer;

/// A secret that is refused.
#[derive(Debug, Clone)]
pub struct SecretRefusal<'a> {
    /// The stable code of the check that refused.
    pub code: Name,
    /// Its id and the hash of its pre-authentication encoding, if it could be read so far.
    pub request: Option<(RequestId, Digest)>,
    /// What was asked, if both signatures held.
    pub asked: Option<&'a PendingSecret>,
    /// Whether the request's id is used up: it was meant for this Runner, now.
    pub taken: bool,
    /// The key of a device that is not approved, to be shown to the administrator.
    pub stranger: Option<ed25519::VerifyingKey>,
}

impl Vault {
    /// Whether a request of this id was taken in or refused for good before.
    pub fn secret_request_seen(&self, request: RequestId) -> Result<bool, VaultError> {
        let found = self
            .db
            .prepare_cached("SELECT 1 FROM secret_request WHERE request = ?1")?
            .query_row([request.as_bytes()], |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }

    /// How many secrets of a person were taken in since then. What a clock that stood ahead wrote counts.
    pub fn secrets_kept_since(&self, person: PersonId, since: Timestamp) -> Result<u64, VaultError> {
        let count: i64 = self
            .db
            .prepare_cached(
                "SELECT count(*) FROM secret_request WHERE received >= ?1 AND state = 'kept' AND person = ?2",
            )?
            .query_row(params![since.as_millis(), person.as_bytes()], |row| row.get(0))?;
        Ok(count as u64)
    }

    /// The time at or before which nothing issued is taken in under this name any more.
    pub fn secret_floor(&self, name: &Name) -> Result<Option<Timestamp>, VaultError> {
        let ms: Option<i64> = self
            .db
            .prepare_cached(
                "SELECT max(at) FROM (SELECT floor AS at FROM secret_origin WHERE name = ?1 \
                 UNION ALL SELECT set_at FROM secret WHERE name = ?1 AND NOT EXISTS \
                 (SELECT 1 FROM secret_origin WHERE name = ?1))",
            )?
            .query_row([name.as_str()], |row| row.get(0))?;
        Ok(ms.map(Timestamp::from_millis))
    }

    /// Where the secret of this name came from, if there is one.
    pub fn secret_origin(&self, name: &Name) -> Result<Option<SecretOrigin>, VaultError> {
        let listed = self.listed_secrets()?.into_iter();
        Ok(listed.filter(|listed| listed.name == *name).map(|listed| listed.origin).next())
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
        let replaced = self.secret_origin(&terms.name)?.is_some();
        self.reserve(&Epoch::system(), 1)?;
        let mut writer = self.begin()?;
        let appended = writer.journal(&JournalRecord::SecretReceived {
            name: terms.name.clone(),
            by: terms.person.id,
            device: terms.person.device,
            request: terms.request,
            request_sha256: pending.sha256(),
            replaced,
        })?;
        if !take_id(&writer, pending, "kept")? {
            return Err(VaultError::Seen(terms.request.to_string()));
        }
        put(&mut writer, &terms.name, value)?;
        writer.tx.execute(
            "INSERT INTO secret_origin (name, floor, request, person, device, seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (name) DO UPDATE SET floor = max(floor, excluded.floor), request = excluded.request, \
             person = excluded.person, device = excluded.device, seq = excluded.seq",
            params![
                terms.name.as_str(),
                terms.issued.as_millis(),
                terms.request.as_bytes(),
                terms.person.id.as_bytes(),
                terms.person.device.as_bytes(),
                appended.seq as i64,
            ],
        )?;
        let receipt = issue(&mut writer, (terms.request, pending.sha256()), Decision::Accepted, &appended)?;
        writer.commit()?;
        self.truncate_wal()?;
        Ok(receipt)
    }

    /// Refuses a secret, in one transaction; gives the receipt. A request that was seen before is receipted again.
    pub fn refuse_sent_secret(&mut self, refusal: &SecretRefusal<'_>) -> Result<Option<StoredReceipt>, VaultError> {
        let SecretRefusal { code, request, asked, taken, stranger } = refusal;
        let terms = asked.map(|pending| &pending.request().terms);
        let mut writer = self.begin()?;
        let appended = writer.journal(&JournalRecord::SecretRefused {
            name: terms.map(|terms| terms.name.clone()),
            by: terms.map(|terms| terms.person.id),
            device: terms.map(|terms| terms.person.device),
            request: request.map(|(id, _)| id),
            code: code.clone(),
        })?;
        if let Some(pending) = asked.filter(|_| *taken) {
            take_id(&writer, pending, "refused")?;
        }
        if let (Some(key), Some(terms)) = (stranger, terms) {
            keep_pending(&writer.tx, key, terms.person.id, &terms.person.role, writer.now)?;
        }
        let receipt = match request {
            Some(named) => Some(issue(&mut writer, *named, Decision::Refused { code: code.clone() }, &appended)?),
            None => None,
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
