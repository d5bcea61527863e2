//! Requests to see evidence, as they are signed and read.

use super::request::Request;

crate::countersigned::doors!(PendingRequest, Request);
