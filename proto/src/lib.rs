//! The messages of the line and the stubs of its services, generated from `proctor/line/v1/line.proto` and checked in.
//!
//! Knows encodings alone: nothing here has been checked yet. `shared/contract` turns each message into a type that can
//! hold only what may cross the line; the two ends of the transport (`runner/link`, `control-plane/gateway`) use the
//! stubs. Nobody else may depend on it.

#[expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "the generator writes its own attributes, and one function a service"
)]
#[path = "gen/line.rs"]
#[rustfmt::skip]
mod generated;

pub use generated::*;

impl std::fmt::Debug for EnrolRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolRequest").field("version", &self.version).finish_non_exhaustive()
    }
}
