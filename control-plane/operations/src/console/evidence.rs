//! The evidence of a run for whoever asks for it: what each item is called and what it is looked at for, so that nobody has
//! to choose among ids.

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use control_plane_domain::drilldown::DrillDown;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::run::RunSummary;
use control_plane_store::Reads;
use ids::{ItemId, RunId};
use procedure::Procedure;
use proof::manifest::ItemLine;
use proof::text::Name;

use super::run::{RunEvidence, evidence};
use super::{AtRunner, refs::Labels};
use crate::{Error, Operations};

/// The evidence of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidencePage {
    /// The run.
    pub run: RunSummary,
    /// Where it is kept.
    pub runner: AtRunner,
    /// What ran: its title, its id where its file is not known here.
    pub procedure: String,
    /// Every item, in the manifest's order.
    pub items: Vec<EvidenceItem>,
}

/// An item of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceItem {
    /// What the manifest and the journal say of it.
    pub evidence: RunEvidence,
    /// Which of the items of its step it is, from 1, and of how many.
    pub place: (usize, usize),
    /// The titles of the checks that look at what its step collected.
    pub looked_at_by: Vec<String>,
}

/// What was asked for in a drill-down, as people call it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EvidenceAsked {
    /// What ran: its title, its id where its file is not known here. `None` where the run is not known here.
    pub procedure: Option<String>,
    /// When the run began.
    pub started: Option<Timestamp>,
    /// The items that are known.
    pub items: BTreeMap<ItemId, AskedEvidence>,
}

/// An item that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedEvidence {
    /// What the manifest says.
    pub line: ItemLine,
    /// What the step that collected it does.
    pub step_title: Option<String>,
    /// The titles of the checks that look at what its step collected.
    pub looked_at_by: Vec<String>,
}

impl Operations {
    /// The evidence of a run, to ask for some of it.
    pub async fn evidence_page(&self, caller: &Caller, id: RunId) -> Result<EvidencePage, Error> {
        caller.permit(Permission::RunsList)?;
        let permit = caller.permit(Permission::ItemsList)?;
        let tx = self.store().read(&permit).await?;
        let run = tx.run(id).await?.ok_or(Error::NotFound("run"))?;
        let runner = Labels::read(&tx, [run.runner]).await?.at(run.runner)?;
        let text = self.text(&tx, run.runner, &run.procedure.sha256).await?;
        let procedure = text.procedure();
        let looked_at = looked_at(procedure);
        let items = evidence(&tx, &run, all_items(&tx, id).await?, procedure).await?;
        let mut of_step: BTreeMap<Name, (usize, usize)> = BTreeMap::new();
        for item in &items {
            of_step.entry(item.line.step.clone()).or_default().1 += 1;
        }
        let items = items.into_iter().map(|evidence| {
            let (nth, of) = of_step.entry(evidence.line.step.clone()).or_default();
            *nth += 1;
            let looked_at_by = looked_at.get(evidence.line.step.as_str()).cloned().unwrap_or_default();
            EvidenceItem { place: (*nth, *of), looked_at_by, evidence }
        });
        Ok(EvidencePage { items: items.collect(), runner, procedure: called(procedure, &run), run })
    }

    /// What a drill-down asks for, as people call it. Who may see the drill-down was said where it was read.
    pub async fn evidence_asked(&self, caller: &Caller, drilldown: &DrillDown) -> Result<EvidenceAsked, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        let Some(run) = tx.run(drilldown.run).await? else { return Ok(EvidenceAsked::default()) };
        let text = self.text(&tx, run.runner, &run.procedure.sha256).await?;
        let procedure = text.procedure();
        let looked_at = looked_at(procedure);
        let mut items = BTreeMap::new();
        let asked: BTreeSet<ItemId> = drilldown.items.iter().map(|asked| asked.item).collect();
        for id in asked {
            let Some(item) = tx.item(id).await?.filter(|item| item.run == run.id) else { continue };
            let step_title = title_of(procedure, &item.line.step);
            let looked_at_by = looked_at.get(item.line.step.as_str()).cloned().unwrap_or_default();
            items.insert(id, AskedEvidence { line: item.line, step_title, looked_at_by });
        }
        Ok(EvidenceAsked { procedure: Some(called(procedure, &run)), started: Some(run.started), items })
    }
}

/// What ran.
fn called(procedure: Option<&Procedure>, run: &RunSummary) -> String {
    procedure.map_or_else(|| run.procedure.id.to_string(), |procedure| procedure.title.clone())
}

fn title_of(procedure: Option<&Procedure>, step: &Name) -> Option<String> {
    Some(procedure?.step(step.as_str())?.title.clone())
}

/// The titles of the checks that look at what a step collected, by the step.
fn looked_at(procedure: Option<&Procedure>) -> BTreeMap<String, Vec<String>> {
    let mut looked_at: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (procedure, check) in procedure.into_iter().flat_map(|it| it.checks.iter().map(move |check| (it, check))) {
        for step in procedure.steps_of_check(check) {
            looked_at.entry(step).or_default().push(check.title.clone());
        }
    }
    looked_at
}

async fn all_items(reads: &Reads, run: RunId) -> Result<Vec<ItemLine>, Error> {
    let (mut lines, mut page) = (Vec::new(), Page::first());
    loop {
        let Listed { items, next } = reads.run_items(run, &page).await?;
        lines.extend(items.into_iter().map(|item| item.line));
        match next {
            Some(next) => page = page.following(next),
            None => return Ok(lines),
        }
    }
}
