//! Where a control plane listens: `host:port`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use rustls_pki_types::{DnsName, ServerName};

use crate::error::LinkError;

/// A host by name or by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A DNS name, lower case, without a trailing dot.
    Name(String),
    /// An address.
    Ip(IpAddr),
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub host: Host,
    pub port: u16,
}

impl Address {
    /// The name that the peer's certificate must carry.
    pub(crate) fn server_name(&self) -> Result<ServerName<'static>, LinkError> {
        match &self.host {
            Host::Ip(ip) => Ok(ServerName::IpAddress((*ip).into())),
            Host::Name(name) => match DnsName::try_from(name.clone()) {
                Ok(name) => Ok(ServerName::DnsName(name)),
                Err(_) => Err(self.refused("not a DNS name")),
            },
        }
    }

    fn refused(&self, why: &'static str) -> LinkError {
        LinkError::Address { text: self.to_string(), why }
    }
}

impl FromStr for Host {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or("a bracket is open")?;
            return inner.parse::<Ipv6Addr>().map(|ip| Self::Ip(ip.into())).map_err(|_| "not an IPv6 address");
        }
        if text.contains(':') {
            return Err("an IPv6 address stands in brackets");
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(ip));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        // A last label of digits is a mistyped IPv4 address, never a name (RFC 3696 §2).
        let last_is_number = name.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
        if name.is_empty() || last_is_number || DnsName::try_from(name.as_str()).is_err() {
            return Err("neither a DNS name nor an IP address");
        }
        Ok(Self::Name(name))
    }
}

impl FromStr for Address {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let refused = |why| LinkError::Address { text: text.chars().take(260).collect(), why };
        let (host, port) = text.rsplit_once(':').ok_or_else(|| refused("the port is missing"))?;
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|&port: &u16| digits && port != 0);
        let port = port.ok_or_else(|| refused("the port is not a number from 1 to 65535"))?;
        Ok(Self { host: host.parse().map_err(refused)?, port })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_read() {
        for (text, shown) in [
            ("cp.example.org:8441", "cp.example.org:8441"),
            ("CP.Example.ORG.:8441", "cp.example.org:8441"),
            ("localhost:1", "localhost:1"),
            ("10.0.0.1:65535", "10.0.0.1:65535"),
            ("[::1]:8441", "[::1]:8441"),
            ("[2001:DB8::1]:8441", "[2001:db8::1]:8441"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
        let ip: Address = "[::1]:8441".parse().unwrap();
        assert!(matches!(ip.server_name().unwrap(), ServerName::IpAddress(_)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "cp.example.org",
            "cp.example.org:",
            "cp.example.org:0",
            "cp.example.org:+1",
            "cp.example.org:65536",
            "https://cp.example.org:8441",
            "::1:8441",
            "[::1:8441",
            "[10.0.0.1]:8441",
            "10.0.0.256:8441",
            "a b:8441",
            "user@host:8441",
            ":8441",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
