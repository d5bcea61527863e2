//! Attempts that are counted where every process sees the count. What is counted has a keyed name that tells nobody who
//! it is.

use crypto::Digest;

use crate::sql::sql;
use crate::sqlite::Mode;
use crate::value::values;
use crate::{Store, StoreError};

/// What came of asking for an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It is counted; go on.
    Allowed,
    /// There were too many; one is forgotten after so long.
    Spent {
        /// Milliseconds.
        wait_ms: i64,
    },
}

impl Store {
    /// Counts an attempt, durably, before anything is compared: parallel guesses of any number of processes never get
    /// more than the limit. Each attempt is forgotten after `recovery_ms`; `most_ms` is that times the limit.
    pub async fn take_attempt(&self, subject: &Digest, recovery_ms: i64, most_ms: i64) -> Result<Attempt, StoreError> {
        let now = self.clock.now();
        let latest = now.plus_ms(most_ms);
        // One statement: the row is locked while it is looked at. A clock that was set back would otherwise keep somebody
        // out for as long as it jumped, so nothing is remembered for longer than the limit lasts.
        let sql = sql!(
            "INSERT INTO platform_attempt (subject, clear_at) VALUES ($1, $2) \
             ON CONFLICT (subject) DO UPDATE SET clear_at = CASE \
             WHEN platform_attempt.clear_at <= $3 THEN $2 ELSE platform_attempt.clear_at + $4 END \
             WHERE platform_attempt.clear_at + $4 <= $5 OR platform_attempt.clear_at <= $3"
        );
        let first = now.plus_ms(recovery_ms);
        let tx = self.platform(Mode::Write).await?;
        let clamp = sql!("UPDATE platform_attempt SET clear_at = $2 WHERE subject = $1 AND clear_at > $2");
        let steps = vec![
            (clamp, vec![values![subject, latest]]),
            (sql, vec![values![subject, first, now, recovery_ms, latest]]),
        ];
        let changed = tx.execute(steps).await.map_err(|failure| failure.at("platform_attempt", "count"))?;
        if changed.last() == Some(&1) {
            tx.commit().await.map_err(|failure| failure.at("platform_attempt", "commit"))?;
            return Ok(Attempt::Allowed);
        }
        let sql = sql!("SELECT clear_at FROM platform_attempt WHERE subject = $1");
        let rows = tx.query(sql, values![subject]).await;
        let rows = rows.map_err(|failure| failure.at("platform_attempt", "count"))?;
        let clear_at = match rows.into_iter().next() {
            Some(row) => crate::value::Cells::new("platform_attempt", row).take("clear_at")?,
            None => latest,
        };
        let wait_ms = clear_at.plus_ms(recovery_ms).as_millis() - latest.as_millis();
        Ok(Attempt::Spent { wait_ms: wait_ms.max(1) })
    }

    /// Gives an attempt back: it was right.
    pub async fn give_attempt_back(&self, subject: &Digest, recovery_ms: i64) -> Result<(), StoreError> {
        let sql = sql!("UPDATE platform_attempt SET clear_at = clear_at - $2 WHERE subject = $1");
        let tx = self.platform(Mode::Write).await?;
        let given = tx.execute(vec![(sql, vec![values![subject, recovery_ms]])]).await;
        given.map_err(|failure| failure.at("platform_attempt", "give back"))?;
        tx.commit().await.map_err(|failure| failure.at("platform_attempt", "commit"))
    }

    /// Forgets what is forgotten already; how many subjects.
    pub async fn sweep_attempts(&self) -> Result<u64, StoreError> {
        let sql = sql!("DELETE FROM platform_attempt WHERE clear_at <= $1");
        let tx = self.platform(Mode::Write).await?;
        let swept = tx.execute(vec![(sql, vec![values![self.clock.now()]])]).await;
        let swept = swept.map_err(|failure| failure.at("platform_attempt", "sweep"))?;
        tx.commit().await.map_err(|failure| failure.at("platform_attempt", "commit"))?;
        Ok(swept.first().copied().unwrap_or_default())
    }
}
