//! Requests to keep a value, as they are signed and read.

use super::request::Request;

crate::countersigned::doors!(PendingSecret, Request);
