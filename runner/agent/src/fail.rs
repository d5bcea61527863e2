//! How a command ends: the exit code that scripts rely on, and the error that a person reads.

pub(crate) use ::terminal::{Exit, Fail};
