//! One conversation with the control plane, as a machine without sockets, threads or clocks: events and the time go in,
//! commands come out. It knows the order of the protocol and holds the control plane to it; it must never know how
//! messages travel or what the duties do. The shell drives it in production, the simulation in tests.
//!
//! - A command `Do` is answered by exactly one [`Event::Done`], in the order of the commands.
//! - After bulk (reports, frames) the machine waits for [`Event::Writable`] before it wants more, so that at most one
//!   helping is in memory.
//! - After [`Command::End`] the machine only cancels what was being begun.

mod drilldowns;
mod event;
mod live;
mod renewal;
mod reports;
mod witness;

use contract::version::{CURRENT, negotiate};
use contract::{FromControlPlane, FromRunner, Goodbye, Hello, Stop, StopReason};

use crate::duties::DrillDownBegun;
use crate::error::LinkError;
use crate::moment::Moment;
use crate::work::{Done, Work};
use live::Live;

pub use event::{Command, Ending, Event, Nudge, Opening};

/// How long the control plane may take to answer Hello.
const WELCOME_MS: u64 = 30_000;

/// One conversation.
#[derive(Debug)]
pub struct Session {
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Hello was said.
    Greeting(Box<Greeting>),
    Live(Box<Live>),
    Over,
}

#[derive(Debug)]
struct Greeting {
    opening: Opening,
    until_ms: u64,
    /// Records in the journal, if it grew since Hello was made.
    grown_to: u64,
}

/// How a session that was welcomed stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Records that the control plane has.
    pub accepted: u64,
    /// Records that it does not have yet.
    pub waiting: u64,
    /// By how much this host's clock was ahead of the control plane's (negative: behind) when it was welcomed.
    pub clock_ahead_ms: i64,
}

impl Session {
    /// Says Hello.
    pub fn new(opening: Opening, now: Moment) -> (Self, Vec<Command>) {
        let standing = opening.standing.clone();
        let hello = Hello {
            version: CURRENT,
            software: standing.software,
            epoch: opening.epoch,
            generation: opening.generation,
            journal_size: standing.journal_size,
            journal_head: standing.journal_head,
            audit_size: standing.audit_size,
            audit_root: standing.audit_root,
            condition: standing.condition,
            seal_level: standing.seal_level,
            mark: Some(opening.mark),
            marks_before: opening.marks_before.clone(),
        };
        let greeting = Greeting { opening, until_ms: now.monotonic_ms + WELCOME_MS, grown_to: 0 };
        (Self { phase: Phase::Greeting(Box::new(greeting)) }, vec![Command::Send(FromRunner::Hello(hello))])
    }

    /// Takes an event in.
    pub fn handle(&mut self, event: Event, now: Moment) -> Vec<Command> {
        let mut commands = Vec::new();
        let ended = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Over => return stray(event),
            Phase::Greeting(greeting) => self.greet(*greeting, event, now, &mut commands),
            Phase::Live(mut live) => {
                let ended = live.handle(event, now, &mut commands);
                if ended.is_some() {
                    commands.extend(live.abandon().into_iter().map(|id| Command::Do(Work::CancelDrillDown(id))));
                } else {
                    self.phase = Phase::Live(live);
                }
                ended
            }
        };
        if let Some(ending) = ended {
            if matches!(ending, Ending::ShutDown | Ending::NewCertificate) {
                commands.push(Command::Send(FromRunner::Goodbye(Goodbye {})));
            }
            self.phase = Phase::Over;
            commands.push(Command::End(ending));
        }
        commands
    }

    /// When the machine wants to be asked again, by the clock that never goes back.
    pub fn wake_at(&self, now: Moment) -> Option<u64> {
        match &self.phase {
            Phase::Greeting(greeting) => Some(greeting.until_ms),
            Phase::Live(live) => Some(live.wake_at_ms(now)),
            Phase::Over => None,
        }
    }

    /// How the session stands, once it was welcomed.
    pub fn status(&self) -> Option<Status> {
        match &self.phase {
            Phase::Live(live) => Some(live.status()),
            Phase::Greeting(_) | Phase::Over => None,
        }
    }

    fn greet(
        &mut self,
        mut greeting: Greeting,
        event: Event,
        now: Moment,
        commands: &mut Vec<Command>,
    ) -> Option<Ending> {
        match event {
            Event::Received(FromControlPlane::Welcome(welcome)) => {
                let spoken = match negotiate(welcome.version) {
                    Ok(spoken) => spoken,
                    Err(incompatible) => {
                        return Some(Ending::Failed(LinkError::Version { why: incompatible.to_string() }));
                    }
                };
                let live = Live::begin(greeting.opening, greeting.grown_to, (&welcome, spoken), now, commands);
                self.phase = Phase::Live(Box::new(live));
                return None;
            }
            Event::Received(FromControlPlane::Stop(stop)) => return Some(stopped(stop)),
            Event::Received(_) => {
                return Some(Ending::Failed(LinkError::Protocol { what: "it speaks before its Welcome".to_owned() }));
            }
            Event::Closed(error) => return Some(Ending::Failed(error)),
            Event::Local(Nudge::ShutDown) => return Some(Ending::ShutDown),
            Event::Tick if now.monotonic_ms >= greeting.until_ms => {
                let seconds = WELCOME_MS / 1000;
                return Some(Ending::Failed(LinkError::Silent { awaited: "Welcome", seconds }));
            }
            Event::Local(Nudge::JournalGrew(size)) => greeting.grown_to = greeting.grown_to.max(size),
            Event::Local(Nudge::ConditionChanged(condition)) => greeting.opening.standing.condition = condition,
            // All of these are asked for after the Welcome.
            Event::Local(
                Nudge::CatalogueChanged
                | Nudge::ScheduleChanged
                | Nudge::UnderWayChanged
                | Nudge::Progress(_)
                | Nudge::CheckpointMade,
            )
            | Event::Done(_)
            | Event::Writable
            | Event::Tick => {}
        }
        self.phase = Phase::Greeting(Box::new(greeting));
        None
    }
}

/// What comes in after the end: an answer that was being begun has nobody to go to.
fn stray(event: Event) -> Vec<Command> {
    match event {
        Event::Done(Done::DrillDownBegun(DrillDownBegun::Answering(start))) => {
            vec![Command::Do(Work::CancelDrillDown(start.request))]
        }
        _ => Vec::new(),
    }
}

/// What a Stop means.
fn stopped(stop: Stop) -> Ending {
    let error = match stop.reason {
        StopReason::ShuttingDown => LinkError::ShuttingDown,
        StopReason::Replaced => LinkError::Replaced,
        StopReason::Revoked => LinkError::Revoked,
        StopReason::Locked => LinkError::Locked,
        StopReason::Version => LinkError::Version { why: "the control plane says so".to_owned() },
        StopReason::Protocol => LinkError::Accused,
        StopReason::Busy => LinkError::Busy,
        StopReason::Expired => LinkError::CertificateExpired,
    };
    Ending::Stopped { error, retry_after_seconds: stop.retry_after_seconds }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
