//! One-time tokens that let a Runner ask to be let in.

mod create;
mod list;
mod revoke;

pub use create::CreatedToken;
