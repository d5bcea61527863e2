//! What is installed and due, and runs that are asked for over the line. The control plane asks; what may be run is
//! decided by what the operator installed here, and with which values by the operator's configuration.

use std::sync::{Arc, Mutex, PoisonError};

use clock::Timestamp;
use contract::{Catalogue, Code, Due, RunProgress, RunRequest, RunStage, Schedule};
use ids::{RequestId, RunId};
use proof::text::TextError;
use runner_disclosure::minute::{Minute, Share};
use runner_link::duties::RunAnswer;
use runner_vault::{RequestOutcome, RunState};
use serde_json::Map;

use super::{Line, Result, duty, unfit};
use crate::fail::Fail;
use crate::service::condition;
use crate::service::hands::{Event, Shared};
use crate::service::job::NOT_INSTALLED;
use crate::service::work::{MOST_REQUESTS, Requested, current};
use crate::wiring::{inputs, restore};

/// What came of a request is told again for so long.
const TOLD_AGAIN_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// Too many requests wait.
const BUSY: &str = "E-RUN-044";
/// Progress of runs is told for so many requests at most; the newest count.
const TOLD: usize = 1000;

pub(super) fn catalogue(line: &Line) -> Result<Catalogue> {
    let runner = &line.shared.runner;
    let installed = current(runner.store.with(|store| store.procedures()).map_err(duty)?);
    let texts = runner.config.drilldowns.procedure_texts.into();
    runner_disclosure::line::catalogue(&installed, texts).map_err(|error| unfit("catalogue", error))
}

pub(super) fn schedule(line: &Line) -> Result<Schedule> {
    let next = line.shared.board.facts().next;
    let due = next.into_iter().map(|(procedure, next_due)| {
        let procedure = procedure.parse().map_err(|error| unfit("procedure", error))?;
        Ok(Due { procedure, next_due })
    });
    Ok(Schedule { due: due.collect::<Result<_>>()? })
}

pub(super) fn progress(line: &Line) -> Result<Vec<RunProgress>> {
    let runner = &line.shared.runner;
    let since = runner.clock.now().plus_ms(-TOLD_AGAIN_MS);
    let told = runner.store.with(|store| {
        let mut requests = store.run_requests(since)?;
        let older = requests.len().saturating_sub(TOLD);
        let mut told = Vec::new();
        for requested in requests.split_off(older) {
            let ended = match &requested.outcome {
                RequestOutcome::Begun(run) => !matches!(store.run(*run)?.state, RunState::Running),
                RequestOutcome::Refused(_) => false,
            };
            told.push((requested, ended));
        }
        Ok(told)
    });
    let told = told.map_err(duty)?.into_iter().map(|(requested, ended)| match requested.outcome {
        RequestOutcome::Begun(run) => {
            let stage = if ended { RunStage::Ended } else { RunStage::Begun };
            Ok(RunProgress { request: Some(requested.request), run: Some(run), stage, code: None })
        }
        RequestOutcome::Refused(code) => {
            let code = Some(code.as_str().parse().map_err(|error| unfit("code", error))?);
            Ok(RunProgress { request: Some(requested.request), run: None, stage: RunStage::Refused, code })
        }
    });
    told.collect()
}

pub(super) fn start(line: &Line, asked: &RunRequest) -> Result<RunAnswer> {
    let (runner, request) = (&line.shared.runner, asked.request);
    let known = runner.store.with(|store| store.run_request(request)).map_err(duty)?;
    if known.is_some() || !line.shared.queued.insert(request) {
        return Ok(RunAnswer::Repeated);
    }
    let judged = judge(line, asked);
    match judged {
        Ok(procedure) => {
            line.shared.board.metrics.request("queued");
            let requested = Requested { request, procedure, digest: asked.procedure, expires: asked.expires };
            // Nobody hears it where the service ends; then the request is told again to the next one.
            let _ = line.shared.events.send(Event::Requested(requested));
            Ok(RunAnswer::Queued)
        }
        Err(code) => {
            line.shared.queued.remove(request);
            keep_refusal(&line.shared, request, &code);
            Ok(RunAnswer::Refused(code.parse::<Code>().map_err(|error| unfit("code", error))?))
        }
    }
}

/// The procedure that is to be run, or the code of why it is not.
fn judge(line: &Line, asked: &RunRequest) -> std::result::Result<String, String> {
    let runner = &line.shared.runner;
    let installed = runner.store.with(|store| store.procedures()).map_err(|fail| fail.code)?;
    // An older version that was replaced is not what the operator wants to be run.
    let installed = current(installed).into_iter().find(|one| one.procedure.digest == asked.procedure);
    let installed = installed.ok_or_else(|| NOT_INSTALLED.to_owned())?;
    let procedure = restore::procedure(&installed.procedure).map_err(|fail| fail.code)?;
    let given = runner.config.binding(&procedure.id).map_or_else(Map::new, |binding| binding.inputs.clone());
    inputs::bind(&procedure, &given).map_err(|fail| fail.code)?;
    runner.connections(&procedure).map_err(|fail| fail.code)?;
    if let Some(hindrance) = condition::look(runner).map_err(|fail| fail.code)?.hindrance {
        return Err(hindrance.code().to_owned());
    }
    if line.shared.queued.len() > MOST_REQUESTS {
        return Err(BUSY.to_owned());
    }
    Ok(procedure.id)
}

/// A request that was taken in came to nothing.
pub(crate) fn refuse(shared: &Shared, request: RequestId, code: &str) {
    keep_refusal(shared, request, code);
    match code.parse() {
        Ok(code) => {
            let code = Some(code);
            shared.out.progress(RunProgress { request: Some(request), run: None, stage: RunStage::Refused, code });
        }
        Err(error) => tracing::error!(%request, %error, "a code that the line does not carry"),
    }
}

/// The session itself refused a request for a run: for another stream, or out of date. Its id is not used up.
pub(super) fn refused(line: &Line, request: RequestId, code: &Code) {
    let shared = &line.shared;
    shared.board.metrics.request("refused");
    tracing::warn!(%request, %code, "a requested run is refused");
    if !shared.refusals.is_journalled(shared.runner.clock.now()) {
        return;
    }
    let kept =
        code.as_str().parse().map(|code| shared.runner.store.with(|store| store.journal_run_refused(request, &code)));
    told(request, kept);
}

fn keep_refusal(shared: &Shared, request: RequestId, code: &str) {
    shared.board.metrics.request("refused");
    tracing::warn!(%request, code, "a requested run is refused");
    let journalled = shared.refusals.is_journalled(shared.runner.clock.now());
    let refuse = |code| shared.runner.store.with(|store| store.refuse_run_request(request, &code, journalled));
    told(request, code.parse().map(refuse));
}

fn told(request: RequestId, kept: std::result::Result<std::result::Result<(), Fail>, TextError>) {
    match kept {
        Ok(Ok(())) => {}
        // It is refused all the same; a repetition is judged anew.
        Ok(Err(fail)) => tracing::error!(%request, code = fail.code, "the refusal could not be kept"),
        Err(error) => tracing::error!(%request, %error, "a code that the store does not keep"),
    }
}

/// Which refusals of runs are journalled: so many a minute that nobody fills the store with them.
#[derive(Clone)]
pub(crate) struct Refusals(Arc<Mutex<Minute>>);

impl Refusals {
    /// Of a service that begins now.
    pub(crate) fn starting(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Minute::starting(now))))
    }

    fn is_journalled(&self, now: Timestamp) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count(now, None) != Share::Spent
    }
}

/// Word of a run. The line learns first how far the journal is now: it holds word of an end back until all of that is
/// accepted, so that nobody hears of a result that is not there yet.
pub(crate) fn tell(shared: &Shared, progress: RunProgress) {
    if shared.out.handle().is_none() {
        return;
    }
    match shared.runner.store.with(|store| store.journal_size()) {
        Ok(size) => {
            shared.out.journal_grew(size);
            shared.out.progress(progress);
        }
        Err(fail) => tracing::error!(code = fail.code, "word of a run is told with the next session"),
    }
}

/// A run has ended; whoever asked for it hears so.
pub(crate) fn ended(shared: &Shared, run: RunId) {
    let since = shared.runner.clock.now().plus_ms(-TOLD_AGAIN_MS);
    let asked = shared.runner.store.with(|store| store.run_requests(since));
    let request = asked
        .map(|asked| asked.into_iter().find(|one| one.outcome == RequestOutcome::Begun(run)).map(|one| one.request));
    match request {
        Ok(request) => {
            let progress = RunProgress { request, run: Some(run), stage: RunStage::Ended, code: None };
            tell(shared, progress);
        }
        Err(fail) => tracing::error!(%run, code = fail.code, "the end of a run is told with the next session"),
    }
}
