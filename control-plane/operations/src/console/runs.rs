//! The list of runs, by everything that tells them apart, and the runs that one can be compared with.

use std::collections::BTreeSet;

use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::run::{RunFilter, RunSummary};
use control_plane_store::{FoundRuns, Reads};
use ids::RunId;
use proof::text::{FreeText, Name};

use super::refs::Labels;
use super::{AtRunner, Choices, ControlRef, PersonRef, RunningRow};
use crate::{Error, Operations};

/// People who asked for runs that a form offers to choose from.
const ASKERS: u32 = 200;

/// Runners that a form offers to choose from.
const RUNNERS: u32 = 200;

/// A page of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunsPage {
    /// Runs, those that began last first.
    pub rows: Listed<RunRow>,
    /// How many runs were looked through, if the page ended because they were enough and not because it is full: it can
    /// be empty and have a next one all the same.
    pub looked_through: Option<u64>,
    /// What has no result yet; only on the first page of the list without filters.
    pub running: Vec<RunningRow>,
    /// What the filters can choose from.
    pub choices: Choices,
    /// Controls to choose from, sorted.
    pub controls: Vec<ControlRef>,
    /// People who asked for runs, by name; the first two hundred.
    pub askers: Vec<PersonRef>,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// The run.
    pub run: RunSummary,
    /// Where.
    pub runner: AtRunner,
    /// The procedure's title, where it is still installed anywhere.
    pub title: Option<FreeText>,
}

/// Runs that one can be compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparable {
    /// The one.
    pub run: RunRow,
    /// The others of its procedure, at whichever Runner; those that began last first.
    pub rows: Listed<RunRow>,
    /// How many runs were looked through, as in [`RunsPage`].
    pub looked_through: Option<u64>,
    /// Runners that have the procedure, by label; the first two hundred.
    pub runners: Vec<AtRunner>,
}

impl Operations {
    /// Runs, with what the page of them needs beside.
    pub async fn runs_page(&self, caller: &Caller, filter: &RunFilter, page: &Page) -> Result<RunsPage, Error> {
        self.search_runs(caller, filter, None, page).await
    }

    /// The same; with `control`, runs of the procedures that serve it.
    pub async fn search_runs(
        &self,
        caller: &Caller,
        filter: &RunFilter,
        control: Option<&ControlRef>,
        page: &Page,
    ) -> Result<RunsPage, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        check(filter)?;
        let tx = self.store().read(&permit).await?;
        let served = self.served(&tx).await?;
        let among = control.map(|control| served.procedures(control));
        let found = tx.search_runs(filter, among.as_deref(), page).await?;
        let FoundRuns { rows: Listed { items, next }, looked_through } = found;
        let rows = Listed { items: rows(&tx, items).await?, next };
        let is_plain = *filter == RunFilter::default() && control.is_none() && page.after().is_none();
        let running = if is_plain { self.running(&tx).await? } else { Vec::new() };
        let askers = tx.run_askers(ASKERS).await?.into_iter();
        let mut askers: Vec<PersonRef> = askers.map(|(id, name)| PersonRef { id, name }).collect();
        askers.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        let choices = Choices::read(&tx).await?;
        let controls = served.controls().cloned().collect();
        Ok(RunsPage { rows, looked_through, running, choices, controls, askers })
    }

    /// The runs that a run can be compared with: those of its procedure, under a filter in which the procedure stands
    /// already.
    pub async fn comparable_runs(
        &self,
        caller: &Caller,
        run: RunId,
        filter: &RunFilter,
        page: &Page,
    ) -> Result<Comparable, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        let one = tx.run(run).await?.ok_or(Error::NotFound("run"))?;
        let procedure = one.procedure.id.clone();
        let filter = RunFilter { procedure: Some(procedure.clone()), ..filter.clone() };
        let found = tx.search_runs(&filter, None, page).await?;
        let FoundRuns { rows: Listed { items, next }, looked_through } = found;
        let others = items.into_iter().filter(|other| other.id != run);
        let mut all = rows(&tx, std::iter::once(one).chain(others).collect()).await?.into_iter();
        let one = all.next().ok_or(Error::NotFound("run"))?;
        let runners = tx.runners_with(&procedure, RUNNERS).await?;
        let labels = tx.runner_labels(&runners).await?;
        let mut runners: Vec<AtRunner> = labels.into_iter().map(|(id, label)| AtRunner { id, label }).collect();
        runners.sort_by(|a, b| (&a.label, a.id).cmp(&(&b.label, b.id)));
        Ok(Comparable { run: one, rows: Listed { items: all.collect(), next }, looked_through, runners })
    }
}

/// A check has a name within its procedure alone.
pub(crate) fn check(filter: &RunFilter) -> Result<(), Error> {
    if filter.failing_check.is_some() && filter.procedure.is_none() {
        return Err(Error::invalid("check", "name the procedure of the check too"));
    }
    match (filter.score_from, filter.score_to) {
        (Some(from), Some(to)) if from > to => Err(Error::invalid("score_to", "it is less than the least score")),
        (_, _) => Ok(()),
    }
}

async fn rows(reads: &Reads, runs: Vec<RunSummary>) -> Result<Vec<RunRow>, Error> {
    let labels = Labels::read(reads, runs.iter().map(|run| run.runner)).await?;
    let procedures: BTreeSet<Name> = runs.iter().map(|run| run.procedure.id.clone()).collect();
    let titles = reads.titles_of(&procedures).await?;
    let row = |run: RunSummary| {
        let title = titles.get(&run.procedure.id).cloned();
        Ok(RunRow { runner: labels.at(run.runner)?, title, run })
    };
    runs.into_iter().map(row).collect()
}
