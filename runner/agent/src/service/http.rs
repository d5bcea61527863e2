//! `/metrics`, `/healthz` and `/readyz`, in plain HTTP on an address that only this machine reaches.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::board::Board;
use crate::fail::Fail;

/// Connections at the same time; a scraper needs one.
const AT_ONCE: usize = 16;
/// A request arrives, and a connection ends, within so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes the address, so that a service that cannot have it says so at its start.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Fail> {
    TcpListener::bind(address).await.map_err(|error| {
        let message = format_args!("health.listen {address}: {error}").to_string();
        Fail::input("E-SERVICE-001", message, "choose another port in config.toml, or end what uses this one")
    })
}

/// Answers until it is dropped.
pub(super) async fn answer(listener: TcpListener, board: Arc<Board>, clock: Arc<dyn Clock>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // No file descriptor is free; the next moment may have one.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (board, clock) = (Arc::clone(&board), Arc::clone(&clock));
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = respond(&request, &board, clock.as_ref());
                async { Ok::<_, Infallible>(response) }
            });
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false).max_buf_size(16 * 1024);
            // A client that breaks off has what it wanted.
            let _ = tokio::time::timeout(PATIENCE, server.serve_connection(TokioIo::new(stream), service)).await;
            drop(place);
        });
    }
}

fn respond(request: &Request<Incoming>, board: &Board, clock: &dyn Clock) -> Response<Full<Bytes>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    const JSON: &str = "application/json";
    /// What scrapers know the format by.
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let readiness = || board.readiness(clock.now()).why;
    let path = request.uri().path();
    if !["/metrics", "/healthz", "/readyz"].contains(&path) {
        return response(StatusCode::NOT_FOUND, TEXT, "not found\n".to_owned());
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "use GET\n".to_owned());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match path {
        "/metrics" => {
            let text = board.metrics.text(&board.facts(), readiness().is_empty());
            response(StatusCode::OK, OPEN_METRICS, text)
        }
        "/healthz" if board.silent_ms(clock.monotonic_ms()) > super::STUCK_MS => {
            response(StatusCode::SERVICE_UNAVAILABLE, TEXT, "stuck\n".to_owned())
        }
        "/healthz" => response(StatusCode::OK, TEXT, "ok\n".to_owned()),
        _ => {
            let why = readiness();
            let status = if why.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            response(status, JSON, format!("{}\n", json!({"ready": why.is_empty(), "why": why})))
        }
    }
}

fn response(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
