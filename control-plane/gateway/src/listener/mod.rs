//! From a bound socket to requests: accepts, shakes hands, speaks HTTP/2, and ends every connection that has no right to
//! stay. What is served is a tower service; it learns of its peer from an extension of the request.

mod admission;
mod connection;
mod handshake;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use contract::limits::{MAX_ENROLMENT_MESSAGE, MAX_MESSAGE_FROM_CONTROL_PLANE, MAX_MESSAGE_FROM_RUNNER};
use proto::enrolment_server::EnrolmentServer;
use proto::line_server::LineServer;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::Shutdown;
use crate::counters::Counters;
use crate::enrolment::EnrolmentService;
use crate::gateway::Gateway;
use crate::limits::ListenerLimits;
use crate::line::LineService;
use admission::{Admission, Handshaking};
pub(crate) use connection::Peer;
use connection::{Http, Served};
use handshake::shake;

/// How long connections have to end when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// How long to wait after the machine could not give us a connection: usually it is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A listener cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket is not usable.
    #[error("E-GATEWAY-001: the listener cannot be used: {0}; is the address still there?")]
    Listener(#[from] std::io::Error),
}

/// Serves the line until shutdown.
pub async fn serve_line(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    gateway: Arc<Gateway>,
    shutdown: Shutdown,
) -> Result<(), ServeError> {
    let sessions = TaskTracker::new();
    let service = LineServer::new(LineService::new(Arc::clone(&gateway), sessions.clone(), shutdown.clone()))
        .max_decoding_message_size(MAX_MESSAGE_FROM_RUNNER)
        .max_encoding_message_size(MAX_MESSAGE_FROM_CONTROL_PLANE);
    let limits = gateway.limits().line.clone();
    let served = serve(listener, tls, service, limits, gateway.counters(), shutdown).await;
    // What a session says to the database when it ends is to be said before the database is closed.
    sessions.close();
    let _ = tokio::time::timeout(DRAIN, sessions.wait()).await;
    served
}

/// Serves enrolment until shutdown.
pub async fn serve_enrolment(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    gateway: Arc<Gateway>,
    shutdown: Shutdown,
) -> Result<(), ServeError> {
    let service = EnrolmentServer::new(EnrolmentService::new(Arc::clone(&gateway)))
        .max_decoding_message_size(MAX_ENROLMENT_MESSAGE)
        .max_encoding_message_size(MAX_ENROLMENT_MESSAGE);
    let limits = gateway.limits().enrolment.clone();
    serve(listener, tls, service, limits, gateway.counters(), shutdown).await
}

async fn serve<S: Served>(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    service: S,
    limits: ListenerLimits,
    counters: Arc<Counters>,
    shutdown: Shutdown,
) -> Result<(), ServeError> {
    listener.local_addr()?;
    let acceptor = TlsAcceptor::from(tls);
    let admission = Arc::new(Admission::default());
    let http = Http::new(limits.clone());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
            // Ended connections are taken off the books as they end, not when the next one comes.
            Some(_) = connections.join_next() => continue,
        };
        let (stream, address) = match accepted {
            Ok((stream, address)) => (stream, address.ip()),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(admitted) = admission.admit(address, &limits) else {
            counters.turned_away();
            continue;
        };
        prepare(&stream);
        let accepted = Accepted { stream, address, admitted, stopping: shutdown.clone() };
        connections.spawn(run(accepted, acceptor.clone(), service.clone(), http.clone(), Arc::clone(&counters)));
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        connections.shutdown().await;
    }
    Ok(())
}

/// A connection, and what is known of it before its handshake.
struct Accepted {
    stream: TcpStream,
    address: IpAddr,
    admitted: Handshaking,
    stopping: Shutdown,
}

/// Shakes hands and serves. What each step needs is freed when it is over: connections stay for weeks.
async fn run<S: Served>(accepted: Accepted, acceptor: TlsAcceptor, service: S, http: Http, counters: Arc<Counters>) {
    let Accepted { stream, address, admitted, stopping } = accepted;
    let stream = match Box::pin(shake(stream, &acceptor, http.limits().handshake_time, &stopping)).await {
        Ok(stream) => stream,
        Err(failure) => {
            tracing::debug!(%address, %failure, "a handshake failed");
            counters.handshake_failed();
            counters.refused(failure.code());
            return;
        }
    };
    // The handshake is over: from here the connection counts among all, not among the unknown.
    let _connected = admitted.done();
    let _counted = counters.connection();
    http.serve(stream, address, service, stopping).await;
}

/// Small answers leave at once, and a peer whose machine has gone is noticed by the kernel too.
fn prepare(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
    let set = stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_tcp_keepalive(&keepalive));
    if let Err(error) = set {
        tracing::debug!(%error, "a socket option was refused");
    }
}
