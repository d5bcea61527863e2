//! The way of a request for a page: who asks is found by the cookie, then whether they may, what they asked for, read
//! strictly, and for a change whether a page of ours asks for it; then it is done and answered.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::any;
use control_plane_domain::session::Need;
use control_plane_operations::{Client, Error, Signed};
use crypto::{Digest, Secret};
use http::request::Parts;
use http::{Method, Response, header};
use tracing::Instrument;

use super::answer::Answer;
use super::asking::{Asking, Known, client_of, id_of, known};
use super::body::{self, Brought};
use super::frame::{Frame, Section, Who};
use super::pages::again;
use super::path::{self, Href};
use super::route::{Access, PageRoute};
use super::trouble::Trouble;
use super::values::Values;
use super::visit::{Asked, Guest, Standing, Visit};
use super::{asset, cookie, csrf};
use crate::Web;
use crate::front::{AskedBy, Matched, in_time};
use crate::http::routed::{self, Parameters, Routes, named};
use crate::http::verb::Verb;
use crate::idempotency::{self, Done};
use crate::problem::Problem;

const ASSETS: &str = "/assets/{folder}/{name}";

/// A body may take its time, and the session may have ended, or its person been demoted, meanwhile: after so long it is
/// looked at again. What is written looks for itself.
const LONG_MS: u64 = 1_000;

/// The router over the table of pages.
pub(crate) fn router(web: &Weak<Web>) -> Router {
    let table = super::pages::routes().map(|route| (route.path, route.verb, route));
    let router = routed::router(web, table, |web, routes, parameters, request| async move {
        answered(&web, &routes, parameters, request).await
    });
    let of_nothing = web.clone();
    router.route(ASSETS, any(asset_answered)).fallback(move |request: Request| {
        let web = of_nothing.upgrade();
        async move {
            let Some(web) = web else { return Problem::busy().into_response() };
            let (head, _) = request.into_parts();
            let known = known(&web, &head).await.unwrap_or(Known::Stranger);
            let asking = Asking::new(head, known);
            said(&web, Problem::no_such_path().into(), &asking, &path::overview())
        }
    })
}

async fn asset_answered(parameters: Parameters, request: Request) -> Response<Body> {
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

async fn answered(
    web: &Arc<Web>,
    routes: &Routes<PageRoute>,
    parameters: Parameters,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let back = back_of(routes, &head);
    let (known, trouble) = match known(web, &head).await {
        Ok(known) => (known, None),
        Err(trouble) => (Known::Stranger, Some(trouble)),
    };
    let mut asking = Asking::new(head, known);
    if let Some(trouble) = trouble {
        return said(web, trouble, &asking, &back);
    }
    let outcome = way(web, routes, parameters, body, &mut asking).await;
    asking.renew();
    let mut response = match outcome {
        Ok(answer) => finished(answer, &asking.head),
        Err(trouble) => said(web, trouble, &asking, &back),
    };
    // Whatever came of it: the session has another cookie now.
    if let Some(session) = asking.renewed.get() {
        cookie::set_unless_set(response.headers_mut(), cookie::SESSION, session);
    }
    if let Some(means) = asking.known.means() {
        response.extensions_mut().insert(AskedBy(means));
    }
    response
}

/// An answer with what belongs to it whatever it is: a sentence is said once, and a visitor is known again.
fn finished(answer: Answer, head: &Parts) -> Response<Body> {
    let was_said = answer.is_seen() && cookie::said(&head.headers).is_some();
    let answer = if was_said { answer.with(header::SET_COOKIE, cookie::end(cookie::SAYING)) } else { answer };
    answer.into_response()
}

/// What is said instead: a page with the person's own frame, or problem details for a script.
fn said(web: &Web, trouble: Trouble, asking: &Asking, back: &Href) -> Response<Body> {
    let path = asking.head.uri.path();
    if path.starts_with("/console/") || path == "/live" {
        return trouble.into_json();
    }
    let frame = match (&asking.known, &trouble) {
        (Known::Full(signed), Trouble::Problem(_)) => {
            let (who, now) = (Some(who_is(signed)), web.operations.clock().now());
            let title = "Not done".to_owned();
            Some(Frame::new(Section::None, title, who, asking.token(web), now, asking.zone(), None))
        }
        _ => None,
    };
    trouble.into_page(frame, &asking.id(), back)
}

/// The page that leads to this request: for a change, the nearest one above it.
fn back_of(routes: &Routes<PageRoute>, head: &Parts) -> Href {
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

/// A request as it came, read and let in.
struct Came {
    path: Vec<(String, String)>,
    query: Values,
    brought: Brought,
    client: Client,
    /// What forms are bound to, and whether this browser gets it only now.
    cookie: Secret<String>,
    is_new: bool,
}

async fn way(
    web: &Arc<Web>,
    routes: &Routes<PageRoute>,
    parameters: Parameters,
    body: Body,
    asking: &mut Asking,
) -> Result<Answer, Trouble> {
    let path = named(parameters)?;
    let verb = match asking.head.method {
        Method::GET | Method::HEAD => Verb::Get,
        Method::POST => Verb::Post,
        _ => return Err(Problem::method().allowing(allowed(routes)).into()),
    };
    let route = *routes.get(&verb).ok_or_else(|| Problem::method().allowing(allowed(routes)))?;
    paced(web, &asking.known)?;
    admitted(route, &asking.known)?;
    let query = Values::read(query_of(&asking.head), route.query, Problem::query)?;
    let (cookie, is_new) = cookie_of(web, route, asking)?;
    let client = client_of(&asking.head)?;
    let began = web.operations.clock().monotonic_ms();
    let sender = asking.known.sender(&client);
    let brought = body::read(web, route, &asking.head, body, &cookie, is_new, sender).await?;
    let took_ms = web.operations.clock().monotonic_ms().saturating_sub(began);
    if took_ms >= LONG_MS && !matches!(route.access, Access::Open(_)) {
        asking.look_again(web).await?;
        admitted(route, &asking.known)?;
    }
    let came = Came { path, query, brought, client, cookie, is_new };
    carried(web, route, going(Arc::clone(web), route, asking.clone(), came)).await
}

/// Does what was asked for. Factors that came with it are shown as a part of it: whoever shows them and goes has not
/// spent a code for nothing.
async fn going(web: Arc<Web>, route: &'static PageRoute, mut asking: Asking, came: Came) -> Result<Answer, Trouble> {
    let Came { path, query, brought, client, cookie, is_new } = came;
    let refused = match brought.again {
        Some(again) => asking.shows(&web, again, &client).await?,
        None => None,
    };
    let stands_for = match asking.renewed.get() {
        Some(session) => Secret::new(session.expose().clone()),
        None => cookie,
    };
    let head = &asking.head;
    let asked = Asked {
        web: Arc::clone(&web),
        route,
        path,
        here: Href::asked_for(head.uri.path_and_query().map_or("/", |path| path.as_str())),
        query,
        form: brought.form,
        body: brought.document,
        form_id: brought.form_id,
        client,
        token: csrf::token(&stands_for, &web.entropy),
        saying: cookie::said(&head.headers),
        zone: asking.zone(),
        now: web.operations.clock().now(),
        session: cookie::read(&head.headers, cookie::SESSION),
        cookie: stands_for,
    };
    let visitor = is_new.then(|| cookie::set(cookie::VISITOR, asked.cookie.expose())).flatten();
    let answer = done(route, asked, &asking.known, refused, brought.key).await?;
    Ok(if visitor.is_some() { answer.with(header::SET_COOKIE, visitor) } else { answer })
}

fn query_of(head: &Parts) -> &[u8] {
    head.uri.query().unwrap_or_default().as_bytes()
}

fn allowed(routes: &Routes<PageRoute>) -> String {
    let word = |verb: &Verb| match verb {
        Verb::Get => "GET, HEAD",
        Verb::Post => "POST",
    };
    routes.keys().map(word).collect::<Vec<_>>().join(", ")
}

/// How often one session may ask.
fn paced(web: &Web, known: &Known) -> Result<(), Problem> {
    let of_session = match known {
        Known::Full(signed) => (signed.caller.tenant(), *signed.caller.means_id()),
        Known::Half(half) => (half.tenant, *half.session.as_bytes()),
        Known::Stranger => return Ok(()),
    };
    web.by_key.take(&of_session).map_err(|seconds| Problem::too_often().after(seconds))
}

/// Whether whoever asks may come here at all.
fn admitted(route: &PageRoute, known: &Known) -> Result<(), Trouble> {
    match (&route.access, known) {
        (Access::Open(_), _) | (Access::Half(_), Known::Half(_)) | (Access::Full(_), Known::Full(_)) => Ok(()),
        (Access::Permitted(needed, _), Known::Full(signed)) => {
            let caller = &signed.caller;
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
fn cookie_of(web: &Web, route: &PageRoute, asking: &Asking) -> Result<(Secret<String>, bool), Trouble> {
    let headers = &asking.head.headers;
    match route.access {
        Access::Open(_) => {}
        Access::Half(_) | Access::Full(_) | Access::Permitted(..) => {
            return Ok((cookie::read(headers, cookie::SESSION).ok_or(Trouble::SignIn)?, false));
        }
    }
    Ok(match cookie::read(headers, cookie::VISITOR) {
        Some(visitor) => (visitor, false),
        None => {
            let bytes = Secret::<[u8; 32]>::random(&web.entropy);
            (Secret::new(hex::encode(bytes.expose())), true)
        }
    })
}

/// Gives the request to the page.
async fn done(
    route: &'static PageRoute,
    asked: Asked,
    known: &Known,
    refused: Option<String>,
    key: Option<(String, Digest)>,
) -> Result<Answer, Trouble> {
    match (&route.access, known) {
        (Access::Open(handle) | Access::Half(handle), _) => {
            let handle = *handle;
            let standing = match known {
                Known::Stranger => Standing::Stranger,
                Known::Half(half) => Standing::Half(half.clone()),
                Known::Full(_) => Standing::SignedIn,
            };
            let guest = Guest { asked, standing };
            handle(&guest).await
        }
        (Access::Full(handle) | Access::Permitted(_, handle), Known::Full(signed)) => {
            let handle = *handle;
            let is_taken = AtomicBool::new(false);
            let visit = Visit { asked, caller: signed.caller.clone(), who: who_is(signed), is_taken };
            if refused.is_some() {
                return again::page(&visit, refused);
            }
            let outcome = match key {
                None => handle(&visit).await,
                Some((key, request)) => {
                    let doing = handle(&visit);
                    let done = idempotency::once(visit.operations(), visit.caller(), &key, request, doing);
                    done.await.map(|done| match done {
                        Done::Now(answer) => answer,
                        Done::Before(before) => Answer::again(before),
                    })
                }
            };
            if outcome.is_err() {
                visit.not_done();
            }
            match outcome {
                // What was typed is not thrown away because it took a while.
                Err(Trouble::ConfirmFirst) if again::keeps(route) => again::page(&visit, None),
                outcome => outcome,
            }
        }
        (Access::Full(_) | Access::Permitted(..), Known::Stranger | Known::Half(_)) => Err(Trouble::SignIn),
    }
}

/// No longer than anybody waits for it. A change is carried to its end, also when whoever asked for it has gone.
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
fn who_is(signed: &Signed) -> Who {
    Who {
        person: signed.caller.person(),
        tenant: signed.caller.tenant(),
        name: signed.name.to_string(),
        email: signed.email.to_string(),
        organisation: signed.organisation.to_string(),
        role: signed.caller.role(),
    }
}
