//! The exit gate: turns what the Runner knows into the only things that may leave it.
//!
//! The manifest is built from the approved procedure, which gives every text in it, and from [`Facts`], which hold fixed
//! words, numbers, times, ids and commitments and no text at all. No type that this crate is given as a fact can carry a
//! string that a target system or a person made; a test holds every one of them to being `Copy` and `'static`.

mod manifest;

pub use manifest::{CheckFact, DisclosureError, Facts, MetricFact, Metrics, RunFact, StepReport, manifest};
