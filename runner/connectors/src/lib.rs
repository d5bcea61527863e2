//! The only room that touches target systems: it runs programs, reads files, asks databases and web APIs and looks at
//! TLS endpoints, within the operator's [`Policy`] and [`Limits`].
//!
//! A collection is whole or it is a [`Failure`] with an honest code; a truncated, refused or timed-out one never looks
//! like a short list. It knows requests and raw evidence; it must never know procedures' checks, the store or the
//! control plane. Only the Runner's agent depends on it.

pub mod command;
mod connection;
pub mod file;
mod guard;
pub mod http;
mod limits;
mod policy;
mod registry;
mod request;
pub mod sql;
pub mod tls;
mod trust;

pub use connection::{Access, ClientIdentity, Connection, Http, HttpCredentials, Postgres, PostgresTls, Target};
pub use guard::{Resolve, SystemResolver};
pub use limits::Limits;
pub use policy::{CommandRule, NetworkRule, Policy};
pub use registry::{Connectors, Schemas};
pub use request::{Collected, Failure, Request};
pub use trust::{TrustError, TrustedRoots};
