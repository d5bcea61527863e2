//! Where Runners arrive: gRPC over TLS 1.3, on one listener without a client certificate (enrolment) and one that asks
//! for a Runner's certificate (the line).
//!
//! It knows connections, messages and their order. What a message means is decided in `operations`; who the peer is, in
//! `authority`, and from its certificate alone. It must never know SQL, people, or how to open a sealed answer. Only
//! `server` and the tests may depend on it.
#![deny(missing_docs)]

mod counters;
mod enrolment;
mod gateway;
mod limits;
mod line;
mod listener;
pub mod session;

pub use counters::{Counters, Snapshot};
pub use gateway::Gateway;
pub use limits::{Limits, ListenerLimits};
pub use listener::{ServeError, serve_enrolment, serve_line};

/// Cancelled when the server is to stop: no more connections are accepted, sessions are told when to come back.
pub type Shutdown = tokio_util::sync::CancellationToken;
