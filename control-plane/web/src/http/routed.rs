//! A router over a table of routes: each path once, with what can be asked of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::routing::any;
use http::Response;

use crate::Web;
use crate::front::Matched;
use crate::http::verb::Verb;
use crate::problem::Problem;

/// One path and what can be asked of it.
pub(crate) type Routes<R> = BTreeMap<Verb, &'static R>;

/// The parameters of a path, as the router found them.
pub(crate) type Parameters = Result<RawPathParams, RawPathParamsRejection>;

/// The router; `answer` answers whatever is asked of a path.
pub(crate) fn router<R, F, A>(
    web: &Weak<Web>,
    table: impl Iterator<Item = (&'static str, Verb, &'static R)>,
    answer: F,
) -> Router
where
    R: Send + Sync + 'static,
    F: Fn(Arc<Web>, Arc<Routes<R>>, Parameters, Request) -> A + Copy + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let mut paths: BTreeMap<&'static str, Routes<R>> = BTreeMap::new();
    for (path, verb, route) in table {
        paths.entry(path).or_default().insert(verb, route);
    }
    let mut router = Router::new();
    for (path, routes) in paths {
        let (web, routes) = (web.clone(), Arc::new(routes));
        let answered = move |parameters: Parameters, request: Request| {
            let (web, routes) = (web.upgrade(), Arc::clone(&routes));
            async move {
                let Some(web) = web else { return Problem::busy().into_response() };
                let mut response = answer(web, routes, parameters, request).await;
                response.extensions_mut().insert(Matched(path));
                response
            }
        };
        router = router.route(path, any(answered));
    }
    router
}

/// The parameters of a path by name. What cannot be read names nothing that there is.
pub(crate) fn named(parameters: Parameters) -> Result<Vec<(String, String)>, Problem> {
    let parameters = parameters.map_err(|_| Problem::no_such_path())?;
    Ok(parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}
