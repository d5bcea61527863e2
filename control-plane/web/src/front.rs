//! The way that every request goes first and every answer goes last, whether a program asks or a browser: counted,
//! slowed down if there are too many, given to the API or to the console, and sent off with the headers that stand on
//! every answer.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::{Body, HttpBody};
use crypto::entropy::random_bytes;
use futures_util::FutureExt;
use http::{Method, Response, Uri};
use tower::ServiceExt;
use tracing::Instrument;

use crate::Web;
use crate::console::trouble;
use crate::http::held::keeping;
use crate::http::turn::Turn;
use crate::http::{address, headers};
use crate::places::Whose;
use crate::problem::{Coded, Problem};

/// Bytes of a path with its query.
const MAX_URI: usize = 4_096;

/// The address at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What a request looks like to the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matched(pub(crate) &'static str);

/// Whose key or session an answer was asked for with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedBy(pub(crate) Whose);

/// The id of a request, which its answer and the log name.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

impl Web {
    /// Answers one request that came from this address. Whatever happens, the answer has every header it must have.
    pub async fn respond(self: &Arc<Self>, mut request: http::Request<Body>, peer: IpAddr) -> Response<Body> {
        let id = RequestId(hex::encode(random_bytes::<16>(&self.entropy)));
        let began = self.operations.clock().monotonic_ms();
        let verb = request.method().clone();
        let is_api = is_api(request.uri());
        let client = address::of_client(peer, request.headers(), &self.settings.trusted_proxies);
        request.extensions_mut().insert(Peer(client));
        request.extensions_mut().insert(id.clone());
        let refused = |problem: Problem| if is_api { problem.into_response() } else { trouble::bare(problem, &id) };
        let response = match self.admit(&request, client) {
            Err(problem) => refused(problem),
            Ok(turn) => {
                request.extensions_mut().insert(turn.clone());
                // Whatever is logged on the way carries the id of the request.
                let span = tracing::info_span!("request", request_id = %id.0);
                let router = if is_api { self.api.clone() } else { self.console.clone() };
                let routed = router.oneshot(request).instrument(span);
                let routed = AssertUnwindSafe(routed).catch_unwind().await;
                drop(turn);
                routed.map_or_else(
                    |_| refused(Problem::fault()),
                    |answered| answered.unwrap_or_else(|never| match never {}),
                )
            }
        };
        let response = match self.counted(without_body_for(&verb, response), client, &verb) {
            Ok(response) => response,
            Err(problem) => refused(problem),
        };
        let took_ms = self.operations.clock().monotonic_ms().saturating_sub(began);
        self.said(response, &id, &verb, took_ms)
    }

    /// Refuses what is not even a request: nobody looks at what it asks for.
    pub(crate) fn refuse(&self, verb: &Method, uri: &Uri, problem: Problem) -> Response<Body> {
        let id = RequestId(hex::encode(random_bytes::<16>(&self.entropy)));
        let response = if is_api(uri) { problem.into_response() } else { trouble::bare(problem, &id) };
        self.said(without_body_for(verb, response), &id, verb, 0)
    }

    /// Puts on an answer what stands on all of them, counts it and logs it.
    fn said(&self, mut response: Response<Body>, id: &RequestId, verb: &Method, took_ms: u64) -> Response<Body> {
        headers::put(response.headers_mut(), &id.0);
        let path = response.extensions().get::<Matched>().map_or("-", |matched| matched.0);
        self.counters().answered(response.status());
        let status = response.status().as_u16();
        let code = response.extensions().get::<Coded>().map(|coded| coded.0);
        tracing::info!(request_id = %id.0, method = %verb, path, status, code, took_ms, "answered");
        response
    }

    /// The answer, counted among those that the readers at this address, and of this key or session, have not taken yet.
    /// What changed something is answered in any case: a refusal would hide that it was done.
    fn counted(&self, response: Response<Body>, client: IpAddr, verb: &Method) -> Result<Response<Body>, Problem> {
        let octets = usize::try_from(response.body().size_hint().lower()).unwrap_or(usize::MAX);
        if octets == 0 {
            return Ok(response);
        }
        // However large one answer is, no share is too small for it alone.
        let limits = &self.settings.limits;
        let mut shares = vec![(Whose::network(client), limits.unread_per_address.max(octets))];
        if let Some(AskedBy(means)) = response.extensions().get() {
            shares.push((*means, limits.unread_per_means.max(octets)));
        }
        let place = if *verb == Method::POST {
            self.unread.enter_anyway(octets, &shares)
        } else {
            self.unread.enter_with(octets, &shares)?
        };
        Ok(response.map(|body| keeping(body, place)))
    }

    /// What is checked before anybody looks at what is asked for.
    fn admit(&self, request: &http::Request<Body>, client: IpAddr) -> Result<Turn, Problem> {
        self.by_address.take(&address::network_of(client)).map_err(|seconds| Problem::too_often().after(seconds))?;
        if request.uri().path_and_query().map_or(0, |path| path.as_str().len()) > MAX_URI {
            return Err(Problem::uri_too_long());
        }
        Ok(Turn::take(&self.under_way, client, self.settings.limits.requests_per_address)?)
    }
}

/// Waits for an operation no longer than anybody waits for it.
pub(crate) async fn in_time<T, E: From<Problem>>(
    web: &Web,
    answering: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let answered = tokio::time::timeout(web.settings.limits.operation, answering).await;
    answered.unwrap_or_else(|_| Err(Problem::unfinished().after(5).into()))
}

/// Everything below `/api` is for programs.
fn is_api(uri: &Uri) -> bool {
    uri.path() == "/api" || uri.path().starts_with("/api/")
}

/// An answer to HEAD says how long the document is and does not have it (RFC 9110, section 9.3.2).
fn without_body_for(verb: &Method, response: Response<Body>) -> Response<Body> {
    if verb != Method::HEAD {
        return response;
    }
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        head.headers.insert(http::header::CONTENT_LENGTH, length.into());
    }
    Response::from_parts(head, Body::empty())
}
