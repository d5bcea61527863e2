//! Harness of the end-to-end tests: the built binaries as real processes, each Runner in a folder of its own.
//!
//! The binaries are those that `cargo build --workspace` or `cargo test --workspace` put beside the tests.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod api;
mod browser;
mod canary;
mod console;
mod control_plane;
mod line;
mod person;
mod picture;
mod postgres;
mod proxy;
mod runner;
mod service;
pub mod totp;
mod visitor;

pub use api::{Api, Reply};
pub use browser::{Browser, Look, Tab};
pub use canary::Canary;
pub use console::Console;
pub use control_plane::{ControlPlane, Database, Detour, Ports, Tenant, pin_of, text};
pub use line::{ACCOUNTS, Line, device_key, enrol, join_command};
pub use person::{Authenticator, PASSWORD, Person};
pub use picture::small;
pub use postgres::Postgres;
pub use proxy::FaultProxy;
pub use runner::{Answer, Runner, binary};
pub use service::{Service, until};
pub use visitor::{Form, SESSION, Visitor};
