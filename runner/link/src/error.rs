//! What can go wrong on the line: whose fault it is, a stable code, and what to do about it.

use std::fmt;

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The control plane answered against the contract, or said no.
    Peer,
    /// What the Runner's operator configured cannot work.
    Operator,
    /// Something between the two, or the other side is away.
    Network,
    /// The Runner itself.
    Us,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Peer => "control plane",
            Self::Operator => "configuration",
            Self::Network => "network",
            Self::Us => "runner",
        })
    }
}

/// An end of a connection attempt, an enrolment or a session. Nothing in here comes from evidence; texts of peers are
/// bounded and printable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("`{text}` is not host:port: {why}")]
    Address { text: String, why: &'static str },
    #[error("the name {host} does not resolve: {why}")]
    Resolve { host: String, why: String },
    #[error("no TCP connection to {target}: {why}")]
    Connect { target: String, why: String },
    #[error("no TCP connection to {target} within {seconds} s")]
    ConnectTimeout { target: String, seconds: u64 },
    #[error("the proxy setting is wrong: {why}")]
    ProxySetting { why: String },
    #[error("the proxy {proxy} refuses to connect to {target}: status {status}")]
    ProxyRefused { proxy: String, target: String, status: u16 },
    #[error("the proxy {proxy} asks for a user and a password, or does not accept those it was given (status 407)")]
    ProxyAuthentication { proxy: String },
    #[error("{proxy} does not answer like an HTTP proxy: {why}")]
    ProxyProtocol { proxy: String, why: &'static str },

    #[error("the TLS handshake with {target} failed: {why}")]
    Tls { target: String, why: String },
    #[error("{target} shows no certificate authority with the pinned key; it shows {shown}")]
    Pin { target: String, shown: String },
    #[error("nobody that this Runner trusts vouches for the certificate of {target}")]
    UnknownAuthority { target: String },
    #[error("the certificate of {target} is for other names: {names}")]
    ServerName { target: String, names: String },
    #[error("the certificate of {target} is not valid now: {why}")]
    ServerCertificateTime { target: String, why: String },
    #[error("{target} does not speak TLS 1.3")]
    OldTls { target: String },
    #[error("{target} does not speak HTTP/2 (ALPN `h2`)")]
    NoHttp2 { target: String },
    #[error("{target} refuses this Runner's certificate ({alert})")]
    OwnCertificateRefused { target: String, alert: String },
    #[error("the TLS handshake with {target} did not end within {seconds} s")]
    TlsTimeout { target: String, seconds: u64 },
    #[error("the certificate authorities cannot be used: {why}")]
    Authorities { why: String },

    #[error("the connection to {target} was cut: {why}")]
    Cut { target: String, why: String },
    #[error("the control plane did not answer within {seconds} s ({awaited})")]
    Silent { awaited: &'static str, seconds: u64 },
    #[error("the control plane broke the protocol: {what}")]
    Protocol { what: String },
    #[error("the two sides speak versions that do not fit: {why}")]
    Version { why: String },
    #[error("the control plane answers with status {status}")]
    Status { status: String },
    #[error("this host's clock is {seconds} s {side} the control plane's")]
    Clock { seconds: u64, side: &'static str },

    #[error("this Runner was revoked")]
    Revoked,
    #[error("this Runner is locked: a second holder of its identity, or a second history, was seen")]
    Locked,
    #[error("another session of this same Runner took the place of this one")]
    Replaced,
    #[error("the control plane is shutting down")]
    ShuttingDown,
    #[error("the control plane is busy")]
    Busy,
    #[error("the control plane says that this Runner broke the protocol")]
    Accused,
    #[error("this Runner's certificate expired during the session")]
    CertificateExpired,

    #[error("the renewal of the certificate was refused: {code}")]
    RenewalRefused { code: String },
    #[error("the certificate that came back does not fit: {why}")]
    CertificateAnswer { why: String },
    #[error("the enrolment was refused: {code}")]
    EnrolmentRefused { code: String },
    #[error("the certificate expired and its recovery was refused: {code}")]
    RecoveryRefused { code: String },

    #[error("the kept identity cannot be read: {why}")]
    Identity { why: &'static str },
    #[error("{text} ({code})")]
    Duty { code: &'static str, text: String },
}

/// The Runner's own side failed at what the session asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} ({code})")]
pub struct DutyError {
    /// The code of the room where it failed.
    pub code: &'static str,
    /// What failed, without evidence.
    pub text: String,
}

impl DutyError {
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

impl From<DutyError> for LinkError {
    fn from(error: DutyError) -> Self {
        Self::Duty { code: error.code, text: error.text }
    }
}

impl LinkError {
    /// The stable code; each has a help page.
    pub fn code(&self) -> &'static str {
        self.facts().0
    }

    /// Who has to act.
    pub fn fault(&self) -> Fault {
        self.facts().1
    }

    /// What to do next.
    pub fn next_step(&self) -> &'static str {
        self.facts().2
    }

    /// Whether trying again by itself is useless, and the operator has to act first.
    pub fn stops_for_good(&self) -> bool {
        matches!(self, Self::Revoked | Self::Locked)
    }

    fn facts(&self) -> (&'static str, Fault, &'static str) {
        use Fault::{Network, Operator, Peer, Us};
        match self {
            Self::Address { .. } => ("E-LINK-001", Operator, "write host:port, an IPv6 address in brackets"),
            Self::Resolve { .. } => ("E-LINK-002", Network, "check the name and this host's DNS"),
            Self::Connect { .. } => ("E-LINK-003", Network, "check the address, the port and the firewall"),
            Self::ConnectTimeout { .. } => ("E-LINK-004", Network, "check that a firewall does not drop the packets"),
            Self::ProxySetting { .. } => ("E-LINK-005", Operator, "correct [control_plane.proxy] in the configuration"),
            Self::ProxyRefused { .. } => ("E-LINK-006", Operator, "allow CONNECT to this host and port at the proxy"),
            Self::ProxyAuthentication { .. } => {
                ("E-LINK-007", Operator, "set user and password_file of the proxy; only Basic is spoken")
            }
            Self::ProxyProtocol { .. } => ("E-LINK-008", Operator, "check the proxy's address and port"),
            Self::Tls { .. } => {
                ("E-LINK-010", Network, "look at the chain that `doctor` sees; is something in between?")
            }
            Self::Pin { .. } => {
                ("E-LINK-011", Operator, "compare the pin with the one in the console; if it differs, do not go on")
            }
            Self::UnknownAuthority { .. } => ("E-LINK-012", Operator, "give the right CA file or pin"),
            Self::ServerName { .. } => ("E-LINK-013", Operator, "use a name that the certificate carries"),
            Self::ServerCertificateTime { .. } => {
                ("E-LINK-014", Peer, "compare this host's clock; renew the certificate")
            }
            Self::OldTls { .. } => ("E-LINK-015", Peer, "is a TLS-terminating proxy in between? TLS 1.3 is needed"),
            Self::NoHttp2 { .. } => ("E-LINK-016", Operator, "check host and port; the line is gRPC over HTTP/2"),
            Self::OwnCertificateRefused { .. } => {
                ("E-LINK-017", Peer, "ask an administrator for this Runner's standing; enrol again if it is gone")
            }
            Self::TlsTimeout { .. } => ("E-LINK-018", Network, "check that nothing in between holds the handshake"),
            Self::Authorities { .. } => ("E-LINK-019", Operator, "give a readable PEM file with at least one CA"),
            Self::Cut { .. } => ("E-LINK-020", Network, "nothing is lost; the Runner connects again by itself"),
            Self::Silent { .. } => ("E-LINK-021", Peer, "look at the control plane's health"),
            Self::Protocol { .. } => ("E-LINK-022", Peer, "compare the versions of both sides; report it"),
            Self::Version { .. } => ("E-LINK-023", Operator, "upgrade the older side"),
            Self::Status { .. } => ("E-LINK-024", Peer, "look at the control plane's log"),
            Self::Clock { .. } => ("E-LINK-025", Operator, "synchronise this host's clock (NTP)"),
            Self::Revoked => ("E-LINK-030", Operator, "ask an administrator; enrol again with a new token"),
            Self::Locked => ("E-LINK-031", Operator, "find the second copy; an administrator unlocks or enrols again"),
            Self::Replaced => ("E-LINK-032", Operator, "see that this identity runs in one place only"),
            Self::ShuttingDown => ("E-LINK-033", Peer, "nothing; the Runner connects again by itself"),
            Self::Busy => ("E-LINK-034", Peer, "nothing; the Runner connects again by itself"),
            Self::Accused => ("E-LINK-035", Us, "compare the versions of both sides; report it"),
            Self::CertificateExpired => ("E-LINK-036", Us, "nothing; the Runner recovers its certificate by itself"),
            Self::RenewalRefused { .. } => ("E-LINK-050", Peer, "look at the alarms of this Runner in the console"),
            Self::CertificateAnswer { .. } => ("E-LINK-051", Peer, "report it; the old certificate stays in use"),
            Self::EnrolmentRefused { .. } => ("E-LINK-060", Operator, "create a new token and run `enrol` again"),
            Self::RecoveryRefused { .. } => ("E-LINK-061", Operator, "enrol again with a new token"),
            Self::Identity { .. } => ("E-LINK-070", Us, "restore the store from its backup, or enrol again"),
            Self::Duty { .. } => ("E-LINK-090", Us, "look at the error of the Runner's store; `doctor` helps"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_given_twice() {
        let facts = include_str!("error.rs").split("fn facts").nth(1).unwrap().split("#[cfg(test)]").next().unwrap();
        let codes: Vec<_> = facts.split('"').filter(|text| text.starts_with("E-LINK-")).collect();
        let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
        assert!(codes.len() > 30 && distinct.len() == codes.len(), "{codes:?}");
    }

    #[test]
    fn only_what_an_operator_must_solve_stops_for_good() {
        assert!(LinkError::Revoked.stops_for_good() && LinkError::Locked.stops_for_good());
        assert!(!LinkError::Replaced.stops_for_good() && !LinkError::Busy.stops_for_good());
        assert_eq!(LinkError::from(DutyError::new("E-VAULT-001", "disk full")).fault(), Fault::Us);
    }
}
