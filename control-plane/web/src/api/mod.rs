//! The JSON API, `/api/v1`: for programs, which show a key.
//!
//! Knows the shapes of requests and answers, and which operation each asks for. No cookie is ever looked at here. Every
//! route stands in one table ([`route::Route`]), from which the router, the OpenAPI document and the tests are made.

mod dispatch;
mod document;
pub(crate) mod resource;
pub(crate) mod route;

pub(crate) use dispatch::router;
pub use document::openapi;
