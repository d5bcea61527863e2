//! The listener: TLS, then HTTP/1.1 or HTTP/2, with a limit on everything that somebody without a key can make us hold.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::service_fn;

use crate::Web;
use crate::http::dressed::{Dressed, Refusal};
use crate::http::held::Activity;
use crate::limits::Limits;
use crate::places::{Full, Place, Places, Whose};
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

/// Octets of one HTTP/2 answer that wait to be written.
const SEND_BUFFER: usize = 64 * 1024;

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
    let (gate, tracker) = (Places::new(limits.connections), TaskTracker::new());
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
        let Ok(entry) = enter(&gate, peer.ip(), &web) else {
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

/// Lets a connection in, if there is room. Through a trusted proxy come many: their requests are counted one by one.
fn enter(gate: &Places, peer: IpAddr, web: &Web) -> Result<Place, Full> {
    let settings = web.settings();
    if settings.trusted_proxies.contains(&peer.to_canonical()) {
        return gate.enter(&[]);
    }
    gate.enter(&[(Whose::network(peer), settings.limits.connections_per_address)])
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
            let (web, busy) = (Arc::clone(&web), activity.begin());
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
    let speaks_in_frames = is_http2(&stream);
    let stream = Dressed::new(stream, speaks_in_frames, {
        let web = Arc::clone(&web);
        move |status| unreadable(&web, status)
    });
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut ticks = interval(limits.head.min(limits.idle) / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let patient_looks = u64::try_from(limits.idle.as_millis().div_ceil(ticks.period().as_millis().max(1)));
    let patient_looks = patient_looks.unwrap_or(u64::MAX);
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
                let let_go = activity.let_go(patient_looks);
                let (busy, served) = activity.look();
                if let_go > 0 {
                    tracing::debug!(let_go, "answers were let go of which nothing was taken");
                    web.counters().let_go(let_go);
                    if !busy {
                        return;
                    }
                }
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

/// The answer to what cannot be read as a request.
fn unreadable(web: &Web, status: http::StatusCode) -> Refusal {
    let problem = if status == http::StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE {
        Problem::head_too_large()
    } else if status == http::StatusCode::URI_TOO_LONG {
        Problem::uri_too_long()
    } else {
        Problem::not_http()
    };
    let document = problem.document();
    let (head, _) = web.refuse(&http::Method::GET, &http::Uri::from_static("/api"), problem).into_parts();
    Refusal { status: head.status, headers: head.headers, document }
}

/// One host, so that whatever stands before us and we ourselves mean the same one (RFC 9112, section 3.2).
fn names_its_host(request: &http::Request<Incoming>) -> bool {
    let hosts = request.headers().get_all(http::header::HOST).iter().count();
    if request.version() == http::Version::HTTP_11 { hosts == 1 } else { hosts <= 1 }
}

fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}

/// The protocol that TLS agreed on. Guessing it from the first bytes would wait for them without a limit.
fn builder(stream: &TlsStream<TcpStream>, limits: &Limits) -> Builder<TokioExecutor> {
    let builder = Builder::new(TokioExecutor::new());
    let mut builder = if is_http2(stream) { builder.http2_only() } else { builder.http1_only() };
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
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .keep_alive_interval(limits.idle / 2)
        .keep_alive_timeout(limits.head);
    builder
}
