//! The control plane's side: real operations on a real database, and the gateway's sessions without their sockets.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use clock::Clock;
use contract::FromRunner;
use control_plane_authority::Why;
use control_plane_domain::policy::Caller;
use control_plane_gateway::session::Session;
use control_plane_gateway::{Gateway, Limits};
use control_plane_operations::Operations;
use prost::Message;

use crate::oracle::Broken;
use crate::random::Random;
use crate::runner::EXPIRED;
use crate::template::{ADDRESS, Template, operations};
use crate::time::PartyClock;
use crate::world::{Event, Sabotage, World};

/// How often a session asks what there is to say.
const ASK_MS: u64 = 2_000;

pub(crate) struct ControlPlane {
    pub(crate) clock: Arc<PartyClock>,
    pub(crate) database: PathBuf,
    pub(crate) up: Option<Up>,
    pub(crate) sessions: BTreeMap<u64, Session>,
}

/// What a running process has in memory.
pub(crate) struct Up {
    pub(crate) operations: Operations,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) owner: Caller,
    pub(crate) auditor: Caller,
}

impl ControlPlane {
    pub(crate) fn new(clock: Arc<PartyClock>, database: &Path) -> Self {
        Self { clock, database: database.to_owned(), up: None, sessions: BTreeMap::new() }
    }

    pub(crate) async fn start(&mut self, template: &Template, seed: u64) {
        let operations = operations(&self.database, &self.clock).await;
        operations.refresh_trust().await.unwrap();
        operations.forget_sessions().await.unwrap();
        let owner = operations.authenticate(&template.owner_key, ADDRESS).await.unwrap();
        let auditor = operations.authenticate(&template.auditor_key, ADDRESS).await.unwrap();
        let trusted = Arc::clone(operations.authority().trusted());
        let clock: Arc<dyn Clock> = self.clock.clone();
        let gateway = Gateway::new(operations.clone(), trusted, clock, Arc::new(Random::new(seed)), Limits::default());
        self.up = Some(Up { operations, gateway, owner, auditor });
    }
}

impl ControlPlane {
    /// The alert with which the TLS layer would refuse this chain.
    pub(crate) fn handshake_refuses(&self, chain: &[Vec<u8>]) -> Option<&'static str> {
        let trusted = Arc::clone(self.up.as_ref()?.operations.authority().trusted());
        match trusted.verify_runner(chain, self.clock.now()) {
            Ok(_) => None,
            Err(Why::Expired | Why::NotYetValid) => Some(EXPIRED),
            Err(Why::UnknownTenant | Why::Signature | Why::OtherTenant | Why::AuthorityExpired) => Some("UnknownCA"),
            Err(_) => Some("CertificateUnknown"),
        }
    }
}

/// The result, if there is one at once.
pub(crate) fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// The result, unless the process ends while it waits for the `left`-th time.
async fn unless_it_ends<F: Future>(future: F, mut left: u64) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

impl World {
    /// A Runner's connection arrived.
    pub(crate) fn accept(&mut self, wire: u64, chain: Vec<Vec<u8>>) -> bool {
        let Some(up) = &self.control.up else { return false };
        self.control.sessions.insert(wire, up.gateway.session(chain));
        let at = self.time.now_ms() + 1 + self.random.between(0, ASK_MS);
        self.at(at, Event::Ask { wire });
        true
    }

    pub(crate) async fn reaches_control_plane(&mut self, wire: u64, bytes: &[u8]) -> Result<(), Broken> {
        let Some(mut session) = self.control.sessions.remove(&wire) else { return Ok(()) };
        let said = match proto::FromRunner::decode(bytes).map(FromRunner::try_from) {
            Ok(Ok(message)) => {
                let name = message.name();
                if let (Some(Sabotage::AcknowledgeEarly), FromRunner::Report(report)) = (self.sabotage, &message) {
                    let accepted = contract::Accepted { accepted: report.seq + 1 };
                    self.control_plane_sends(wire, vec![accepted.into()])?;
                }
                self.trace(|| format!("  control plane <- {name} ({wire})"));
                if self.random.chance(self.weather.crash_within) {
                    let waits = self.random.between(0, 30);
                    let said = unless_it_ends(session.receive(message), waits).await;
                    if said.is_none() {
                        self.trace(|| format!("the control plane ends within {name}, at wait {waits}"));
                        drop(session);
                        self.control_plane_crashes();
                        return Ok(());
                    }
                    said.unwrap_or_default()
                } else {
                    session.receive(message).await
                }
            }
            Ok(Err(refusal)) => session.refused(&refusal),
            // What is not even the encoding ends the stream.
            Err(_) => {
                session.close().await;
                self.cut("it carries what cannot be decoded");
                return Ok(());
            }
        };
        self.control.sessions.insert(wire, session);
        self.said(wire, said).await
    }

    /// The time to ask has come, or somebody nudged.
    pub(crate) async fn ask(&mut self, wire: u64) -> Result<(), Broken> {
        let Some(session) = self.control.sessions.get_mut(&wire) else { return Ok(()) };
        let said = session.pending().await;
        self.at(self.time.now_ms() + ASK_MS, Event::Ask { wire });
        self.said(wire, said).await
    }

    async fn said(&mut self, wire: u64, said: Vec<contract::FromControlPlane>) -> Result<(), Broken> {
        self.control_plane_sends(wire, said)?;
        let Some(session) = self.control.sessions.get_mut(&wire) else { return Ok(()) };
        if session.ended() {
            session.close().await;
            self.control.sessions.remove(&wire);
            // The last words arrive, then the end.
            let at = self.time.now_ms() + 1 + self.weather.delay + 1;
            self.at(at, Event::RunnerSeesEnd { wire });
        }
        Ok(())
    }

    /// Sessions that were nudged look at once.
    pub(crate) async fn nudged(&mut self) -> Result<(), Broken> {
        let wires: Vec<u64> = self.control.sessions.keys().copied().collect();
        for wire in wires {
            let Some(session) = self.control.sessions.get_mut(&wire) else { continue };
            if at_once(session.nudged()).is_some() {
                let said = session.pending().await;
                self.said(wire, said).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn control_plane_sees_end(&mut self, wire: u64) {
        if let Some(mut session) = self.control.sessions.remove(&wire) {
            session.close().await;
        }
    }

    /// Everything in memory is gone. What was committed stays.
    pub(crate) fn control_plane_crashes(&mut self) {
        self.person.readers.clear();
        self.control.sessions.clear();
        self.control.up = None;
        self.cut("the control plane is gone");
        let down = *self.random.pick(&[1, 500, 5_000, 40_000]).unwrap();
        self.at(self.time.now_ms() + down, Event::ControlPlaneStarts);
    }

    pub(crate) async fn control_plane_starts(&mut self) {
        if self.control.up.is_none() {
            let seed = self.random.next();
            self.trace(|| "the control plane starts".to_owned());
            self.control.start(&self.template, seed).await;
        }
    }

    pub(crate) async fn upkeep(&mut self) {
        let now = self.time.now_ms();
        self.at(now + 2_000, Event::Upkeep);
        if self.sabotage == Some(Sabotage::LoseRecord) && now > 10_000 {
            self.oracle.lose_the_last_record();
        }
        let Some(up) = &self.control.up else { return };
        up.operations.sign_checkpoints().await.unwrap();
        if (now / 2_000).is_multiple_of(5) {
            up.operations.flush_presence().await.unwrap();
            up.operations.sweep().await.unwrap();
        }
    }
}
