//! One run with everything that is known of it, and what is written about it in the procedure that ran.

use std::collections::BTreeMap;

use clock::Timestamp;
use control_plane_domain::check_state::CheckState;
use control_plane_domain::drilldown::DrillDownWord;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::run::{RunDetail, RunSummary};
use control_plane_domain::runner::RunnerState;
use control_plane_store::Reads;
use ids::{ItemId, RequestId, RunId};
use procedure::Procedure;
use proof::log::Line;
use proof::manifest::{CheckLine, ItemLine, MetricLine, StepLine};
use proof::text::Name;
use verdict::Status;

use super::controls::{of_alone, of_check};
use super::refs::People;
use super::witness::missing;
use super::{AtRunner, ControlRef, PersonRef, RunProof};
use crate::{Error, Operations};

/// Drill-downs that are shown.
const DRILLDOWNS: u32 = 50;

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPage {
    /// What its newest report says.
    pub run: RunSummary,
    /// Where.
    pub runner: AtRunner,
    /// The procedure that ran; `None` when its file is withheld or cannot be read.
    pub source: Option<SourceRef>,
    /// Whether exactly this procedure is still installed there.
    pub is_installed: bool,
    /// Whether the caller can ask for a run of it now.
    pub can_rerun: bool,
    /// Its steps.
    pub steps: Vec<RunStep>,
    /// Its checks, in the procedure's order.
    pub checks: Vec<RunCheck>,
    /// The part of its evidence that was asked for; `None` when the caller may not see which there is.
    pub items: Option<Vec<RunEvidence>>,
    /// How many items of evidence it has, as far as the caller may see which.
    pub all_items: u64,
    /// Its metrics.
    pub metrics: Vec<MetricLine>,
    /// Its reports, the first one first.
    pub reports: Vec<ReportLine>,
    /// Who asked for it, if somebody did.
    pub requested: Option<RequestedBy>,
    /// The run of the procedure there that began before it.
    pub previous: Option<Neighbour>,
    /// The one that began after it.
    pub next: Option<Neighbour>,
    /// Who asked for evidence of it; `None` when the caller may not see that.
    pub drilldowns: Option<Vec<DrillDownLine>>,
    /// What proves it.
    pub proof: RunProof,
}

/// Which of the evidence items of a run are read, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemsPart {
    /// Those after so many.
    pub skipped: u64,
    /// At most so many.
    pub most: u32,
}

impl ItemsPart {
    /// Every one.
    pub const ALL: Self = Self { skipped: 0, most: u32::MAX };

    /// None of them.
    pub const NONE: Self = Self { skipped: 0, most: 0 };
}

/// What ran, in the words of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRef {
    /// One line.
    pub title: String,
    /// What it shows.
    pub purpose: String,
    /// The role that owns it.
    pub owner: String,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStep {
    /// What the manifest says.
    pub line: StepLine,
    /// What it does, in one line.
    pub title: Option<String>,
    /// Whether it runs whatever became of the others.
    pub is_finally: bool,
}

/// A check of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunCheck {
    /// What the manifest says.
    pub line: CheckLine,
    /// What holds if it passes.
    pub title: Option<String>,
    /// What to do if it fails.
    pub fix: Option<String>,
    /// Why it does not apply everywhere.
    pub not_applicable: Option<String>,
    /// What it serves, its procedure's controls among it.
    pub controls: Vec<ControlRef>,
    /// What it serves by itself.
    pub own: Vec<ControlRef>,
    /// Since when it fails, if it is not passed here and the finding that is open now had begun by then.
    pub failing_since: Option<Timestamp>,
    /// The newest word on it at this Runner.
    pub now: Option<CheckState>,
}

/// An evidence item of a run: its commitment, never its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEvidence {
    /// What the manifest says.
    pub line: ItemLine,
    /// What the step that collected it does.
    pub step_title: Option<String>,
    /// Whether the Runner destroyed it since.
    pub destroyed: Option<Destroyed>,
}

/// Evidence was destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destroyed {
    /// The journal record that says so.
    pub seq: u64,
    /// When the Runner wrote it.
    pub at: Timestamp,
}

/// A report of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportLine {
    /// The journal record that attests it.
    pub seq: u64,
    /// When it was accepted.
    pub at: Timestamp,
}

/// Somebody asked for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedBy {
    /// The request.
    pub request: RequestId,
    /// Who.
    pub by: PersonRef,
    /// When.
    pub at: Timestamp,
}

/// Another run of the same procedure at the same Runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// The run.
    pub run: RunId,
    /// Its verdict.
    pub verdict: Status,
    /// When it began.
    pub started: Timestamp,
}

/// Somebody asked for evidence of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillDownLine {
    /// The drill-down.
    pub request: RequestId,
    /// Who.
    pub by: PersonRef,
    /// When.
    pub requested: Timestamp,
    /// Where it stands.
    pub state: DrillDownWord,
}

impl Operations {
    /// A run with everything that is known of it, and a part of its evidence.
    pub async fn run_page(&self, caller: &Caller, id: RunId, part: ItemsPart) -> Result<RunPage, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        let may_see = caller.may(Permission::ItemsList);
        let ItemsPart { skipped, most } = if may_see { part } else { ItemsPart::NONE };
        let (detail, all_items) = tx.run_detail_part(id, skipped, most).await?.ok_or(Error::NotFound("run"))?;
        let RunDetail { summary: run, steps, items, checks, metrics, reports } = detail;
        let runner = tx.runner(run.runner).await?.ok_or(Error::NotFound("Runner"))?;
        let text = self.text(&tx, runner.id, &run.procedure.sha256).await?;
        let procedure = text.procedure();
        let is_installed = tx.installed_procedure(runner.id, &run.procedure.sha256).await?.is_some();
        let is_active = matches!(runner.state, RunnerState::Active { .. });
        let states = tx.check_states_of(runner.id, &run.procedure.id).await?;
        let states: BTreeMap<Name, CheckState> = states.into_iter().map(|state| (state.check.clone(), state)).collect();
        let items = match may_see {
            true => Some(evidence(&tx, &run, items, procedure).await?),
            false => None,
        };
        let (previous, next) = tx.neighbours(&run).await?;
        let (requested, drilldowns) = asked(&tx, id, caller.may(Permission::DrillDownsList)).await?;
        let proof = self.run_proof(&tx, &runner, &run).await?;
        Ok(RunPage {
            runner: AtRunner { id: runner.id, label: runner.label },
            source: procedure.map(|procedure| SourceRef {
                title: procedure.title.clone(),
                purpose: procedure.purpose.clone(),
                owner: procedure.owner.clone(),
            }),
            is_installed,
            can_rerun: is_installed && is_active && caller.may(Permission::RunsRequest),
            steps: steps.into_iter().map(|line| run_step(line, procedure)).collect(),
            checks: checks.into_iter().map(|line| run_check(line, &run, procedure, &states)).collect(),
            items,
            all_items: if may_see { all_items } else { 0 },
            metrics,
            reports: reports.into_iter().map(|(seq, at)| ReportLine { seq, at }).collect(),
            requested,
            previous: previous.map(neighbour),
            next: next.map(neighbour),
            drilldowns,
            proof,
            run,
        })
    }
}

fn run_step(line: StepLine, procedure: Option<&Procedure>) -> RunStep {
    let id = line.step.as_str();
    let title = procedure.and_then(|procedure| procedure.step(id)).map(|step| step.title.clone());
    let is_finally = procedure.is_some_and(|procedure| procedure.finally.iter().any(|step| step.id == id));
    RunStep { title, is_finally, line }
}

fn run_check(
    line: CheckLine,
    run: &RunSummary,
    procedure: Option<&Procedure>,
    states: &BTreeMap<Name, CheckState>,
) -> RunCheck {
    let written = procedure.and_then(|procedure| Some((procedure, procedure.check(line.check.as_str())?)));
    let now = states.get(&line.check);
    let holds = matches!(line.status, Status::Pass | Status::NotApplicable | Status::Skipped);
    let failing_since = now.and_then(|now| now.failing_since).filter(|since| !holds && *since <= run.ended);
    RunCheck {
        title: written.map(|(_, check)| check.title.clone()),
        fix: written.and_then(|(_, check)| check.fix.clone()),
        not_applicable: written.and_then(|(_, check)| check.na.clone()),
        controls: written.map(|(procedure, check)| of_check(procedure, check)).unwrap_or_default(),
        own: written.map(|(_, check)| of_alone(check)).unwrap_or_default(),
        failing_since,
        now: now.cloned(),
        line,
    }
}

pub(super) async fn evidence(
    reads: &Reads,
    run: &RunSummary,
    items: Vec<ItemLine>,
    procedure: Option<&Procedure>,
) -> Result<Vec<RunEvidence>, Error> {
    let ids: Vec<ItemId> = items.iter().map(|line| line.item).collect();
    let gone = reads.destroyed(run.runner, &ids).await?;
    let places: Vec<u64> = gone.iter().map(|(_, seq)| *seq).collect();
    let records = reads.journal_lines_at(run.runner, &places).await?.into_iter();
    let times: BTreeMap<u64, Timestamp> =
        records.filter_map(|record| Some((record.seq, Line::parse(&record.line).ok()?.head().at))).collect();
    let mut destroyed = BTreeMap::new();
    for (item, seq) in gone {
        let at = *times.get(&seq).ok_or_else(|| missing("the journal record of a destruction"))?;
        destroyed.insert(item, Destroyed { seq, at });
    }
    let title = |step: &Name| Some(procedure?.step(step.as_str())?.title.clone());
    let one = |line: ItemLine| RunEvidence {
        step_title: title(&line.step),
        destroyed: destroyed.get(&line.item).copied(),
        line,
    };
    Ok(items.into_iter().map(one).collect())
}

/// Who asked for the run, and who asked for evidence of it.
async fn asked(
    reads: &Reads,
    run: RunId,
    shows_drilldowns: bool,
) -> Result<(Option<RequestedBy>, Option<Vec<DrillDownLine>>), Error> {
    let request = reads.run_request_of(run).await?;
    let opened = match shows_drilldowns {
        true => Some(reads.drilldowns_into(run, DRILLDOWNS).await?),
        false => None,
    };
    let askers = request.iter().map(|request| request.person);
    let people = People::read(reads, askers.chain(opened.iter().flatten().map(|opened| opened.person))).await?;
    let requested = request.map(|request| RequestedBy {
        request: request.id,
        by: people.of(request.person),
        at: request.requested,
    });
    let line = |opened: &control_plane_store::Opened| DrillDownLine {
        request: opened.request,
        by: people.of(opened.person),
        requested: opened.requested,
        state: opened.state,
    };
    Ok((requested, opened.map(|opened| opened.iter().map(line).collect())))
}

fn neighbour(run: RunSummary) -> Neighbour {
    Neighbour { run: run.id, verdict: run.verdict, started: run.started }
}
