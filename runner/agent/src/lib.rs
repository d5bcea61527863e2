//! The Runner's binary: command line, configuration, and the wiring of the rooms.
//!
//! It is the thin shell around the pure engine: it carries out what the engine asks for through the connectors, makes
//! every outcome durable in the vault, and prints. It judges nothing and encrypts nothing itself.

mod cli;
mod command;
mod config;
mod fail;
mod local;
mod output;
mod place;
mod service;
mod wiring;

pub use cli::main;
