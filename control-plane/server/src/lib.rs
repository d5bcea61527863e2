//! The control plane's binary: command line, configuration, and the wiring of the rooms.
//!
//! It opens the listeners and hands them over; what is allowed and what is kept is decided in other rooms.

mod cli;
mod command;
mod config;
mod place;
mod serving;
mod wiring;

pub use cli::main;
