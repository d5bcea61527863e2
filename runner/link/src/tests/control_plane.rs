//! A small control plane that keeps what it is sent and does as it is told.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use clock::ManualClock;
use contract::limits::MAX_MESSAGE_FROM_RUNNER;
use contract::version::CURRENT;
use contract::{
    Accepted, AwaitingApproval, DerRequest, DrillDownCredit, EnrolRequest, EnrolResponse, Enrolled, FromControlPlane,
    FromRunner, Hello, RecoverRequest, Refused, Renewed, Stop, StopReason, Welcome,
};
use crypto::Digest;
use futures_util::Stream;
use proto::enrolment_server::{Enrolment, EnrolmentServer};
use proto::line_server::{Line, LineServer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::pki::Tls;
use crate::address::Address;
use crate::certificate::leaf;
use crate::identity::tests::{Authority, keys, name, now};
use crate::session::samples::digest;

/// How the next session goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Serve,
    /// Says nothing at all, and ends the stream when the Runner has sent this many messages.
    LeaveAfter(usize),
    /// Issues a renewed certificate and does not say so.
    SwallowRenewal,
    Stop(StopReason),
    /// Answers the call with an error.
    Fault(tonic::Code),
}

/// What it remembers of a session.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) hello: Hello,
    /// Of the certificate's key.
    pub(super) key: Digest,
}

type Script = Box<dyn Fn(&Hello) -> Vec<FromControlPlane> + Send>;

#[derive(Default)]
pub(super) struct State {
    pub(super) manners: VecDeque<Manner>,
    pub(super) sessions: Vec<Seen>,
    /// Sequence numbers of the records that it keeps.
    pub(super) kept: Vec<u64>,
    /// Everything else that was said.
    pub(super) heard: Vec<FromRunner>,
    pub(super) renewals: Vec<DerRequest>,
    /// What it says after each Welcome.
    pub(super) script: Option<Script>,
    pub(super) enrolments: Vec<EnrolRequest>,
    pub(super) recoveries: Vec<RecoverRequest>,
    /// Answers to enrolments before the Runner is let in.
    pub(super) awaiting: usize,
    pub(super) refusal: Option<&'static str>,
    pub(super) line_address: Option<Address>,
    /// Frames that it grants for each answer that starts.
    pub(super) grant: u32,
    /// By how much its clock is behind the Runner's when it issues certificates.
    pub(super) issues_hours_ago: i64,
}

pub(super) struct ControlPlane {
    pub(super) authority: Authority,
    clock: Arc<ManualClock>,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

impl ControlPlane {
    pub(super) fn new(clock: &Arc<ManualClock>) -> Arc<Self> {
        let (changed, _) = watch::channel(());
        Arc::new(Self { authority: Authority::new(), clock: Arc::clone(clock), state: Mutex::default(), changed })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits until the state is as the test wants it.
    pub(super) async fn until(&self, what: &str, wanted: impl Fn(&State) -> bool) {
        let mut changes = self.changed.subscribe();
        let reached = async {
            while !wanted(&self.state()) {
                changes.changed().await.unwrap();
            }
        };
        let reached = tokio::time::timeout(std::time::Duration::from_secs(20), reached).await;
        assert!(reached.is_ok(), "the control plane never saw: {what}");
    }

    /// Serves the line to Runners of its authority.
    pub(super) async fn serve_line(self: &Arc<Self>, tls: &Tls) -> Address {
        let line = LineServer::new(Door(Arc::clone(self))).max_decoding_message_size(MAX_MESSAGE_FROM_RUNNER);
        let router = tonic::transport::Server::builder().add_service(line);
        serve(router, tls.config(Some(&self.authority), &self.clock)).await
    }

    /// Serves enrolment to everybody.
    pub(super) async fn serve_enrolment(self: &Arc<Self>, tls: &Tls) -> Address {
        let router = tonic::transport::Server::builder().add_service(EnrolmentServer::new(Door(Arc::clone(self))));
        serve(router, tls.config(None, &self.clock)).await
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let value = change(&mut self.state());
        self.changed.send_replace(());
        value
    }

    fn enrolled(&self, request: &DerRequest, generation: u64) -> EnrolResponse {
        let keys = keys();
        let address = self.state().line_address.clone().unwrap_or_else(|| "127.0.0.1:1".parse().unwrap());
        EnrolResponse::Enrolled(Enrolled {
            chain: self.authority.issue(request, &name().to_string(), clock::Clock::now(&*self.clock), 24),
            generation,
            line_address: address.to_string().parse().unwrap(),
            drilldown_key: keys.drilldown,
            audit_key: keys.audit,
            witness_key: keys.witness,
        })
    }

    /// What it answers to a message, and whether the session goes on.
    fn answer(&self, message: FromRunner, manner: Manner) -> (Vec<FromControlPlane>, bool) {
        let answers = match message {
            FromRunner::Report(report) => self.change(|state| {
                assert_eq!(report.seq, state.kept.len() as u64, "each record once and in order");
                state.kept.push(report.seq);
                vec![FromControlPlane::Accepted(Accepted { accepted: report.seq + 1 })]
            }),
            FromRunner::Renew(renew) => {
                let request = renew.certificate_request;
                let from = clock::Clock::now(&*self.clock).plus_ms(-3_600_000 * self.state().issues_hours_ago);
                let chain = self.authority.issue(&request, &name().to_string(), from, 24);
                self.change(|state| state.renewals.push(request));
                let renewed = FromControlPlane::Renewed(Renewed { chain, generation: renew.generation + 1 });
                if manner == Manner::SwallowRenewal { return (Vec::new(), false) } else { vec![renewed] }
            }
            FromRunner::Goodbye(goodbye) => {
                self.change(|state| state.heard.push(FromRunner::Goodbye(goodbye)));
                return (Vec::new(), false);
            }
            FromRunner::SealedStart(start) => self.change(|state| {
                let credit = DrillDownCredit { request: start.request, frames: state.grant };
                state.heard.push(FromRunner::SealedStart(start));
                if credit.frames == 0 { Vec::new() } else { vec![FromControlPlane::DrillDownCredit(credit)] }
            }),
            other => {
                self.change(|state| state.heard.push(other));
                Vec::new()
            }
        };
        (answers, true)
    }

    async fn converse(
        self: Arc<Self>,
        mut incoming: Streaming<proto::FromRunner>,
        key: Digest,
        out: mpsc::Sender<Result<proto::FromControlPlane, Status>>,
    ) {
        let manner = self.change(|state| state.manners.pop_front().unwrap_or(Manner::Serve));
        let mut messages = 0;
        while let Some(Ok(message)) = incoming.next().await {
            messages += 1;
            let message = FromRunner::try_from(message).unwrap();
            let (answers, goes_on) = match (message, manner) {
                (_, Manner::LeaveAfter(most)) => (Vec::new(), messages < most),
                (FromRunner::Hello(_), Manner::Stop(reason)) => {
                    (vec![FromControlPlane::Stop(Stop { reason, retry_after_seconds: 0 })], false)
                }
                (FromRunner::Hello(hello), _) => (self.welcome(hello, key), true),
                (message, manner) => self.answer(message, manner),
            };
            for answer in answers {
                if out.send(Ok(answer.into())).await.is_err() {
                    return;
                }
            }
            if !goes_on {
                return;
            }
        }
    }

    fn welcome(&self, hello: Hello, key: Digest) -> Vec<FromControlPlane> {
        self.change(|state| {
            let accepted = state.kept.len() as u64;
            let welcome = Welcome {
                version: CURRENT,
                accepted,
                accepted_head: digest(accepted),
                window: 16,
                alive_seconds: 15,
                now: now(),
            };
            let script = state.script.as_ref().map(|script| script(&hello));
            state.sessions.push(Seen { hello, key });
            [vec![FromControlPlane::Welcome(welcome)], script.unwrap_or_default()].concat()
        })
    }
}

/// The services of a control plane.
struct Door(Arc<ControlPlane>);

#[tonic::async_trait]
impl Line for Door {
    type SessionStream = Pin<Box<dyn Stream<Item = Result<proto::FromControlPlane, Status>> + Send>>;

    async fn session(
        &self,
        request: Request<Streaming<proto::FromRunner>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let next = self.0.state().manners.front().copied();
        if let Some(Manner::Fault(code)) = next {
            self.0.change(|state| state.manners.pop_front());
            return Err(Status::new(code, "E-GATEWAY-003"));
        }
        let chain = request.peer_certs().expect("the TLS layer asks for a certificate");
        let key = leaf(&chain[0]).unwrap().spki;
        let (out, answers) = mpsc::channel(4);
        tokio::spawn(Arc::clone(&self.0).converse(request.into_inner(), key, out));
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }
}

#[tonic::async_trait]
impl Enrolment for Door {
    async fn enrol(&self, request: Request<proto::EnrolRequest>) -> Result<Response<proto::EnrolResponse>, Status> {
        let request = EnrolRequest::try_from(request.into_inner()).unwrap();
        let certificate_request = request.certificate_request.clone();
        let (refusal, waits) = self.0.change(|state| {
            state.enrolments.push(request);
            (state.refusal, state.enrolments.len() <= state.awaiting)
        });
        let response = match refusal {
            Some(code) => EnrolResponse::Refused(Refused { code: code.parse().unwrap() }),
            None if waits => EnrolResponse::AwaitingApproval(AwaitingApproval { retry_after_seconds: 0 }),
            None => self.0.enrolled(&certificate_request, 1),
        };
        Ok(Response::new(response.into()))
    }

    async fn recover(&self, request: Request<proto::RecoverRequest>) -> Result<Response<proto::EnrolResponse>, Status> {
        let request = RecoverRequest::try_from(request.into_inner()).unwrap();
        let certificate_request = request.certificate_request.clone();
        let refusal = self.0.change(|state| {
            state.recoveries.push(request);
            state.refusal
        });
        let response = match refusal {
            Some(code) => EnrolResponse::Refused(Refused { code: code.parse().unwrap() }),
            None => self.0.enrolled(&certificate_request, 8),
        };
        Ok(Response::new(response.into()))
    }
}

async fn serve(router: tonic::transport::server::Router, config: Arc<ServerConfig>) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
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
    address
}

/// A server that shakes hands and hangs up.
pub(super) async fn hang_up(config: Arc<ServerConfig>) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let acceptor = TlsAcceptor::from(config);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(acceptor.accept(stream).await);
        }
    });
    address
}

/// A server that only shakes hands, and says what came of it.
pub(super) async fn shake_hands(config: Arc<ServerConfig>, bind: &str) -> Option<Address> {
    let listener = TcpListener::bind(bind).await.ok()?;
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(config);
    tokio::spawn(async move {
        let mut held: Vec<tokio_rustls::server::TlsStream<TcpStream>> = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.extend(acceptor.accept(stream).await);
        }
    });
    let host = bind.rsplit_once(':').unwrap().0;
    Some(format!("{host}:{port}").parse().unwrap())
}
