//! The end of retention: what a run collected is destroyed, its keys too, and in time the generation that wrapped them.

use ids::RunId;
use proof::log::journal::DestroyCause;
use rusqlite::params;

use crate::VaultError;
use crate::evidence::{ItemRow, destroy_item};
use crate::keys::Retention;
use crate::vault::Vault;

const DAY_MS: i64 = 86_400_000;

/// What a purge did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PurgeReport {
    /// Runs whose retention time was over.
    pub runs: u64,
    /// Evidence items that were destroyed with them.
    pub items: u64,
    /// Generations of key-encryption keys that wrapped nothing any more and are gone, also for every backup.
    pub generations: u64,
}

impl Vault {
    /// Destroys what is kept longer than its class allows, but for runs under a legal hold. Manifests, attestations and
    /// the journal stay. One transaction a run, so it can be stopped and started again at any point.
    pub fn purge_expired(&mut self) -> Result<PurgeReport, VaultError> {
        self.check_ready()?;
        let mut report = PurgeReport::default();
        for class in Retention::ALL {
            let kept_ms = i64::from(self.options.retention.of(class)).saturating_mul(DAY_MS);
            let before = self.now().plus_ms(-kept_ms).as_millis();
            for (id, run) in self.expired(class, before)? {
                report.items += self.purge_run(id, run)?;
                report.runs += 1;
            }
        }
        self.check_writable()?;
        report.generations = self.ring.retire_empty(&self.db, self.clock.now())?;
        if report != PurgeReport::default() {
            self.truncate_wal()?;
        }
        Ok(report)
    }

    fn expired(&self, class: Retention, before: i64) -> Result<Vec<(i64, RunId)>, VaultError> {
        let mut statement = self.db.prepare_cached(
            "SELECT id, run FROM run WHERE retention = ?1 AND ended < ?2 AND state != 'running' AND wrapped IS NOT NULL \
             AND id NOT IN (SELECT run FROM hold) ORDER BY ended",
        )?;
        let rows = statement
            .query_map(params![class.as_str(), before], |row| Ok((row.get(0)?, RunId::from_bytes(row.get(1)?))))?;
        rows.map(|row| row.map_err(VaultError::from)).collect()
    }

    fn purge_run(&mut self, id: i64, run: RunId) -> Result<u64, VaultError> {
        let items = ItemRow::of_run(&self.db, id)?;
        let mut writer = self.begin()?;
        let mut destroyed = 0;
        for item in items.iter().filter(|item| item.stored.destroyed.is_none()) {
            destroy_item(&mut writer, item, DestroyCause::Retention, None, None)?;
            destroyed += 1;
        }
        let changed =
            writer.tx.execute("UPDATE run SET wrapped = NULL, wrapped_by = NULL, inputs = NULL WHERE id = ?1", [id])?;
        if changed != 1 {
            return Err(VaultError::not_found("run", run));
        }
        writer
            .tx
            .execute("UPDATE history SET sealed = NULL WHERE piece IN (SELECT id FROM piece WHERE run = ?1)", [id])?;
        writer.tx.execute("UPDATE piece SET key = NULL WHERE run = ?1", [id])?;
        writer.commit()?;
        Ok(destroyed)
    }
}
