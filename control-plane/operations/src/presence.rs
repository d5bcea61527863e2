//! Signs of life, and what Runners work at. They come from every Runner every few seconds and nobody but a list looks at
//! them, so they gather in memory and go to the database a batch at a time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use clock::Timestamp;
use control_plane_domain::policy::{self, Permission};
use control_plane_domain::run::RunUnderWay;
use control_plane_domain::runner::{Presence, Runner, RunnerLine};
use control_plane_store::Unlogged;
use ids::{RunnerId, TenantId};

use crate::{Error, Operations};

/// What Runners said of themselves last.
#[derive(Debug, Default)]
pub(crate) struct Presences(Mutex<HashMap<TenantId, Heard>>);

/// What the Runners of a tenant said.
#[derive(Debug, Default)]
struct Heard {
    runners: HashMap<RunnerId, Entry>,
    /// How often a Runner came, went, or changed its condition.
    moves: u64,
    /// Whether pages show something else once what is unwritten is written.
    stirs: bool,
}

/// What one of them said.
#[derive(Debug, Default)]
struct Entry {
    presence: Option<Presence>,
    /// Since when it has had a session without a break, as far as this process knows.
    connected_since: Option<Timestamp>,
    is_unwritten: bool,
    /// What it works at, as long as nobody wrote it down.
    runs: Option<Vec<RunUnderWay>>,
}

/// What nobody wrote down yet.
#[derive(Debug, Default)]
struct Unwritten {
    presences: Vec<(RunnerId, Presence)>,
    runs: Vec<(RunnerId, Vec<RunUnderWay>)>,
    stirs: bool,
}

impl Presences {
    pub(crate) fn put(&self, tenant: TenantId, runner: RunnerId, presence: Presence) {
        let mut tenants = self.lock();
        let heard = tenants.entry(tenant).or_default();
        let entry = heard.runners.entry(runner).or_default();
        let shown = |presence: &Presence| (presence.connected, presence.condition);
        if entry.presence.as_ref().map(shown) != Some(shown(&presence)) {
            heard.moves += 1;
            heard.stirs = true;
        }
        let since = entry.connected_since.or(presence.last_seen);
        entry.connected_since = since.filter(|_| presence.connected);
        entry.presence = Some(presence);
        entry.is_unwritten = true;
    }

    /// Since when the Runner has had a session without a break, if it has one with this process.
    pub(crate) fn connected_since(&self, tenant: TenantId, runner: RunnerId) -> Option<Timestamp> {
        self.lock().get(&tenant)?.runners.get(&runner)?.connected_since
    }

    pub(crate) fn put_runs(&self, tenant: TenantId, runner: RunnerId, runs: Vec<RunUnderWay>) {
        let mut tenants = self.lock();
        let heard = tenants.entry(tenant).or_default();
        heard.runners.entry(runner).or_default().runs = Some(runs);
        heard.stirs = true;
    }

    /// Another number whenever this process heard that a Runner of the tenant came, went, or changed its condition.
    pub(crate) fn moves(&self, tenant: TenantId) -> u64 {
        self.lock().get(&tenant).map_or(0, |heard| heard.moves)
    }

    /// The Runner as it is now, if this process heard from it after what the database says.
    pub(crate) fn refresh(&self, tenant: TenantId, mut runner: Runner) -> Runner {
        if let Some(presence) = self.lock().get(&tenant).and_then(|heard| heard.of(runner.id))
            && presence.last_seen >= runner.presence.last_seen
        {
            runner.presence = presence.clone();
        }
        runner
    }

    /// The same of what a glance shows.
    pub(crate) fn refresh_line(&self, tenant: TenantId, mut line: RunnerLine) -> RunnerLine {
        if let Some(presence) = self.lock().get(&tenant).and_then(|heard| heard.of(line.id))
            && presence.last_seen >= line.last_seen
        {
            let Presence { last_seen, connected, condition, .. } = presence;
            (line.last_seen, line.connected, line.condition) = (*last_seen, *connected, *condition);
        }
        line
    }

    fn take_unwritten(&self) -> Vec<(TenantId, Unwritten)> {
        let mut tenants = self.lock();
        let all = tenants.iter_mut().map(|(tenant, heard)| (*tenant, heard.take_unwritten()));
        all.filter(|(_, unwritten)| !unwritten.is_empty()).collect()
    }

    /// What could not be written is tried again, unless something newer came.
    fn put_back(&self, tenant: TenantId, unwritten: Unwritten) {
        let mut tenants = self.lock();
        let heard = tenants.entry(tenant).or_default();
        heard.stirs |= unwritten.stirs;
        for (runner, presence) in unwritten.presences {
            let entry = heard.runners.entry(runner).or_default();
            entry.presence.get_or_insert(presence);
            entry.is_unwritten = true;
        }
        for (runner, runs) in unwritten.runs {
            heard.runners.entry(runner).or_default().runs.get_or_insert(runs);
        }
    }

    /// Forgets Runners whose session ended, once the database knows.
    fn forget_gone(&self) {
        let is_here = |presence: &Presence| presence.connected;
        for heard in self.lock().values_mut() {
            heard.runners.retain(|_, entry| {
                entry.is_unwritten || entry.runs.is_some() || entry.presence.as_ref().is_some_and(is_here)
            });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Heard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn of(&self, runner: RunnerId) -> Option<&Presence> {
        self.runners.get(&runner)?.presence.as_ref()
    }

    fn take_unwritten(&mut self) -> Unwritten {
        let mut unwritten = Unwritten { stirs: std::mem::take(&mut self.stirs), ..Unwritten::default() };
        for (runner, entry) in &mut self.runners {
            if std::mem::take(&mut entry.is_unwritten) {
                unwritten.presences.extend(entry.presence.clone().map(|presence| (*runner, presence)));
            }
            unwritten.runs.extend(entry.runs.take().map(|runs| (*runner, runs)));
        }
        unwritten
    }
}

impl Unwritten {
    fn is_empty(&self) -> bool {
        self.presences.is_empty() && self.runs.is_empty()
    }
}

impl Operations {
    /// Writes the signs of life that came since the last call, and what Runners work at; of how many Runners there were
    /// signs. To be called every second or so. What cannot be written for one tenant keeps no other from its turn.
    pub async fn flush_presence(&self) -> Result<usize, Error> {
        let (mut written, mut failed) = (0, None);
        for (tenant, unwritten) in self.0.presences.take_unwritten() {
            match self.write(tenant, &unwritten).await {
                Ok(()) => written += unwritten.presences.len(),
                Err(error) => {
                    self.0.presences.put_back(tenant, unwritten);
                    failed.get_or_insert(error);
                }
            }
        }
        self.0.presences.forget_gone();
        failed.map_or(Ok(written), Err)
    }

    /// Says that no Runner has a session; how many had one as far as the database knew. To be called when the control plane
    /// starts, since one that was killed could not say so. What another replica knows better, it says again within
    /// seconds.
    pub async fn forget_sessions(&self) -> Result<u64, Error> {
        let mut forgotten = 0;
        for tenant in self.active_tenants().await? {
            let permit = policy::system(tenant, Permission::Upkeep)?;
            let tx = self.store().write(&permit).await?;
            let here = tx.disconnect_all().await?;
            if here > 0 {
                tx.stir().await?;
                tx.commit_unlogged(Unlogged::Presence).await?;
            }
            forgotten += here;
        }
        Ok(forgotten)
    }

    async fn write(&self, tenant: TenantId, unwritten: &Unwritten) -> Result<(), Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().write(&permit).await?;
        tx.put_presences(&unwritten.presences).await?;
        tx.replace_under_way(&unwritten.runs).await?;
        if unwritten.stirs {
            tx.stir().await?;
        }
        Ok(tx.commit_unlogged(Unlogged::Presence).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: TenantId = TenantId::NIL;
    const RUNNER: RunnerId = RunnerId::NIL;

    fn presence(waiting: u64, connected: bool) -> Presence {
        let software = "proctor-runner 0.1.0".parse().unwrap();
        Presence { last_seen: None, connected, condition: None, software, seal_level: None, waiting }
    }

    fn taken(presences: &Presences) -> Unwritten {
        let mut all = presences.take_unwritten();
        assert!(all.len() <= 1);
        all.pop().map(|(_, unwritten)| unwritten).unwrap_or_default()
    }

    #[test]
    fn what_could_not_be_written_stands_behind_what_came_since() {
        let presences = Presences::default();
        presences.put(TENANT, RUNNER, presence(1, true));
        presences.put_runs(TENANT, RUNNER, Vec::new());
        let failed = taken(&presences);
        assert!(failed.stirs && failed.runs.len() == 1);
        assert!(taken(&presences).is_empty(), "it is taken once");
        presences.put(TENANT, RUNNER, presence(2, true));
        presences.put_back(TENANT, failed);
        let again = taken(&presences);
        assert_eq!(again.presences, [(RUNNER, presence(2, true))]);
        assert!(again.stirs && again.runs.len() == 1, "what nobody said anew is not lost");
    }

    #[test]
    fn a_sign_of_life_that_says_the_same_stirs_nothing() {
        let presences = Presences::default();
        presences.put(TENANT, RUNNER, presence(1, true));
        assert!(taken(&presences).stirs);
        let moves = presences.moves(TENANT);
        presences.put(TENANT, RUNNER, presence(2, true));
        let written = taken(&presences);
        assert_eq!((written.presences.len(), written.stirs, presences.moves(TENANT)), (1, false, moves));
        presences.put(TENANT, RUNNER, presence(2, false));
        assert!(taken(&presences).stirs && presences.moves(TENANT) > moves);
        presences.forget_gone();
        assert!(presences.lock().values().all(|heard| heard.runners.is_empty()));
    }
}
