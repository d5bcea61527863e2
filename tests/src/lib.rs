//! Harness of the end-to-end tests: the built binaries as real processes, each Runner in a folder of its own.
//!
//! The binaries are those that `cargo build --workspace` or `cargo test --workspace` put beside the tests.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod canary;
mod runner;

pub use canary::Canary;
pub use runner::{Answer, Runner, binary};
