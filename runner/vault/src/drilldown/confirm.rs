//! The second person: where the policy wants one, a request is refused and kept; once somebody at the Runner agreed, the
//! same person may ask the same once more.

use clock::Timestamp;
use crypto::Digest;
use crypto::digest::sha256;
use ids::{PersonId, RequestId, RunId};
use proof::drilldown::PendingRequest;
use proof::log::journal::JournalRecord;
use proof::text::FreeText;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use crate::VaultError;
use crate::vault::Vault;

use super::admit::purpose;

/// So many that nobody confirmed are kept, those that were asked last.
const MOST: i64 = 64;

/// How long a confirmation holds.
const HOLDS_MS: i64 = 24 * 60 * 60 * 1000;

/// A request that waits for a second person, or has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// The request that was refused.
    pub request: RequestId,
    /// Who asked.
    pub person: PersonId,
    /// The run.
    pub run: RunId,
    /// What of it: JSON, as the request names items, roots and rows.
    pub items: String,
    /// What for.
    pub purpose: FreeText,
    /// When it was asked.
    pub asked: Timestamp,
    /// When somebody agreed.
    pub confirmed: Option<Timestamp>,
    /// The request that used it up.
    pub used: Option<RequestId>,
}

/// What makes two requests the same to a second person. Ids, times, the stream and the key of the answer differ each
/// time.
#[derive(Serialize)]
struct Asked<'a> {
    person: PersonId,
    run: RunId,
    items: &'a str,
    purpose: &'a str,
}

#[derive(Serialize)]
struct Item<'a> {
    item: ids::ItemId,
    root: Digest,
    rows: &'a Option<Vec<u64>>,
}

impl Vault {
    /// What waits for a second person or was confirmed, the newest first.
    pub fn confirmations(&self) -> Result<Vec<Confirmation>, VaultError> {
        let mut statement = self.db.prepare_cached(
            "SELECT request, person, run, items, purpose, asked, confirmed, used FROM confirmation \
             ORDER BY asked DESC, request",
        )?;
        let mut rows = statement.query([])?;
        let mut confirmations = Vec::new();
        while let Some(row) = rows.next()? {
            let request = RequestId::from_bytes(row.get(0)?);
            let text: String = row.get(4)?;
            let purpose = text.parse().map_err(|error| VaultError::inconsistent("confirmation", request, error))?;
            confirmations.push(Confirmation {
                request,
                person: PersonId::from_bytes(row.get(1)?),
                run: RunId::from_bytes(row.get(2)?),
                items: row.get(3)?,
                purpose,
                asked: Timestamp::from_millis(row.get(5)?),
                confirmed: row.get::<_, Option<i64>>(6)?.map(Timestamp::from_millis),
                used: row.get::<_, Option<[u8; 16]>>(7)?.map(RequestId::from_bytes),
            });
        }
        Ok(confirmations)
    }

    /// A second person agrees: for a day the same may be asked once more. Journalled; gives the number of the record. Who
    /// asked cannot agree.
    pub fn confirm(
        &mut self,
        request: RequestId,
        by: Option<PersonId>,
        justification: FreeText,
    ) -> Result<u64, VaultError> {
        let mut writer = self.begin()?;
        let row = writer
            .tx
            .query_row(
                "SELECT asked_sha256, person, confirmed IS NOT NULL FROM confirmation WHERE request = ?1",
                [request.as_bytes()],
                |row| Ok((Digest::from_bytes(row.get(0)?), PersonId::from_bytes(row.get(1)?), row.get::<_, bool>(2)?)),
            )
            .optional()?;
        let (asked_sha256, person, confirmed) = row.ok_or_else(|| VaultError::not_found("request", request))?;
        if confirmed {
            return Err(VaultError::not_allowed("request", request, "it was confirmed already"));
        }
        if by == Some(person) {
            return Err(VaultError::not_allowed("request", request, "who asked is not the second person"));
        }
        let record = JournalRecord::EvidenceConfirmed { request, asked_sha256, by, justification };
        let appended = writer.journal(&record)?;
        writer.tx.execute(
            "UPDATE confirmation SET confirmed = ?2, seq = ?3 WHERE request = ?1",
            params![request.as_bytes(), appended.at.as_millis(), appended.seq as i64],
        )?;
        writer.commit()?;
        Ok(appended.seq)
    }

    /// The confirmation that a request may use: of the same, by the same person, a day old at most, and in the journal.
    pub fn confirmed_for(&self, pending: &PendingRequest) -> Result<Option<RequestId>, VaultError> {
        let asked = asked(pending)?.sha256;
        let now = self.now().as_millis();
        let row = self
            .db
            .prepare_cached(
                "SELECT request, seq FROM confirmation WHERE asked_sha256 = ?1 AND used IS NULL \
                 AND confirmed BETWEEN ?2 AND ?3 ORDER BY confirmed",
            )?
            .query_row(params![asked.as_bytes(), now.saturating_sub(HOLDS_MS), now], |row| {
                Ok((RequestId::from_bytes(row.get(0)?), row.get::<_, Option<i64>>(1)?))
            })
            .optional()?;
        let Some((confirmed, seq)) = row else { return Ok(None) };
        let fault = || VaultError::inconsistent("confirmation", confirmed, "the journal does not say so");
        let line = self.journal_line(seq.ok_or_else(fault)? as u64)?;
        match line.record {
            JournalRecord::EvidenceConfirmed { request, asked_sha256, .. }
                if request == confirmed && asked_sha256 == asked =>
            {
                Ok(Some(confirmed))
            }
            _ => Err(fault()),
        }
    }
}

/// Keeps what was asked for, so that somebody can confirm it.
pub(super) fn ask(db: &Connection, pending: &PendingRequest, now: Timestamp) -> Result<(), VaultError> {
    let request = pending.request();
    let AskedFor { items, sha256 } = asked(pending)?;
    db.execute(
        "INSERT INTO confirmation (request, asked_sha256, person, run, items, purpose, asked) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (request) DO NOTHING",
        params![
            request.request.as_bytes(),
            sha256.as_bytes(),
            request.person.id.as_bytes(),
            request.run.as_bytes(),
            items,
            purpose(pending)?.as_str(),
            now.as_millis()
        ],
    )?;
    db.execute(
        "DELETE FROM confirmation WHERE confirmed IS NULL AND request NOT IN \
         (SELECT request FROM confirmation WHERE confirmed IS NULL ORDER BY asked DESC, request LIMIT ?1)",
        [MOST],
    )?;
    Ok(())
}

/// Uses a confirmation up, within the caller's transaction.
pub(super) fn use_up(db: &Connection, confirmation: RequestId, by: RequestId) -> Result<(), VaultError> {
    let changed = db.execute(
        "UPDATE confirmation SET used = ?2 WHERE request = ?1 AND confirmed IS NOT NULL AND used IS NULL",
        params![confirmation.as_bytes(), by.as_bytes()],
    )?;
    if changed == 1 { Ok(()) } else { Err(VaultError::not_allowed("request", confirmation, "nobody confirmed it")) }
}

struct AskedFor {
    items: String,
    sha256: Digest,
}

fn asked(pending: &PendingRequest) -> Result<AskedFor, VaultError> {
    let request = pending.request();
    let unstorable = |error: serde_json::Error| VaultError::Unstorable { what: "request", why: error.to_string() };
    let items: Vec<_> =
        request.items.iter().map(|wanted| Item { item: wanted.item, root: wanted.root, rows: &wanted.rows }).collect();
    let items = serde_json::to_string(&items).map_err(unstorable)?;
    let purpose = purpose(pending)?;
    let asked = Asked { person: request.person.id, run: request.run, items: &items, purpose: purpose.as_str() };
    let sha256 = sha256(&serde_json::to_vec(&asked).map_err(unstorable)?);
    Ok(AskedFor { items, sha256 })
}
