//! What is installed where, with its newest verdict and when it is due.

use std::collections::BTreeMap;

use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::procedure::{InstalledProcedure, ScheduleDue};
use control_plane_domain::standing::{PreviousRun, ProcedureState};
use control_plane_store::Reads;
use ids::RunnerId;
use proof::text::Name;

use super::refs::Labels;
use super::{AtRunner, Choices};
use crate::{Error, Operations};

/// Runs of a procedure that a row shows.
const RECENT: u32 = 8;

/// Which installed procedures are wanted; all given conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProcedureFilter {
    /// At this Runner.
    pub runner: Option<RunnerId>,
    /// With this id.
    pub procedure: Option<Name>,
}

/// A page of installed procedures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProceduresPage {
    /// Installed procedures, by id and Runner.
    pub rows: Listed<ProcedureRow>,
    /// What the filters can choose from.
    pub choices: Choices,
}

/// A procedure at a Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureRow {
    /// What the Runner says is installed.
    pub installed: InstalledProcedure,
    /// Where.
    pub runner: AtRunner,
    /// The newest complete run; also of another version of the procedure.
    pub last: Option<ProcedureState>,
    /// When it is due next, and since when it is overdue.
    pub due: Option<ScheduleDue>,
    /// The newest runs there, whatever the version; oldest first.
    pub recent: Vec<PreviousRun>,
}

impl Operations {
    /// Installed procedures, with what the page of them needs beside.
    pub async fn procedures(
        &self,
        caller: &Caller,
        filter: &ProcedureFilter,
        page: &Page,
    ) -> Result<ProceduresPage, Error> {
        let permit = caller.permit(Permission::ProceduresList)?;
        let tx = self.store().read(&permit).await?;
        let Listed { items, next } = tx.installed_by(filter.runner, filter.procedure.as_ref(), page).await?;
        let rows = Listed { items: rows(&tx, items).await?, next };
        Ok(ProceduresPage { rows, choices: Choices::read(&tx).await? })
    }
}

async fn rows(reads: &Reads, installed: Vec<InstalledProcedure>) -> Result<Vec<ProcedureRow>, Error> {
    let mut places: Vec<(RunnerId, Name)> = installed.iter().map(|one| (one.runner, one.id.clone())).collect();
    // Two versions of a procedure can be installed at one Runner.
    places.sort();
    places.dedup();
    let labels = Labels::read(reads, places.iter().map(|(runner, _)| *runner)).await?;
    let states = reads.procedure_states(&places).await?.into_iter();
    let states: BTreeMap<_, _> = states.map(|state| ((state.runner, state.procedure.clone()), state)).collect();
    let dues = reads.dues_of(&places).await?.into_iter();
    let dues: BTreeMap<_, _> = dues.map(|due| ((due.runner, due.procedure.clone()), due)).collect();
    let mut recent: BTreeMap<(RunnerId, Name), Vec<PreviousRun>> = BTreeMap::new();
    for run in reads.newest_runs(&places, RECENT).await?.into_iter().rev() {
        let one = PreviousRun { run: run.id, verdict: run.verdict, score: run.score, ended: run.ended };
        recent.entry((run.runner, run.procedure.id)).or_default().push(one);
    }
    let row = |installed: InstalledProcedure| {
        let place = (installed.runner, installed.id.clone());
        Ok(ProcedureRow {
            runner: labels.at(installed.runner)?,
            last: states.get(&place).cloned(),
            due: dues.get(&place).cloned(),
            recent: recent.get(&place).cloned().unwrap_or_default(),
            installed,
        })
    };
    installed.into_iter().map(row).collect()
}
