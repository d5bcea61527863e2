//! The list of runs, and what is being run.

use std::collections::BTreeMap;

use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::run::{RunFilter, RunSummary};
use control_plane_domain::run_request::RunRequest;
use control_plane_store::Reads;
use proof::text::{FreeText, Name};

use super::refs::{Labels, People};
use super::{AtRunner, Choices, PersonRef, ProcedureChoice};
use crate::{Error, Operations};

/// Requests under way that are shown.
const RUNNING: u32 = 10;

/// A page of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunsPage {
    /// Runs, those that began last first.
    pub rows: Listed<RunRow>,
    /// What was asked for and has not ended; only on the first page of the list without filters.
    pub running: Vec<RunningRow>,
    /// What the filters can choose from.
    pub choices: Choices,
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

/// A run that was asked for and has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningRow {
    /// The request: waiting, or begun.
    pub request: RunRequest,
    /// Where.
    pub runner: AtRunner,
    /// What, where it is still installed.
    pub procedure: Option<ProcedureChoice>,
    /// Who asked.
    pub by: PersonRef,
}

impl Operations {
    /// Runs, with what the page of them needs beside.
    pub async fn runs_page(&self, caller: &Caller, filter: &RunFilter, page: &Page) -> Result<RunsPage, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        let Listed { items, next } = tx.runs(filter, page).await?;
        let labels = Labels::read(&tx, items.iter().map(|run| run.runner)).await?;
        let choices = Choices::read(&tx).await?;
        let titles: BTreeMap<&Name, &FreeText> =
            choices.procedures.iter().map(|known| (&known.id, &known.title)).collect();
        let row = |run: RunSummary| {
            let title = titles.get(&run.procedure.id).map(|title| (*title).clone());
            Ok(RunRow { runner: labels.at(run.runner)?, title, run })
        };
        let rows = Listed { items: items.into_iter().map(row).collect::<Result<_, Error>>()?, next };
        let is_plain = *filter == RunFilter::default() && page.after().is_none();
        let running = if is_plain { running(&tx).await? } else { Vec::new() };
        Ok(RunsPage { rows, running, choices })
    }
}

/// What was asked for and has not ended, newest first.
pub(super) async fn running(reads: &Reads) -> Result<Vec<RunningRow>, Error> {
    let requests = reads.open_run_requests(RUNNING).await?;
    let labels = Labels::read(reads, requests.iter().map(|request| request.runner)).await?;
    let people = People::read(reads, requests.iter().map(|request| request.person)).await?;
    let mut rows = Vec::with_capacity(requests.len());
    for request in requests {
        let installed = reads.installed_procedure(request.runner, &request.procedure).await?;
        rows.push(RunningRow {
            runner: labels.at(request.runner)?,
            procedure: installed.map(|installed| ProcedureChoice { id: installed.id, title: installed.title }),
            by: people.of(request.person),
            request,
        });
    }
    Ok(rows)
}
