//! The console: pages for people, who show a session.
//!
//! Knows pages, forms and what stands around them; what can be done is in `operations`. Evidence never passes through
//! here but sealed. Every page stands in one table ([`route::PageRoute`]), from which the router and the tests are made; a
//! page takes a typed context, links come from [`path`] alone, and the body of a POST is read only after its token and
//! its origin were checked.

pub(crate) mod answer;
mod asking;
pub(crate) mod asset;
mod body;
pub(crate) mod cookie;
pub(crate) mod csrf;
pub(crate) mod csv;
mod dispatch;
pub(crate) mod escape;
pub(crate) mod frame;
pub(crate) mod given;
pub(crate) mod kit;
pub(crate) mod live;
mod once;
pub(crate) mod pages;
pub(crate) mod path;
pub(crate) mod policy;
pub(crate) mod route;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod trouble;
pub(crate) mod values;
pub(crate) mod visit;
pub(crate) mod zone;

pub(crate) use dispatch::router;
pub(crate) use live::Followers;
pub(crate) use once::Once;
