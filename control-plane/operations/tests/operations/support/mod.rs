//! A control plane to ask, and Runners to speak to it.

mod manifest;
mod person;
mod runner;
mod world;

pub(crate) use manifest::{Evidence, RunSpec};
pub(crate) use person::{PASSWORD, client, code_of, from_base32, secret};
pub(crate) use runner::FakeRunner;
pub(crate) use world::{ADDRESS, Tenancy, World, words};
