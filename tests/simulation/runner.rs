//! The Runner's side: the link's machines with real duties over a real store, driven as its shell drives them.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clock::Clock;
use contract::version::CURRENT;
use contract::{EnrolResponse, Epoch, FromControlPlane, Mark, RecoverRequest};
use crypto::SystemEntropy;
use crypto::entropy::random_bytes;
use prost::Message;
use runner_disclosure::drilldown::Gate;
use runner_disclosure::policy::Policy;
use runner_link::duties::Duties;
use runner_link::keeper::{Keeper, Next};
use runner_link::marks::Marks;
use runner_link::session::{Command, Ending, Event as LinkEvent, Nudge, Opening, Session};
use runner_link::work::{Work, perform};
use runner_link::{Identity, Keyring, LinkError, Moment};
use runner_vault::{Files, Options, Vault};

use crate::duties::SimDuties;
use crate::net::Wire;
use crate::oracle::Broken;
use crate::template::{ADDRESS, Template, provider};
use crate::time::PartyClock;
use crate::world::{Event, World};

pub(crate) struct Runner {
    pub(crate) clock: Arc<PartyClock>,
    pub(crate) folder: PathBuf,
    pub(crate) outbox_limit: u64,
    pub(crate) up: Option<Process>,
}

/// What a running process has in memory.
pub(crate) struct Process {
    pub(crate) duties: Arc<SimDuties>,
    keyring: Keyring,
    keeper: Keeper,
    recover: bool,
    marks: Marks,
    pub(crate) talk: Option<Talk>,
    /// The link gave up until the operator acts.
    pub(crate) stopped: Option<LinkError>,
    pub(crate) waits_until: Option<u64>,
}

/// A session and the work that it asked for.
pub(crate) struct Talk {
    wire: u64,
    mark: Mark,
    session: Session,
    works: VecDeque<Work>,
    working: bool,
    welcomed_ms: Option<u64>,
    ending: Option<Ending>,
    /// When the session is looked at again.
    tick: Option<u64>,
}

impl Process {
    /// The certificate chain that the next connection shows.
    pub(crate) fn chain(&self) -> Vec<Vec<u8>> {
        chain_of(&self.keyring.identity())
    }
}

impl Runner {
    pub(crate) fn new(clock: Arc<PartyClock>, folder: &Path, outbox_limit: u64) -> Self {
        Self { clock, folder: folder.to_owned(), outbox_limit, up: None }
    }

    pub(crate) fn start(&mut self, template: &Template) {
        let options = Options { outbox_limit: self.outbox_limit, ..Options::default() };
        let (files, clock) = (Files::in_folder(&self.folder), self.clock.clone());
        let mut vault = Vault::open(&files, &provider(&self.folder), options, clock, SystemEntropy::new()).unwrap();
        if *vault.condition() == runner_vault::Condition::Ready {
            for run in vault.unfinished_runs().unwrap() {
                vault.end_run(run, verdict::Code::Internal).unwrap();
            }
        }
        let bytes = vault.link_identity().unwrap().unwrap();
        let identity = Identity::from_bytes(&bytes, &SystemEntropy::new()).unwrap();
        let gate = Gate::new(Policy::default(), self.clock.clone());
        self.up = Some(Process {
            duties: Arc::new(SimDuties::new(vault, gate, self.clock.clone(), template.name)),
            keyring: Keyring::new(identity, SystemEntropy::new()),
            keeper: Keeper::new(),
            marks: Marks::default(),
            recover: false,
            talk: None,
            stopped: None,
            waits_until: None,
        });
    }

    /// The duties of a Runner that is up.
    pub(crate) fn duties(&self) -> Arc<SimDuties> {
        Arc::clone(&self.up.as_ref().expect("asked of a Runner that runs").duties)
    }

    pub(crate) fn status(&self) -> Option<runner_link::session::Status> {
        self.up.as_ref()?.talk.as_ref()?.session.status()
    }
}

impl World {
    fn moment(&self) -> Moment {
        Moment::of(&*self.runner.clock)
    }

    pub(crate) fn runner_starts(&mut self) {
        if self.runner.up.is_none() {
            self.trace(|| "the Runner starts".to_owned());
            self.runner.start(&self.template);
            self.at(self.time.now_ms() + 1, Event::Connect);
        }
    }

    /// Everything in memory is gone. What was committed stays.
    pub(crate) fn runner_crashes(&mut self, down_ms: u64) {
        self.runner.up = None;
        self.cut("the Runner is gone");
        self.at(self.time.now_ms() + down_ms, Event::RunnerStarts);
    }

    /// An attempt to open a session.
    pub(crate) async fn connect(&mut self) -> Result<(), Broken> {
        let now = self.time.now_ms();
        let Some(process) = &mut self.runner.up else { return Ok(()) };
        if process.talk.is_some() || process.stopped.is_some() || process.waits_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        process.waits_until = None;
        match self.attempt().await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.trace(|| format!("runner: no session: {error}"));
                self.goes_on_after(&Ending::Failed(error), 0)
            }
        }
    }

    async fn attempt(&mut self) -> Result<(), LinkError> {
        let unreachable = || LinkError::Connect { target: "cp".into(), why: "refused".into() };
        if self.control.up.is_none() || self.unreachable {
            return Err(unreachable());
        }
        let wall = self.runner.clock.now();
        let process = self.runner.up.as_mut().ok_or_else(unreachable)?;
        if std::mem::take(&mut process.recover) || process.keyring.identity().expired(wall) {
            self.recover().await?;
        }
        let process = self.runner.up.as_mut().ok_or_else(unreachable)?;
        let (identity, first_use) = process.keyring.opening(&*process.duties)?;
        if let Some(alert) = self.control.handshake_refuses(&chain_of(&identity)) {
            if !self.healed && self.random.chance(500) {
                return Err(LinkError::Cut { target: "cp".into(), why: "the refusal was lost".into() });
            }
            process.keyring.refused(&*process.duties, first_use, alert, wall)?;
            self.done.gave_way += u64::from(process.keyring.identity().generation() < identity.generation());
            process.recover |= alert == EXPIRED;
            return Err(LinkError::OwnCertificateRefused { target: "cp".into(), alert: alert.to_owned() });
        }
        let process = self.runner.up.as_mut().ok_or_else(unreachable)?;
        let (mark, marks_before) = process.marks.next(&SystemEntropy::new());
        let opening = Opening {
            mark,
            marks_before,
            epoch: Epoch::from_bytes(random_bytes(&self.random)),
            generation: identity.generation(),
            standing: process.duties.standing()?,
            renew_at: process.keyring.renew_at(&self.random),
        };
        let chain = chain_of(&identity);
        self.wires += 1;
        let number = self.wires;
        self.wire = Some(Wire::new(number));
        self.accept(number, chain);
        self.trace(|| format!("runner: connection {number}"));
        let (session, commands) = Session::new(opening, self.moment());
        let talk = Talk {
            wire: number,
            mark,
            session,
            works: VecDeque::new(),
            working: false,
            welcomed_ms: None,
            ending: None,
            tick: None,
        };
        if let Some(process) = &mut self.runner.up {
            process.talk = Some(talk);
        }
        self.obey(commands).map_err(|why| LinkError::Protocol { what: format!("{INVARIANT}{why}") })
    }

    /// The way to a certificate after the old one has expired. Its answer may be lost too.
    async fn recover(&mut self) -> Result<(), LinkError> {
        let (Some(process), Some(up)) = (&self.runner.up, &self.control.up) else { return Ok(()) };
        let (keyring, duties) = (&process.keyring, &process.duties);
        let identity = keyring.identity();
        let certificate_request = keyring.recovery_request();
        let digest = crypto::digest::sha256(certificate_request.as_bytes());
        let statement = duties.recovery_statement(digest, identity.generation(), self.runner.clock.now())?;
        let certificate = identity.chain()[0].clone();
        let request = RecoverRequest { version: CURRENT, certificate_request, certificate, statement };
        let answer = up.operations.recover(&request, ADDRESS).await;
        let lost = LinkError::Cut { target: "cp".into(), why: "the answer was lost".into() };
        if !self.healed && self.random.chance(300) {
            return Err(lost);
        }
        match answer {
            EnrolResponse::Enrolled(enrolled) => {
                keyring.recovered(&**duties, enrolled.chain, enrolled.generation, self.runner.clock.now())
            }
            EnrolResponse::Refused(refused) => Err(match refused.code.as_str() {
                "E-ENROL-008" => LinkError::Revoked,
                "E-ENROL-009" => LinkError::Locked,
                code => LinkError::RecoveryRefused { code: code.to_owned() },
            }),
            EnrolResponse::AwaitingApproval(_) => Err(lost),
        }
    }

    pub(crate) fn reaches_runner(&mut self, wire: u64, bytes: &[u8]) -> Result<(), Broken> {
        let event = match proto::FromControlPlane::decode(bytes).map(FromControlPlane::try_from) {
            Ok(Ok(message)) => {
                let name = message.name();
                self.trace(|| format!("runner         <- {name}"));
                LinkEvent::Received(message)
            }
            Ok(Err(refusal)) => LinkEvent::Closed(LinkError::Protocol { what: refusal.to_string() }),
            Err(error) => LinkEvent::Closed(LinkError::Protocol { what: error.to_string() }),
        };
        self.handle(wire, event)
    }

    pub(crate) fn runner_sees_end(&mut self, wire: u64) -> Result<(), Broken> {
        let why = "the connection was reset".to_owned();
        self.handle(wire, LinkEvent::Closed(LinkError::Cut { target: "cp".into(), why }))
    }

    /// Gives an event to the session of this connection, if it is still there.
    pub(crate) fn handle(&mut self, wire: u64, event: LinkEvent) -> Result<(), Broken> {
        let moment = self.moment();
        let Some(talk) = self.runner.up.as_mut().and_then(|process| process.talk.as_mut()) else { return Ok(()) };
        if talk.wire != wire || talk.ending.is_some() {
            return Ok(());
        }
        let commands = talk.session.handle(event, moment);
        self.obey(commands)
    }

    /// The time has come at which the session wanted to be asked again.
    pub(crate) fn tick(&mut self, wire: u64) -> Result<(), Broken> {
        let now = self.time.now_ms();
        let Some(talk) = self.runner.up.as_mut().and_then(|process| process.talk.as_mut()) else { return Ok(()) };
        if talk.wire != wire || talk.tick != Some(now) {
            return Ok(());
        }
        talk.tick = None;
        self.handle(wire, LinkEvent::Tick)
    }

    /// Word of the rest of the Runner.
    pub(crate) fn nudge(&mut self, nudge: Nudge) -> Result<(), Broken> {
        let wire = self.runner.up.as_ref().and_then(|process| process.talk.as_ref()).map(|talk| talk.wire);
        wire.map_or(Ok(()), |wire| self.handle(wire, LinkEvent::Local(nudge)))
    }

    fn obey(&mut self, commands: Vec<Command>) -> Result<(), Broken> {
        let now = self.time.now_ms();
        let mut sent = false;
        for command in commands {
            if let Command::Send(message) = command {
                sent = true;
                self.runner_sends(message)?;
                continue;
            }
            let Some(talk) = self.runner.up.as_mut().and_then(|process| process.talk.as_mut()) else { return Ok(()) };
            match command {
                // Nothing here depends on it, and what takes no turn leaves the order of everything else as it was.
                Command::Do(Work::UnderWay) => {}
                Command::Do(work) => talk.works.push_back(work),
                Command::End(ending) => talk.ending = Some(ending),
                Command::Note(error) => self.trace(|| format!("runner: {error}")),
                Command::Send(_) => {}
            }
        }
        let moment = self.moment();
        let random = self.random.between(1, 15);
        let Some(talk) = self.runner.up.as_mut().and_then(|process| process.talk.as_mut()) else { return Ok(()) };
        if talk.session.status().is_some() {
            talk.welcomed_ms.get_or_insert(now);
        }
        let (wire, begin) = (talk.wire, !talk.working && !talk.works.is_empty());
        talk.working |= begin;
        let wake = talk.session.wake_at(moment).map(|wake| wake.max(now + 1));
        let wake = wake.filter(|wake| talk.tick.is_none_or(|tick| *wake < tick));
        talk.tick = wake.or(talk.tick);
        let over = talk.ending.is_some() && !talk.working;
        if begin {
            self.at(now + random, Event::Work { wire });
        }
        if sent {
            self.at(now + 1, Event::Writable { wire });
        }
        if let Some(wake) = wake {
            self.at(wake, Event::Tick { wire });
        }
        if over { self.ends() } else { Ok(()) }
    }

    /// One piece of the work that the session asked for.
    pub(crate) fn work(&mut self, wire: u64) -> Result<(), Broken> {
        let (now, moment) = (self.time.now_ms(), self.moment());
        let Some(process) = &mut self.runner.up else { return Ok(()) };
        let Some(talk) = process.talk.as_mut().filter(|talk| talk.wire == wire) else { return Ok(()) };
        let Some(work) = talk.works.pop_front() else { return Ok(()) };
        let done = perform(work, &*process.duties, &process.keyring, moment.wall);
        talk.working = !talk.works.is_empty();
        if talk.working {
            let at = now + self.random.between(1, 15);
            self.at(at, Event::Work { wire });
        }
        let Some(talk) = self.runner.up.as_mut().and_then(|process| process.talk.as_mut()) else { return Ok(()) };
        // After its end the session only takes back what it began.
        let commands = talk.session.handle(LinkEvent::Done(done), moment);
        self.obey(commands)?;
        self.take_requested_runs();
        Ok(())
    }

    fn take_requested_runs(&mut self) {
        let Some(process) = &self.runner.up else { return };
        let queued = std::mem::take(&mut *process.duties.queued.lock().unwrap());
        for request in queued {
            let at = self.time.now_ms() + self.random.between(50, 3_000);
            self.at(at, Event::RequestedRun { request: request.request });
        }
    }

    fn ends(&mut self) -> Result<(), Broken> {
        let now = self.time.now_ms();
        let Some(process) = &mut self.runner.up else { return Ok(()) };
        let Some(talk) = process.talk.take() else { return Ok(()) };
        let Some(ending) = talk.ending else { return Ok(()) };
        if talk.welcomed_ms.is_some() {
            process.marks.welcomed(talk.mark);
        }
        let lasted = talk.welcomed_ms.map_or(0, |since| now - since);
        process.recover |= matches!(&ending, Ending::Stopped { error: LinkError::CertificateExpired, .. });
        self.trace(|| format!("runner: session {} ends: {ending:?}", talk.wire));
        if self.wire.as_ref().is_some_and(|wire| wire.number == talk.wire) {
            let at = now + 1 + self.weather.delay + 1;
            self.at(at, Event::ControlPlaneSeesEnd { wire: talk.wire });
        }
        self.goes_on_after(&ending, lasted)
    }

    fn goes_on_after(&mut self, ending: &Ending, lasted: u64) -> Result<(), Broken> {
        let now = self.time.now_ms();
        if let Ending::Failed(LinkError::Protocol { what }) = ending
            && let Some(why) = what.strip_prefix(INVARIANT)
        {
            return Err(why.to_owned());
        }
        let Some(process) = &mut self.runner.up else { return Ok(()) };
        match process.keeper.after(ending, lasted, &self.random) {
            Next::Connect => self.at(now + 1, Event::Connect),
            Next::Wait { milliseconds, .. } => {
                process.waits_until = Some(now + milliseconds);
                self.at(now + milliseconds, Event::Connect);
            }
            Next::Stop(error) => {
                process.stopped = Some(error.clone());
                self.trace(|| format!("runner: the link stops: {error}"));
            }
            Next::ShutDown => {}
        }
        Ok(())
    }
}

/// The alert of a handshake with a certificate that has expired.
pub(crate) const EXPIRED: &str = "CertificateExpired";

fn chain_of(identity: &Identity) -> Vec<Vec<u8>> {
    identity.chain().iter().map(|link| link.as_bytes().to_vec()).collect()
}

/// Marks a broken invariant on its way through an error of the link.
const INVARIANT: &str = "invariant: ";
