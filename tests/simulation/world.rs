//! One simulation: a queue of events in virtual time, and what both parties make of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use ids::RequestId;
use runner_link::session::Event as LinkEvent;
use tests::Canary;

use crate::collect::Known;
use crate::control::ControlPlane;
use crate::net::{Weather, Wire};
use crate::oracle::{Broken, Oracle};
use crate::person::Person;
use crate::random::Random;
use crate::runner::Runner;
use crate::template::{Template, begins, folder};
use crate::time::{PartyClock, Time};

/// The storm lasts between these.
const STORM_MS: (u64, u64) = (25_000, 70_000);
/// After it everything must come to rest within this.
const REST_MS: u64 = 20 * 60_000;
/// Within this a Runner that is locked or revoked hears no more.
const CUT_MS: u64 = 5_000;
/// Since when a store that was put back may keep the Runner out for good.
const SETTLED_MS: u64 = 90_000;
/// Evidence is full of it; nothing else may be.
const CANARY: &str = "canary-7f3a91c2-in-the-evidence";
const MINUTE_MS: i64 = 60_000;
/// Lines of the trace that are kept.
const TRACE: usize = 1_500;

#[derive(Debug)]
pub(crate) enum Event {
    Connect,
    ToControlPlane { wire: u64, bytes: Vec<u8> },
    ToRunner { wire: u64, bytes: Vec<u8> },
    ControlPlaneSeesEnd { wire: u64 },
    RunnerSeesEnd { wire: u64 },
    Work { wire: u64 },
    Writable { wire: u64 },
    Tick { wire: u64 },
    Ask { wire: u64 },
    RequestedRun { request: RequestId },
    Upkeep,
    Deed,
    Person,
    Trouble,
    Reachable,
    RunnerStarts,
    ControlPlaneStarts,
    Heal,
}

/// What was put in the place of what, and what nobody can come back from.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct PutBack {
    pub(crate) database: bool,
    pub(crate) store: bool,
    pub(crate) revoked: bool,
}

/// How much happened, so that a simulation in which nothing does is noticed.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) events: u64,
    pub(crate) messages: u64,
    pub(crate) runs: u64,
    pub(crate) runs_requested: u64,
    pub(crate) missed: u64,
    pub(crate) gaps: u64,
    pub(crate) drilldowns: u64,
    pub(crate) opened: u64,
    pub(crate) proven: u64,
    pub(crate) sessions: u64,
    pub(crate) records: u64,
    pub(crate) renewed: u64,
    pub(crate) gave_way: u64,
    pub(crate) locked: u64,
    pub(crate) forks: u64,
}

/// A fault that is built in on purpose, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// The control plane acknowledges a record before it has it.
    AcknowledgeEarly,
    /// A record that was acknowledged goes from the database.
    LoseRecord,
    /// Evidence stands in a message.
    Leak,
    /// An answer begins twice.
    AnswerTwice,
    /// A Runner that is not let in is sent something.
    ServeLockedOut,
    /// Nothing that the control plane says arrives.
    Deaf,
}

/// How a simulation failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) why: Broken,
    pub(crate) trace: Vec<String>,
}

pub(crate) struct World {
    pub(crate) template: Arc<Template>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) time: Time,
    pub(crate) random: Random,
    pub(crate) weather: Weather,
    fair: bool,
    pub(crate) runner: Runner,
    pub(crate) control: ControlPlane,
    pub(crate) person: Person,
    pub(crate) oracle: Oracle,
    pub(crate) wire: Option<Wire>,
    pub(crate) wires: u64,
    pub(crate) unreachable: bool,
    /// Messages of each way, for those who send old ones again.
    pub(crate) recorded: [Vec<Vec<u8>>; 2],
    pub(crate) known: Vec<Known>,
    pub(crate) backup: Option<PathBuf>,
    pub(crate) store_copy: Option<PathBuf>,
    pub(crate) copies: u64,
    pub(crate) put_back: PutBack,
    pub(crate) shut_out_ms: Option<u64>,
    /// Sessions that were welcomed.
    pub(crate) welcomed: BTreeSet<u64>,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) healed: bool,
    healed_ms: u64,
    pub(crate) done: Done,
    events: BTreeMap<(u64, u64), Event>,
    order: u64,
    trace: VecDeque<String>,
}

impl World {
    pub(crate) async fn new(seed: u64, template: &Arc<Template>) -> Self {
        let random = Random::new(seed);
        let (folder, time) = (folder(), Time::default());
        let (database, store) = template.copy(folder.path());
        // The certificate is fresh, due to be renewed, or expired.
        let later = *random.pick(&[1, 60, 13 * 60, 25 * 60]).unwrap();
        let start = begins().plus_ms(later * MINUTE_MS);
        let weather = Weather::of(seed, &random);
        let outbox_limit = *random.pick(&[1_000_000, 1_000_000, 12]).unwrap();
        let mut runner = Runner::new(PartyClock::new(&time, start), &store, outbox_limit);
        runner.start(template);
        let mut control = ControlPlane::new(PartyClock::new(&time, start), &database);
        control.start(template, random.next()).await;
        let oracle = Oracle::new(&database, Canary::new(CANARY), &runner.duties().vault());
        let mut world = Self {
            template: Arc::clone(template),
            folder,
            time,
            fair: weather.is_fair(),
            weather,
            runner,
            control,
            person: Person::default(),
            oracle,
            wire: None,
            wires: 0,
            unreachable: false,
            recorded: [Vec::new(), Vec::new()],
            known: Vec::new(),
            backup: None,
            store_copy: None,
            copies: 0,
            put_back: PutBack::default(),
            shut_out_ms: None,
            welcomed: BTreeSet::new(),
            sabotage: None,
            healed: false,
            healed_ms: 0,
            done: Done::default(),
            events: BTreeMap::new(),
            order: 0,
            trace: VecDeque::new(),
            random,
        };
        let described = format!("seed {seed}, {later} min after enrolment, {:?}", world.weather);
        world.trace(|| described);
        let (from, to) = STORM_MS;
        let storm = world.random.between(from, to);
        world.at(storm, Event::Heal);
        for (at, event) in [
            (1, Event::Connect),
            (50, Event::Deed),
            (500, Event::Upkeep),
            (900, Event::Person),
            (4_000, Event::Trouble),
        ] {
            world.at(at, event);
        }
        world
    }

    pub(crate) fn with(self, sabotage: Sabotage) -> Self {
        Self { sabotage: Some(sabotage), ..self }
    }

    pub(crate) fn at(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.events.insert((at, self.order), event);
    }

    pub(crate) fn trace(&mut self, line: impl FnOnce() -> String) {
        if self.trace.len() == TRACE {
            self.trace.pop_front();
        }
        let now = self.time.now_ms();
        self.trace.push_back(format!("{:>4}.{:03} {}", now / 1_000, now % 1_000, line()));
    }

    /// Runs to the end; what happened, or what was broken.
    pub(crate) async fn run(mut self) -> Result<Done, Failure> {
        match self.go().await {
            Ok(()) => {
                self.done.messages = self.oracle.messages;
                self.done.opened = u64::try_from(self.oracle.opened()).unwrap();
                self.done.proven = self.person.proven;
                self.done.sessions = self.wires;
                self.done.records = u64::try_from(self.oracle.kept.len()).unwrap();
                Ok(self.done)
            }
            Err(why) => Err(Failure { why, trace: self.trace.into() }),
        }
    }

    async fn go(&mut self) -> Result<(), Broken> {
        while let Some(((at, _), event)) = self.events.pop_first() {
            self.time.set(at);
            self.done.events += 1;
            let heals = matches!(event, Event::Heal);
            self.happens(event).await?;
            self.nudged().await?;
            self.look()?;
            if self.healed && heals && self.healed_ms == 0 {
                self.healed_ms = at;
            }
            if self.healed && self.is_at_rest() {
                return self.end();
            }
            let rest_ms = if self.sabotage.is_some() { SETTLED_MS } else { REST_MS };
            if self.healed && at > self.healed_ms + rest_ms {
                return Err(format!("no rest: {}", self.describe()));
            }
        }
        Err("nothing happens any more".to_owned())
    }

    async fn happens(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Connect => self.connect().await?,
            Event::ToControlPlane { wire, bytes } => self.reaches_control_plane(wire, &bytes).await?,
            Event::ToRunner { wire, bytes } => self.reaches_runner(wire, &bytes)?,
            Event::ControlPlaneSeesEnd { wire } => self.control_plane_sees_end(wire).await,
            Event::RunnerSeesEnd { wire } => self.runner_sees_end(wire)?,
            Event::Work { wire } => self.work(wire)?,
            Event::Writable { wire } => self.handle(wire, LinkEvent::Writable)?,
            Event::Tick { wire } => self.tick(wire)?,
            Event::Ask { wire } => self.ask(wire).await?,
            Event::RequestedRun { request } => self.requested_run(request)?,
            Event::Upkeep => self.upkeep().await,
            Event::Deed => self.deed()?,
            Event::Person => self.person().await?,
            Event::Trouble => self.trouble().await?,
            Event::Reachable => self.unreachable = false,
            Event::RunnerStarts => self.runner_starts(),
            Event::ControlPlaneStarts => self.control_plane_starts().await,
            Event::Heal => self.heal().await?,
        }
        Ok(())
    }

    /// After every step.
    fn look(&mut self) -> Result<(), Broken> {
        let duties = self.runner.up.as_ref().map(|process| Arc::clone(&process.duties));
        self.oracle.look(duties.as_ref().map(|duties| duties.vault()).as_deref())?;
        let now = self.time.now_ms();
        let standing = self.oracle.standing();
        if standing == "active" {
            self.shut_out_ms = None;
            return Ok(());
        }
        let since = *self.shut_out_ms.get_or_insert(now);
        if since == now && standing == "locked" {
            self.done.locked += 1;
        }
        if self.fair {
            return Err(format!("nobody meddled, and the Runner is {standing}"));
        }
        if self.sabotage == Some(Sabotage::ServeLockedOut) {
            let accepted = contract::Accepted { accepted: 0 };
            self.control_plane_sends(0, vec![accepted.into()])?;
        }
        let still = self.control.sessions.keys().find(|wire| self.welcomed.contains(wire));
        match still {
            Some(wire) if now > since + CUT_MS => Err(format!("session {wire} of a {standing} Runner is still open")),
            _ => Ok(()),
        }
    }

    /// Whether everything that was to be done is done, or cannot be done by anybody.
    fn is_at_rest(&self) -> bool {
        let (Some(process), Some(_)) = (&self.runner.up, &self.control.up) else { return false };
        if self.put_back.revoked {
            return self.control.sessions.is_empty() && process.stopped.is_some();
        }
        let vault = process.duties.vault();
        let rolled_back = *vault.condition() != runner_vault::Condition::Ready;
        let settled = self.time.now_ms() > self.healed_ms + SETTLED_MS;
        if self.oracle.deceived && !self.oracle.continues() {
            return settled && (rolled_back || self.oracle.standing() == "locked");
        }
        if (self.put_back.store || self.put_back.database) && settled {
            // Another history, or a certificate that one side does not know: the two do not come together again.
            let apart = !self.oracle.continues() && (rolled_back || self.oracle.standing() == "locked");
            if apart || process.stopped.is_some() {
                return true;
            }
        }
        let connected = self.runner.status().is_some();
        let reported = vault.journal_size().ok() == u64::try_from(self.oracle.kept.len()).ok();
        let receipted = vault.receipts_waiting(1).is_ok_and(|waiting| waiting.is_empty());
        let decided = self.put_back.store || self.oracle.open_requests() == 0;
        connected && reported && receipted && decided && !rolled_back
    }

    fn end(&mut self) -> Result<(), Broken> {
        self.trace(|| "everything is at rest".to_owned());
        self.oracle.end()?;
        let missing = self.oracle.without_receipt();
        if !missing.is_empty() && !self.put_back.store && !self.put_back.database && !self.put_back.revoked {
            return Err(format!("evidence was opened without a receipt: {missing:?}"));
        }
        Ok(())
    }

    fn describe(&self) -> String {
        let runner = self.runner.up.as_ref().map(|process| {
            let vault = process.duties.vault();
            let (size, waiting) = (vault.journal_size(), vault.receipts_waiting(8).map(|waiting| waiting.len()));
            format!("journal {size:?}, receipts {waiting:?}, stopped {:?}, {:?}", process.stopped, vault.condition())
        });
        let (kept, open) = (self.oracle.kept.len(), self.oracle.open_requests());
        let (standing, status) = (self.oracle.standing(), self.runner.status());
        format!(
            "Runner {runner:?}; kept {kept}, open requests {open}, standing {standing}, session {status:?}, {:?}",
            self.put_back
        )
    }
}
