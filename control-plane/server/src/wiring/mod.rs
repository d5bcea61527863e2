//! Opening what the commands work on: key, authority, database, operations.

pub(crate) mod authority;
pub(crate) mod caller;
pub(crate) mod export;
pub(crate) mod files;
pub(crate) mod open;
pub(crate) mod root_key;
