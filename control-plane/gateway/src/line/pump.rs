//! Moves messages between a stream and its session. Everything that decides is in the session; here is only what needs a
//! socket or a timer: the order in which things are looked at, what may wait in memory, and when to stop waiting.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use contract::limits::WINDOW;
use contract::{FromControlPlane, FromRunner};
use crypto::entropy::random_bytes;
use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tonic::Streaming;

use crate::Shutdown;
use crate::gateway::Gateway;
use crate::session::Session;

/// How often the database is asked what there is for this Runner, revocation included, even if nobody nudges.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// How long a Runner may leave unread what was sent to it.
const UNREAD: Duration = Duration::from_secs(30);

/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Bytes of reports that are taken together into one commit.
const BATCH_BYTES: usize = 1024 * 1024;

/// Messages that may wait for a Runner that does not read.
const WAITING: usize = 1024;

/// What a Runner may say at once, beside reports and sealed frames, which have limits of their own; and by how much that
/// grows back with every look at the database. What is beyond waits at the Runner.
const SAID_AT_ONCE: u32 = 512;
const SAID_MORE: u32 = 64;

type Outgoing = mpsc::Sender<Box<proto::FromControlPlane>>;

pub(super) struct Pump {
    gateway: Arc<Gateway>,
    session: Session,
    outgoing: Outgoing,
    shutdown: Shutdown,
    waiting: VecDeque<FromControlPlane>,
    /// When the oldest waiting message must have gone.
    unread_until: Option<Instant>,
    /// How many more messages the Runner may say now.
    allowance: u32,
}

/// What happens next.
enum Event {
    Stopping,
    Ask,
    Unread,
    Room(mpsc::OwnedPermit<Box<proto::FromControlPlane>>),
    Gone,
    Arrived(Vec<FromRunner>, Option<Ending>),
}

/// What ended the Runner's side of the stream.
enum Ending {
    Closed,
    Refused(contract::Refusal),
}

impl Pump {
    pub(super) fn new(gateway: Arc<Gateway>, session: Session, outgoing: Outgoing, shutdown: Shutdown) -> Self {
        Self {
            gateway,
            session,
            outgoing,
            shutdown,
            waiting: VecDeque::new(),
            unread_until: None,
            allowance: SAID_AT_ONCE,
        }
    }

    /// Runs the session to its end.
    pub(super) async fn run(mut self, mut incoming: Streaming<proto::FromRunner>) {
        // Sessions that came together after a restart must not ask together for ever.
        let [first, second] = random_bytes::<2>(self.gateway.entropy());
        let offset = Duration::from_millis(u64::from(u16::from_be_bytes([first, second])) % 2_000);
        let mut ask = interval_at(Instant::now() + offset, ASK_EVERY);
        ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.session.ended() {
            let event = self.next(&mut ask, &mut incoming).await;
            if !self.handle(event).await {
                break;
            }
        }
        Box::pin(self.session.close()).await;
        self.say_last_words().await;
    }

    /// What happens next. In this order: neither a flood of messages nor a full queue keeps a revocation waiting.
    async fn next(&mut self, ask: &mut tokio::time::Interval, incoming: &mut Streaming<proto::FromRunner>) -> Event {
        let nudged = self.session.nudged();
        let unread_until = self.unread_until;
        let has_waiting = !self.waiting.is_empty();
        let may_speak = self.allowance > 0;
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Event::Stopping,
            () = nudged => Event::Ask,
            _ = ask.tick() => {
                self.allowance = self.allowance.saturating_add(SAID_MORE).min(SAID_AT_ONCE);
                Event::Ask
            }
            () = tokio::time::sleep_until(unread_until.unwrap_or_else(Instant::now)), if unread_until.is_some() => {
                Event::Unread
            }
            room = self.outgoing.clone().reserve_owned(), if has_waiting => match room {
                Ok(room) => Event::Room(room),
                Err(_closed) => Event::Gone,
            },
            // What cannot be answered is not read: the Runner's reports wait at the Runner.
            message = incoming.message(), if !has_waiting && may_speak => match message {
                Ok(Some(message)) => batch(message, incoming),
                Ok(None) => Event::Arrived(Vec::new(), Some(Ending::Closed)),
                Err(status) => {
                    tracing::debug!(code = ?status.code(), "a stream broke");
                    Event::Gone
                }
            },
        }
    }

    /// Whether the session goes on.
    async fn handle(&mut self, event: Event) -> bool {
        match event {
            Event::Stopping => {
                let said = self.session.shutting_down();
                self.queue(said)
            }
            Event::Ask => {
                // Boxed, like the other large steps: they are rare, and a session is idle most of the time.
                let said = Box::pin(self.session.pending()).await;
                self.queue(said)
            }
            Event::Unread => {
                tracing::debug!("a Runner does not read what is sent to it");
                false
            }
            Event::Room(room) => {
                if let Some(message) = self.waiting.pop_front() {
                    room.send(Box::new(message.into()));
                }
                self.unread_until = (!self.waiting.is_empty()).then(|| Instant::now() + UNREAD);
                true
            }
            Event::Gone => false,
            Event::Arrived(messages, ending) => {
                let bounded =
                    |message: &FromRunner| matches!(message, FromRunner::Report(_) | FromRunner::SealedFrame(_));
                if !messages.iter().all(bounded) {
                    self.allowance = self.allowance.saturating_sub(1);
                }
                let said = Box::pin(self.session.receive_batch(messages)).await;
                let mut goes_on = self.queue(said);
                match ending {
                    None => {}
                    Some(Ending::Closed) => goes_on = false,
                    Some(Ending::Refused(refusal)) => {
                        let said = self.session.refused(&refusal);
                        goes_on = self.queue(said) && goes_on;
                    }
                }
                goes_on
            }
        }
    }

    fn queue(&mut self, messages: Vec<FromControlPlane>) -> bool {
        self.waiting.extend(messages);
        if self.unread_until.is_none() && !self.waiting.is_empty() {
            self.unread_until = Some(Instant::now() + UNREAD);
        }
        self.waiting.len() <= WAITING
    }

    /// Sends what is left, a Stop among it, for as long as a moment.
    async fn say_last_words(mut self) {
        let sending = async {
            for message in self.waiting.drain(..) {
                if self.outgoing.send(Box::new(message.into())).await.is_err() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, sending).await;
    }
}

/// The message, and with a report all reports that have arrived behind it: they are committed together.
fn batch(first: proto::FromRunner, incoming: &mut Streaming<proto::FromRunner>) -> Event {
    let mut messages = Vec::new();
    let mut bytes = 0;
    let mut next = first;
    let ending = loop {
        let message = match FromRunner::try_from(next) {
            Ok(message) => message,
            Err(refusal) => break Some(Ending::Refused(refusal)),
        };
        let more = match &message {
            FromRunner::Report(report) => {
                let attested = report.attested.as_ref();
                let manifest = attested.map_or(0, |attested| attested.manifest.as_bytes().len());
                bytes += report.line.as_str().len() + manifest;
                bytes < BATCH_BYTES
            }
            _ => false,
        };
        messages.push(message);
        if !more || messages.len() >= usize::try_from(WINDOW).unwrap_or(usize::MAX) {
            break None;
        }
        match incoming.message().now_or_never() {
            Some(Ok(Some(message))) => next = message,
            Some(Ok(None)) => break Some(Ending::Closed),
            // A broken stream is found broken again by the next read.
            Some(Err(_)) => break Some(Ending::Closed),
            None => break None,
        }
    };
    Event::Arrived(messages, ending)
}
