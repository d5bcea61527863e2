//! One connection after its handshake.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::codegen::Service;

use crate::Shutdown;
use crate::limits::ListenerLimits;

/// How long a connection that is to end may still take to send what was written to it.
const FLUSH: Duration = Duration::from_secs(1);

/// What may wait in memory to be sent on one stream.
const SEND_BUFFER: usize = 64 * 1024;

/// What a peer may send ahead of our reading. One message may be larger; it then arrives as it is read.
const WINDOW: u32 = 1024 * 1024;

/// A service that answers requests of one connection. Its future is dropped when the connection ends.
pub(crate) trait Served:
    Service<http::Request<Incoming>, Response = http::Response<tonic::body::Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Served for S where
    S: Service<http::Request<Incoming>, Response = http::Response<tonic::body::Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// Who is at the other end, as the handshake showed it; an extension of every request.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Where from.
    pub(crate) address: IpAddr,
    /// What was presented and verified in the handshake, the peer's own certificate first; empty without one, and once
    /// the connection's one session has taken it.
    pub(crate) chain: Mutex<Vec<Vec<u8>>>,
    /// Told when a method of the service is called: a connection on which none is does not stay.
    pub(crate) requested: Notify,
    /// Cancelled by whoever wants the connection to end once what is written has been sent.
    pub(crate) end: CancellationToken,
}

/// HTTP/2 with the limits of a listener.
#[derive(Clone)]
pub(crate) struct Http {
    builder: http2::Builder<TokioExecutor>,
    limits: Arc<ListenerLimits>,
}

impl Http {
    pub(crate) fn new(limits: ListenerLimits) -> Self {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(limits.header_bytes)
            .max_pending_accept_reset_streams(8)
            .max_local_error_reset_streams(16)
            .max_send_buf_size(SEND_BUFFER)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .keep_alive_interval(limits.ping_every)
            .keep_alive_timeout(limits.ping_time)
            .auto_date_header(false);
        Self { builder, limits: Arc::new(limits) }
    }

    pub(crate) fn limits(&self) -> &ListenerLimits {
        &self.limits
    }

    /// Serves the connection until the peer leaves, its time is over, or somebody ends it.
    pub(crate) fn serve<S: Served>(
        self,
        stream: Box<TlsStream<TcpStream>>,
        address: IpAddr,
        service: S,
        stopping: Shutdown,
    ) -> impl Future<Output = ()> + Send {
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let chain = chain.iter().map(|certificate| certificate.to_vec()).collect();
        let end = CancellationToken::new();
        let peer = Arc::new(Peer { address, chain: Mutex::new(chain), requested: Notify::new(), end: end.clone() });
        let service = {
            let peer = Arc::clone(&peer);
            service_fn(move |mut request: http::Request<Incoming>| {
                request.extensions_mut().insert(Arc::clone(&peer));
                service.clone().call(request)
            })
        };
        let mut connection = Box::pin(self.builder.serve_connection(TokioIo::new(stream), service));
        async move {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%address, %error, "a connection broke");
                    }
                    return;
                }
                () = end.cancelled() => {}
                () = idle(&self.limits, &peer) => {
                    tracing::debug!(%address, "a connection without a request was ended");
                }
                () = over(&self.limits) => {}
                () = told(&stopping, &end) => {}
            }
            connection.as_mut().graceful_shutdown();
            // Whoever does not read what is sent is not waited for: the socket closes when this returns.
            let _ = tokio::time::timeout(FLUSH, connection).await;
        }
    }
}

/// Nothing was asked for in time.
async fn idle(limits: &ListenerLimits, peer: &Peer) {
    if tokio::time::timeout(limits.first_request_time, peer.requested.notified()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

/// The connection has been open as long as it may.
async fn over(limits: &ListenerLimits) {
    match limits.connection_time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// The server stops: a session is told first, and ends the connection itself.
async fn told(stopping: &Shutdown, end: &CancellationToken) {
    stopping.cancelled().await;
    let _ = tokio::time::timeout(FLUSH, end.cancelled()).await;
}
