//! Hosts on the allow-list.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::policy::Policy;
use crate::request::{Fault, Result};

/// `HOST:PORTS`. The host is a name (`db.example.net`), a name and everything below it (`*.example.net`), an address or
/// a network (`10.1.0.0/16`, `[fd00::]/8`); the ports are a number, a range (`8000-8100`) or `*`. A name allows that
/// name wherever it leads except this machine; an address or a network allows requests that name an address.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct NetworkRule {
    host: HostRule,
    ports: std::ops::RangeInclusive<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostRule {
    Name(String),
    Below(String),
    Network { address: IpAddr, bits: u8 },
}

/// A text that is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not HOST:PORTS: {why}; write it like \"db.example.net:5432\" or \"10.1.0.0/16:*\"")]
pub struct NetworkRuleError {
    text: String,
    why: &'static str,
}

/// The host of a request, in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    Name(String),
    Address(IpAddr),
}

impl Host {
    /// Reads a host strictly: every spelling of an address that some resolver understands and some filter does not
    /// (decimal, octal, hexadecimal, short) is refused, as are zone ids and names that are not plain ASCII.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let label_is_plain = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        let last = name.rsplit('.').next().unwrap_or_default();
        let looks_numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
        if name.len() > 253 || looks_numeric || !name.split('.').all(label_is_plain) {
            return Err(Fault::denied(format!("{text:?} is not a host name or an address in its usual notation")));
        }
        Ok(Self::Name(name))
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl Policy {
    /// Refuses a host and port that no rule names. Asked before the name is resolved: looking a name up tells it to
    /// strangers.
    pub(crate) fn admit_host(&self, host: &Host, port: u16) -> Result<()> {
        let allows = |rule: &NetworkRule| {
            rule.ports.contains(&port)
                && match (&rule.host, host) {
                    (HostRule::Name(name), Host::Name(asked)) => name == asked,
                    (HostRule::Below(suffix), Host::Name(asked)) => asked
                        .strip_suffix(suffix.as_str())
                        .and_then(|rest| rest.strip_suffix('.'))
                        .is_some_and(|rest| !rest.is_empty()),
                    (HostRule::Network { address, bits }, Host::Address(asked)) => contains(*address, *bits, *asked),
                    _ => false,
                }
        };
        if self.network.iter().any(allows) {
            return Ok(());
        }
        Err(Fault::denied(format!("{host}:{port} is not an allowed target: add \"{host}:{port}\" to policy.network")))
    }

    /// Whether this machine may be connected to at this port: only where a rule says so itself.
    pub(crate) fn allows_loopback(&self, host: &Host, address: IpAddr, port: u16) -> bool {
        let is_local_name = matches!(host, Host::Name(name) if name == "localhost");
        self.network.iter().filter(|rule| rule.ports.contains(&port)).any(|rule| match &rule.host {
            HostRule::Name(name) => is_local_name && name == "localhost",
            HostRule::Below(_) => false,
            HostRule::Network { address: network, bits } => contains(*network, *bits, address),
        })
    }
}

fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let shift = 32_u32.saturating_sub(bits.into());
            (network.to_bits() ^ address.to_bits()).checked_shr(shift).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let shift = 128_u32.saturating_sub(bits.into());
            (network.to_bits() ^ address.to_bits()).checked_shr(shift).unwrap_or(0) == 0
        }
        _ => false,
    }
}

impl std::str::FromStr for NetworkRule {
    type Err = NetworkRuleError;

    fn from_str(text: &str) -> std::result::Result<Self, NetworkRuleError> {
        let fault = |why| NetworkRuleError { text: text.to_owned(), why };
        let (host, ports) = text.rsplit_once(':').ok_or_else(|| fault("the ports are missing"))?;
        let number = |text: &str| text.parse::<u16>().map_err(|_| fault("a port is a number from 1 to 65535"));
        let ports = match ports.split_once('-') {
            _ if ports == "*" => 1..=u16::MAX,
            Some((first, last)) => number(first)?..=number(last)?,
            None => number(ports)?..=number(ports)?,
        };
        if ports.is_empty() || ports.contains(&0) {
            return Err(fault("the range of ports is empty or begins at 0"));
        }
        Ok(Self { host: host_rule(host).map_err(fault)?, ports })
    }
}

fn host_rule(host: &str) -> std::result::Result<HostRule, &'static str> {
    let (base, bits) = match host.split_once('/') {
        Some((base, bits)) => (base, Some(bits.parse::<u8>().map_err(|_| "the length of the prefix is not a number")?)),
        None => (host, None),
    };
    if let Some(suffix) = base.strip_prefix("*.") {
        return match (Host::parse(suffix), bits) {
            (Ok(Host::Name(name)), None) if name.contains('.') => Ok(HostRule::Below(name)),
            _ => Err("a star stands for everything below a domain of at least two labels"),
        };
    }
    let is_v6 = base.starts_with('[');
    let parsed = match base.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok()).map(IpAddr::V6),
        None => base.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    };
    match (parsed, bits) {
        (Some(address), bits) => {
            let full = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.unwrap_or(full);
            if bits > full {
                return Err("the prefix is longer than the address");
            }
            Ok(HostRule::Network { address, bits })
        }
        (None, None) if !is_v6 => match Host::parse(base) {
            Ok(Host::Name(name)) => Ok(HostRule::Name(name)),
            _ => Err("the host is not a name or an address; IPv6 addresses stand in brackets"),
        },
        (None, _) => Err("the network is not an address; IPv6 addresses stand in brackets"),
    }
}

impl TryFrom<String> for NetworkRule {
    type Error = NetworkRuleError;

    fn try_from(text: String) -> std::result::Result<Self, NetworkRuleError> {
        text.parse()
    }
}

impl schemars::JsonSchema for NetworkRule {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NetworkRule".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "HOST:PORTS, such as db.example.net:5432, *.example.net:443, 10.1.0.0/16:* or [fd00::]/8:8000-8100",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &[&str]) -> Policy {
        Policy { network: rules.iter().map(|rule| rule.parse().unwrap()).collect(), ..Policy::default() }
    }

    #[test]
    fn rules_say_which_hosts_and_ports() {
        let policy = policy(&["db.example.net:5432", "*.api.example.net:443", "10.1.0.0/16:*", "[fd00::]/8:80-90"]);
        let admits = |host: &str, port| policy.admit_host(&Host::parse(host).unwrap(), port).is_ok();
        assert!(admits("db.example.net", 5432) && admits("DB.Example.NET.", 5432));
        assert!(!admits("db.example.net", 5433) && !admits("adb.example.net", 5432));
        assert!(admits("a.b.api.example.net", 443) && !admits("api.example.net", 443));
        assert!(!admits("evilapi.example.net", 443) && !admits("a.api.example.net.evil.org", 443));
        assert!(admits("10.1.255.1", 1) && !admits("10.2.0.1", 1) && admits("::ffff:10.1.0.1", 9));
        assert!(admits("fd12::1", 80) && admits("[fd12::1]", 90) && !admits("fd12::1", 91) && !admits("fe00::1", 80));
        let whole = self::policy(&["0.0.0.0/0:1"]);
        assert!(whole.admit_host(&Host::parse("255.1.2.3").unwrap(), 1).is_ok());
    }

    #[test]
    fn hosts_have_one_spelling() {
        for text in [
            "",
            ".",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "1.2.3.4.5",
            "127.0.0.01",
            "0x7f.0.0.1",
            "a..b",
            "host name",
            "höst",
            "fe80::1%eth0",
            "a/b",
            "user@host",
            "-a",
            "1.2.3.0x4",
            "a:1",
        ] {
            assert!(Host::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Host::parse("::ffff:169.254.169.254").unwrap().to_string(), "169.254.169.254");
        assert_eq!(Host::parse("[2001:db8::1]").unwrap().to_string(), "[2001:db8::1]");
    }

    #[test]
    fn rules_that_are_not_rules_are_refused() {
        for text in [
            "example.net",
            "example.net:",
            "example.net:0",
            "example.net:9-8",
            "*:443",
            "*.net:443",
            "10.0.0.0/33:1",
            "fd00::/8:1",
            "[fd00::/8]:1",
            "a b:1",
            "example.net/8:1",
            "http://example.net:443",
            "example.net:65536",
        ] {
            assert!(text.parse::<NetworkRule>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn this_machine_must_be_listed() {
        let lo = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let name = |text: &str| Host::parse(text).unwrap();
        assert!(policy(&["localhost:1"]).allows_loopback(&name("localhost"), lo, 1));
        assert!(policy(&["127.0.0.0/8:1"]).allows_loopback(&name("x.example.net"), lo, 1));
        assert!(!policy(&["x.example.net:1"]).allows_loopback(&name("x.example.net"), lo, 1));
        assert!(!policy(&["localhost:1"]).allows_loopback(&name("x.example.net"), lo, 1));
    }
}
