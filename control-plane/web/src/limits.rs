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
    /// Of these, those from one address (of IPv6: one /64).
    pub requests_per_address: usize,
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time from one address (of IPv6: one /64). A trusted proxy, through which many come, may have all.
    pub connections_per_address: usize,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Bytes of the body of somebody who is not signed in.
    pub stranger_bytes: usize,
    /// Requests at a time whose bodies are waited for, of people who are not signed in.
    pub strangers_waiting: usize,
    /// Of these, those from one address (of IPv6: one /64).
    pub waiting_per_address: usize,
    /// Requests at a time whose bodies are waited for, of everybody else.
    pub known_waiting: usize,
    /// Of these, those with one API key, or of one session.
    pub waiting_per_means: usize,
    /// Of these, those of one tenant.
    pub waiting_per_tenant: usize,
    /// Octets of answers at a time that their readers have not taken yet.
    pub unread: usize,
    /// Of these, those of the readers at one address (of IPv6: one /64).
    pub unread_per_address: usize,
    /// Of these, those that were asked for with one API key, or in one session.
    pub unread_per_means: usize,
    /// Downloads at a time: tables, archives, manifests, whatever is more than a page.
    pub downloads: usize,
    /// Of these, those of one tenant.
    pub downloads_per_tenant: usize,
    /// Of these, those of one person, with all their API keys and sessions.
    pub downloads_per_person: usize,
    /// Of these, those with one API key, or of one session.
    pub downloads_per_means: usize,
    /// Verifications of audit logs at a time; one tenant has one.
    pub verifications: usize,
    /// How long a TLS handshake, and after it the head of a request, may take.
    pub head: Duration,
    /// How long a body may take.
    pub body: Duration,
    /// How long the body of somebody may take who is not signed in.
    pub stranger_body: Duration,
    /// How long an operation may take before the answer says so.
    pub operation: Duration,
    /// How long a connection may be idle, and how long a reader of an answer may stand still.
    pub idle: Duration,
    /// How often it is looked whether whoever reads a stream may still have it.
    pub look: Duration,
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
            requests_per_address: 64,
            connections: 2_048,
            connections_per_address: 128,
            body_bytes: 256 * 1024,
            stranger_bytes: 8 * 1024,
            strangers_waiting: 2_048,
            waiting_per_address: 32,
            known_waiting: 512,
            waiting_per_means: 32,
            waiting_per_tenant: 128,
            unread: 512 * 1024 * 1024,
            unread_per_address: 64 * 1024 * 1024,
            unread_per_means: 64 * 1024 * 1024,
            downloads: 64,
            downloads_per_tenant: 16,
            downloads_per_person: 6,
            downloads_per_means: 4,
            verifications: 4,
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            stranger_body: Duration::from_secs(5),
            operation: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            look: Duration::from_secs(2),
            shutdown: Duration::from_secs(10),
        }
    }
}
