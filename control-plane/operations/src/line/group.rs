//! Group commit: batches of several Runners of one tenant that come while a transaction is under way are written
//! together in the next one. An fsync is the cost of a transaction, whatever is in it, and a tenant's audit log has one
//! writer at a time anyway.
//!
//! There is no task behind it. Whoever gets the turn takes along everything that waits; whoever waited finds its batch
//! done. A turn that is dropped half-way puts back what it took: taking records in twice is taking them in once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::StopReason;
use control_plane_domain::audit::AuditRecord;
use control_plane_domain::policy;
use control_plane_store::{Logged, WriteTx, Writes};
use ids::TenantId;
use tokio::sync::oneshot;

use super::LineError;
use super::take_in::{Batch, Verdict};
use crate::{Error, Operations};

/// Records that one transaction takes in, at most; a batch that begins below it is taken whole.
const RECORDS: usize = 4_096;

/// The queues of all tenants.
#[derive(Default)]
pub(crate) struct Groups {
    tenants: Mutex<HashMap<TenantId, Arc<Group>>>,
}

#[derive(Default)]
struct Group {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

struct Waiting {
    batch: Batch,
    done: oneshot::Sender<Result<Verdict, Error>>,
}

/// What a turn took along. What it has not answered when it is dropped goes back to the front of the queue.
struct Turn<'a> {
    group: &'a Group,
    taken: Vec<Waiting>,
}

impl Operations {
    /// Takes a batch in, with whatever else of the tenant waits.
    pub(super) async fn take_in(&self, tenant: TenantId, batch: Batch) -> Result<Verdict, LineError> {
        let group = self.0.groups.of(tenant);
        let (done, mut verdict) = oneshot::channel();
        group.waiting().push(Waiting { batch, done });
        loop {
            let turn = group.turn.lock().await;
            match verdict.try_recv() {
                Ok(verdict) => return Ok(verdict?),
                Err(oneshot::error::TryRecvError::Empty) => {}
                Err(oneshot::error::TryRecvError::Closed) => {
                    return Err(LineError::stop(StopReason::Busy, "E-LINE-015"));
                }
            }
            self.take_turn(tenant, group.take()).await;
            drop(turn);
        }
    }

    async fn take_turn(&self, tenant: TenantId, mut turn: Turn<'_>) {
        let batches: Vec<&Batch> = turn.taken.iter().map(|waiting| &waiting.batch).collect();
        match self.write_together(tenant, &batches).await {
            Ok(verdicts) => {
                for (waiting, verdict) in turn.taken.drain(..).zip(verdicts) {
                    answer(waiting.done, Ok(verdict));
                }
            }
            Err(error) if batches.len() == 1 => {
                if let Some(waiting) = turn.taken.pop() {
                    answer(waiting.done, Err(error));
                }
            }
            // One of them, or the database: each alone, so that nobody suffers from another's records.
            Err(_) => {
                while let Some(first) = turn.taken.first() {
                    let alone = self.write_together(tenant, &[&first.batch]).await;
                    let waiting = turn.taken.remove(0);
                    answer(waiting.done, alone.map(|verdicts| verdicts.into_iter().next().unwrap_or(Verdict::Gap)));
                }
            }
        }
    }

    /// One transaction for all of them, with the audit records of each.
    async fn write_together(&self, tenant: TenantId, batches: &[&Batch]) -> Result<Vec<Verdict>, Error> {
        let Some(first) = batches.first() else { return Ok(Vec::new()) };
        let mut tx = Open::Fresh(self.store().write(&policy::runner(tenant, first.runner)).await?);
        let mut verdicts = Vec::with_capacity(batches.len());
        for batch in batches {
            let (verdict, records) = self.take_in_one(tx.writes(), tenant, batch).await?;
            for record in records {
                tx = tx.log(&record).await?;
            }
            verdicts.push(verdict);
        }
        // Where nothing was new, nothing was written.
        if let Open::Logged(logged) = tx {
            logged.commit().await?;
        }
        Ok(verdicts)
    }
}

/// A session that ended meanwhile does not hear its verdict; its next Welcome says the same.
fn answer(done: oneshot::Sender<Result<Verdict, Error>>, verdict: Result<Verdict, Error>) {
    if done.send(verdict).is_err() {
        tracing::debug!("a session ended before its records were accepted");
    }
}

/// A transaction before and after its first audit record.
enum Open {
    Fresh(WriteTx),
    Logged(Logged),
}

impl Open {
    fn writes(&self) -> &Writes {
        match self {
            Self::Fresh(tx) => tx,
            Self::Logged(logged) => logged,
        }
    }

    async fn log(self, record: &AuditRecord) -> Result<Self, Error> {
        Ok(Self::Logged(match self {
            Self::Fresh(tx) => tx.log(record).await?.0,
            Self::Logged(mut logged) => {
                logged.log(record).await?;
                logged
            }
        }))
    }
}

impl Groups {
    fn of(&self, tenant: TenantId) -> Arc<Group> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.entry(tenant).or_default().clone()
    }
}

impl Group {
    fn take(&self) -> Turn<'_> {
        let mut waiting = self.waiting();
        let mut records = 0;
        let fits = |waiting: &Waiting| {
            let fits = records < RECORDS;
            records += waiting.batch.len();
            fits
        };
        let count = waiting.iter().map(fits).take_while(|fits| *fits).count();
        Turn { group: self, taken: waiting.drain(..count).collect() }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut waiting = self.group.waiting();
        waiting.splice(0..0, self.taken.drain(..));
    }
}
