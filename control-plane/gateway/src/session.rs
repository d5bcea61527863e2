//! One Runner's conversation, without a socket: messages in, messages out. The transport only carries them, and a
//! simulation can drive it with a clock of its own.

use std::sync::Arc;

use clock::Timestamp;
use contract::limits::{ALIVE_SECONDS, MAX_RETRY_AFTER_SECONDS, MISSED_ALIVES, WINDOW};
use contract::{Fault, FromControlPlane, FromRunner, Hello, Refusal, Report, Stop, StopReason};
use control_plane_authority::Why;
use control_plane_operations::{LineError, Listener, PeerCertificate};
use crypto::entropy::random_bytes;

use crate::counters::Counted;
use crate::gateway::Gateway;

/// How long a peer has to say Hello.
const HELLO_MS: u64 = 10_000;

/// After so long without a message the Runner counts as gone.
const SILENCE_MS: u64 = ALIVE_SECONDS as u64 * MISSED_ALIVES as u64 * 1_000;

/// When a Runner that took part in a restart may come back: a random second of these.
const COME_BACK_SECONDS: u32 = 15;

/// A session. It is over when [`ended`](Self::ended) says so; what was returned by then is still to be sent.
pub struct Session {
    gateway: Arc<Gateway>,
    state: State,
    over: bool,
    heard_ms: u64,
}

enum State {
    /// Hello has not come yet. What the peer presented is verified when it does.
    Waiting {
        chain: Vec<Vec<u8>>,
    },
    Open(Box<Open>),
    Closed,
}

struct Open {
    session: control_plane_operations::Session,
    listener: Listener,
    not_after: Timestamp,
    _counted: Counted,
}

impl Session {
    pub(crate) fn new(gateway: Arc<Gateway>, chain: Vec<Vec<u8>>) -> Self {
        let heard_ms = gateway.clock().monotonic_ms();
        Self { gateway, state: State::Waiting { chain }, over: false, heard_ms }
    }

    /// Whether the session is over: nothing more is to be received.
    pub fn ended(&self) -> bool {
        self.over
    }

    /// One message from the Runner.
    pub async fn receive(&mut self, message: FromRunner) -> Vec<FromControlPlane> {
        self.receive_batch(vec![message]).await
    }

    /// Messages that arrived together, in their order. Reports next to one another are accepted in one transaction.
    pub async fn receive_batch(&mut self, messages: Vec<FromRunner>) -> Vec<FromControlPlane> {
        if !messages.is_empty() {
            self.heard_ms = self.gateway.clock().monotonic_ms();
        }
        let most = usize::try_from(WINDOW).unwrap_or(usize::MAX);
        let mut said = Vec::new();
        let mut reports = Vec::new();
        for message in messages {
            if self.over {
                return said;
            }
            match message {
                FromRunner::Report(report) => {
                    reports.push(report);
                    if reports.len() >= most {
                        self.accept(std::mem::take(&mut reports), &mut said).await;
                    }
                }
                other => {
                    self.accept(std::mem::take(&mut reports), &mut said).await;
                    self.one(other, &mut said).await;
                }
            }
        }
        self.accept(reports, &mut said).await;
        said
    }

    /// What the control plane has to say of its own accord: asked on a nudge, and every two seconds besides. Here a
    /// session ends whose Runner is silent, revoked, locked, replaced, or whose certificate has expired.
    pub async fn pending(&mut self) -> Vec<FromControlPlane> {
        let silent_ms = self.gateway.clock().monotonic_ms().saturating_sub(self.heard_ms);
        let open = match &mut self.state {
            _ if self.over => return Vec::new(),
            State::Closed => return Vec::new(),
            State::Waiting { .. } => {
                self.over = silent_ms > HELLO_MS;
                return Vec::new();
            }
            State::Open(open) => open,
        };
        if self.gateway.clock().now() > open.not_after {
            return self.stop(StopReason::Expired, Why::Expired.code(), 0);
        }
        if silent_ms > SILENCE_MS {
            tracing::debug!("a Runner fell silent");
            self.over = true;
            return Vec::new();
        }
        match self.gateway.operations().pending(&mut open.session).await {
            Ok(said) => self.look_at(said),
            Err(error) => self.failed(error),
        }
    }

    /// Waits until there may be something to say; for ever, before Hello. May be dropped at any time.
    pub async fn nudged(&self) {
        match &self.state {
            State::Open(open) => open.listener.nudged().await,
            State::Waiting { .. } | State::Closed => std::future::pending().await,
        }
    }

    /// A message of the Runner that is not one of the protocol.
    pub fn refused(&mut self, refusal: &Refusal) -> Vec<FromControlPlane> {
        tracing::debug!(%refusal, "a message cannot be read");
        let reason = match refusal.fault {
            Fault::Version(_) => StopReason::Version,
            Fault::Missing | Fault::TooLong { .. } | Fault::TooMany { .. } | Fault::Wrong(_) => StopReason::Protocol,
        };
        self.stop(reason, refusal.code(), 0)
    }

    /// The server stops. All its Runners are told at once, so each is told another time to come back.
    pub fn shutting_down(&mut self) -> Vec<FromControlPlane> {
        let [random] = random_bytes::<1>(self.gateway.entropy());
        self.stop(StopReason::ShuttingDown, "E-GATEWAY-011", 1 + u32::from(random) % COME_BACK_SECONDS)
    }

    /// The stream has ended, whatever way. The session is of no use afterwards.
    pub async fn close(&mut self) {
        self.over = true;
        if let State::Open(open) = std::mem::replace(&mut self.state, State::Closed) {
            let Open { session, .. } = *open;
            self.gateway.operations().ended(session).await;
        }
    }

    async fn one(&mut self, message: FromRunner, said: &mut Vec<FromControlPlane>) {
        if self.over {
            return;
        }
        let operations = self.gateway.operations();
        let answer = match (&mut self.state, message) {
            (State::Waiting { .. }, FromRunner::Hello(hello)) => return said.extend(self.open(&hello).await),
            (State::Open(_), FromRunner::Hello(_)) | (State::Waiting { .. }, _) => {
                return said.extend(self.stop(StopReason::Protocol, "E-GATEWAY-010", 0));
            }
            (State::Closed, _) => return,
            (State::Open(_), FromRunner::Goodbye(_)) => {
                self.over = true;
                return;
            }
            (State::Open(open), message) => operations.line().receive(&mut open.session, message).await,
        };
        let answer = match answer {
            Ok(answer) => self.look_at(answer),
            Err(error) => self.failed(error),
        };
        said.extend(answer);
    }

    /// Verifies the certificate again, now that something is to be done for its holder, and opens the session.
    async fn open(&mut self, hello: &Hello) -> Vec<FromControlPlane> {
        let State::Waiting { chain } = &self.state else { return Vec::new() };
        let verified = match self.gateway.trusted().verify_runner(chain, self.gateway.clock().now()) {
            Ok(verified) => verified,
            Err(why) => {
                tracing::debug!(%why, "a certificate is not good any more");
                let expired = matches!(why, Why::Expired);
                let reason = if expired { StopReason::Expired } else { StopReason::Protocol };
                return self.stop(reason, why.code(), 0);
            }
        };
        let (name, not_after) = (verified.name, verified.not_after);
        let peer = PeerCertificate::from(&verified);
        // Listening begins before the database is asked, so that nothing falls between the two.
        let listener = self.gateway.operations().nudges().listen(name.tenant, name.runner);
        match self.gateway.operations().hello(&peer, hello).await {
            Ok((session, said)) => {
                let _counted = self.gateway.counters().session();
                let open = Open { session, listener, not_after, _counted };
                self.state = State::Open(Box::new(open));
                self.look_at(said)
            }
            Err(error) => self.failed(error),
        }
    }

    async fn accept(&mut self, reports: Vec<Report>, said: &mut Vec<FromControlPlane>) {
        if reports.is_empty() || self.over {
            return;
        }
        let State::Open(open) = &mut self.state else {
            return said.extend(self.stop(StopReason::Protocol, "E-GATEWAY-010", 0));
        };
        self.gateway.counters().reports(reports.len());
        let answer = self.gateway.operations().line().accept_reports(&mut open.session, reports).await;
        let answer = match answer {
            Ok(answer) => self.look_at(answer),
            Err(error) => self.failed(error),
        };
        said.extend(answer);
    }

    /// What operations say passes through here: a Stop ends the session.
    fn look_at(&mut self, said: Vec<FromControlPlane>) -> Vec<FromControlPlane> {
        for message in &said {
            match message {
                FromControlPlane::Stop(_) => self.over = true,
                FromControlPlane::ReportRefused(refused) => {
                    tracing::debug!(code = %refused.code, "a report is refused")
                }
                _ => {}
            }
        }
        said
    }

    fn failed(&mut self, error: LineError) -> Vec<FromControlPlane> {
        let Stop { reason, retry_after_seconds } = error.message();
        // When the database is away every session ends at once, and they are not to come back at once.
        let spread = u32::from_be_bytes(random_bytes(self.gateway.entropy())) % retry_after_seconds.saturating_add(1);
        let retry_after_seconds = retry_after_seconds.saturating_add(spread).min(MAX_RETRY_AFTER_SECONDS);
        let code = error.code;
        let mut said = error.before;
        said.extend(self.stop(reason, code, retry_after_seconds));
        said
    }

    fn stop(&mut self, reason: StopReason, code: &'static str, retry_after_seconds: u32) -> Vec<FromControlPlane> {
        if self.over {
            return Vec::new();
        }
        tracing::debug!(?reason, code, "a session is ended");
        let counters = self.gateway.counters();
        counters.refused(code);
        if reason == StopReason::Replaced {
            counters.taken_over();
        }
        self.over = true;
        vec![FromControlPlane::Stop(Stop { reason, retry_after_seconds })]
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("over", &self.over).finish_non_exhaustive()
    }
}
