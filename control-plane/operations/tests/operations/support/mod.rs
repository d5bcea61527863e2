//! A control plane to ask, and Runners to speak to it.

mod manifest;
mod runner;
mod world;

pub(crate) use manifest::{Evidence, RunSpec};
pub(crate) use runner::FakeRunner;
pub(crate) use world::{ADDRESS, Tenancy, World, words};
