//! What is not as it was: verdicts, findings, Runners, alarms.

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use control_plane_domain::alarm::Alarm;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::standing::{ChangeKind, ResultChange};
use control_plane_store::Reads;
use crypto::Digest;
use proof::text::FreeText;

use super::AtRunner;
use super::health::RunnerLines;
use super::refs::{Here, Labels};
use super::texts::Text;
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
    /// What the procedure is called there, where it is installed still.
    pub title: Option<FreeText>,
    /// Its digest there.
    pub digest: Option<Digest>,
    /// What holds if the check passes, where a check changed and the file says so.
    pub check_title: Option<String>,
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
        let lines = self.runner_lines(&tx).await?;
        let found = newest(&tx, since, SHOWN).await?;
        let labels = Labels::beside(&tx, &lines.lines, found.iter().map(|change| change.runner)).await?;
        let here = Here::read(&tx, found.iter().map(|change| (change.runner, &change.procedure))).await?;
        let texts = self.texts_of(&tx, files_of(&here, &found)).await?;
        let mut changes =
            changes(&found, &lines, (since, SHOWN), &Beside { labels: &labels, here: &here, texts: &texts })?;
        if caller.may(Permission::AlarmsList) {
            let page = Page::new(None, SHOWN + 1).map_err(|why| Error::invalid("limit", why))?;
            let alarms = tx.alarms(false, &page).await?.items.into_iter().filter(|alarm| alarm.opened >= since);
            changes.alarms = Some(short(alarms.collect(), SHOWN, &mut changes.more));
        }
        Ok(changes)
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
        let labels = Labels::read(&tx, items.iter().map(|change| change.runner)).await?;
        let here = Here::read(&tx, items.iter().map(|change| (change.runner, &change.procedure))).await?;
        let texts = self.texts_of(&tx, files_of(&here, &items)).await?;
        Ok(Listed { items: Beside { labels: &labels, here: &here, texts: &texts }.rows(items)?, next })
    }
}

/// The newest changes of each kind since a time, one more than are shown.
pub(super) async fn newest(reads: &Reads, since: Timestamp, shown: u32) -> Result<Vec<ResultChange>, Error> {
    let kinds = [ChangeKind::Verdict, ChangeKind::Opened, ChangeKind::Closed];
    Ok(reads.changes_of(&kinds, since, shown + 1).await?)
}

/// The files in which the checks that changed are written.
pub(super) fn files_of(here: &Here, changes: &[ResultChange]) -> BTreeSet<Digest> {
    let of_checks = changes.iter().filter(|change| change.check.is_some());
    of_checks.filter_map(|change| here.at(change.runner, &change.procedure).1).collect()
}

/// What was read for changes to be shown with.
pub(super) struct Beside<'a> {
    pub(super) labels: &'a Labels,
    pub(super) here: &'a Here,
    pub(super) texts: &'a BTreeMap<Digest, Text>,
}

/// What changed since a time, but for alarms, which stand elsewhere on the page that asks for this.
pub(super) fn changes(
    found: &[ResultChange],
    lines: &RunnerLines,
    (since, shown): (Timestamp, u32),
    beside: &Beside<'_>,
) -> Result<Changes, Error> {
    let mut more = false;
    let mut of = |kind| {
        let changes = found.iter().filter(|change| change.kind == kind).cloned().collect();
        beside.rows(short(changes, shown, &mut more))
    };
    let (verdicts, opened) = (of(ChangeKind::Verdict)?, of(ChangeKind::Opened)?);
    let closed = of(ChangeKind::Closed)?;
    let gone = short(lines.gone(since), shown, &mut more);
    Ok(Changes { since, verdicts, opened, closed, gone, alarms: None, more })
}

impl Beside<'_> {
    fn rows(&self, changes: Vec<ResultChange>) -> Result<Vec<ChangeRow>, Error> {
        changes.into_iter().map(|change| self.row(change)).collect()
    }

    fn row(&self, change: ResultChange) -> Result<ChangeRow, Error> {
        let (title, digest) = self.here.at(change.runner, &change.procedure);
        let procedure = digest.and_then(|digest| self.texts.get(&digest)).and_then(Text::procedure);
        let check = change.check.as_ref().zip(procedure).and_then(|(id, procedure)| procedure.check(id.as_str()));
        let check_title = check.map(|check| check.title.clone());
        Ok(ChangeRow { runner: self.labels.at(change.runner)?, title, digest, check_title, change })
    }
}

/// At most so many, and notes whether there were more.
fn short<T>(mut all: Vec<T>, limit: u32, more: &mut bool) -> Vec<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    *more |= all.len() > limit;
    all.truncate(limit);
    all
}
