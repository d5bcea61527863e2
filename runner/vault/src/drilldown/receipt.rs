//! Receipts: signed, kept, and sent again until the control plane has them.

use crypto::Digest;
use ids::RequestId;
use proof::drilldown::{Decision, Receipt, RecordRef};
use proof::dsse::Envelope;
use proof::log::journal::JournalRecord;
use proof::text::Name;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Admitted;
use crate::VaultError;
use crate::vault::Vault;
use crate::writer::Writer;

/// The code of an answer that did not reach its end.
const CUT_OFF: &str = "E-DRILL-029";

/// How long what was answered and receipted is kept.
const KEPT_MS: i64 = 90 * 86_400_000;

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The last frame was sealed.
    Answered {
        /// What `sealed_sha256` of the receipt says.
        sealed_sha256: Digest,
    },
    /// It was cut off: cancelled, or rows could not be read.
    CutOff {
        /// The stable code of why.
        code: Name,
    },
}

/// A receipt in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReceipt {
    /// The journal record of its hash.
    pub seq: u64,
    /// The request.
    pub request: RequestId,
    /// SHA-256 of the envelope.
    pub sha256: Digest,
    /// The DSSE envelope, exact bytes.
    pub envelope: Vec<u8>,
}

impl Vault {
    /// Ends an answer: its receipt is signed, journalled by its hash, and kept until the control plane has it.
    pub fn finish_drilldown(&mut self, admitted: Admitted, ending: Ending) -> Result<StoredReceipt, VaultError> {
        let (state, decision) = match ending {
            Ending::Answered { sealed_sha256 } => ("answered", Decision::Answered { sealed_sha256 }),
            Ending::CutOff { code } => ("cut_off", Decision::CutOff { code }),
        };
        let Admitted { request, request_sha256, journal, .. } = admitted;
        let mut writer = self.begin()?;
        let receipt = issue(&mut writer, request, request_sha256, decision, journal)?;
        let changed = writer
            .tx
            .prepare_cached("UPDATE drilldown SET state = ?2 WHERE request = ?1 AND state = 'open'")?
            .execute(params![request.as_bytes(), state])?;
        if changed != 1 {
            return Err(VaultError::inconsistent("drilldown", request, "its answer was not under way"));
        }
        writer.commit()?;
        Ok(receipt)
    }

    /// Receipts that the control plane is not known to have, oldest first.
    pub fn receipts_waiting(&self, limit: u32) -> Result<Vec<StoredReceipt>, VaultError> {
        let mut statement = self.db.prepare_cached(
            "SELECT seq, request, sha256, envelope FROM receipt WHERE accepted IS NULL ORDER BY seq LIMIT ?1",
        )?;
        let rows = statement.query_map([limit], stored)?;
        rows.map(|row| row.map_err(VaultError::from)).collect()
    }

    /// The control plane has the receipts of this request, those up to this one if it says which. Saying so twice changes
    /// nothing; of an unknown request nothing is kept.
    pub fn receipt_accepted(&mut self, request: RequestId, sha256: Option<&Digest>) -> Result<(), VaultError> {
        let writer = self.begin_in_any_condition()?;
        writer
            .tx
            .prepare_cached(
                "UPDATE receipt SET accepted = ?3 WHERE request = ?1 AND accepted IS NULL AND (?2 IS NULL OR sha256 = ?2)",
            )?
            .execute(params![request.as_bytes(), sha256.map(Digest::as_bytes), writer.now.as_millis()])?;
        writer.commit()
    }

    /// Receipts for the answers that were under way when the process before this one ended: how much of them was sent
    /// nobody knows.
    pub(crate) fn close_interrupted(&mut self) -> Result<(), VaultError> {
        let open = open_answers(&self.db)?;
        if open.is_empty() {
            return Ok(());
        }
        let code: Name = CUT_OFF.parse().expect("the code is a name");
        let mut writer = self.begin()?;
        for Admitted { request, request_sha256, journal, .. } in open {
            issue(&mut writer, request, request_sha256, Decision::CutOff { code: code.clone() }, journal)?;
            writer.tx.execute("UPDATE drilldown SET state = 'cut_off' WHERE request = ?1", [request.as_bytes()])?;
        }
        writer.commit()
    }

    /// Forgets what was receipted long ago and is with the control plane. Ids of the present stream stay whatever the clock
    /// says, as those of others are refused for their epoch.
    pub(crate) fn forget_old_requests(&mut self) -> Result<(), VaultError> {
        let writer = self.begin()?;
        let before = writer.now.plus_ms(-KEPT_MS).as_millis();
        writer.tx.execute("DELETE FROM receipt WHERE accepted IS NOT NULL AND made < ?1", [before])?;
        writer.tx.execute(
            "DELETE FROM drilldown WHERE received < ?1 AND expires < ?1 AND state != 'open' \
             AND epoch != (SELECT epoch FROM drilldown ORDER BY received DESC LIMIT 1) \
             AND request NOT IN (SELECT request FROM receipt)",
            [before],
        )?;
        writer.tx.execute("DELETE FROM confirmation WHERE asked < ?1", [before])?;
        writer.tx.execute("DELETE FROM run_request WHERE at < ?1", [before])?;
        writer.tx.execute("DELETE FROM secret_request WHERE received < ?1 AND expires < ?1", [before])?;
        writer.commit()
    }
}

/// Signs a receipt, journals its hash and keeps it, within the caller's transaction.
pub(super) fn issue(
    writer: &mut Writer<'_>,
    request: RequestId,
    request_sha256: Digest,
    decision: Decision,
    journal: RecordRef,
) -> Result<StoredReceipt, VaultError> {
    let receipt = Receipt { request, request_sha256, decision, at: writer.now, journal };
    let envelope = receipt.sign(&writer.keys.attester);
    let record = JournalRecord::EvidenceReceipted { request, receipt_sha256: envelope.sha256() };
    keep_receipt(writer, request, &envelope, &record)
}

/// The receipt that a request of this table got first, if it was about these bytes.
pub(crate) fn first_receipt(
    db: &Connection,
    table: &'static str,
    request: RequestId,
    request_sha256: Digest,
) -> Result<Option<StoredReceipt>, VaultError> {
    let sql = format!(
        "SELECT receipt.seq, receipt.request, receipt.sha256, receipt.envelope FROM receipt \
         JOIN {table} AS decided ON decided.request = receipt.request \
         WHERE receipt.request = ?1 AND decided.request_sha256 = ?2 ORDER BY receipt.seq LIMIT 1"
    );
    let mut statement = db.prepare_cached(&sql)?;
    Ok(statement.query_row(params![request.as_bytes(), request_sha256.as_bytes()], stored).optional()?)
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredReceipt> {
    Ok(StoredReceipt {
        seq: row.get::<_, i64>(0)? as u64,
        request: RequestId::from_bytes(row.get(1)?),
        sha256: Digest::from_bytes(row.get(2)?),
        envelope: row.get(3)?,
    })
}

/// Journals a signed receipt and keeps it until the control plane has it, within the caller's transaction.
pub(crate) fn keep_receipt(
    writer: &mut Writer<'_>,
    request: RequestId,
    envelope: &Envelope,
    record: &JournalRecord,
) -> Result<StoredReceipt, VaultError> {
    let sha256 = envelope.sha256();
    let seq = writer.journal(record)?.seq;
    writer
        .tx
        .prepare_cached("INSERT INTO receipt (seq, request, sha256, envelope, made) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            seq as i64,
            request.as_bytes(),
            sha256.as_bytes(),
            envelope.bytes(),
            writer.now.as_millis()
        ])?;
    Ok(StoredReceipt { seq, request, sha256, envelope: envelope.bytes().to_vec() })
}

fn open_answers(db: &Connection) -> Result<Vec<Admitted>, VaultError> {
    let mut statement = db
        .prepare_cached("SELECT request, request_sha256, seq, hash FROM drilldown WHERE state = 'open' ORDER BY seq")?;
    let rows = statement.query_map([], |row| {
        let journal = RecordRef { seq: row.get::<_, i64>(2)? as u64, hash: Digest::from_bytes(row.get(3)?) };
        let (request, sha256) = (RequestId::from_bytes(row.get(0)?), Digest::from_bytes(row.get(1)?));
        Ok(Admitted::without_items(request, sha256, journal))
    })?;
    rows.map(|row| row.map_err(VaultError::from)).collect()
}
