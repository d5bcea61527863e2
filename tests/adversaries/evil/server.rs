//! A server of the protocol that holds a control plane's keys and says what a test tells it.

use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::{Clock, SystemClock};
use contract::limits::MAX_MESSAGE_FROM_RUNNER;
use contract::{EnrolRequest, EnrolResponse, FromRunner, RecoverRequest};
use control_plane_authority::{RunnerVerifier, tls};
use futures_util::Stream;
use prost::Message;
use proto::enrolment_server::{Enrolment, EnrolmentServer};
use proto::line_server::{Line as LineService, LineServer};
use rustls::ServerConfig;
use tests::Line;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::keys::Keys;
use super::session::{Heard, Session};

const PATIENCE: Duration = Duration::from_secs(60);

/// How it answers who wants in, or wants a new certificate.
type Answer = Box<dyn Fn(Asked) -> EnrolResponse + Send>;

/// What the enrolment listener was asked.
pub(crate) enum Asked {
    Enrol(EnrolRequest),
    Recover(RecoverRequest),
}

/// The server. It takes the place of a control plane on the same ports.
pub(crate) struct Evil {
    pub(crate) keys: Arc<Keys>,
    sessions: Mutex<Receiver<Session>>,
    shared: Arc<Shared>,
    _runtime: tokio::runtime::Runtime,
}

struct Shared {
    sessions: Mutex<Sender<Session>>,
    answer: Mutex<Option<Answer>>,
    /// Every byte of every message that a Runner sent, as it stood inside TLS.
    recorded: Mutex<Vec<u8>>,
}

impl Evil {
    /// Stops the control plane of a line and takes its place.
    pub(crate) fn in_place_of(line: &mut Line) -> Self {
        line.control_plane.stop();
        let keys = Arc::new(Keys::of(&line.control_plane, &line.tenant));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let verifier = RunnerVerifier::new(Arc::clone(&keys.trusted), Arc::clone(&clock));
        let line_tls = tls::line(&keys.server, &verifier, Arc::clone(&clock)).unwrap();
        let enrolment_tls = tls::enrolment(&keys.server, clock).unwrap();
        let (sender, sessions) = channel();
        let (answer, recorded) = (Mutex::new(None), Mutex::default());
        let shared = Arc::new(Shared { sessions: Mutex::new(sender), answer, recorded });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let ports = line.control_plane.ports;
        let service = LineServer::new(Door(Arc::clone(&shared))).max_decoding_message_size(MAX_MESSAGE_FROM_RUNNER);
        let service = service.max_encoding_message_size(usize::MAX);
        let router = tonic::transport::Server::builder().add_service(service);
        runtime.block_on(serve(router, line_tls, ports.line));
        let router = tonic::transport::Server::builder().add_service(EnrolmentServer::new(Door(Arc::clone(&shared))));
        runtime.block_on(serve(router, enrolment_tls, ports.enrolment));
        Self { keys, sessions: Mutex::new(sessions), shared, _runtime: runtime }
    }

    /// The next session in which the Runner says Hello.
    #[track_caller]
    pub(crate) fn session(&self) -> Session {
        self.session_or(String::new)
    }

    /// The same; a test that waits in vain says what the Runner said.
    #[track_caller]
    pub(crate) fn session_or(&self, log: impl Fn() -> String) -> Session {
        let session = self.sessions.lock().unwrap().recv_timeout(PATIENCE);
        session.unwrap_or_else(|_| panic!("the Runner does not come:\n{}", log()))
    }

    /// Forgets sessions that nobody asked for, so that the next one is a new one.
    pub(crate) fn forget(&self) {
        while self.sessions.lock().unwrap().try_recv().is_ok() {}
    }

    /// How enrolments and recoveries are answered from now on.
    pub(crate) fn answer(&self, answer: impl Fn(Asked) -> EnrolResponse + Send + 'static) {
        *self.shared.answer.lock().unwrap() = Some(Box::new(answer));
    }

    /// Everything that Runners ever sent, as it stood inside TLS.
    pub(crate) fn recorded(&self) -> Vec<u8> {
        self.shared.recorded.lock().unwrap().clone()
    }
}

/// The services.
struct Door(Arc<Shared>);

#[tonic::async_trait]
impl LineService for Door {
    type SessionStream = Pin<Box<dyn Stream<Item = Result<proto::FromControlPlane, Status>> + Send>>;

    async fn session(
        &self,
        request: Request<Streaming<proto::FromRunner>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (out, answers) = mpsc::channel(64);
        tokio::spawn(converse(Arc::clone(&self.0), request.into_inner(), out));
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }
}

async fn converse(
    shared: Arc<Shared>,
    mut incoming: Streaming<proto::FromRunner>,
    out: mpsc::Sender<Result<proto::FromControlPlane, Status>>,
) {
    let (heard, hearing) = channel();
    let mut hearing = Some((hearing, out));
    while let Some(Ok(message)) = incoming.next().await {
        shared.recorded.lock().unwrap().extend(message.encode_to_vec());
        let message = FromRunner::try_from(message).unwrap();
        match (message, hearing.take()) {
            // The session alone can speak: when a test drops it, the stream ends.
            (FromRunner::Hello(hello), Some((hearing, out))) => {
                let session = Session::new(hello, out, hearing);
                let _ = shared.sessions.lock().unwrap().send(session);
            }
            (message, rest) => {
                hearing = rest;
                let _ = heard.send(Heard::Message(Box::new(message)));
            }
        }
    }
    let _ = heard.send(Heard::End);
}

#[tonic::async_trait]
impl Enrolment for Door {
    async fn enrol(&self, request: Request<proto::EnrolRequest>) -> Result<Response<proto::EnrolResponse>, Status> {
        self.answer(Asked::Enrol(EnrolRequest::try_from(request.into_inner()).unwrap()))
    }

    async fn recover(&self, request: Request<proto::RecoverRequest>) -> Result<Response<proto::EnrolResponse>, Status> {
        self.answer(Asked::Recover(RecoverRequest::try_from(request.into_inner()).unwrap()))
    }
}

impl Door {
    fn answer(&self, asked: Asked) -> Result<Response<proto::EnrolResponse>, Status> {
        match &*self.0.answer.lock().unwrap() {
            Some(answer) => Ok(Response::new(answer(asked).into())),
            None => Err(Status::unavailable("nobody answers")),
        }
    }
}

async fn serve(router: tonic::transport::server::Router, config: Arc<ServerConfig>, port: u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let acceptor = TlsAcceptor::from(config);
    let (streams, incoming) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, streams) = (acceptor.clone(), streams.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    let _ = streams.send(Ok::<_, std::io::Error>(stream)).await;
                }
            });
        }
    });
    tokio::spawn(router.serve_with_incoming(ReceiverStream::new(incoming)));
}
