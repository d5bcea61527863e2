//! Keys to the API.

mod authenticate;
mod create;
mod list;
mod revoke;

pub use authenticate::Me;
pub use create::{CreateApiKey, CreatedApiKey};

pub(crate) use revoke::revoke_keys_made_for_others;
