//! One session of a Runner, seen from the control plane's side.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use clock::{Clock, SystemClock};
use contract::version::CURRENT;
use contract::{Accepted, FromControlPlane, FromRunner, Hello, ReceiptAccepted, Welcome};
use ids::RequestId;
use tokio::sync::mpsc;
use tonic::Status;

const PATIENCE_MS: u64 = 45_000;

/// What came from the Runner.
pub(crate) enum Heard {
    Message(Box<FromRunner>),
    End,
}

/// A session. What the Runner reports is acknowledged, and so are its receipts, unless a test says otherwise.
pub(crate) struct Session {
    pub(crate) hello: Hello,
    /// Everything that was heard after Hello.
    pub(crate) heard: Vec<FromRunner>,
    /// Whether reports are acknowledged as they come.
    pub(crate) acknowledges: bool,
    /// Requests for evidence that were sent.
    pub(crate) asked: Vec<RequestId>,
    out: mpsc::Sender<Result<proto::FromControlPlane, Status>>,
    hearing: Receiver<Heard>,
    over: bool,
}

impl Session {
    pub(super) fn new(
        hello: Hello,
        out: mpsc::Sender<Result<proto::FromControlPlane, Status>>,
        hearing: Receiver<Heard>,
    ) -> Self {
        Self { hello, heard: Vec::new(), acknowledges: true, asked: Vec::new(), out, hearing, over: false }
    }

    /// The Welcome that an honest control plane would say that has all of the journal.
    pub(crate) fn honest_welcome(&self) -> Welcome {
        Welcome {
            version: CURRENT,
            accepted: self.hello.journal_size,
            accepted_head: self.hello.journal_head,
            window: 256,
            alive_seconds: 5,
            now: SystemClock::new().now(),
        }
    }

    /// Says it.
    pub(crate) fn welcome(&self) {
        self.say(FromControlPlane::Welcome(self.honest_welcome()));
    }

    /// Says anything that the contract can say. A Runner that has gone does not hear it.
    pub(crate) fn say(&self, message: FromControlPlane) {
        self.say_raw(message.into());
    }

    /// Says anything; whether the Runner was still there.
    pub(crate) fn say_raw(&self, message: proto::FromControlPlane) -> bool {
        self.out.blocking_send(Ok(message)).is_ok()
    }

    /// The next message; none when the Runner has hung up.
    #[track_caller]
    pub(crate) fn hear(&mut self) -> Option<FromRunner> {
        match self.hear_within(Duration::from_millis(PATIENCE_MS)) {
            Ok(heard) => heard,
            Err(_) => panic!("the Runner says nothing; it said {:?}", kinds(&self.heard)),
        }
    }

    /// The next message, if one comes in this time.
    pub(crate) fn hear_within(&mut self, time: Duration) -> Result<Option<FromRunner>, RecvTimeoutError> {
        if self.over {
            return Ok(None);
        }
        match self.hearing.recv_timeout(time)? {
            Heard::End => {
                self.over = true;
                Ok(None)
            }
            Heard::Message(message) => {
                self.acknowledge(&message);
                self.heard.push((*message).clone());
                Ok(Some(*message))
            }
        }
    }

    /// Hears messages until one is the wanted one.
    #[track_caller]
    pub(crate) fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&FromRunner) -> Option<T>) -> T {
        let clock = SystemClock::new();
        loop {
            let Some(message) = self.hear() else { panic!("the Runner hung up before: {what}") };
            if let Some(found) = wanted(&message) {
                return found;
            }
            assert!(
                clock.monotonic_ms() < PATIENCE_MS,
                "the Runner never said: {what}; it said {:?}",
                kinds(&self.heard)
            );
        }
    }

    /// Hears everything until the Runner hangs up.
    #[track_caller]
    pub(crate) fn until_it_hangs_up(&mut self) {
        let clock = SystemClock::new();
        while self.hear().is_some() {
            assert!(clock.monotonic_ms() < PATIENCE_MS, "the Runner goes on");
        }
    }

    fn acknowledge(&self, message: &FromRunner) {
        match message {
            FromRunner::Report(report) if self.acknowledges => {
                self.say(FromControlPlane::Accepted(Accepted { accepted: report.seq + 1 }));
            }
            FromRunner::Receipt(receipt) => {
                let receipt_sha256 = receipt.envelope.envelope().sha256();
                let accepted = ReceiptAccepted { request: receipt.request, receipt_sha256 };
                self.say(FromControlPlane::ReceiptAccepted(accepted));
            }
            _ => {}
        }
    }
}

/// The kinds of what was heard, for messages of tests.
fn kinds(heard: &[FromRunner]) -> Vec<String> {
    let kind = |message: &FromRunner| format!("{message:?}").split(['(', ' ']).next().unwrap_or_default().to_owned();
    heard.iter().map(kind).collect()
}
