//! What the service does next: which runs go on, which requests and due times become runs, and which due times are
//! missed and why. It looks at the clock it is given and at the store; threads and waiting are the business of
//! [`super::hands`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use clock::Timestamp;
use contract::Condition;
use crypto::Digest;
use ids::{RequestId, RunId};
use proof::log::journal::{GapReason, MissReason};
use runner_engine::agenda::Agenda;
use runner_vault::InstalledProcedure;

use super::board::Board;
use super::condition::{self, Hindrance};
use super::job::{Done, Job};
use super::missed;
use crate::fail::Fail;
use crate::wiring::restore;
use crate::wiring::runner::Runner;

/// A run that could not go on is tried again after this.
const STUCK_RETRY_MS: i64 = 15 * 60 * 1000;
/// A run that another thread executes is looked at again after this.
const TAKEN_RETRY_MS: i64 = 30 * 1000;
/// When the store could not be written, the next attempt waits so long.
const PAUSE_MS: i64 = 60 * 1000;
/// Disk and queue are looked at this often.
const CONDITION_EVERY_MS: i64 = 5 * 1000;
/// Run requests that wait for their turn, at most.
pub(super) const MOST_REQUESTS: usize = 100;

/// Hands out work.
pub(crate) struct Work {
    runner: Runner,
    board: Arc<Board>,
    agenda: Agenda,
    /// The version of each procedure that runs, by id.
    installed: BTreeMap<String, Digest>,
    requests: VecDeque<Requested>,
    /// Unfinished runs that nobody executes, and when they can go on by themselves.
    parked: BTreeMap<RunId, Option<Timestamp>>,
    executing: Vec<Job>,
    slots: usize,
    hindrance: Option<Hindrance>,
    looked: Option<Timestamp>,
    paused: Option<Timestamp>,
    /// What kept due times from being handled since the last look that went well.
    kept_from: Option<MissReason>,
}

/// A run that was asked for over the line and has not begun.
#[derive(Debug, Clone)]
pub(crate) struct Requested {
    pub(crate) request: RequestId,
    pub(crate) procedure: String,
    pub(crate) digest: Digest,
    /// From then on nobody wants it any more.
    pub(crate) expires: Timestamp,
}

/// What a look brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    /// To be done now, each once; [`Work::done`] must hear of its end.
    pub(crate) jobs: Vec<Job>,
    /// Requests that come to nothing, and the code that says why.
    pub(crate) refused: Vec<(RequestId, &'static str)>,
}

/// The request waited for its turn until it was out of date.
const EXPIRED: &str = "E-RUN-045";

impl Work {
    /// All unfinished runs are looked at once; due times go on where the store says.
    pub(crate) fn new(runner: Runner, board: Arc<Board>) -> Result<Self, Fail> {
        let now = runner.clock.now();
        let unfinished = runner.store.with(|store| store.unfinished_runs())?;
        let agenda = Agenda::new(now, runner.clock.monotonic_ms());
        let mut work = Self {
            agenda,
            board,
            installed: BTreeMap::new(),
            requests: VecDeque::new(),
            parked: unfinished.into_iter().map(|run| (run, Some(now))).collect(),
            executing: Vec::new(),
            slots: usize::from(runner.config.serve.runs_at_once),
            hindrance: None,
            looked: None,
            paused: None,
            kept_from: None,
            runner,
        };
        work.plan()?;
        Ok(work)
    }

    /// Reads again what is installed and what was handled.
    pub(crate) fn plan(&mut self) -> Result<(), Fail> {
        let current = current(self.runner.store.with(|store| store.procedures())?);
        let mut planned = Vec::new();
        self.installed.clear();
        for installed in current {
            let id = installed.procedure.id.clone();
            let procedure = match restore::procedure(&installed.procedure) {
                Ok(procedure) => procedure,
                Err(fail) => {
                    tracing::error!(procedure = %id, code = fail.code, "an installed procedure does not read");
                    continue;
                }
            };
            self.installed.insert(id.to_string(), installed.procedure.digest);
            planned.extend(missed::planned(&self.runner, &installed, procedure.schedule)?);
        }
        self.agenda.plan(planned);
        Ok(())
    }

    /// A run was asked for; it is taken in unless too many wait already.
    pub(crate) fn request(&mut self, requested: Requested) {
        self.requests.push_back(requested);
    }

    /// What is to be done now.
    pub(crate) fn look(&mut self) -> Result<Looked, Fail> {
        let now = self.runner.clock.now();
        if self.paused.is_some_and(|until| now < until && until.since_ms(now) <= PAUSE_MS) {
            return Ok(Looked::default());
        }
        if self.paused.take().is_some() {
            // What could not be written was not handled: the store knows what was.
            self.agenda = Agenda::new(now, self.runner.clock.monotonic_ms());
            self.plan()?;
        }
        let looked = self.look_at(now);
        if looked.is_err() {
            self.paused = Some(now.plus_ms(PAUSE_MS));
            self.kept_from = self.kept_from.or(Some(MissReason::Storage));
        }
        self.tell();
        looked
    }

    fn look_at(&mut self, now: Timestamp) -> Result<Looked, Fail> {
        self.look_at_condition(now)?;
        let mut looked = Looked { jobs: Vec::new(), refused: self.refuse(now) };
        if self.hindrance == Some(Hindrance::Rollback) {
            // A store that was put back is not written to; what is due meanwhile is told of when it was acknowledged.
            self.kept_from = Some(MissReason::Rollback);
            return Ok(looked);
        }
        let kept_from = self.kept_from;
        let tick = self.agenda.tick(now, self.runner.clock.monotonic_ms());
        for procedure in &tick.set_back {
            tracing::warn!(procedure, code = "E-SERVICE-010", "the clock was set back; due times come again");
            self.runner.store.with(|store| {
                store.journal_gap(None, GapReason::ClockMoved, None, None)?;
                store.set_due_handled(&missed::name(procedure)?, now)
            })?;
        }
        for missed in &tick.missed {
            let reason = missed::journal(&self.runner, missed, kept_from)?;
            self.board.metrics.missed(reason);
        }
        self.kept_from = None;
        // Where the queue is full the store itself refuses each run, and says so once.
        if self.hindrance == Some(Hindrance::Disk) {
            for (procedure, due) in self.agenda.due(now) {
                self.miss(&procedure, due, MissReason::Storage)?;
            }
            return Ok(looked);
        }
        while self.executing.len() < self.slots
            && let Some(job) = self.next(now)
        {
            self.executing.push(job.clone());
            looked.jobs.push(job);
        }
        Ok(looked)
    }

    /// Requests that waited too long, and all of them while no run may begin.
    fn refuse(&mut self, now: Timestamp) -> Vec<(RequestId, &'static str)> {
        let code = self.hindrance.map(Hindrance::code);
        let mut refused = Vec::new();
        self.requests.retain(|one| match code.or((one.expires <= now).then_some(EXPIRED)) {
            Some(code) => {
                refused.push((one.request, code));
                false
            }
            None => true,
        });
        refused
    }

    /// The next piece of work: what began before comes first, then what people ask for, then what is due.
    fn next(&mut self, now: Timestamp) -> Option<Job> {
        let ready = self.parked.iter().find(|(_, until)| until.is_some_and(|until| until <= now)).map(|(run, _)| *run);
        if let Some(run) = ready {
            self.parked.remove(&run);
            return Some(Job::GoOn(run));
        }
        if let Some(Requested { request, procedure, digest, .. }) = self.requests.pop_front() {
            return Some(Job::Requested { request, procedure, digest });
        }
        let busy = |procedure: &str| {
            self.executing.iter().any(|job| match job {
                Job::Due { procedure: busy, .. } | Job::Requested { procedure: busy, .. } => busy == procedure,
                Job::GoOn(_) => false,
            })
        };
        let (procedure, due) = self.agenda.due(now).into_iter().find(|(procedure, _)| !busy(procedure))?;
        let digest = *self.installed.get(&procedure)?;
        // The run, or the reason why there is none, makes it durable.
        self.agenda.handled(&procedure, due);
        Some(Job::Due { procedure, digest, due })
    }

    /// What became of a job.
    pub(crate) fn done(&mut self, job: &Job, done: &Done) -> Result<(), Fail> {
        if let Some(place) = self.executing.iter().position(|executing| executing == job) {
            self.executing.swap_remove(place);
        }
        let now = self.runner.clock.now();
        match done {
            Done::Ended { verdict, .. } => self.board.metrics.run(*verdict),
            Done::Parked { run, until } => {
                self.parked.insert(*run, *until);
            }
            Done::Stuck { run, code } => {
                self.parked.insert(*run, Some(now.plus_ms(STUCK_RETRY_MS)));
                self.board.note(|facts| facts.trouble = Some((now, code.clone())));
            }
            Done::Taken => {
                if let Job::GoOn(run) = job {
                    self.parked.insert(*run, Some(now.plus_ms(TAKEN_RETRY_MS)));
                }
            }
            Done::NotBegun { reason, code } => {
                self.board.note(|facts| facts.trouble = Some((now, code.clone())));
                if let Job::Due { procedure, due, .. } = job
                    && let Err(fail) = self.miss(procedure, *due, *reason)
                {
                    self.paused = Some(now.plus_ms(PAUSE_MS));
                    return Err(fail);
                }
            }
            Done::Interrupted => {}
        }
        Ok(())
    }

    /// Unfinished runs that came about beside this one's own jobs, as by a command that the service carried out.
    pub(crate) fn adopt(&mut self) -> Result<(), Fail> {
        let now = self.runner.clock.now();
        let unfinished = self.runner.store.with(|store| store.unfinished_runs())?;
        self.parked.retain(|run, _| unfinished.contains(run));
        for run in unfinished {
            // One that waits for an answer may have got it.
            let until = self.parked.entry(run).or_insert(Some(now));
            if until.is_none() {
                *until = Some(now);
            }
        }
        Ok(())
    }

    fn look_at_condition(&mut self, now: Timestamp) -> Result<(), Fail> {
        if self.looked.is_some_and(|looked| (0..CONDITION_EVERY_MS).contains(&now.since_ms(looked))) {
            return Ok(());
        }
        self.looked = Some(now);
        let seen = condition::look(&self.runner)?;
        if seen.hindrance == Some(Hindrance::Disk) && self.hindrance != Some(Hindrance::Disk) {
            tracing::error!(code = "E-SERVICE-011", free = seen.free, "the disk is full: no new run begins");
            self.runner.store.with(|store| store.journal_gap(None, GapReason::Storage, None, None))?;
        }
        self.hindrance = seen.hindrance;
        self.board.note(|facts| {
            (facts.condition, facts.free, facts.waiting) = (seen.condition, seen.free, seen.waiting);
        });
        Ok(())
    }

    fn miss(&mut self, procedure: &str, due: Timestamp, reason: MissReason) -> Result<(), Fail> {
        missed::journal_due(&self.runner, procedure, due, reason)?;
        self.board.metrics.missed(condition::miss_word(reason));
        self.agenda.handled(procedure, due);
        Ok(())
    }

    fn tell(&self) {
        let (executing, requested, next) = (self.executing.len(), self.requests.len(), self.agenda.next());
        let asking = self.parked.values().filter(|until| until.is_none()).count();
        self.board.note(|facts| {
            (facts.executing, facts.requested, facts.asking, facts.next) = (executing, requested, asking, next);
        });
    }

    /// Whether runs may begin.
    pub(crate) fn condition(&self) -> Condition {
        self.board.facts().condition
    }
}

/// Of each procedure the version that was approved last; the others do not run any more.
pub(crate) fn current(installed: Vec<InstalledProcedure>) -> Vec<InstalledProcedure> {
    let mut newest: BTreeMap<String, InstalledProcedure> = BTreeMap::new();
    for one in installed.into_iter().filter(|one| one.approved.is_some() && one.withdrawn.is_none()) {
        let id = one.procedure.id.to_string();
        if newest.get(&id).is_none_or(|known| known.approved < one.approved) {
            newest.insert(id, one);
        }
    }
    newest.into_values().collect()
}
