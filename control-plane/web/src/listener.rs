//! The listener: TLS, then HTTP/1.1 or HTTP/2, with a limit on everything that somebody without a key can make us hold.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::service_fn;

use crate::Web;
use crate::http::address::network_of;
use crate::http::dressed::Dressed;
use crate::limits::Limits;
use crate::problem::Problem;

/// Bytes of the head of a request, and its fields.
const HEAD_BYTES: usize = 16 * 1024;
const HEADERS: usize = 64;

/// The same as the HTTP library sees to it. It takes a little more, so that most of what is too large is still refused in
/// words; beyond that it refuses by itself.
const LIBRARY_HEAD_BYTES: usize = 2 * HEAD_BYTES;
const LIBRARY_HEADERS: usize = 2 * HEADERS;

/// Requests of one HTTP/2 connection at a time.
const STREAMS: u32 = 64;

/// Streams that a peer may open and reset before they are answered, and that may fail of themselves (CVE-2023-44487).
const RESETS: usize = 20;

/// Why the listener ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Connections cannot be taken, and waiting did not help.
    #[error("E-WEB-098: the HTTPS listener cannot take connections: {0}")]
    Accept(std::io::Error),
}

/// Serves the API until `shutdown` is cancelled; then ends what is going on, within the time that the limits give.
///
/// # Errors
///
/// The listener cannot take connections any more.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    web: Arc<Web>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let limits = &web.settings().limits;
    let (gate, tracker) = (Gate::new(limits), TaskTracker::new());
    let acceptor = TlsAcceptor::from(tls);
    let mut failures = 0_u32;
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            // A peer that left before it was taken, or no file descriptor free: the next one may be fine.
            Err(error) if failures < 100 => {
                failures += 1;
                tracing::warn!(%error, "a connection could not be taken");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
            Err(error) => return Err(ServeError::Accept(error)),
        };
        failures = 0;
        let Some(entry) = gate.enter(peer.ip()) else {
            web.counters().turned_away();
            continue;
        };
        let (acceptor, web, shutdown) = (acceptor.clone(), Arc::clone(&web), shutdown.clone());
        tracker.spawn(async move {
            web.counters().connected();
            connection(stream, peer.ip(), acceptor, Arc::clone(&web), shutdown).await;
            web.counters().disconnected();
            drop(entry);
        });
    }
    tracker.close();
    web.end_following();
    if timeout(limits.shutdown, tracker.wait()).await.is_err() {
        tracing::warn!(left = tracker.len(), "connections are cut off by the shutdown");
    }
    Ok(())
}

async fn connection(
    stream: TcpStream,
    peer: IpAddr,
    acceptor: TlsAcceptor,
    web: Arc<Web>,
    shutdown: CancellationToken,
) {
    let limits = web.settings().limits.clone();
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended before it began");
        return;
    }
    let stream = match timeout(limits.head, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!("a TLS handshake took too long"),
    };
    let activity = Arc::new(Activity::default());
    let service = service_fn({
        let activity = Arc::clone(&activity);
        let web = Arc::clone(&web);
        move |request: http::Request<Incoming>| {
            let (web, busy) = (Arc::clone(&web), Busy::begin(&activity));
            async move {
                let response = match refused(&request) {
                    None => web.respond(request.map(Body::new), peer).await,
                    Some(problem) => web.refuse(request.method(), request.uri(), problem),
                };
                Ok::<_, Infallible>(response.map(|body| Body::new(busy.until_the_end_of(body))))
            }
        }
    });
    let builder = builder(&stream, &limits);
    let service = hyper_util::service::TowerToHyperService::new(service);
    let stream = Dressed::new(stream, {
        let web = Arc::clone(&web);
        move |status| unreadable(&web, status)
    });
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut ticks = interval(limits.head.min(limits.idle) / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut quiet = Duration::ZERO;
    let mut asked_to_end = false;
    loop {
        tokio::select! {
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            () = shutdown.cancelled(), if !asked_to_end => {
                asked_to_end = true;
                serving.as_mut().graceful_shutdown();
            }
            _ = ticks.tick() => {
                let (busy, served) = activity.look();
                quiet = if busy { Duration::ZERO } else { quiet + ticks.period() };
                let patience = if served == 0 { limits.head } else { limits.idle };
                // Twice: the first time it is asked to end, the second time it is ended.
                if quiet >= patience * 2 || (quiet >= patience && asked_to_end) {
                    return tracing::debug!("an idle connection was ended");
                }
                if quiet >= patience {
                    asked_to_end = true;
                    serving.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// What is refused before anybody looks at what is asked for.
fn refused(request: &http::Request<Incoming>) -> Option<Problem> {
    let sizes = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let bytes = sizes.sum::<usize>() + request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if bytes > HEAD_BYTES || request.headers().len() > HEADERS {
        return Some(Problem::head_too_large());
    }
    (!names_its_host(request)).then(Problem::host)
}

/// The answer to what cannot be read as a request, as it stands on the connection.
fn unreadable(web: &Web, status: http::StatusCode) -> Vec<u8> {
    let problem = if status == http::StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE {
        Problem::head_too_large()
    } else if status == http::StatusCode::URI_TOO_LONG {
        Problem::uri_too_long()
    } else {
        Problem::not_http()
    };
    let body = problem.document();
    let (head, _) = web.refuse(&http::Method::GET, &http::Uri::from_static("/api"), problem).into_parts();
    let reason = head.status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", head.status.as_str()).into_bytes();
    for (name, value) in &head.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(format!("connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    bytes
}

/// One host, so that whatever stands before us and we ourselves mean the same one (RFC 9112, section 3.2).
fn names_its_host(request: &http::Request<Incoming>) -> bool {
    let hosts = request.headers().get_all(http::header::HOST).iter().count();
    if request.version() == http::Version::HTTP_11 { hosts == 1 } else { hosts <= 1 }
}

/// The protocol that TLS agreed on. Guessing it from the first bytes would wait for them without a limit.
fn builder(stream: &TlsStream<TcpStream>, limits: &Limits) -> Builder<TokioExecutor> {
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let builder = Builder::new(TokioExecutor::new());
    let mut builder = if is_http2 { builder.http2_only() } else { builder.http1_only() };
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(LIBRARY_HEAD_BYTES)
        .max_headers(LIBRARY_HEADERS)
        .keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(LIBRARY_HEAD_BYTES).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(RESETS)
        .max_send_buf_size(512 * 1024)
        .initial_stream_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .keep_alive_interval(limits.idle / 2)
        .keep_alive_timeout(limits.head);
    builder
}

/// How many connections there are, altogether and by network.
struct Gate {
    all: Arc<Semaphore>,
    by_network: Arc<Mutex<HashMap<IpAddr, usize>>>,
    per_network: usize,
}

/// One connection that was let in; dropping it lets another one in.
struct Entry {
    network: IpAddr,
    by_network: Arc<Mutex<HashMap<IpAddr, usize>>>,
    _one_of_all: OwnedSemaphorePermit,
}

impl Gate {
    fn new(limits: &Limits) -> Self {
        let all = Arc::new(Semaphore::new(limits.connections));
        Self { all, by_network: Arc::default(), per_network: limits.connections_per_address }
    }

    fn enter(&self, peer: IpAddr) -> Option<Entry> {
        let one_of_all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let network = network_of(peer);
        let mut by_network = self.by_network.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_network.entry(network).or_default();
        if *count >= self.per_network {
            return None;
        }
        *count += 1;
        Some(Entry { network, by_network: Arc::clone(&self.by_network), _one_of_all: one_of_all })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut by_network = self.by_network.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_network.get_mut(&self.network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                by_network.remove(&self.network);
            }
        }
    }
}

/// Whether a connection has anything to do.
#[derive(Default)]
struct Activity {
    under_way: AtomicU64,
    served: AtomicU64,
}

impl Activity {
    /// Whether something is under way, and how much there was so far.
    fn look(&self) -> (bool, u64) {
        (self.under_way.load(Ordering::Acquire) > 0, self.served.load(Ordering::Acquire))
    }
}

/// One request with its answer, until the last byte of it was handed over.
struct Busy(Arc<Activity>);

impl Busy {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.under_way.fetch_add(1, Ordering::AcqRel);
        activity.served.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(activity))
    }

    fn until_the_end_of(self, body: Body) -> Held {
        Held { body, _busy: self }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A body that counts as something to do until it is dropped.
struct Held {
    body: Body,
    _busy: Busy,
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
