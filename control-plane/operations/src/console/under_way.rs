//! What is being run: what was asked for and waits for its Runner, what a Runner works at and how far it is, and what waits
//! for people.

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::run::RunUnderWay;
use control_plane_domain::run_request::{RunRequest, RunRequestState};
use control_plane_store::Reads;
use crypto::Digest;
use ids::{RunId, RunnerId};
use proof::text::{FreeText, Name};
use verdict::{Status, StepStatus};

use super::refs::{Labels, People};
use super::sop::question_of;
use super::texts::Text;
use super::{AtRunner, PersonRef, ProcedureChoice, SopQuestion};
use crate::{Error, Operations};

/// Requests that are shown, and runs.
const SHOWN: u32 = 10;

/// A run that has no result yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningRow {
    /// Where it stands.
    pub stage: RunningStage,
    /// Where.
    pub runner: AtRunner,
    /// What, by digest.
    pub digest: Digest,
    /// What, where it is still installed.
    pub procedure: Option<ProcedureChoice>,
    /// The request and who asked; none when the run was due or set off at the Runner.
    pub request: Option<(RunRequest, PersonRef)>,
}

/// Where a run stands that has no result yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunningStage {
    /// The Runner has not taken the request.
    Waiting,
    /// The Runner works at it.
    Working {
        /// The run.
        run: RunId,
        /// How far it is; none where the Runner did not say.
        step: Option<StepNow>,
    },
    /// What could be collected was; now somebody has to answer.
    Asking {
        /// The run.
        run: RunId,
    },
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepNow {
    /// When the run began.
    pub began: Timestamp,
    /// The step that is being carried out; none before the first.
    pub step: Option<Name>,
    /// Its title, where the procedure's file is here.
    pub title: Option<String>,
    /// Steps that are over.
    pub done: u32,
    /// All its steps.
    pub steps: u32,
    /// When the Runner said so.
    pub heard: Timestamp,
}

/// A question that a run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// The step that asks it: its title, its id where the procedure's file is not here.
    pub step: String,
    /// Who is asked: a role or a person, as the procedure names them.
    pub ask: Option<String>,
    /// Time to answer, as written.
    pub due: Option<String>,
}

impl RunningRow {
    /// The run, once there is one.
    pub fn run(&self) -> Option<RunId> {
        match self.stage {
            RunningStage::Waiting => None,
            RunningStage::Working { run, .. } | RunningStage::Asking { run } => Some(run),
        }
    }
}

impl Operations {
    /// A run that a Runner works at now, of which there is no result yet.
    pub async fn run_under_way(&self, caller: &Caller, run: RunId) -> Result<RunningRow, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        let under_way = tx.run_under_way(run).await?.ok_or(Error::NotFound("run"))?;
        let request = tx.run_request_of(run).await?;
        let rows = self.running_rows(&tx, vec![under_way], request.into_iter().collect()).await?;
        rows.into_iter().find(|row| row.run() == Some(run)).ok_or(Error::NotFound("run"))
    }

    /// Which of these runs wait for people: what could be collected was, and somebody has to answer.
    pub async fn runs_asking(&self, caller: &Caller, runs: &BTreeSet<RunId>) -> Result<BTreeSet<RunId>, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        if runs.is_empty() {
            return Ok(BTreeSet::new());
        }
        let reads = self.store().read(&permit).await?;
        let reported = reads.reported_runs(runs).await?.into_iter();
        Ok(reported.filter(|(_, verdict)| *verdict == Status::Pending).map(|(run, _)| run).collect())
    }

    /// What a run waits for, and whom; nothing if it does not wait for people.
    pub async fn awaited(&self, caller: &Caller, run: RunId) -> Result<Vec<Awaited>, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let reads = self.store().read(&permit).await?;
        let Some(summary) = reads.run(run).await?.filter(|run| run.verdict == Status::Pending) else {
            return Ok(Vec::new());
        };
        let text = self.text(&reads, summary.runner, &summary.procedure.sha256).await?;
        let steps = reads.run_without_items(run).await?.map(|detail| detail.steps).unwrap_or_default();
        let waits = steps.into_iter().filter(|line| line.status == StepStatus::Pending);
        let awaited = waits.filter_map(|line| {
            let Some(step) = text.procedure().and_then(|procedure| procedure.step(line.step.as_str())) else {
                return Some(Awaited { step: line.step.to_string(), ask: None, due: None });
            };
            // Others wait for the answer, or for their time.
            let SopQuestion { ask, due, .. } = question_of(step)?;
            Some(Awaited { step: step.title.clone(), ask, due })
        });
        Ok(awaited.collect())
    }

    /// What has no result yet, what is worked at first.
    pub(super) async fn running(&self, reads: &Reads) -> Result<Vec<RunningRow>, Error> {
        let under_way = reads.runs_under_way(SHOWN).await?;
        let requests = reads.open_run_requests(SHOWN).await?;
        self.running_rows(reads, under_way, requests).await
    }

    async fn running_rows(
        &self,
        reads: &Reads,
        mut under_way: Vec<RunUnderWay>,
        mut requests: Vec<RunRequest>,
    ) -> Result<Vec<RunningRow>, Error> {
        if under_way.is_empty() && requests.is_empty() {
            return Ok(Vec::new());
        }
        let runs: BTreeSet<RunId> =
            requests.iter().filter_map(begun_as).chain(under_way.iter().map(|at| at.run)).collect();
        let reported = reads.reported_runs(&runs).await?;
        // Word of an end can come after the result itself.
        let has_result = |run: RunId| reported.get(&run).is_some_and(|verdict| *verdict != Status::Pending);
        under_way.retain(|at| !has_result(at.run));
        requests.retain(|request| !begun_as(request).is_some_and(has_result));
        let places = under_way.iter().map(|it| (it.runner, it.digest));
        let places: BTreeSet<(RunnerId, Digest)> =
            places.chain(requests.iter().map(|request| (request.runner, request.procedure))).collect();
        let named = reads.installed_names(&places).await?;
        let labels = Labels::read(reads, places.iter().map(|(runner, _)| *runner)).await?;
        let people = People::read(reads, requests.iter().map(|request| request.person)).await?;
        let titles = self.step_titles(reads, &under_way).await?;
        let procedure = |runner, digest| {
            let (id, title) = named.get(&(runner, digest))?.clone();
            Some(ProcedureChoice { id, title })
        };
        let mut rows = Vec::with_capacity(under_way.len() + requests.len());
        for (at, title) in under_way.into_iter().zip(titles) {
            let asked =
                requests.iter().position(|request| request.runner == at.runner && begun_as(request) == Some(at.run));
            let request = asked.map(|asked| requests.remove(asked));
            let RunUnderWay { run, runner, procedure: id, digest, began, step, done, steps, heard } = at;
            rows.push(RunningRow {
                stage: RunningStage::Working { run, step: Some(StepNow { began, step, title, done, steps, heard }) },
                runner: labels.at(runner)?,
                digest,
                procedure: procedure(runner, digest).or_else(|| id_alone(&id)),
                request: request.map(|request| {
                    let by = people.of(request.person);
                    (request, by)
                }),
            });
        }
        for request in requests {
            let stage = match begun_as(&request) {
                None => RunningStage::Waiting,
                Some(run) if reported.contains_key(&run) => RunningStage::Asking { run },
                Some(run) => RunningStage::Working { run, step: None },
            };
            let (runner, digest) = (request.runner, request.procedure);
            let by = people.of(request.person);
            let procedure = procedure(runner, digest);
            rows.push(RunningRow {
                stage,
                runner: labels.at(runner)?,
                digest,
                procedure,
                request: Some((request, by)),
            });
        }
        Ok(rows)
    }

    /// The title of the step that each of these runs is at.
    async fn step_titles(&self, reads: &Reads, at: &[RunUnderWay]) -> Result<Vec<Option<String>>, Error> {
        let digests: BTreeSet<Digest> = at.iter().filter(|at| at.step.is_some()).map(|at| at.digest).collect();
        let texts: BTreeMap<Digest, Text> =
            if digests.is_empty() { BTreeMap::new() } else { self.texts(reads, &digests).await? };
        let title = |at: &RunUnderWay| {
            let step = at.step.as_ref()?;
            Some(texts.get(&at.digest)?.procedure()?.step(step.as_str())?.title.clone())
        };
        Ok(at.iter().map(title).collect())
    }
}

fn begun_as(request: &RunRequest) -> Option<RunId> {
    match request.state {
        RunRequestState::Begun { run, .. } => Some(run),
        RunRequestState::Waiting
        | RunRequestState::Ended { .. }
        | RunRequestState::Refused { .. }
        | RunRequestState::Expired { .. } => None,
    }
}

/// A procedure that was withdrawn while it ran goes by its id.
fn id_alone(id: &Name) -> Option<ProcedureChoice> {
    Some(ProcedureChoice { id: id.clone(), title: id.as_str().parse::<FreeText>().ok()? })
}
