//! Letting a request in, and what was let in before.

use clock::Timestamp;
use crypto::Digest;
use ids::{ItemId, PersonId, RequestId};
use proof::drilldown::{PendingRequest, RecordRef, RequestedItem};
use proof::log::Appended;
use proof::log::journal::JournalRecord;
use proof::text::FreeText;
use rusqlite::{Connection, OptionalExtension, params};

use crate::evidence::{ItemRow, OpenedRows, Paths};
use crate::vault::Vault;
use crate::{Selection, VaultError};

/// A request that was let in: its opening is journalled, it cannot be let in again, and a receipt is owed.
#[derive(Debug)]
pub struct Admitted {
    pub(super) request: RequestId,
    pub(super) request_sha256: Digest,
    pub(super) journal: RecordRef,
    items: Vec<(ItemId, Selection)>,
}

/// What somebody asked for in a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Requests, refused ones included.
    pub requests: u64,
    /// Rows that were opened.
    pub rows: u64,
}

/// How a request counts in the table.
pub(super) struct Row<'a> {
    pub(super) pending: &'a PendingRequest,
    pub(super) rows: u64,
    pub(super) journal: RecordRef,
    pub(super) state: &'static str,
}

impl Vault {
    /// Whether a request of this id was let in or refused for good before.
    pub fn request_seen(&self, request: RequestId) -> Result<bool, VaultError> {
        let found = self
            .db
            .prepare_cached("SELECT 1 FROM drilldown WHERE request = ?1")?
            .query_row([request.as_bytes()], |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }

    /// What was asked for and opened since then, by one person or by everybody; a request that was refused counts, and has
    /// no rows. What a clock that stood ahead wrote counts.
    pub fn spent(&self, person: Option<PersonId>, since: Timestamp) -> Result<Spent, VaultError> {
        let person = person.as_ref().map(PersonId::as_bytes);
        let (requests, rows): (i64, i64) = self
            .db
            .prepare_cached(
                "SELECT count(*), coalesce(sum(rows), 0) FROM drilldown \
                 WHERE received >= ?1 AND (?2 IS NULL OR person = ?2)",
            )?
            .query_row(params![since.as_millis(), person], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Spent { requests: requests as u64, rows: rows as u64 })
    }

    /// Lets a request in. In one transaction: its id is taken, every item stands in the journal as opened, and a receipt
    /// is owed. Each item must be of the run, not destroyed, and committed to as the request says. `confirmation` is the
    /// second person's word that it uses up.
    pub fn admit(&mut self, pending: &PendingRequest, confirmation: Option<RequestId>) -> Result<Admitted, VaultError> {
        self.check_ready()?;
        self.check_no_fork()?;
        let request = pending.request();
        let purpose = purpose(pending)?;
        let mut writer = self.begin()?;
        let (mut items, mut total) = (Vec::with_capacity(request.items.len()), 0_u64);
        let mut last: Option<Appended> = None;
        for wanted in &request.items {
            let (selection, rows) = selected(&writer.tx, pending, wanted)?;
            total = total.saturating_add(rows);
            last = Some(writer.journal(&JournalRecord::EvidenceOpened {
                item: wanted.item,
                rows,
                by: Some(request.person.id),
                request: Some(request.request),
                purpose: Some(purpose.clone()),
            })?);
            items.push((wanted.item, selection));
        }
        let last = last.ok_or(VaultError::Unstorable { what: "request", why: "it asks for nothing".into() })?;
        let journal = RecordRef { seq: last.seq, hash: last.hash };
        if !take_id(&writer.tx, writer.now, &Row { pending, rows: total, journal, state: "open" })? {
            return Err(VaultError::Seen(request.request.to_string()));
        }
        if let Some(confirmation) = confirmation {
            super::confirm::use_up(&writer.tx, confirmation, request.request)?;
        }
        writer.commit()?;
        Ok(Admitted { request: request.request, request_sha256: pending.sha256(), journal, items })
    }
}

impl Admitted {
    /// The request.
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// The last of the journal records that say so.
    pub fn journal(&self) -> RecordRef {
        self.journal
    }

    /// What an earlier process let in; nothing of it is opened any more.
    pub(super) fn without_items(request: RequestId, request_sha256: Digest, journal: RecordRef) -> Self {
        Self { request, request_sha256, journal, items: Vec::new() }
    }

    /// Opens what was let in, item by item in the order of the request; with the paths of single rows.
    pub fn open(&self, vault: &Vault) -> Result<Vec<(OpenedRows, Option<Paths>)>, VaultError> {
        self.items.iter().map(|(item, selection)| OpenedRows::open(vault, *item, selection)).collect()
    }
}

/// Takes a request's id for good, within the caller's transaction; whether it was free.
pub(super) fn take_id(db: &Connection, now: Timestamp, row: &Row<'_>) -> Result<bool, VaultError> {
    let Row { pending, rows, journal, state } = row;
    let request = pending.request();
    let inserted = db
        .prepare_cached(
            "INSERT INTO drilldown (request, request_sha256, epoch, person, received, expires, rows, seq, hash, state) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (request) DO NOTHING",
        )?
        .execute(params![
            request.request.as_bytes(),
            pending.sha256().as_bytes(),
            request.epoch.as_bytes(),
            request.person.id.as_bytes(),
            now.as_millis(),
            request.expires.as_millis(),
            i64::try_from(*rows).unwrap_or(i64::MAX),
            journal.seq as i64,
            journal.hash.as_bytes(),
            state,
        ])?;
    Ok(inserted == 1)
}

/// What the journal says an opening is for.
pub(super) fn purpose(pending: &PendingRequest) -> Result<FreeText, VaultError> {
    let request = pending.request();
    let text = format!("{}: {}", request.purpose.as_str(), request.reason);
    text.parse()
        .map_err(|error: proof::text::TextError| VaultError::Unstorable { what: "purpose", why: error.to_string() })
}

/// Which rows of an item are opened, and how many.
fn selected(db: &Connection, pending: &PendingRequest, wanted: &RequestedItem) -> Result<(Selection, u64), VaultError> {
    let stored = ItemRow::find(db, wanted.item)?.stored;
    let refused = |why: &str| VaultError::not_allowed("evidence item", wanted.item, why);
    if stored.run != pending.request().run {
        return Err(refused("it is of another run than the request names"));
    }
    if stored.record.commitment.root != wanted.root {
        return Err(refused("it is not what the request names by its root"));
    }
    if let Some(seq) = stored.destroyed {
        return Err(VaultError::Destroyed(wanted.item.to_string(), seq));
    }
    let all = stored.record.commitment.rows;
    match &wanted.rows {
        None => Ok((Selection::All, all)),
        Some(rows) if rows.iter().all(|index| *index < all) => {
            Ok((Selection::Rows(rows.iter().copied().collect()), rows.len() as u64))
        }
        Some(_) => Err(refused("it has fewer rows than the request names")),
    }
}
