//! Keys to the API.

mod authenticate;
mod create;
mod list;
mod revoke;

pub use authenticate::Me;
pub use create::{CreateApiKey, CreatedApiKey};
