//! Requests to run a procedure now. A Runner executes only what its own operator installed; asking is all that can be
//! done here.

mod list;
mod request;

pub use request::RequestRun;
