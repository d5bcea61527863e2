//! The control plane's nouns and rules: what a tenant, a person, a Runner, a run, a drill-down is, and what may become
//! of each.
//!
//! Pure: no async, files, sockets or SQL. It must never know how records are stored or who asks over which listener. The
//! store, the authority, authn, operations, gateway and web depend on it.

pub mod account;
pub mod alarm;
pub mod api_key;
pub mod audit;
pub mod audit_log;
pub mod check_state;
pub mod device;
pub mod drilldown;
pub mod idempotency;
pub mod join_token;
pub mod journal;
pub mod lease;
pub mod link;
pub mod list;
pub mod person;
pub mod policy;
pub mod procedure;
pub mod run;
pub mod run_request;
pub mod runner;
pub mod scope;
pub mod sealed;
pub mod secret;
pub mod session;
pub mod standing;
pub mod tenant;
mod words;

pub use words::UnknownWord;
pub(crate) use words::vocabulary;
