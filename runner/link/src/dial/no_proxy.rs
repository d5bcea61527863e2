//! Which hosts are reached without the proxy.

use std::net::IpAddr;
use std::str::FromStr;

use crate::address::Host;

/// One entry of `no_proxy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exemption {
    /// `*`: every host.
    Everything,
    /// `example.org` or `.example.org`: that name and every name below it.
    Domain(String),
    /// An address, or a network in CIDR notation. Compared with addresses as written, never with what a name
    /// resolves to: the proxy exists because this host may not be able to resolve names.
    Network { first: u128, bits: u32, v4: bool },
}

impl Exemption {
    pub(super) fn covers(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Everything, _) => true,
            (Self::Domain(domain), Host::Name(name)) => {
                name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Self::Network { first, bits, v4 }, Host::Ip(ip)) => {
                let ip = ip.to_canonical();
                let (address, width) = number(ip);
                *v4 == ip.is_ipv4() && cut(address, width, *bits) == *first
            }
            (Self::Domain(_), Host::Ip(_)) | (Self::Network { .. }, Host::Name(_)) => false,
        }
    }
}

impl FromStr for Exemption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` in no_proxy is no host name, .suffix, address, network or *");
        if text == "*" {
            return Ok(Self::Everything);
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| refused())?)),
            None => (text, None),
        };
        let bare = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            let (number, width) = number(ip);
            let bits = bits.unwrap_or(width);
            if bits > width {
                return Err(refused());
            }
            return Ok(Self::Network { first: cut(number, width, bits), bits, v4: ip.is_ipv4() });
        }
        match text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text).parse::<Host>() {
            Ok(Host::Name(name)) if bits.is_none() => Ok(Self::Domain(name)),
            _ => Err(refused()),
        }
    }
}

fn number(ip: IpAddr) -> (u128, u32) {
    match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)), 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    }
}

/// The address with everything behind its first `bits` of `width` cleared.
fn cut(address: u128, width: u32, bits: u32) -> u128 {
    let host_bits = width - bits;
    address.checked_shr(host_bits).and_then(|network| network.checked_shl(host_bits)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exemptions_cover_what_they_say() {
        for (entry, host, covered) in [
            ("*", "cp.example.org", true),
            ("example.org", "example.org", true),
            ("example.org", "cp.example.org", true),
            (".example.org", "cp.example.org", true),
            ("*.example.org", "cp.example.org", true),
            ("Example.ORG", "cp.example.org", true),
            ("example.org", "badexample.org", false),
            ("example.org", "example.org.evil.net", false),
            ("example.org", "10.0.0.1", false),
            ("10.0.0.0/8", "10.200.3.4", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.8", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "[2001:db8::1]", false),
            ("2001:db8::/32", "[2001:db8:5::1]", true),
            ("[2001:db8::1]", "[2001:db8::1]", true),
            ("::/0", "[2001:db8::1]", true),
            ("10.0.0.0/8", "[::ffff:10.1.1.1]", true),
        ] {
            let exemption: Exemption = entry.parse().unwrap();
            assert_eq!(exemption.covers(&host.parse().unwrap()), covered, "{entry} {host}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for entry in ["", "10.0.0.0/33", "::/129", "10.0.0.0/x", "example.org/8", "a b", "http://x"] {
            assert!(entry.parse::<Exemption>().is_err(), "{entry}");
        }
    }
}
