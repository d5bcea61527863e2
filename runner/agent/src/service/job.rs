//! One piece of work of the service: a run from its beginning, or the rest of one. What becomes of it is told by codes;
//! the texts of errors may quote evidence and go nowhere.

use clock::Timestamp;
use crypto::Digest;
use ids::{RequestId, RunId};
use proof::log::journal::MissReason;
use serde_json::Map;
use verdict::Status;

use crate::fail::Fail;
use crate::wiring::begin::{self, Cause, NotBegun};
use crate::wiring::report::Judged;
use crate::wiring::runner::Runner;
use crate::wiring::watch::Watch;
use crate::wiring::{claims, inputs, interrupt, report, restore, unfinished};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Job {
    /// A run that was cut off, or whose time has come, goes on.
    GoOn(RunId),
    /// A procedure is due.
    Due {
        /// Its id.
        procedure: String,
        /// The version that is installed.
        digest: Digest,
        /// When it was due.
        due: Timestamp,
    },
    /// Somebody asked for a run over the line.
    Requested {
        /// The request.
        request: RequestId,
        /// Its id.
        procedure: String,
        /// The version.
        digest: Digest,
    },
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Done {
    /// The run has ended.
    Ended {
        /// The run.
        run: RunId,
        /// With this verdict.
        verdict: Status,
        /// Whether that was not known before.
        is_news: bool,
    },
    /// The run waits.
    Parked {
        /// The run.
        run: RunId,
        /// When it goes on by itself, if ever.
        until: Option<Timestamp>,
    },
    /// No run began.
    NotBegun {
        /// The word for the journal.
        reason: MissReason,
        /// The code of the error.
        code: String,
    },
    /// The run could not go on.
    Stuck {
        /// The run.
        run: RunId,
        /// The code of the error.
        code: String,
    },
    /// Another thread is at it.
    Taken,
    /// The service is told to stop; what was collected is stored.
    Interrupted,
}

/// Does it. `begun` hears of a run as soon as it is durable.
pub(crate) fn perform(runner: &Runner, job: &Job, watch: &dyn Watch, begun: &dyn Fn(RunId)) -> Done {
    match job {
        Job::GoOn(run) => match unfinished::settle(runner, *run, watch) {
            Ok(judged) => done(&judged),
            Err(fail) if fail.code == claims::CODE => Done::Taken,
            Err(fail) => failed(*run, &fail),
        },
        Job::Due { digest, due, .. } => execute(runner, digest, Cause::Due(*due), watch, begun),
        Job::Requested { request, digest, .. } => execute(runner, digest, Cause::Request(*request), watch, begun),
    }
}

fn execute(runner: &Runner, digest: &Digest, cause: Cause, watch: &dyn Watch, begun: &dyn Fn(RunId)) -> Done {
    let not_begun = |reason, code: &str| Done::NotBegun { reason, code: code.to_owned() };
    let installed = match runner.store.with(|store| store.procedure(digest)) {
        Ok(Some(installed)) if installed.approved.is_some() && installed.withdrawn.is_none() => installed,
        Ok(Some(_) | None) => return not_begun(MissReason::NotApproved, NOT_INSTALLED),
        Err(fail) => return not_begun(MissReason::Storage, &fail.code),
    };
    let procedure = match restore::procedure(&installed.procedure) {
        Ok(procedure) => procedure,
        Err(fail) => return not_begun(MissReason::NotApproved, &fail.code),
    };
    let given = runner.config.binding(&procedure.id).map_or_else(Map::new, |binding| binding.inputs.clone());
    let inputs = match inputs::bind(&procedure, &given) {
        Ok(inputs) => inputs,
        Err(fail) => return not_begun(MissReason::NotConfigured, &fail.code),
    };
    let mut execution = match begin::begin(runner, &procedure, inputs, None, cause) {
        Ok(execution) => execution,
        Err(NotBegun { reason, fail }) => return not_begun(reason, &fail.code),
    };
    let run = execution.run;
    begun(run);
    let reached = match execution.drive(watch) {
        Ok(reached) => reached,
        Err(fail) => return failed(run, &fail),
    };
    match report::report(runner, &procedure, run, reached) {
        Ok(judged) => done(&judged),
        Err(fail) => failed(run, &fail),
    }
}

/// The code of a procedure that is not installed here, or is no longer.
pub(crate) const NOT_INSTALLED: &str = "E-RUN-040";

fn done(judged: &Judged) -> Done {
    match judged.parked {
        Some(until) => Done::Parked { run: judged.run, until },
        None => Done::Ended { run: judged.run, verdict: judged.verdict(), is_news: judged.is_news },
    }
}

fn failed(run: RunId, fail: &Fail) -> Done {
    if fail.code == interrupt::CODE { Done::Interrupted } else { Done::Stuck { run, code: fail.code.clone() } }
}
