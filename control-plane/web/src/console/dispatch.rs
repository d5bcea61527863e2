//! The way of a request for a page: who asks is found by the cookie, then whether they may, what they asked for, read
//! strictly, and for a change whether a page of ours asks for it; then it is done and answered.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Weak};

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::routing::any;
use control_plane_domain::policy::Caller;
use control_plane_domain::session::Need;
use control_plane_operations::{Client, Error, Half, Seen};
use crypto::Secret;
use http::request::Parts;
use http::{HeaderMap, Method, Response, header};
use tracing::Instrument;

use super::answer::Answer;
use super::body::{self, Brought};
use super::frame::{Section, Who};
use super::path::{self, Href};
use super::route::{Access, PageRoute};
use super::trouble::Trouble;
use super::values::Values;
use super::visit::{Asked, Guest, Standing, Visit};
use super::zone::Zone;
use super::{asset, cookie, csrf};
use crate::Web;
use crate::front::{Matched, Peer, RequestId, in_time};
use crate::http::verb::Verb;
use crate::problem::Problem;

/// Says that a page is loaded because something changed, and not because the person does something.
const UNATTENDED: &str = "x-proctor-unattended";

const ASSETS: &str = "/assets/{folder}/{name}";

/// One path and what can be asked of it.
type Routes = BTreeMap<Verb, &'static PageRoute>;

/// The router over the table of pages.
pub(crate) fn router(web: &Weak<Web>) -> Router {
    let mut paths: BTreeMap<&'static str, Routes> = BTreeMap::new();
    for route in super::pages::routes() {
        paths.entry(route.path).or_default().insert(route.verb, route);
    }
    let mut router = Router::new();
    for (path, routes) in paths {
        let (web, routes) = (web.clone(), Arc::new(routes));
        let answer = move |parameters: Result<RawPathParams, RawPathParamsRejection>, request: Request| {
            let (web, routes) = (web.upgrade(), Arc::clone(&routes));
            async move {
                let Some(web) = web else { return Problem::busy().into_response() };
                let mut response = answered(&web, &routes, parameters, request).await;
                response.extensions_mut().insert(Matched(path));
                response
            }
        };
        router = router.route(path, any(answer));
    }
    let of_nothing = web.clone();
    router.route(ASSETS, any(asset_answered)).fallback(move |request: Request| {
        let web = of_nothing.upgrade();
        async move {
            let Some(web) = web else { return Problem::busy().into_response() };
            let (head, _) = request.into_parts();
            let known = known(&web, &head).await;
            said(&web, Problem::no_such_path().into(), &head, known.as_ref().ok(), &path::overview()).await
        }
    })
}

async fn asset_answered(parameters: Result<RawPathParams, RawPathParamsRejection>, request: Request) -> Response<Body> {
    let (head, _) = request.into_parts();
    let id = id_of(&head);
    let answer = || {
        if ![Method::GET, Method::HEAD].contains(&head.method) {
            return Err(Problem::method().allowing("GET, HEAD".to_owned()).into());
        }
        let parameters = parameters.map_err(|_| Problem::no_such_path())?;
        let value = |name| parameters.iter().find(|(found, _)| *found == name).map_or("", |(_, value)| value);
        asset::answer(value("folder"), value("name"), &head.headers)
    };
    let mut response =
        answer().map_or_else(|trouble: Trouble| trouble.into_page(None, &id, &path::overview()), Answer::into_response);
    response.extensions_mut().insert(Matched(ASSETS));
    response
}

/// Who asks, as far as the cookie says.
enum Known {
    Stranger,
    Half(Half),
    Full(Caller),
}

/// Looks the session up. A page that loads itself again does not count as somebody who does something.
async fn known(web: &Web, head: &Parts) -> Result<Known, Trouble> {
    let Some(cookie) = cookie::read(&head.headers, cookie::SESSION) else { return Ok(Known::Stranger) };
    let seen = if head.headers.contains_key(UNATTENDED) {
        web.operations.look_at_session(cookie.expose()).await?
    } else {
        web.operations.session(cookie.expose(), &client_of(head)?).await?
    };
    Ok(match seen {
        Seen::Nobody => Known::Stranger,
        Seen::Half(half) => Known::Half(half),
        Seen::Full(caller) => Known::Full(caller),
    })
}

fn client_of(head: &Parts) -> Result<Client, Trouble> {
    let address: IpAddr = head.extensions.get::<Peer>().ok_or_else(Problem::fault)?.0;
    let agent = head.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    Ok(Client::new(address, agent))
}

fn id_of(head: &Parts) -> RequestId {
    head.extensions.get::<RequestId>().cloned().unwrap_or(RequestId(String::new()))
}

async fn answered(
    web: &Arc<Web>,
    routes: &Routes,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let (known, back) = (known(web, &head).await, back_of(routes, &head));
    let known = match known {
        Ok(known) => known,
        Err(trouble) => return said(web, trouble, &head, None, &back).await,
    };
    match way(web, routes, parameters, &head, body, &known).await {
        Ok(answer) => finished(answer, &head),
        Err(trouble) => said(web, trouble, &head, Some(&known), &back).await,
    }
}

/// An answer with what belongs to it whatever it is: a sentence is said once, and a visitor is known again.
fn finished(answer: Answer, head: &Parts) -> Response<Body> {
    let was_said = answer.is_seen() && cookie::said(&head.headers).is_some();
    let answer = if was_said { answer.with(header::SET_COOKIE, cookie::end(cookie::SAYING)) } else { answer };
    answer.into_response()
}

/// What is said instead: a page with the person's own frame, or problem details for a script.
async fn said(web: &Arc<Web>, trouble: Trouble, head: &Parts, known: Option<&Known>, back: &Href) -> Response<Body> {
    if head.uri.path().starts_with("/console/") || head.uri.path() == "/live" {
        return trouble.into_json();
    }
    let frame = match (known, &trouble) {
        (Some(Known::Full(caller)), Trouble::Problem(_)) => match who_is(web, caller).await {
            Ok(who) => {
                let token = cookie::read(&head.headers, cookie::SESSION)
                    .map_or_else(String::new, |cookie| csrf::token(&cookie, &web.entropy));
                let title = "Not done".to_owned();
                let now = web.operations.clock().now();
                Some(super::frame::Frame::new(
                    Section::None,
                    title,
                    Some(who),
                    token,
                    now,
                    zone_of(&head.headers),
                    None,
                ))
            }
            Err(_) => None,
        },
        _ => None,
    };
    trouble.into_page(frame, &id_of(head), back)
}

/// The page that leads to this request: for a change, the nearest one above it.
fn back_of(routes: &Routes, head: &Parts) -> Href {
    let path_and_query = head.uri.path_and_query().map_or("/", |path| path.as_str());
    if [Method::GET, Method::HEAD].contains(&head.method) || routes.contains_key(&Verb::Get) {
        return Href::returning(path_and_query).unwrap_or_else(path::overview);
    }
    let mut template = routes.values().next().map_or("/", |route| route.path);
    let mut path = head.uri.path();
    while let (Some((above, _)), Some((path_above, _))) = (template.rsplit_once('/'), path.rsplit_once('/')) {
        let is_page = super::pages::routes().any(|route| route.verb == Verb::Get && route.path == above);
        if is_page {
            return Href::returning(path_above).unwrap_or_else(path::overview);
        }
        (template, path) = (above, path_above);
    }
    path::overview()
}

async fn way(
    web: &Arc<Web>,
    routes: &Routes,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    head: &Parts,
    body: Body,
    known: &Known,
) -> Result<Answer, Trouble> {
    let parameters = parameters.map_err(|_| Problem::no_such_path())?;
    let verb = match head.method {
        Method::GET | Method::HEAD => Verb::Get,
        Method::POST => Verb::Post,
        _ => return Err(Problem::method().allowing(allowed(routes)).into()),
    };
    let route = *routes.get(&verb).ok_or_else(|| Problem::method().allowing(allowed(routes)))?;
    paced(web, known)?;
    admitted(route, known)?;
    let query = Values::read(query_of(head), route.query, Problem::query)?;
    let (stands_for, is_new) = cookie_of(web, route, head, known)?;
    let Brought { form, document, form_id } = body::read(web, route, head, body, &stands_for, is_new).await?;
    let asked = Asked {
        web: Arc::clone(web),
        route,
        path: parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        here: Href::asked_for(head.uri.path_and_query().map_or("/", |path| path.as_str())),
        query,
        form,
        body: document,
        form_id,
        client: client_of(head)?,
        token: csrf::token(&stands_for, &web.entropy),
        saying: cookie::said(&head.headers),
        zone: zone_of(&head.headers),
        now: web.operations.clock().now(),
        session: cookie::read(&head.headers, cookie::SESSION),
        cookie: stands_for,
    };
    let visitor = is_new.then(|| cookie::set(cookie::VISITOR, asked.cookie.expose())).flatten();
    let answer = done(web, route, asked, head, known).await?;
    Ok(if visitor.is_some() { answer.with(header::SET_COOKIE, visitor) } else { answer })
}

fn query_of(head: &Parts) -> &[u8] {
    head.uri.query().unwrap_or_default().as_bytes()
}

fn allowed(routes: &Routes) -> String {
    let word = |verb: &Verb| match verb {
        Verb::Get => "GET, HEAD",
        Verb::Post => "POST",
    };
    routes.keys().map(word).collect::<Vec<_>>().join(", ")
}

/// How often one session may ask.
fn paced(web: &Web, known: &Known) -> Result<(), Problem> {
    let of_session = match known {
        Known::Full(caller) => (caller.tenant(), *caller.means_id()),
        Known::Half(half) => (half.tenant, *half.session.as_bytes()),
        Known::Stranger => return Ok(()),
    };
    web.by_key.take(&of_session).map_err(|seconds| Problem::too_often().after(seconds))
}

/// Whether whoever asks may come here at all.
fn admitted(route: &PageRoute, known: &Known) -> Result<(), Trouble> {
    match (&route.access, known) {
        (Access::Open(_), _) | (Access::Half(_), Known::Half(_)) | (Access::Full(_), Known::Full(_)) => Ok(()),
        (Access::Permitted(needed, _), Known::Full(caller)) => {
            let Some(first) = needed.first() else { return Ok(()) };
            if needed.iter().any(|permission| caller.may(*permission)) {
                return Ok(());
            }
            caller.permit(*first).map(drop).map_err(|denied| Error::from(denied).into())
        }
        (Access::Half(_), Known::Full(_)) => Err(Trouble::Elsewhere(path::overview())),
        (Access::Full(_) | Access::Permitted(..), Known::Half(half)) => {
            Err(Trouble::SecondFactor(next_step(half.need)))
        }
        (Access::Half(_) | Access::Full(_) | Access::Permitted(..), Known::Stranger) => Err(Trouble::SignIn),
    }
}

/// Where a person goes who has shown a password.
pub(in crate::console) fn next_step(need: Need) -> Href {
    match need {
        Need::EnrolTotp => path::new_factor(),
        Need::Totp => path::second_factor(),
    }
}

/// The secret that forms are bound to: the session, or before there is one something that only this browser has.
fn cookie_of(web: &Web, route: &PageRoute, head: &Parts, known: &Known) -> Result<(Secret<String>, bool), Trouble> {
    let session = || cookie::read(&head.headers, cookie::SESSION).ok_or(Trouble::SignIn);
    match (&route.access, known) {
        (Access::Open(_), _) => {}
        (Access::Half(_) | Access::Full(_) | Access::Permitted(..), _) => return Ok((session()?, false)),
    }
    Ok(match cookie::read(&head.headers, cookie::VISITOR) {
        Some(visitor) => (visitor, false),
        None => {
            let bytes = Secret::<[u8; 32]>::random(&web.entropy);
            (Secret::new(hex::encode(bytes.expose())), true)
        }
    })
}

fn zone_of(headers: &HeaderMap) -> Zone {
    cookie::read(headers, cookie::ZONE).and_then(|name| name.expose().parse().ok()).unwrap_or(Zone::UTC)
}

/// Gives the request to the page. A change is carried to its end, also when whoever asked for it has gone.
async fn done(
    web: &Arc<Web>,
    route: &'static PageRoute,
    asked: Asked,
    head: &Parts,
    known: &Known,
) -> Result<Answer, Trouble> {
    match route.access {
        Access::Open(handle) | Access::Half(handle) => {
            let standing = match known {
                Known::Stranger => Standing::Stranger,
                Known::Half(half) => Standing::Half(half.clone()),
                Known::Full(_) => Standing::SignedIn,
            };
            let guest = Guest { asked, standing };
            carried(web, route, async move { handle(&guest).await }).await
        }
        Access::Full(handle) | Access::Permitted(_, handle) => {
            // A body may take its time, and the session may have ended, or its person been demoted, meanwhile.
            let caller = match (route.verb, known) {
                (Verb::Get, Known::Full(caller)) => caller.clone(),
                (Verb::Get, _) => return Err(Trouble::SignIn),
                (Verb::Post, _) => match self::known(web, head).await? {
                    Known::Full(caller) => caller,
                    Known::Stranger | Known::Half(_) => return Err(Trouble::SignIn),
                },
            };
            admitted(route, &Known::Full(caller.clone()))?;
            let who = who_is(web, &caller).await?;
            let visit = Visit { asked, caller, who };
            carried(web, route, async move { handle(&visit).await }).await
        }
    }
}

async fn carried(
    web: &Arc<Web>,
    route: &PageRoute,
    doing: impl Future<Output = Result<Answer, Trouble>> + Send + 'static,
) -> Result<Answer, Trouble> {
    match route.verb {
        Verb::Get => in_time(web, doing).await,
        Verb::Post => {
            let (task, name) = (tokio::spawn(doing.in_current_span()), route.name);
            in_time(web, async move {
                task.await.unwrap_or_else(|error| {
                    tracing::error!(%error, page = name, "a change was not carried to its end");
                    Err(Problem::fault().into())
                })
            })
            .await
        }
    }
}

/// Who is signed in, in words.
async fn who_is(web: &Web, caller: &Caller) -> Result<Who, Trouble> {
    let me = web.operations.me(caller).await?;
    Ok(Who {
        person: caller.person(),
        tenant: caller.tenant(),
        name: me.person.name.to_string(),
        email: me.person.email.to_string(),
        organisation: me.tenant_name.to_string(),
        role: caller.role(),
    })
}
