//! The way of a request of the API: authenticated, permitted, read strictly, done, answered.

use std::net::IpAddr;
use std::sync::{Arc, Weak};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use bytes::Bytes;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_operations::Error;
use crypto::digest::sha256_parts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, header};
use tracing::Instrument;

use crate::Web;
use crate::api::route::{Access, Call, Handle, Reply, Route, Shape, Verb};
use crate::front::{AskedBy, Peer, in_time};
use crate::http::body::{self, Sender};
use crate::http::headers::REPLAYED;
use crate::http::query::{self, Query};
use crate::http::routed::{self, Parameters, Routes, named};
use crate::idempotency::{self, Done};
use crate::places::Whose;
use crate::problem::Problem;

/// The router over the table of routes.
pub(crate) fn router(web: &Weak<Web>) -> Router {
    let table = crate::api::resource::routes().map(|route| (route.path, route.verb, route));
    let router = routed::router(web, table, |web, routes, parameters, request| async move {
        chosen(&web, &routes, parameters, request).await.unwrap_or_else(Problem::into_response)
    });
    router.fallback(|| async { Problem::no_such_path().into_response() })
}

async fn chosen(
    web: &Arc<Web>,
    routes: &Routes<Route>,
    parameters: Parameters,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let path = named(parameters)?;
    let Some(route) = routes.values().find(|route| route.verb.as_str() == request.method().as_str()) else {
        let allowed: Vec<&str> = routes.keys().map(|verb| verb.as_str()).collect();
        return Err(Problem::method().allowing(allowed.join(", ")));
    };
    let (permissions, handle) = match &route.access {
        Access::Open(answer) => return Ok(answer().into_response()),
        Access::Key(handle) => ([].as_slice(), *handle),
        Access::Permitted(permissions, handle) => (*permissions, *handle),
    };
    let (head, body) = request.into_parts();
    let client = head.extensions.get::<Peer>().ok_or_else(Problem::fault)?.0;
    let caller = authenticated(web, &head.headers, client).await?;
    permitted(&caller, permissions)?;
    let text = head.uri.query().unwrap_or_default();
    let paged: &[&str] = if matches!(route.shape, Shape::Page(_)) { &[query::LIMIT, query::CURSOR] } else { &[] };
    let own: Vec<&'static str> = route.query.iter().map(|parameter| parameter.name).collect();
    let query = Query::read(text, own.iter().chain(paged.iter()))?;
    let awaited = !body.is_end_stream();
    let body = read_body(web, route, &head, body, &caller).await?;
    // A body may take its time, and the key may have been revoked, or its person demoted, meanwhile.
    let caller = if awaited { known(web, &head.headers, client).await? } else { caller };
    permitted(&caller, permissions)?;
    let path_and_query = head.uri.path_and_query().map_or("", |path| path.as_str());
    let digest = sha256_parts(&[route.verb.as_str().as_bytes(), b" ", path_and_query.as_bytes(), b"\n", &body]);
    let key = idempotency::key_of(&head.headers)?;
    let asked_by = AskedBy(Whose::means(&caller));
    let call = Call { web: Arc::clone(web), caller, path, query, body };
    let mut response = match route.verb {
        Verb::Get if matches!(route.shape, Shape::Stream(_)) => handle(call).await.map(Reply::into_response),
        Verb::Get => in_time(web, handle(call)).await.map(Reply::into_response),
        Verb::Post => changed(web, call, handle, key.map(|key| (key, digest))).await,
    }?;
    response.extensions_mut().insert(asked_by);
    Ok(response)
}

/// A change is carried to its end, also when whoever asked for it has gone.
async fn changed(
    web: &Arc<Web>,
    call: Call,
    handle: Handle,
    key: Option<(String, crypto::Digest)>,
) -> Result<Response<Body>, Problem> {
    let change = async move {
        match key {
            None => handle(call).await.map(Reply::into_response),
            Some((key, request)) => {
                let (operations, caller) = (call.operations().clone(), call.caller.clone());
                match idempotency::once(&operations, &caller, &key, request, handle(call)).await? {
                    Done::Now(reply) => Ok(reply.into_response()),
                    Done::Before(before) => {
                        let mut response = Reply::again(before.status, before.body).into_response();
                        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
                        Ok(response)
                    }
                }
            }
        }
    };
    let task = tokio::spawn(change.in_current_span());
    in_time(web, async move {
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a request was not carried to its end");
            Err(Problem::fault())
        })
    })
    .await
}

async fn authenticated(web: &Web, headers: &HeaderMap, client: IpAddr) -> Result<Caller, Problem> {
    let caller = known(web, headers, client).await?;
    let of_key = (caller.tenant(), *caller.means_id());
    web.by_key.take(&of_key).map_err(|seconds| Problem::too_often().after(seconds))?;
    tracing::debug!(tenant = %caller.tenant(), key = ?caller.key(), "authenticated");
    Ok(caller)
}

/// The caller behind the key that a request carries.
async fn known(web: &Web, headers: &HeaderMap, client: IpAddr) -> Result<Caller, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Problem::unauthenticated()) };
    let text = value.to_str().ok().and_then(|value| value.split_once(' '));
    let Some(key) = text.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key) else {
        return Err(Problem::unauthenticated());
    };
    Ok(web.operations.authenticate(key, client).await?)
}

fn permitted(caller: &Caller, permissions: &[Permission]) -> Result<(), Problem> {
    if permissions.iter().any(|permission| caller.may(*permission)) {
        return Ok(());
    }
    match permissions.first() {
        None => Ok(()),
        Some(permission) => caller.permit(*permission).map(drop).map_err(|denied| Error::from(denied).into()),
    }
}

async fn read_body(web: &Web, route: &Route, head: &Parts, body: Body, caller: &Caller) -> Result<Bytes, Problem> {
    if route.body.is_none() {
        return body::none(web, head, body, Sender::Known(caller)).await.map(|()| Bytes::new());
    }
    let mut types = head.headers.get_all(header::CONTENT_TYPE).iter();
    let is_json = types.next().is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"application/json"));
    if !is_json || types.next().is_some() || head.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Problem::content_type());
    }
    Ok(body::whole(web, head, body, Sender::Known(caller)).await?)
}
