//! What an administrator has to look at.

mod acknowledge;
mod list;
