//! The shell: connects, moves messages between the wire and the [`Session`], has its work done, and comes back when
//! cut off.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, Timestamp};
use contract::limits::{MAX_MESSAGE_FROM_CONTROL_PLANE, MAX_MESSAGE_FROM_RUNNER};
use contract::{Epoch, FromControlPlane, FromRunner};
use crypto::SystemEntropy;
use crypto::entropy::random_bytes;
use futures_util::{Stream, StreamExt, TryFutureExt, TryStreamExt};
use proto::line_client::LineClient;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::channel::{open, status_error};
use crate::dial::{Connection, Dialer, Watch};
use crate::duties::Duties;
use crate::enrolment::recover;
use crate::error::LinkError;
use crate::handle::{Ear, Handle, LinkState, Trouble, pair};
use crate::identity::Identity;
use crate::keeper::{Keeper, Next};
use crate::keyring::Keyring;
use crate::marks::Marks;
use crate::moment::Moment;
use crate::session::{Command, Ending, Event, Opening, Session};
use crate::work::Done;
use crate::worker::Worker;

/// Messages that the transport holds.
const IN_TRANSPORT: usize = 4;
/// A peer that asks faster than it can be answered is read no further.
const WORK_UNDER_WAY: usize = 256;
const MESSAGES_WAITING: usize = 1_024;
/// For the last messages of a session to leave.
const FAREWELL: Duration = Duration::from_secs(2);

/// The service of an enrolled Runner.
pub struct Link {
    keyring: Arc<Keyring>,
    duties: Arc<dyn Duties>,
    dialer: Dialer,
    clock: Arc<dyn Clock>,
    entropy: SystemEntropy,
    ear: Ear,
    /// The control plane took the certificate for expired, whatever this host's clock says.
    recover: bool,
    marks: Marks,
}

/// Why the service ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finished {
    ShutDown,
    /// The operator has to act.
    Stopped(LinkError),
}

/// A session's connection, seen from the machine.
struct Line<S> {
    outgoing: mpsc::Sender<proto::FromRunner>,
    incoming: S,
    watch: Arc<Watch>,
}

impl Link {
    pub fn new(
        identity: Identity,
        duties: Arc<dyn Duties>,
        dialer: Dialer,
        clock: Arc<dyn Clock>,
        entropy: SystemEntropy,
    ) -> (Self, Handle) {
        let (ear, handle) = pair();
        let keyring = Arc::new(Keyring::new(identity, entropy.clone()));
        (Self { keyring, duties, dialer, clock, entropy, ear, recover: false, marks: Marks::default() }, handle)
    }

    /// Serves until it is shut down or stopped for good.
    pub async fn run(mut self) -> Finished {
        let (duties, keyring) = (Arc::clone(&self.duties), Arc::clone(&self.keyring));
        let worker = match Worker::start(duties, keyring, Arc::clone(&self.clock)) {
            Ok(worker) => worker,
            Err(error) => return self.stopped(error),
        };
        let mut keeper = Keeper::new();
        loop {
            if self.ear.shutting_down() {
                self.ear.show(LinkState::Off);
                return Finished::ShutDown;
            }
            self.ear.show(LinkState::Connecting { attempt: keeper.attempt() });
            let mut welcomed_ms = None;
            let ending = match self.attempt(&worker, &mut welcomed_ms).await {
                Ok(ending) => ending,
                Err(error) => Ending::Failed(error),
            };
            let lasted = welcomed_ms.map_or(0, |since| self.clock.monotonic_ms().saturating_sub(since));
            self.recover |= took_for_expired(&ending);
            match keeper.after(&ending, lasted, &self.entropy) {
                Next::Connect => {}
                Next::ShutDown => {
                    self.ear.show(LinkState::Off);
                    return Finished::ShutDown;
                }
                Next::Stop(error) => return self.stopped(error),
                Next::Wait { milliseconds, why } => {
                    tracing::warn!(code = why.code(), wait_ms = milliseconds, "the line is down: {why}");
                    let until = self.clock.now().plus_ms(i64::try_from(milliseconds).unwrap_or(i64::MAX));
                    self.ear.show(LinkState::Waiting { until, why: Trouble::from(&why) });
                    tokio::select! {
                        () = sleep(Duration::from_millis(milliseconds)) => {}
                        () = self.ear.interrupted() => {}
                    }
                }
            }
        }
    }

    fn stopped(&self, error: LinkError) -> Finished {
        tracing::error!(code = error.code(), "the line is stopped until the operator acts: {error}");
        self.ear.show(LinkState::Stopped { why: Trouble::from(&error) });
        Finished::Stopped(error)
    }

    /// One connection and its session.
    async fn attempt(&mut self, worker: &Worker, welcomed_ms: &mut Option<u64>) -> Result<Ending, LinkError> {
        if std::mem::take(&mut self.recover) || self.keyring.identity().expired(self.clock.now()) {
            tokio::select! {
                recovered = recover(&self.keyring, worker, &self.dialer, &self.clock) => recovered?,
                () = self.ear_shut_down() => return Ok(Ending::ShutDown),
            }
        }
        let identity = self.keyring.identity();
        let holding = identity.presented().holding;
        let address = identity.line_address();
        let connecting = self.dialer.dial(address, identity.trust(), Some(holding), &self.clock);
        let connection = tokio::select! {
            connection = connecting => connection?,
            () = self.ear_shut_down() => return Ok(Ending::ShutDown),
        };
        // From here on the control plane may count the certificate as used.
        let (identity, first_use) = worker.call(|duties, keyring| keyring.opening(duties)).await?;
        let ending = self.session(connection, worker, &identity, welcomed_ms).await;
        if let Ok(Ending::Failed(error)) | Err(error) = &ending
            && let LinkError::OwnCertificateRefused { alert, .. } = error
            && welcomed_ms.is_none()
        {
            let (alert, now) = (alert.clone(), self.clock.now());
            worker.call(move |duties, keyring| keyring.refused(duties, first_use, &alert, now)).await?;
        }
        ending
    }

    /// The session of a connection, from its opening to its end.
    async fn session(
        &mut self,
        connection: Connection,
        worker: &Worker,
        identity: &Identity,
        welcomed_ms: &mut Option<u64>,
    ) -> Result<Ending, LinkError> {
        self.ear.begin_session();
        let standing = worker.call(|duties, _| Ok(duties.standing()?)).await?;
        let (mark, marks_before) = self.marks.next(&self.entropy);
        let opening = Opening {
            mark,
            marks_before,
            epoch: Epoch::from_bytes(random_bytes(&self.entropy)),
            generation: identity.generation(),
            standing,
            renew_at: self.keyring.renew_at(&self.entropy),
        };
        let (channel, watch) = open(connection).await?;
        let (outgoing, messages) = mpsc::channel(IN_TRANSPORT);
        let incoming = session_stream(channel, messages);
        let line = Line { outgoing, incoming: pin!(incoming), watch };
        let ending = self.converse(line, worker, opening, identity, welcomed_ms).await;
        if welcomed_ms.is_some() {
            self.marks.welcomed(mark);
        }
        Ok(ending)
    }

    /// Drives a session to its end.
    async fn converse<S>(
        &self,
        mut line: Line<S>,
        worker: &Worker,
        opening: Opening,
        identity: &Identity,
        welcomed_ms: &mut Option<u64>,
    ) -> Ending
    where
        S: Stream<Item = Result<proto::FromControlPlane, tonic::Status>> + Unpin,
    {
        let moment = || Moment::of(&*self.clock);
        let (done, mut results) = mpsc::unbounded_channel::<Done>();
        let (mut session, mut commands) = Session::new(opening, moment());
        let mut outbox = VecDeque::new();
        let mut under_way = 0_usize;
        let mut shown = Shown { since: None, trouble: None };
        loop {
            let mut ended = None;
            for command in commands.drain(..) {
                match command {
                    Command::Send(message) => outbox.push_back(message),
                    Command::Do(work) => {
                        under_way += 1;
                        worker.perform(work, &done);
                    }
                    Command::Note(error) => {
                        tracing::warn!(code = error.code(), "{error}");
                        shown.trouble = Some(Trouble::from(&error));
                    }
                    Command::End(ending) => ended = Some(ending),
                }
            }
            if let Some(ending) = ended {
                farewell(line, outbox).await;
                settle(&mut session, worker, &done, &mut results, under_way, moment).await;
                return ending;
            }
            self.show(&session, identity, &mut shown, welcomed_ms);
            let wake = session.wake_at(moment()).unwrap_or(u64::MAX).saturating_sub(self.clock.monotonic_ms());
            let may_read = under_way < WORK_UNDER_WAY && outbox.len() < MESSAGES_WAITING;
            commands = tokio::select! {
                permit = line.outgoing.reserve(), if !outbox.is_empty() => {
                    if let (Ok(permit), Some(message)) = (permit, outbox.pop_front()) {
                        permit.send(proto::FromRunner::from(message));
                    }
                    // A transport that is gone is noticed by its other half.
                    if outbox.is_empty() { session.handle(Event::Writable, moment()) } else { Vec::new() }
                }
                message = line.incoming.next(), if may_read => {
                    session.handle(received(message, &line.watch), moment())
                }
                Some(done) = results.recv() => {
                    under_way = under_way.saturating_sub(1);
                    session.handle(Event::Done(done), moment())
                }
                () = self.ear.listen() => {
                    let nudges = self.ear.nudges().into_iter();
                    nudges.flat_map(|nudge| session.handle(Event::Local(nudge), moment())).collect()
                }
                () = sleep(Duration::from_millis(wake.clamp(1, 3_600_000))) => session.handle(Event::Tick, moment()),
            };
        }
    }

    fn show(&self, session: &Session, identity: &Identity, shown: &mut Shown, welcomed_ms: &mut Option<u64>) {
        let Some(status) = session.status() else { return };
        welcomed_ms.get_or_insert_with(|| self.clock.monotonic_ms());
        let since = *shown.since.get_or_insert_with(|| {
            tracing::info!(generation = identity.generation(), accepted = status.accepted, "the line is up");
            self.clock.now()
        });
        self.ear.show(LinkState::Connected {
            since,
            accepted: status.accepted,
            waiting: status.waiting,
            clock_ahead_ms: status.clock_ahead_ms,
            generation: identity.generation(),
            not_after: identity.not_after(),
            trouble: shown.trouble.clone(),
        });
    }

    async fn ear_shut_down(&self) {
        while !self.ear.shutting_down() {
            self.ear.listen().await;
        }
    }
}

struct Shown {
    since: Option<Timestamp>,
    trouble: Option<Trouble>,
}

/// The messages of the control plane; the call itself is part of the stream, because some servers answer it only after
/// the first message.
fn session_stream(
    channel: Channel,
    messages: mpsc::Receiver<proto::FromRunner>,
) -> impl Stream<Item = Result<proto::FromControlPlane, tonic::Status>> {
    let mut client = LineClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_FROM_CONTROL_PLANE)
        .max_encoding_message_size(MAX_MESSAGE_FROM_RUNNER);
    async move { client.session(ReceiverStream::new(messages)).await }
        .map_ok(|response| response.into_inner().into_stream())
        .try_flatten_stream()
}

fn received(message: Option<Result<proto::FromControlPlane, tonic::Status>>, watch: &Watch) -> Event {
    match message {
        None => Event::Closed(watch.cause("the control plane ended the session")),
        Some(Err(status)) => Event::Closed(status_error(&status, watch)),
        Some(Ok(message)) => match FromControlPlane::try_from(message) {
            Ok(message) => Event::Received(message),
            Err(refusal) => Event::Closed(match refusal.fault {
                contract::Fault::Version(incompatible) => LinkError::Version { why: incompatible.to_string() },
                _ => LinkError::Protocol { what: refusal.to_string() },
            }),
        },
    }
}

/// Lets what is still to be said leave, and the control plane end the stream.
async fn farewell<S>(mut line: Line<S>, outbox: VecDeque<FromRunner>)
where
    S: Stream<Item = Result<proto::FromControlPlane, tonic::Status>> + Unpin,
{
    let leave = async {
        for message in outbox {
            // Nothing comes in any more, but a peer that waits to be read must not hold the farewell up.
            tokio::select! {
                sent = line.outgoing.send(message.into()) => if sent.is_err() { return },
                () = async { while let Some(Ok(_)) = line.incoming.next().await {} } => return,
            }
        }
        drop(line.outgoing);
        while let Some(Ok(_)) = line.incoming.next().await {}
    };
    // Whoever does not take leave in this time is left anyway.
    let _ = timeout(FAREWELL, leave).await;
}

/// Waits for the work under way, so that what it began is also ended.
async fn settle(
    session: &mut Session,
    worker: &Worker,
    done: &mpsc::UnboundedSender<Done>,
    results: &mut mpsc::UnboundedReceiver<Done>,
    mut under_way: usize,
    moment: impl Fn() -> Moment,
) {
    while under_way > 0 {
        let Some(result) = results.recv().await else { return };
        under_way -= 1;
        for command in session.handle(Event::Done(result), moment()) {
            if let Command::Do(work) = command {
                under_way += 1;
                worker.perform(work, done);
            }
        }
    }
}

/// Whether the control plane takes the certificate for expired.
fn took_for_expired(ending: &Ending) -> bool {
    match ending {
        Ending::Stopped { error: LinkError::CertificateExpired, .. } => true,
        Ending::Failed(LinkError::OwnCertificateRefused { alert, .. }) => alert == "CertificateExpired",
        Ending::Stopped { .. } | Ending::Failed(_) | Ending::ShutDown | Ending::NewCertificate => false,
    }
}
