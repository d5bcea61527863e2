//! Drill-down, the Runner's gate: whether a request may be answered, and the sealed answer.
//!
//! The decision changes nothing and can be made again; the vault then makes it durable, and only after that is anything
//! decrypted. A row leaves here sealed to the person who asked, or not at all.

mod answer;
mod check;
mod code;
mod gate;

#[cfg(test)]
mod tests;

pub use answer::{Answer, AnswerFault};
pub use check::{Allowed, Circumstances, Decision, Refused, decide};
pub use code::DrillDownCode;
pub use gate::{Begun, Gate, Refusal};
