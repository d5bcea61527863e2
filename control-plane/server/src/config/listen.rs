//! Addresses to listen at, and how others are told to reach them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// HTTPS for people's programs.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebListener {
    /// Address and port.
    #[serde(default = "web_address")]
    pub(crate) listen: SocketAddr,
    /// The operator's own certificate chain, PEM, the server's first, its authority's included; without it the local
    /// authority issues one.
    #[serde(default)]
    pub(crate) certificate: Option<PathBuf>,
    /// The private key of that certificate, PKCS#8, PEM.
    #[serde(default)]
    pub(crate) key: Option<PathBuf>,
    /// Where people reach the console, such as `https://proctor.example.org`; without it that is `host` with the port
    /// above. It stands in links that are handed out, and browsers' requests must come from it.
    #[serde(default)]
    pub(crate) public_url: Option<String>,
    /// Addresses of reverse proxies whose forwarded-for header is believed.
    #[serde(default)]
    pub(crate) trusted_proxies: Vec<IpAddr>,
}

/// gRPC for Runners.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewayListener {
    /// Address and port.
    pub(crate) listen: SocketAddr,
    /// HOST:PORT that Runners are told, where it differs from `host` and the port above.
    #[serde(default)]
    pub(crate) address: Option<String>,
    /// The operator's own certificate chain, PEM, the server's first, its authority's included; without it the local
    /// authority issues one.
    #[serde(default)]
    pub(crate) certificate: Option<PathBuf>,
    /// The private key of that certificate, PKCS#8, PEM.
    #[serde(default)]
    pub(crate) key: Option<PathBuf>,
}

impl WebListener {
    pub(crate) fn sensible() -> Self {
        Self { listen: web_address(), certificate: None, key: None, public_url: None, trusted_proxies: Vec::new() }
    }

    /// The operator's certificate and key, when both are given.
    pub(crate) fn files(&self) -> Option<(&Path, &Path)> {
        Some((self.certificate.as_deref()?, self.key.as_deref()?))
    }

    /// Where people reach the console: the address of the configuration, or the host with this listener's port.
    pub(super) fn url_at(&self, host: &str) -> String {
        let given = self.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        given.unwrap_or_else(|| {
            let address = host_and_port(host, self.listen.port());
            format!("https://{}", address.strip_suffix(":443").unwrap_or(&address))
        })
    }

    pub(super) fn start_at(&mut self, dir: &Path) {
        start_at(dir, [&mut self.certificate, &mut self.key]);
    }
}

impl GatewayListener {
    pub(crate) fn for_enrolment() -> Self {
        Self { listen: everywhere(8441), address: None, certificate: None, key: None }
    }

    pub(crate) fn for_line() -> Self {
        Self { listen: everywhere(8442), address: None, certificate: None, key: None }
    }

    /// The operator's certificate and key, when both are given.
    pub(crate) fn files(&self) -> Option<(&Path, &Path)> {
        Some((self.certificate.as_deref()?, self.key.as_deref()?))
    }

    pub(super) fn start_at(&mut self, dir: &Path) {
        start_at(dir, [&mut self.certificate, &mut self.key]);
    }

    /// What Runners are told: the address of the configuration, or the host with this listener's port.
    pub(super) fn address_at(&self, host: &str) -> String {
        self.address.clone().unwrap_or_else(|| host_and_port(host, self.listen.port()))
    }
}

fn host_and_port(host: &str, port: u16) -> String {
    match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]:{port}"),
        Err(_) => format!("{host}:{port}"),
    }
}

fn start_at(dir: &Path, paths: [&mut Option<PathBuf>; 2]) {
    for path in paths.into_iter().flatten() {
        *path = dir.join(&*path);
    }
}

/// Whether it can stand in a certificate and be dialled: an IP address, or labels of letters, digits and hyphens.
pub(crate) fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label))
}

/// Whether it is HOST:PORT, an IPv6 address in brackets.
pub(crate) fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let host_fits = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => host.parse::<Ipv6Addr>().is_err() && is_host(host),
    };
    host_fits && port.parse::<u16>().is_ok_and(|port| port != 0)
}

/// Whether it is `https://` and a host, with a port or without, and nothing behind it.
pub(crate) fn is_public_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else { return false };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    is_host_and_port(rest) || is_host_and_port(&format!("{rest}:443"))
}

fn everywhere(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)
}

fn web_address() -> SocketAddr {
    everywhere(8440)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_has_an_address_with_nothing_behind_it() {
        for good in
            ["https://a", "https://proctor.example.org/", "https://a:8440", "https://[::1]:8440", "https://10.0.0.5"]
        {
            assert!(is_public_url(good), "{good}");
        }
        for bad in
            ["a", "http://a", "https://", "https://a/b", "https://a?b", "https://u@a", "https://a:0", "HTTPS://a"]
        {
            assert!(!is_public_url(bad), "{bad}");
        }
        let web = |public_url: Option<&str>, port| WebListener {
            listen: everywhere(port),
            public_url: public_url.map(str::to_owned),
            ..WebListener::sensible()
        };
        assert_eq!(web(None, 8440).url_at("cp.example.org"), "https://cp.example.org:8440");
        assert_eq!(web(None, 443).url_at("::1"), "https://[::1]");
        assert_eq!(web(Some("https://proctor.example.org/"), 8440).url_at("x"), "https://proctor.example.org");
    }

    #[test]
    fn hosts_and_ports_are_told_from_what_is_none() {
        for good in ["a:1", "runners.example.org:443", "10.0.0.1:8442", "[::1]:8442"] {
            assert!(is_host_and_port(good), "{good}");
        }
        for bad in ["a", "a:", "a:0", "a:70000", "::1:8442", "[::1]", "[x]:1", "a b:1", "-a:1", "http://a:1"] {
            assert!(!is_host_and_port(bad), "{bad}");
        }
    }
}
