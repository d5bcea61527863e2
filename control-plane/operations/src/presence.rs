//! Signs of life. They come from every Runner every few seconds and nobody but a list looks at them, so they gather in
//! memory and go to the database a batch at a time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use control_plane_domain::policy::{self, Permission};
use control_plane_domain::run::RunUnderWay;
use control_plane_domain::runner::{Presence, Runner, RunnerLine};
use control_plane_store::Unlogged;
use ids::{RunnerId, TenantId};

use crate::{Error, Operations};

/// What Runners said of themselves last.
#[derive(Debug, Default)]
pub(crate) struct Presences {
    runners: Mutex<HashMap<(TenantId, RunnerId), Entry>>,
    /// What Runners said they work at, and nobody wrote down yet.
    runs: Mutex<HashMap<(TenantId, RunnerId), Vec<RunUnderWay>>>,
}

#[derive(Debug)]
struct Entry {
    presence: Presence,
    unwritten: bool,
}

impl Presences {
    pub(crate) fn put(&self, tenant: TenantId, runner: RunnerId, presence: Presence) {
        self.lock().insert((tenant, runner), Entry { presence, unwritten: true });
    }

    pub(crate) fn put_runs(&self, tenant: TenantId, runner: RunnerId, runs: Vec<RunUnderWay>) {
        self.runs().insert((tenant, runner), runs);
    }

    fn unwritten_runs(&self) -> HashMap<TenantId, Vec<(RunnerId, Vec<RunUnderWay>)>> {
        let mut by_tenant: HashMap<TenantId, Vec<_>> = HashMap::new();
        for ((tenant, runner), runs) in self.runs().drain() {
            by_tenant.entry(tenant).or_default().push((runner, runs));
        }
        by_tenant
    }

    /// What could not be written is tried again, unless something newer came.
    fn put_runs_back(&self, tenant: TenantId, unwritten: Vec<(RunnerId, Vec<RunUnderWay>)>) {
        let mut known = self.runs();
        for (runner, runs) in unwritten {
            known.entry((tenant, runner)).or_insert(runs);
        }
    }

    fn runs(&self) -> std::sync::MutexGuard<'_, HashMap<(TenantId, RunnerId), Vec<RunUnderWay>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The Runner as it is now, if this process heard from it after what the database says.
    pub(crate) fn refresh(&self, tenant: TenantId, mut runner: Runner) -> Runner {
        if let Some(entry) = self.lock().get(&(tenant, runner.id))
            && entry.presence.last_seen >= runner.presence.last_seen
        {
            runner.presence = entry.presence.clone();
        }
        runner
    }

    /// The same of what a glance shows.
    pub(crate) fn refresh_line(&self, tenant: TenantId, mut line: RunnerLine) -> RunnerLine {
        if let Some(entry) = self.lock().get(&(tenant, line.id))
            && entry.presence.last_seen >= line.last_seen
        {
            let Presence { last_seen, connected, condition, .. } = &entry.presence;
            (line.last_seen, line.connected, line.condition) = (*last_seen, *connected, *condition);
        }
        line
    }

    fn unwritten(&self) -> HashMap<TenantId, Vec<(RunnerId, Presence)>> {
        let mut by_tenant: HashMap<TenantId, Vec<_>> = HashMap::new();
        for ((tenant, runner), entry) in self.lock().iter_mut().filter(|(_, entry)| entry.unwritten) {
            entry.unwritten = false;
            by_tenant.entry(*tenant).or_default().push((*runner, entry.presence.clone()));
        }
        by_tenant
    }

    /// What could not be written is tried again, unless something newer came.
    fn put_back(&self, tenant: TenantId, unwritten: Vec<(RunnerId, Presence)>) {
        let mut runners = self.lock();
        for (runner, presence) in unwritten {
            let entry = runners.entry((tenant, runner)).or_insert(Entry { presence, unwritten: true });
            entry.unwritten = true;
        }
    }

    /// Forgets Runners whose session ended, once the database knows.
    fn forget_gone(&self) {
        self.lock().retain(|_, entry| entry.unwritten || entry.presence.connected);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(TenantId, RunnerId), Entry>> {
        self.runners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Operations {
    /// Writes the signs of life that came since the last call, and what Runners work at; of how many Runners there were
    /// signs. To be called every second or so. What cannot be written for one tenant keeps no other from its turn.
    pub async fn flush_presence(&self) -> Result<usize, Error> {
        let (mut written, mut failed) = (0, None);
        for (tenant, unwritten) in self.0.presences.unwritten() {
            match self.write_presences(tenant, &unwritten).await {
                Ok(()) => written += unwritten.len(),
                Err(error) => {
                    self.0.presences.put_back(tenant, unwritten);
                    failed.get_or_insert(error);
                }
            }
        }
        self.0.presences.forget_gone();
        for (tenant, unwritten) in self.0.presences.unwritten_runs() {
            if let Err(error) = self.write_runs(tenant, &unwritten).await {
                self.0.presences.put_runs_back(tenant, unwritten);
                failed.get_or_insert(error);
            }
        }
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
                tx.commit_unlogged(Unlogged::Presence).await?;
            }
            forgotten += here;
        }
        Ok(forgotten)
    }

    async fn write_runs(&self, tenant: TenantId, said: &[(RunnerId, Vec<RunUnderWay>)]) -> Result<(), Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().write(&permit).await?;
        tx.replace_under_way(said).await?;
        Ok(tx.commit_unlogged(Unlogged::Presence).await?)
    }

    async fn write_presences(&self, tenant: TenantId, unwritten: &[(RunnerId, Presence)]) -> Result<(), Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().write(&permit).await?;
        tx.put_presences(unwritten).await?;
        Ok(tx.commit_unlogged(Unlogged::Presence).await?)
    }
}
