//! The Runner as its users meet it: real processes, real files, real servers, real kills.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod canary;
mod changes;
mod crash;
mod hostile;
mod interrupted;
mod journal;
mod line;
mod machine;
mod people;
mod proof;
mod results;
mod review;
mod usage;
