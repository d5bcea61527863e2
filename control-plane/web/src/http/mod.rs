//! What every request goes through, whatever it asks for: headers, strict reading of queries and bodies, limits.
//!
//! Knows HTTP and nothing of what can be done.

pub(crate) mod address;
pub(crate) mod dressed;
pub(crate) mod headers;
pub(crate) mod json;
pub(crate) mod query;
pub(crate) mod rate;
pub(crate) mod stream;
pub(crate) mod verb;
