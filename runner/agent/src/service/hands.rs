//! The threads that do the work: one that hands it out, and one for each run that is executed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use clock::Timestamp;
use contract::{Condition, RunProgress, RunStage};
use ids::{RequestId, RunId};

use super::board::Board;
use super::job::{self, Done, Job};
use super::line::{self, Out, Refusals};
use super::under_way::Runs;
use super::work::{Looked, Requested, Work};
use crate::fail::Fail;
use crate::wiring::runner::Runner;

/// Due times are kept to a second.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Evidence past its retention is looked for once a day, a while after the start.
const PURGE_EVERY_MS: i64 = 24 * 60 * 60 * 1000;
const FIRST_PURGE_MS: i64 = 10 * 60 * 1000;
/// The control plane is shown a new checkpoint at most this often.
const CHECKPOINT_EVERY_MS: i64 = 5 * 1000;

/// What the thread that hands out work hears.
pub(crate) enum Event {
    /// Somebody asked for a run over the line.
    Requested(Requested),
    /// A command changed what is installed, or answered something.
    Changed,
    /// A job has ended.
    Done(Job, Done),
    /// The service ends.
    Stop,
}

/// What all threads share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) runner: Runner,
    pub(crate) board: Arc<Board>,
    pub(crate) events: Sender<Event>,
    pub(crate) out: Out,
    /// Requests over the line that wait for their turn or are being executed.
    pub(crate) queued: Queued,
    pub(crate) refusals: Refusals,
    /// The runs that are worked at.
    pub(crate) under_way: Runs,
}

/// Request ids, each once.
#[derive(Clone, Default)]
pub(crate) struct Queued(Arc<Mutex<BTreeSet<RequestId>>>);

impl Queued {
    /// Takes a request in; says whether it was not there.
    pub(crate) fn insert(&self, request: RequestId) -> bool {
        self.ids().insert(request)
    }

    /// It has been decided, durably or for good.
    pub(crate) fn remove(&self, request: RequestId) {
        self.ids().remove(&request);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ids().len()
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<RequestId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that hands out work.
pub(crate) struct Hands {
    thread: JoinHandle<Result<(), Fail>>,
    events: Sender<Event>,
}

/// Makes the channel that the thread hears.
pub(crate) fn events() -> (Sender<Event>, Receiver<Event>) {
    channel()
}

impl Hands {
    /// Begins to hand out work.
    pub(crate) fn start(
        shared: Shared,
        heard: Receiver<Event>,
        ended: impl FnOnce() + Send + 'static,
    ) -> Result<Self, Fail> {
        let work = Work::new(shared.runner.clone(), Arc::clone(&shared.board))?;
        shared.board.beat(shared.runner.clock.monotonic_ms());
        let events = shared.events.clone();
        let hand_out = move || {
            let done = HandOut::new(shared, work).until_stopped(&heard);
            ended();
            done
        };
        let thread = std::thread::Builder::new().name("work".to_owned()).spawn(hand_out).map_err(no_thread)?;
        Ok(Self { thread, events })
    }

    /// Waits until what is under way has stopped; a run that is cut off goes on at the next start.
    pub(crate) fn stop(self) -> Result<(), Fail> {
        // The thread may have ended by itself.
        let _ = self.events.send(Event::Stop);
        self.thread.join().unwrap_or_else(|_| {
            Err(Fail::fault(
                "E-SERVICE-003",
                "the thread that hands out work failed",
                "start it again; please report this",
            ))
        })
    }
}

struct HandOut {
    shared: Shared,
    work: Work,
    jobs: Vec<JoinHandle<()>>,
    purging: Arc<AtomicBool>,
    purge_at: Timestamp,
    size: u64,
    checkpoint: Option<Timestamp>,
    condition: Option<Condition>,
}

impl HandOut {
    fn new(shared: Shared, work: Work) -> Self {
        let purge_at = shared.runner.clock.now().plus_ms(FIRST_PURGE_MS);
        Self {
            shared,
            work,
            jobs: Vec::new(),
            purging: Arc::default(),
            purge_at,
            size: 0,
            checkpoint: None,
            condition: None,
        }
    }

    fn until_stopped(mut self, heard: &Receiver<Event>) -> Result<(), Fail> {
        loop {
            self.shared.board.beat(self.shared.runner.clock.monotonic_ms());
            let Looked { jobs, refused } = self.survive(Work::look)?.unwrap_or_default();
            for job in jobs {
                self.begin(job)?;
            }
            for (request, code) in refused {
                line::refuse(&self.shared, request, code);
                self.shared.queued.remove(request);
            }
            self.purge()?;
            self.tell_line()?;
            self.jobs.retain(|job| !job.is_finished());
            match heard.recv_timeout(LOOK_EVERY) {
                Ok(Event::Stop) => break,
                Ok(event) => self.hear(event)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
        self.jobs.retain(|job| !job.is_finished());
        if !self.jobs.is_empty() {
            tracing::info!(threads = self.jobs.len(), "what is under way is waited for");
        }
        // Each sees the same signal as this thread and stores what it has.
        for job in std::mem::take(&mut self.jobs) {
            if job.join().is_err() {
                tracing::error!(code = "E-SERVICE-003", "a run's thread failed; the run goes on at the next start");
            }
        }
        Ok(())
    }

    fn hear(&mut self, event: Event) -> Result<(), Fail> {
        match event {
            Event::Requested(requested) => self.work.request(requested),
            Event::Changed => {
                self.survive(|work| work.plan().and_then(|()| work.adopt()))?;
                self.shared.out.catalogue_changed();
                self.shared.out.schedule_changed();
            }
            Event::Done(job, done) => {
                log(&job, &done);
                self.survive(|work| work.done(&job, &done))?;
                self.report(&job, &done);
                self.shared.out.schedule_changed();
            }
            Event::Stop => {}
        }
        Ok(())
    }

    /// Does something with the store. A store that cannot be written for the moment is tried again; one that a thread
    /// failed in is not used any more, and the service starts anew.
    fn survive<T>(&mut self, act: impl FnOnce(&mut Work) -> Result<T, Fail>) -> Result<Option<T>, Fail> {
        match act(&mut self.work) {
            Ok(done) => Ok(Some(done)),
            Err(fail) if fail.code == crate::wiring::store::FAILED => Err(fail),
            Err(fail) => {
                tracing::error!(code = fail.code, next = fail.next, "the store could not be used");
                let now = self.shared.runner.clock.now();
                self.shared.board.note(|facts| facts.trouble = Some((now, fail.code)));
                Ok(None)
            }
        }
    }

    fn begin(&mut self, job: Job) -> Result<(), Fail> {
        let shared = self.shared.clone();
        let execute = move || {
            let mut ended = Ended { shared, job, done: None };
            let done = {
                let watcher = ended.shared.under_way.watcher();
                job::perform(&ended.shared.runner, &ended.job, &watcher, &|run| begun(&ended.job, run, &ended.shared))
            };
            ended.done = Some(done);
        };
        self.jobs.push(std::thread::Builder::new().name("run".to_owned()).spawn(execute).map_err(no_thread)?);
        Ok(())
    }

    /// Evidence past its retention goes, in a thread of its own: due times are looked at meanwhile.
    fn purge(&mut self) -> Result<(), Fail> {
        let now = self.shared.runner.clock.now();
        // A clock that was set back by years must not put it off for years.
        if now < self.purge_at && self.purge_at.since_ms(now) <= PURGE_EVERY_MS {
            return Ok(());
        }
        self.purge_at = now.plus_ms(PURGE_EVERY_MS);
        if self.purging.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let (runner, purging) = (self.shared.runner.clone(), Arc::clone(&self.purging));
        let destroy = move || {
            match runner.store.with(|store| store.purge_expired()) {
                Ok(gone) if gone.runs.is_empty() && gone.generations == 0 => {}
                Ok(gone) => tracing::info!(
                    runs = gone.runs.len(),
                    items = gone.items,
                    "evidence past its retention is destroyed"
                ),
                Err(fail) => tracing::error!(code = fail.code, next = fail.next, "evidence could not be destroyed"),
            }
            purging.store(false, Ordering::SeqCst);
        };
        self.jobs.push(std::thread::Builder::new().name("purge".to_owned()).spawn(destroy).map_err(no_thread)?);
        Ok(())
    }

    /// Lets the line know that there is something to report, whoever wrote it.
    fn tell_line(&mut self) -> Result<(), Fail> {
        let now = self.shared.runner.clock.now();
        let condition = self.work.condition();
        if self.condition.replace(condition) != Some(condition) {
            self.shared.out.condition(condition);
        }
        if self.shared.under_way.take_changed() {
            self.shared.out.under_way_changed();
        }
        let runner = self.shared.runner.clone();
        let Some(size) = self.survive(|_| runner.store.with(|store| store.journal_size()))? else { return Ok(()) };
        self.shared.board.metrics.journal(size);
        if size == self.size {
            return Ok(());
        }
        self.shared.out.journal_grew(size);
        if self.checkpoint.is_none_or(|last| !(0..CHECKPOINT_EVERY_MS).contains(&now.since_ms(last))) {
            self.checkpoint = Some(now);
            self.size = size;
            self.shared.out.checkpoint_made();
        }
        Ok(())
    }

    fn report(&self, job: &Job, done: &Done) {
        if let Job::Requested { request, .. } = job {
            self.shared.queued.remove(*request);
        }
        match (job, done) {
            (Job::Requested { request, .. }, Done::NotBegun { code, .. }) => {
                line::refuse(&self.shared, *request, code);
            }
            (_, Done::Ended { run, .. }) => line::ended(&self.shared, *run),
            _ => {}
        }
    }
}

fn begun(job: &Job, run: RunId, shared: &Shared) {
    match job {
        Job::Due { procedure, due, .. } => tracing::info!(%run, procedure, %due, "a due run begins"),
        Job::Requested { procedure, request, .. } => {
            tracing::info!(%run, procedure, %request, "a requested run begins");
            let (request, run) = (Some(*request), Some(run));
            let progress = RunProgress { request, run, stage: RunStage::Begun, code: None };
            line::tell(shared, progress);
        }
        Job::GoOn(_) => {}
    }
}

fn log(job: &Job, done: &Done) {
    match done {
        Done::Ended { is_news: false, .. } | Done::Taken => {}
        Done::Ended { run, verdict, .. } => tracing::info!(%run, %verdict, "a run has ended"),
        Done::Parked { run, until } => {
            tracing::info!(%run, until = until.map(|until| until.to_string()), "a run waits")
        }
        Done::Stuck { run, code } => {
            tracing::error!(%run, code, "a run cannot go on; `proctor-runner resume` says why")
        }
        Done::NotBegun { code, .. } => tracing::error!(?job, code, "no run began"),
        Done::Interrupted => tracing::info!(?job, "a run is cut off; it goes on at the next start"),
    }
}

/// Tells of the end of a job, also where its thread failed.
struct Ended {
    shared: Shared,
    job: Job,
    done: Option<Done>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let done = self.done.take().unwrap_or_else(|| match &self.job {
            Job::GoOn(run) => Done::Stuck { run: *run, code: "E-SERVICE-003".to_owned() },
            // If it began, it is among the unfinished runs.
            Job::Due { .. } | Job::Requested { .. } => Done::Interrupted,
        });
        // Nobody hears it where the service ends.
        let _ = self.shared.events.send(Event::Done(self.job.clone(), done));
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function to map errors with")]
fn no_thread(error: std::io::Error) -> Fail {
    Fail::fault("E-SERVICE-004", format_args!("no thread can be started: {error}"), "see the limits of the service")
}
