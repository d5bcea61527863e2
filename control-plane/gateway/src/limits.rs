//! What one peer, and all of them together, may ask of this process.

use std::time::Duration;

/// The limits of both listeners.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For the line.
    pub line: ListenerLimits,
    /// For enrolment.
    pub enrolment: ListenerLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line: ListenerLimits::line(), enrolment: ListenerLimits::enrolment() }
    }
}

/// The limits of one listener. Those before authentication are tight, because there anybody counts as anybody.
#[derive(Debug, Clone)]
pub struct ListenerLimits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address; the `/64` of an IPv6 address counts as one.
    pub connections_per_address: usize,
    /// Connections at once whose peer is not authenticated yet.
    pub handshakes: usize,
    /// Such connections from one address.
    pub handshakes_per_address: usize,
    /// How long the TLS handshake may take.
    pub handshake_time: Duration,
    /// How long a connection may be open before its first request.
    pub first_request_time: Duration,
    /// How long a connection may be open altogether; without end for the line.
    pub connection_time: Option<Duration>,
    /// HTTP/2 streams at once on one connection.
    pub streams: u32,
    /// Bytes of the headers of one request.
    pub header_bytes: u32,
    /// How often a silent peer is asked whether it is still there.
    pub ping_every: Duration,
    /// How long it may take to answer that.
    pub ping_time: Duration,
}

impl ListenerLimits {
    /// For the line: connections that stay.
    pub fn line() -> Self {
        Self {
            connections: 20_000,
            // The Runners of one customer often share the address of one proxy.
            connections_per_address: 5_000,
            // After a restart all of them come back within seconds.
            handshakes: 4_096,
            handshakes_per_address: 2_048,
            handshake_time: Duration::from_secs(10),
            first_request_time: Duration::from_secs(15),
            connection_time: None,
            streams: 2,
            header_bytes: 8 * 1024,
            ping_every: Duration::from_secs(30),
            ping_time: Duration::from_secs(15),
        }
    }

    /// For enrolment: anybody may connect, and nobody stays.
    pub fn enrolment() -> Self {
        Self {
            connections: 512,
            connections_per_address: 64,
            handshakes: 256,
            handshakes_per_address: 32,
            connection_time: Some(Duration::from_secs(60)),
            streams: 4,
            ..Self::line()
        }
    }
}
