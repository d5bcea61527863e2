//! Runners: keys and standing, and apart from them what changes with every sign of life.

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::runner::{LockReason, Presence, Runner, RunnerKeys, RunnerState, Standing};
use crypto::Digest;
use ids::RunnerId;

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{After, Reads, Writes};
use crate::value::{Cells, ToValue, Value, values};

impl Reads {
    /// A Runner.
    pub async fn runner(&self, id: RunnerId) -> Result<Option<Runner>, StoreError> {
        let sql = sql!(
            "SELECT runner.runner, label, token, enrolled, state, changed, lock_reason, fingerprint, statement, tls_key, \
             attestation_key, journal_key, witness_key, sealing_key, generation, last_seen, connected, condition, \
             software, seal_level, waiting, overdue_since \
             FROM runner JOIN runner_presence ON runner_presence.tenant = $1 AND runner_presence.runner = runner.runner \
             WHERE runner.tenant = $1 AND runner.runner = $2"
        );
        self.one("runner", sql, values![id], read).await
    }

    /// The Runner that came with this statement of keys.
    pub async fn runner_by_fingerprint(&self, fingerprint: &Digest) -> Result<Option<Runner>, StoreError> {
        let sql = sql!(
            "SELECT runner.runner, label, token, enrolled, state, changed, lock_reason, fingerprint, statement, tls_key, \
             attestation_key, journal_key, witness_key, sealing_key, generation, last_seen, connected, condition, \
             software, seal_level, waiting, overdue_since \
             FROM runner JOIN runner_presence ON runner_presence.tenant = $1 AND runner_presence.runner = runner.runner \
             WHERE runner.tenant = $1 AND runner.fingerprint = $2"
        );
        self.one("runner", sql, values![fingerprint], read).await
    }

    /// The keys with which these Runners cosign.
    pub async fn witness_keys(&self, runners: &BTreeSet<RunnerId>) -> Result<BTreeMap<RunnerId, String>, StoreError> {
        let sql = sql!("SELECT runner, witness_key FROM runner WHERE tenant = $1 AND runner = $2");
        let each = runners.iter().map(|runner| values![runner]).collect();
        let read = |mut cells: Cells| Ok((cells.take("runner")?, cells.take("witness_key")?));
        Ok(self.all_of_each("runner", sql, each, read).await?.into_iter().collect())
    }

    /// Runners, of one standing or of all, in the order they came.
    pub async fn runners(&self, standing: Option<Standing>, page: &Page) -> Result<Listed<Runner>, StoreError> {
        let after = After::of(page, 1)?.text(0);
        let place = |runner: &Runner| vec![runner.id.to_string()];
        let Some(standing) = standing else {
            let sql = sql!(
                "SELECT runner.runner, label, token, enrolled, state, changed, lock_reason, fingerprint, statement, \
                 tls_key, attestation_key, journal_key, witness_key, sealing_key, generation, last_seen, connected, \
                 condition, software, seal_level, waiting, overdue_since \
                 FROM runner JOIN runner_presence \
                 ON runner_presence.tenant = $1 AND runner_presence.runner = runner.runner \
                 WHERE runner.tenant = $1 AND runner.runner > $2 ORDER BY runner.runner LIMIT $3"
            );
            return self.list("runner", sql, values![after], page, read, place).await;
        };
        let sql = sql!(
            "SELECT runner.runner, label, token, enrolled, state, changed, lock_reason, fingerprint, statement, \
             tls_key, attestation_key, journal_key, witness_key, sealing_key, generation, last_seen, connected, \
             condition, software, seal_level, waiting, overdue_since \
             FROM runner JOIN runner_presence ON runner_presence.tenant = $1 AND runner_presence.runner = runner.runner \
             WHERE runner.tenant = $1 AND runner.state = $2 AND runner.runner > $3 ORDER BY runner.runner LIMIT $4"
        );
        self.list("runner", sql, values![standing, after], page, read, place).await
    }
}

impl Writes {
    /// Keeps a new Runner. Its id and its statement of keys are its own: taken ones are a conflict.
    pub async fn add_runner(&self, runner: &Runner) -> Result<(), StoreError> {
        let RunnerKeys { fingerprint, statement, tls_key, attestation_key, journal_key, witness_key, sealing_key } =
            &runner.keys;
        let (state, changed, lock_reason) = state_cells(&runner.state);
        let row = values![
            runner.id,
            runner.label,
            runner.token,
            runner.enrolled,
            state,
            changed,
            lock_reason,
            fingerprint,
            statement,
            tls_key,
            attestation_key,
            journal_key,
            witness_key,
            sealing_key,
            runner.generation,
        ];
        let mut presence = presence_cells(runner.id, &runner.presence);
        presence.push(runner.overdue_since.to_value());
        let steps = vec![
            (
                sql!(
                    "INSERT INTO runner (tenant, runner, label, token, enrolled, state, changed, lock_reason, \
                     fingerprint, statement, tls_key, attestation_key, journal_key, witness_key, sealing_key, generation) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
                ),
                vec![row],
            ),
            (
                sql!(
                    "INSERT INTO runner_presence (tenant, runner, last_seen, connected, condition, software, \
                     seal_level, waiting, overdue_since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
                ),
                vec![presence],
            ),
        ];
        self.steps("runner", runner.id, steps).await
    }

    /// A Runner that is kept out comes again with new keys and another token, and waits to be approved: everything it had
    /// before, certificates included, is worth nothing from now on. `Missing` for a Runner that is let in or waits.
    pub async fn reenrol_runner(&self, runner: &Runner) -> Result<(), StoreError> {
        let RunnerKeys { fingerprint, statement, tls_key, attestation_key, .. } = &runner.keys;
        let RunnerKeys { journal_key, witness_key, sealing_key, .. } = &runner.keys;
        let row = values![
            runner.id,
            runner.label,
            runner.token,
            runner.enrolled,
            fingerprint,
            statement,
            tls_key,
            attestation_key,
            journal_key,
            witness_key,
            sealing_key,
        ];
        let sql = sql!(
            "UPDATE runner SET label = $3, token = $4, enrolled = $5, state = 'pending', changed = NULL, \
             lock_reason = NULL, fingerprint = $6, statement = $7, tls_key = $8, attestation_key = $9, \
             journal_key = $10, witness_key = $11, sealing_key = $12 \
             WHERE tenant = $1 AND runner = $2 AND state IN ('locked', 'revoked')"
        );
        self.change("runner", runner.id, sql, row).await?;
        let sql = sql!(
            "UPDATE runner_certificate SET state = 'superseded' WHERE tenant = $1 AND runner = $2 AND state = 'current'"
        );
        self.count("runner_certificate", runner.id, sql, values![runner.id]).await?;
        let sql = sql!(
            "UPDATE runner_certificate SET state = 'abandoned' WHERE tenant = $1 AND runner = $2 AND state = 'next'"
        );
        self.count("runner_certificate", runner.id, sql, values![runner.id]).await?;
        self.put_presence(runner.id, &runner.presence).await
    }

    /// Gives a Runner another standing.
    pub async fn set_runner_state(&self, id: RunnerId, state: &RunnerState) -> Result<(), StoreError> {
        let (word, changed, reason) = state_cells(state);
        let sql =
            sql!("UPDATE runner SET state = $3, changed = $4, lock_reason = $5 WHERE tenant = $1 AND runner = $2");
        self.change("runner", id, sql, values![id, word, changed, reason]).await?;
        if word == Standing::Revoked {
            // What it said last is no longer how things stand.
            self.retire(id, true, |_| true).await?;
        }
        Ok(())
    }

    /// The generation of the newest certificate that was used; it only grows.
    pub async fn set_generation(&self, id: RunnerId, generation: u64) -> Result<(), StoreError> {
        let sql = sql!("UPDATE runner SET generation = $3 WHERE tenant = $1 AND runner = $2 AND generation < $3");
        self.change("runner", id, sql, values![id, generation]).await
    }

    /// What a Runner said of itself.
    pub async fn put_presence(&self, id: RunnerId, presence: &Presence) -> Result<(), StoreError> {
        self.put_presences(std::slice::from_ref(&(id, presence.clone()))).await
    }

    /// What several Runners said of themselves.
    pub async fn put_presences(&self, presences: &[(RunnerId, Presence)]) -> Result<(), StoreError> {
        let sql = sql!(
            "UPDATE runner_presence SET last_seen = $3, connected = $4, condition = $5, software = $6, seal_level = $7, \
             waiting = $8 WHERE tenant = $1 AND runner = $2"
        );
        let key = presences.first().map(|(id, _)| id.to_string()).unwrap_or_default();
        let rows = presences.iter().map(|(id, presence)| presence_cells(*id, presence)).collect();
        self.each("runner_presence", key, sql, rows).await
    }

    /// No Runner has a session: said when the one process that held them begins anew.
    pub async fn disconnect_all(&self) -> Result<u64, StoreError> {
        let sql = sql!("UPDATE runner_presence SET connected = 0 WHERE tenant = $1 AND connected = 1");
        self.count("runner_presence", "all", sql, values![]).await
    }
}

fn presence_cells(id: RunnerId, presence: &Presence) -> Vec<Value> {
    let Presence { last_seen, connected, condition, software, seal_level, waiting } = presence;
    values![id, last_seen, connected, condition, software, seal_level, waiting]
}

fn state_cells(state: &RunnerState) -> (Standing, Option<Timestamp>, Option<LockReason>) {
    let word = state.standing();
    match state {
        RunnerState::Pending => (word, None, None),
        RunnerState::Active { since } | RunnerState::Revoked { since } => (word, Some(*since), None),
        RunnerState::Locked { since, reason } => (word, Some(*since), Some(*reason)),
    }
}

fn read(mut cells: Cells) -> Result<Runner, StoreError> {
    let id = cells.take("runner")?;
    let label = cells.take("label")?;
    let token = cells.take("token")?;
    let enrolled = cells.take("enrolled")?;
    let state = read_state(&mut cells)?;
    let keys = RunnerKeys {
        fingerprint: cells.take("fingerprint")?,
        statement: cells.take("statement")?,
        tls_key: cells.take("tls_key")?,
        attestation_key: cells.take("attestation_key")?,
        journal_key: cells.take("journal_key")?,
        witness_key: cells.take("witness_key")?,
        sealing_key: cells.take("sealing_key")?,
    };
    let generation = cells.take("generation")?;
    let presence = Presence {
        last_seen: cells.take("last_seen")?,
        connected: cells.take("connected")?,
        condition: cells.take("condition")?,
        software: cells.take("software")?,
        seal_level: cells.take("seal_level")?,
        waiting: cells.take("waiting")?,
    };
    let overdue_since = cells.take("overdue_since")?;
    Ok(Runner { id, label, token, enrolled, state, keys, generation, presence, overdue_since })
}

/// The columns `state, changed, lock_reason`.
pub(crate) fn read_state(cells: &mut Cells) -> Result<RunnerState, StoreError> {
    let (standing, changed, reason) = (cells.take("state")?, cells.take("changed")?, cells.take("lock_reason")?);
    match (standing, changed, reason) {
        (Standing::Pending, None, None) => Ok(RunnerState::Pending),
        (Standing::Active, Some(since), None) => Ok(RunnerState::Active { since }),
        (Standing::Locked, Some(since), Some(reason)) => Ok(RunnerState::Locked { since, reason }),
        (Standing::Revoked, Some(since), None) => Ok(RunnerState::Revoked { since }),
        (Standing::Pending | Standing::Active | Standing::Locked | Standing::Revoked, _, _) => {
            Err(cells.wrong("its state does not fit what is kept beside it"))
        }
    }
}
