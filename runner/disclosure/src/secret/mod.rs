//! Connector secrets from the console, the Runner's gate: whether a value that somebody sent may be kept, and keeping it.
//!
//! The decision changes nothing and can be made again. The value is opened last, when everything else about the request
//! holds, and the vault then keeps it in the transaction that journals it. Nothing here gives a value back.

mod check;
mod code;
mod gate;

#[cfg(test)]
mod tests;

pub use check::{Allowed, Circumstances, Decision, Refused, decide};
pub use code::SecretCode;
pub use gate::{Gate, Taken};
