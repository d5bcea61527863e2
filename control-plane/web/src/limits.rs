//! How much is taken from whom.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::http::rate::Rate;

/// Limits of the API. The defaults suit a control plane that faces the internet.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests from one address (of IPv6: one /64), whoever they are for.
    pub by_address: Rate,
    /// Requests with one API key, or of one session.
    pub by_key: Rate,
    /// Requests that are being answered at a time.
    pub requests: usize,
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time from one address (of IPv6: one /64).
    pub connections_per_address: usize,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// How long a TLS handshake, and after it the head of a request, may take.
    pub head: Duration,
    /// How long a body may take.
    pub body: Duration,
    /// How long an operation may take before the answer says so.
    pub operation: Duration,
    /// How long a connection may be idle, and how long a reader of an answer may stand still.
    pub idle: Duration,
    /// How long a shutdown waits for what is going on.
    pub shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let rate = |per_second: u32, burst: u32| Rate {
            per_second: NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN),
            burst: NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN),
        };
        Self {
            by_address: rate(200, 600),
            by_key: rate(100, 300),
            requests: 512,
            connections: 2_048,
            connections_per_address: 128,
            body_bytes: 256 * 1024,
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            operation: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            shutdown: Duration::from_secs(10),
        }
    }
}
