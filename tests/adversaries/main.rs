//! Whoever means ill: a control plane with all its keys, readers of what crosses the line, and those who only cost.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test stops at the first surprise")]

mod abuse;
mod canaries;
mod evidence;
mod evil;
mod line;
mod people;
mod secrets;
mod zoo;
