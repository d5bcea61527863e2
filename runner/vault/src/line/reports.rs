//! The journal, as it is reported: every record in its order, and how many of them the control plane has. Nothing is
//! ever dropped; when too much waits, no new run begins.

use crypto::Digest;
use crypto::digest::sha256;
use ids::TenantId;
use proof::log::journal::{GapReason, JournalRecord};
use rusqlite::{Connection, OptionalExtension, params};

use crate::VaultError;
use crate::journal::resume;
use crate::vault::{Condition, Vault};

/// One record of the journal, with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRecord {
    /// Its position.
    pub seq: u64,
    /// Its exact text.
    pub line: String,
    /// Beside a record `run.attested`: what it speaks of.
    pub attested: Option<AttestedRun>,
}

/// An attested run, exact bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestedRun {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The DSSE envelope.
    pub envelope: Vec<u8>,
}

/// What came of hearing how far the control plane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// It has the beginning of this journal.
    Kept,
    /// It has more than this journal, or another one: the store was put back. The condition is `ROLLBACK` now.
    RolledBack,
}

/// What the control plane does not have yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Records of the journal.
    pub records: u64,
    /// Their bytes, manifests and attestations included.
    pub bytes: u64,
}

/// How many bytes the records of the journal up to one have, so that they are counted once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    from: u64,
    to: u64,
    bytes: u64,
}

impl Vault {
    /// The records from `from` on in their order without a gap: at most `limit`, and not many more bytes than
    /// `max_bytes`; one at least, if there is one.
    pub fn reports(&self, from: u64, limit: u32, max_bytes: u64) -> Result<Vec<ReportRecord>, VaultError> {
        let mut statement = self.db.prepare_cached(
            "SELECT journal.seq, line, manifest, envelope FROM journal \
             LEFT JOIN attestation ON attestation.seq = journal.seq \
             WHERE journal.seq >= ?1 ORDER BY journal.seq LIMIT ?2",
        )?;
        let mut rows = statement.query(params![signed(from), limit])?;
        let (mut records, mut bytes) = (Vec::new(), 0_u64);
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(0)? as u64;
            if seq != from.saturating_add(records.len() as u64) {
                return Err(VaultError::Journal { seq, why: "the record in front of it is missing".into() });
            }
            let line: String = row.get(1)?;
            let attested = row.get::<_, Option<Vec<u8>>>(2)?.zip(row.get::<_, Option<Vec<u8>>>(3)?);
            let attested = attested.map(|(manifest, envelope)| AttestedRun { manifest, envelope });
            let more = attested.as_ref().map_or(0, |run| run.manifest.len() + run.envelope.len());
            bytes = bytes.saturating_add((line.len() + more) as u64);
            if bytes > max_bytes && !records.is_empty() {
                break;
            }
            records.push(ReportRecord { seq, line, attested });
        }
        Ok(records)
    }

    /// How many records the journal has, and the hash of the last one.
    pub fn journal_head(&self) -> Result<(u64, Digest), VaultError> {
        let chain = resume(&self.db)?;
        Ok((chain.size(), chain.prev()))
    }

    /// How many records the control plane is known to have.
    pub fn accepted_size(&self) -> Result<u64, VaultError> {
        let accepted: i64 = self.db.prepare_cached("SELECT accepted FROM reported")?.query_row([], |row| row.get(0))?;
        Ok(accepted as u64)
    }

    /// The control plane has the first `size` records, the last of which has the hash `head` if it is said. What it once
    /// had stays; saying so again changes nothing. If it has more than this journal, or another one, the store was put
    /// back: it is in the condition `ROLLBACK` from here on, also after a restart.
    pub fn accepted(&mut self, size: u64, head: Option<Digest>) -> Result<Acceptance, VaultError> {
        let (own, _) = self.journal_head()?;
        if size > own {
            self.roll_back(format!("the control plane has {size} records of this journal, which has {own}"))?;
            return Ok(Acceptance::RolledBack);
        }
        if let Some(head) = head
            && head != self.hash_before(size)?
        {
            self.roll_back(format!("the control plane has other records before {size} than this journal"))?;
            return Ok(Acceptance::RolledBack);
        }
        if size > self.accepted_size()? {
            self.check_writable()?;
            self.db.prepare_cached("UPDATE reported SET accepted = max(accepted, ?1)")?.execute([signed(size)])?;
        }
        Ok(Acceptance::Kept)
    }

    /// What waits for the control plane. Nothing does before enrolment: there is nobody to report to, and a store is made
    /// anew when there is.
    pub fn waiting(&self) -> Result<Waiting, VaultError> {
        if self.identity.tenant == TenantId::NIL {
            return Ok(Waiting::default());
        }
        let (size, _) = self.journal_head()?;
        let accepted = self.accepted_size()?.min(size);
        let mut counted = self.counted.get();
        if counted.from > accepted || counted.to < accepted {
            counted = Counted { from: accepted, to: accepted, bytes: 0 };
        }
        counted.bytes = counted.bytes.saturating_sub(self.count(counted.from, accepted)?);
        counted.bytes = counted.bytes.saturating_add(self.count(counted.to, size)?);
        (counted.from, counted.to) = (accepted, size);
        self.counted.set(counted);
        Ok(Waiting { records: size - accepted, bytes: counted.bytes })
    }

    /// How many records wait.
    pub fn outbox_waiting(&self) -> Result<u64, VaultError> {
        Ok(self.waiting()?.records)
    }

    /// Refuses when too much waits; the first refusal of a row of them is journalled as a gap.
    pub(crate) fn check_waiting(&mut self) -> Result<(), VaultError> {
        let waiting = self.waiting()?;
        let (limit, most) = (self.options.outbox_limit, self.options.outbox_bytes);
        let known: i64 = self.db.query_row("SELECT outbox_gap FROM store", [], |row| row.get(0))?;
        if waiting.records < limit && waiting.bytes < most {
            if known != 0 {
                let writer = self.begin()?;
                writer.tx.execute("UPDATE store SET outbox_gap = 0", [])?;
                writer.commit()?;
            }
            return Ok(());
        }
        if known == 0 {
            let mut writer = self.begin()?;
            writer.tx.execute("UPDATE store SET outbox_gap = 1", [])?;
            let (from, until, reason) = (None, writer.now, GapReason::QueueFull);
            writer.journal(&JournalRecord::Gap { from, until, reason, by: None, justification: None })?;
            writer.commit()?;
        }
        let Waiting { records, bytes } = waiting;
        Err(VaultError::OutboxFull { records, limit, bytes, most })
    }

    /// Puts the store into the condition `ROLLBACK` because of what the other side holds, durably. The checkpoint file
    /// stays as it is: nothing is appended any more.
    pub(super) fn roll_back(&mut self, why: String) -> Result<(), VaultError> {
        tracing::error!(why, "ROLLBACK: this store is older than what the control plane holds of it");
        if self.is_writable() {
            self.db.execute("UPDATE reported SET rollback = coalesce(rollback, ?1)", [&why])?;
        }
        if self.condition == Condition::Ready {
            self.condition = Condition::Rollback(why);
        }
        Ok(())
    }

    /// The hash of the record in front of `size`, which is what the next one names as its predecessor.
    fn hash_before(&self, size: u64) -> Result<Digest, VaultError> {
        let Some(last) = size.checked_sub(1) else { return Ok(Digest::ZERO) };
        Ok(sha256(self.journal_line(last)?.line.as_bytes()))
    }

    fn count(&self, from: u64, to: u64) -> Result<u64, VaultError> {
        if from >= to {
            return Ok(0);
        }
        let bytes: i64 = self
            .db
            .prepare_cached(
                "SELECT coalesce(sum(octet_length(line) + coalesce(octet_length(manifest), 0) \
                 + coalesce(octet_length(envelope), 0)), 0) \
                 FROM journal LEFT JOIN attestation ON attestation.seq = journal.seq \
                 WHERE journal.seq >= ?1 AND journal.seq < ?2",
            )?
            .query_row([signed(from), signed(to)], |row| row.get(0))?;
        Ok(bytes as u64)
    }
}

/// Why the control plane's word put this store into the condition `ROLLBACK`, if nobody acknowledged it since.
pub(crate) fn stored_rollback(db: &Connection) -> Result<Option<String>, VaultError> {
    let why = db.query_row("SELECT rollback FROM reported", [], |row| row.get(0)).optional()?;
    why.ok_or_else(|| VaultError::inconsistent("reported", 1, "the row is missing"))
}

/// After a rollback was acknowledged: what the control plane holds beyond this journal is no longer of this store.
pub(crate) fn forget_rollback(db: &Connection) -> Result<(), VaultError> {
    db.execute("UPDATE reported SET rollback = NULL, accepted = min(accepted, (SELECT count(*) FROM journal))", [])?;
    db.execute("DELETE FROM cosigned", [])?;
    Ok(())
}

fn signed(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
