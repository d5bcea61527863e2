//! The exit gate: turns what the Runner knows into the only things that may leave it.
//!
//! The manifest is built from the approved procedure, which gives every text in it, and from [`Facts`], which hold fixed
//! words, numbers, times, ids and commitments and no text at all. No type that this crate is given as a fact can carry a
//! string that a target system or a person made; a test holds every one of them to being `Copy` and `'static`.
//!
//! A person who may see evidence gets it through [`drilldown`]: judged by the Runner's own [`policy`], journalled, and
//! sealed to that person. A connector's [`secret`] that a person sends comes in by the same rules. Everything else goes out as types of `contract` alone ([`line`]).

mod device;
pub mod drilldown;
pub mod line;
mod manifest;
pub mod minute;
pub mod policy;
mod receipted;
mod refusal;
pub mod secret;

pub use manifest::{CheckFact, DisclosureError, Facts, MetricFact, Metrics, RunFact, StepReport, manifest};
