//! Reports that wait for the control plane. Nothing is ever dropped.

use clock::Timestamp;
use ids::RunId;
use rusqlite::params;

use crate::VaultError;
use crate::vault::Vault;

/// A report that has not been acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// Its number; numbers grow without end and none is used twice.
    pub seq: u64,
    /// The run.
    pub run: RunId,
    /// The journal record of the attestation, by which [`Vault::attestations`] tells it from others of the run.
    pub attested: u64,
    /// When it was queued.
    pub queued: Timestamp,
}

impl Vault {
    /// The next reports to send, oldest first.
    pub fn outbox(&self, limit: u32) -> Result<Vec<Queued>, VaultError> {
        let mut statement = self.db.prepare_cached(
            "SELECT outbox.seq, run.run, attestation.seq, queued FROM outbox \
             JOIN attestation ON attestation.id = outbox.attestation JOIN run ON run.id = attestation.run \
             WHERE acknowledged IS NULL ORDER BY outbox.seq LIMIT ?1",
        )?;
        let rows = statement.query_map([limit], |row| {
            Ok(Queued {
                seq: row.get::<_, i64>(0)? as u64,
                run: RunId::from_bytes(row.get(1)?),
                attested: row.get::<_, i64>(2)? as u64,
                queued: Timestamp::from_millis(row.get(3)?),
            })
        })?;
        rows.map(|row| row.map_err(VaultError::from)).collect()
    }

    /// How many reports wait.
    pub fn outbox_waiting(&self) -> Result<u64, VaultError> {
        let waiting: i64 = self
            .db
            .prepare_cached("SELECT count(*) FROM outbox WHERE acknowledged IS NULL")?
            .query_row([], |row| row.get(0))?;
        Ok(waiting as u64)
    }

    /// The control plane has the report. Saying so twice changes nothing.
    pub fn acknowledge_report(&mut self, seq: u64) -> Result<(), VaultError> {
        let writer = self.begin()?;
        let changed = writer.tx.execute(
            "UPDATE outbox SET acknowledged = coalesce(acknowledged, ?2) WHERE seq = ?1",
            params![seq as i64, writer.now.as_millis()],
        )?;
        if changed == 0 {
            return Err(VaultError::not_found("report", seq));
        }
        writer.commit()
    }
}
