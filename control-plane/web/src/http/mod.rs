//! What every request goes through, whatever it asks for: headers, strict reading of queries and bodies, limits.
//!
//! Knows HTTP and nothing of what can be done.

pub(crate) mod address;
pub(crate) mod body;
pub(crate) mod dressed;
mod frames;
pub(crate) mod headers;
pub(crate) mod held;
pub(crate) mod json;
pub(crate) mod lasting;
pub(crate) mod query;
pub(crate) mod rate;
pub(crate) mod routed;
pub(crate) mod stream;
pub(crate) mod turn;
pub(crate) mod verb;
