//! The end of retention: what a run collected is destroyed, its keys too, and in time the generation that wrapped them.

use clock::Timestamp;
use ids::RunId;
use proof::log::journal::DestroyCause;
use rusqlite::params;

use crate::VaultError;
use crate::evidence::{ItemRow, destroy_item};
use crate::keys::Retention;
use crate::runs::RunRow;
use crate::vault::Vault;

const DAY_MS: i64 = 86_400_000;

/// What a purge did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PurgeReport {
    /// Runs whose retention time was over.
    pub runs: Vec<RunId>,
    /// Evidence items that were destroyed with them.
    pub items: u64,
    /// Generations of key-encryption keys that wrapped nothing any more and are gone, also for every backup.
    pub generations: u64,
}

/// A run whose retention time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredRun {
    /// The run.
    pub run: RunId,
    /// The procedure's id.
    pub procedure: String,
    /// Its class.
    pub retention: Retention,
    /// When it ended.
    pub ended: Timestamp,
    /// Evidence items that it still has.
    pub items: u64,
    /// Whether a legal hold keeps it.
    pub held: bool,
}

impl Vault {
    /// Destroys what is kept longer than its class allows, but for runs under a legal hold. Manifests, attestations and
    /// the journal stay. One transaction a run, so it can be stopped and started again at any point.
    pub fn purge_expired(&mut self) -> Result<PurgeReport, VaultError> {
        self.check_ready()?;
        self.check_writable()?;
        self.check_holds()?;
        let mut report = PurgeReport::default();
        for expired in self.expired(self.now())?.into_iter().filter(|expired| !expired.held) {
            report.items += self.purge_run(expired.run)?;
            report.runs.push(expired.run);
        }
        self.forget_old_requests()?;
        report.generations = self.ring.retire_empty(&self.db, self.clock.now())?;
        if report != PurgeReport::default() {
            self.truncate_wal()?;
        }
        Ok(report)
    }

    /// The runs whose retention time is over at `now`, those under a legal hold included.
    pub fn expired(&self, now: Timestamp) -> Result<Vec<ExpiredRun>, VaultError> {
        let mut statement = self.db.prepare_cached(
            "SELECT run, procedure_id, ended, id IN (SELECT run FROM hold), (SELECT count(*) FROM piece \
             JOIN item ON item.id BETWEEN piece.id * 4 AND piece.id * 4 + 3 \
             WHERE piece.run = run.id AND item.destroyed IS NULL) FROM run \
             WHERE retention = ?1 AND ended < ?2 AND state != 'running' AND wrapped IS NOT NULL ORDER BY ended, id",
        )?;
        let mut expired = Vec::new();
        for class in Retention::ALL {
            let kept_ms = i64::from(self.options.retention.of(class)).saturating_mul(DAY_MS);
            let before = now.plus_ms(-kept_ms).as_millis();
            let rows = statement.query_map(params![class.as_str(), before], |row| {
                Ok(ExpiredRun {
                    run: RunId::from_bytes(row.get(0)?),
                    procedure: row.get(1)?,
                    retention: class,
                    ended: Timestamp::from_millis(row.get(2)?),
                    held: row.get(3)?,
                    items: row.get::<_, i64>(4)? as u64,
                })
            })?;
            for row in rows {
                expired.push(row?);
            }
        }
        Ok(expired)
    }

    fn purge_run(&mut self, run: RunId) -> Result<u64, VaultError> {
        let id = RunRow::find(&self.db, run)?.id;
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
        writer.tx.execute("UPDATE piece SET key = NULL, sealed = NULL WHERE run = ?1", [id])?;
        writer.commit()?;
        Ok(destroyed)
    }
}
