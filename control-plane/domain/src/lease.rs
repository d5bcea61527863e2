//! Who of several replicas does a piece of work.

use clock::Timestamp;

/// A lease: until then nobody else does the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The work.
    pub name: String,
    /// The replica.
    pub holder: String,
    /// Until when.
    pub until: Timestamp,
}
