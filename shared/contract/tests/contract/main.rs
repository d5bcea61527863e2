//! The contract against `line.proto`: nothing is missing on either side, every maximum is a maximum, every message comes
//! back as it went out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod fields;
mod messages;
mod round_trip;
mod samples;
