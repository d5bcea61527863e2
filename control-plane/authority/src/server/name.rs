//! A name under which Runners and people reach the control plane.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use rcgen::SanType;
use rustls_pki_types::DnsName;

/// A DNS name or an IP address, without a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ServerName {
    /// Such as `proctor.example.org`.
    Dns(DnsName<'static>),
    /// Such as `10.0.0.1` or `2001:db8::1`.
    Ip(IpAddr),
}

/// A text that is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a DNS name or IP address: write it without scheme and port, such as proctor.example.org or 10.0.0.1")]
pub struct ServerNameError;

impl FromStr for ServerName {
    type Err = ServerNameError;

    fn from_str(text: &str) -> Result<Self, ServerNameError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        DnsName::try_from(text.to_ascii_lowercase()).map(Self::Dns).map_err(|_| ServerNameError)
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name.as_ref()),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl ServerName {
    pub(super) fn to_san(&self) -> Result<SanType, rcgen::Error> {
        match self {
            Self::Dns(name) => Ok(SanType::DnsName(name.as_ref().try_into()?)),
            Self::Ip(address) => Ok(SanType::IpAddress(*address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart() {
        assert_eq!("10.0.0.1".parse::<ServerName>().unwrap(), ServerName::Ip([10, 0, 0, 1].into()));
        assert!(matches!("2001:db8::1".parse(), Ok(ServerName::Ip(_))));
        assert_eq!("Proctor.Example.ORG".parse::<ServerName>().unwrap().to_string(), "proctor.example.org");
        for text in ["", "https://example.org", "example.org:8441", "a b", "*.example.org", "exa_mple..org"] {
            assert_eq!(text.parse::<ServerName>(), Err(ServerNameError), "{text}");
        }
    }
}
