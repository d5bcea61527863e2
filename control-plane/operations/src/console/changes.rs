//! What is not as it was: verdicts, findings, Runners, alarms.

use clock::Timestamp;
use control_plane_domain::alarm::Alarm;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::standing::{ChangeKind, ResultChange};
use control_plane_store::Reads;

use super::AtRunner;
use super::refs::Labels;
use crate::{Error, Operations};

/// Changes of one kind, Runners and alarms that are shown.
const SHOWN: u32 = 50;

/// What changed since a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Since when.
    pub since: Timestamp,
    /// Verdicts, newest first.
    pub verdicts: Vec<ChangeRow>,
    /// Checks that began to fail.
    pub opened: Vec<ChangeRow>,
    /// Checks that failed and hold again.
    pub closed: Vec<ChangeRow>,
    /// Runners that were heard of since and have no session now.
    pub gone: Vec<GoneRunner>,
    /// Alarms that were raised; `None` when the caller may not see any.
    pub alarms: Option<Vec<Alarm>>,
    /// Whether there is more of any of them than is shown.
    pub more: bool,
}

/// A change, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// What changed.
    pub change: ResultChange,
    /// Where.
    pub runner: AtRunner,
}

/// A Runner that was here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneRunner {
    /// Which.
    pub runner: AtRunner,
    /// When it was heard of last.
    pub last_seen: Option<Timestamp>,
}

impl Operations {
    /// What changed since a time, the newest of each kind.
    pub async fn changes_since(&self, caller: &Caller, since: Timestamp) -> Result<Changes, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        self.changes(&tx, caller, since, SHOWN).await
    }

    /// All that changed since a time, newest first.
    pub async fn list_changes(
        &self,
        caller: &Caller,
        since: Timestamp,
        page: &Page,
    ) -> Result<Listed<ChangeRow>, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        let Listed { items, next } = tx.changes(since, page).await?;
        Ok(Listed { items: rows(&tx, items).await?, next })
    }

    pub(super) async fn changes(
        &self,
        reads: &Reads,
        caller: &Caller,
        since: Timestamp,
        shown: u32,
    ) -> Result<Changes, Error> {
        let mut more = false;
        let mut of = async |kind| {
            let changes = reads.changes_of(kind, since, shown + 1).await?;
            rows(reads, short(changes, shown, &mut more)).await
        };
        let (verdicts, opened) = (of(ChangeKind::Verdict).await?, of(ChangeKind::Opened).await?);
        let closed = of(ChangeKind::Closed).await?;
        let gone = short(self.gone(reads, since).await?, shown, &mut more).into_iter();
        let gone = gone
            .map(|line| GoneRunner { runner: AtRunner { id: line.id, label: line.label }, last_seen: line.last_seen });
        let alarms = if caller.may(Permission::AlarmsList) {
            let page = Page::new(None, shown + 1).map_err(|why| Error::invalid("limit", why))?;
            let alarms = reads.alarms(false, &page).await?.items.into_iter().filter(|alarm| alarm.opened >= since);
            Some(short(alarms.collect(), shown, &mut more))
        } else {
            None
        };
        Ok(Changes { since, verdicts, opened, closed, gone: gone.collect(), alarms, more })
    }
}

async fn rows(reads: &Reads, changes: Vec<ResultChange>) -> Result<Vec<ChangeRow>, Error> {
    let labels = Labels::read(reads, changes.iter().map(|change| change.runner)).await?;
    changes.into_iter().map(|change| Ok(ChangeRow { runner: labels.at(change.runner)?, change })).collect()
}

/// At most so many, and notes whether there were more.
fn short<T>(mut all: Vec<T>, limit: u32, more: &mut bool) -> Vec<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    *more |= all.len() > limit;
    all.truncate(limit);
    all
}
