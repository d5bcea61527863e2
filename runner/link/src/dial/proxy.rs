//! An HTTP proxy that tunnels with CONNECT (RFC 9110 §9.3.6) and may ask for Basic credentials (RFC 7617).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::no_proxy::Exemption;
use crate::address::{Address, Host};
use crate::error::LinkError;

/// The head of a proxy's answer may not be longer.
const LONGEST_HEAD: usize = 16 * 1024;

/// How the control plane is reached.
#[derive(Debug)]
pub enum ProxySettings {
    Direct,
    Proxy(Proxy),
}

/// A proxy, with what it is told of its user and which hosts it is not for.
#[derive(Debug)]
pub struct Proxy {
    address: Address,
    /// The value of `Proxy-Authorization`.
    authorization: Option<Secret<String>>,
    exempt: Vec<Exemption>,
}

impl Proxy {
    /// `url` is `http://host:port`; user and password stand beside it, never inside, so that they are not logged with it.
    pub fn new(
        url: &str,
        user: Option<&str>,
        password: Option<&Secret<String>>,
        no_proxy: &[String],
    ) -> Result<Self, LinkError> {
        let exempt = no_proxy.iter().map(|entry| entry.parse().map_err(setting)).collect::<Result<_, _>>()?;
        let authorization = match (user, password) {
            (None, None) => None,
            (Some(user), password) => Some(basic(user, password)?),
            (None, Some(_)) => return Err(setting("there is a password but no user")),
        };
        Ok(Self { address: proxy_address(url)?, authorization, exempt })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn is_for(&self, host: &Host) -> bool {
        !self.exempt.iter().any(|exemption| exemption.covers(host))
    }

    /// Asks for a tunnel to `target`. Afterwards the stream carries the target's bytes.
    pub(super) async fn tunnel(&self, stream: &mut TcpStream, target: &Address) -> Result<(), LinkError> {
        let cut = |error: std::io::Error| LinkError::Cut { target: self.address.to_string(), why: error.to_string() };
        stream.write_all(self.request(target).expose().as_bytes()).await.map_err(cut)?;
        let mut head = Vec::with_capacity(256);
        // Byte by byte, so that nothing behind the head is taken away from the TLS handshake; it is short and once.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == LONGEST_HEAD {
                return Err(self.garbage("its answer has no end"));
            }
            head.push(match stream.read_u8().await {
                Ok(byte) => byte,
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Err(self.garbage("it closed the connection"));
                }
                Err(error) => return Err(cut(error)),
            });
        }
        match status(&head).ok_or_else(|| self.garbage("its answer has no HTTP status"))? {
            200..=299 => Ok(()),
            407 => Err(LinkError::ProxyAuthentication { proxy: self.address.to_string() }),
            status => {
                Err(LinkError::ProxyRefused { proxy: self.address.to_string(), target: target.to_string(), status })
            }
        }
    }

    fn request(&self, target: &Address) -> Secret<String> {
        let authorization = self.authorization.as_ref().map_or("", |authorization| authorization.expose());
        // Room for all of it from the start: a text that grows leaves copies behind.
        let mut request = String::with_capacity(1024 + authorization.len());
        request.push_str(&format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"));
        if !authorization.is_empty() {
            request.push_str("Proxy-Authorization: ");
            request.push_str(authorization);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        Secret::new(request)
    }

    fn garbage(&self, why: &'static str) -> LinkError {
        LinkError::ProxyProtocol { proxy: self.address.to_string(), why }
    }
}

fn setting(why: impl Into<String>) -> LinkError {
    LinkError::ProxySetting { why: why.into() }
}

fn proxy_address(text: &str) -> Result<Address, LinkError> {
    let url = Url::parse(text).map_err(|_| setting("the URL cannot be read; write http://host:port"))?;
    if url.scheme() != "http" {
        return Err(setting(format!("the scheme {} is not spoken to a proxy; write http://host:port", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(setting("user and password do not stand in the URL; use user and password_file"));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(setting("the URL of a proxy ends after the port"));
    }
    let host = url.host_str().ok_or_else(|| setting("the URL has no host"))?;
    let host = host.parse().map_err(|why: &str| setting(format!("the host {host}: {why}")))?;
    Ok(Address { host, port: url.port_or_known_default().unwrap_or(80) })
}

fn basic(user: &str, password: Option<&Secret<String>>) -> Result<Secret<String>, LinkError> {
    if user.contains(':') || user.chars().any(char::is_control) {
        return Err(setting("the user's name has a colon or a control character"));
    }
    let password = password.map_or("", |password| password.expose().as_str());
    let pair = Secret::new(format!("{user}:{password}"));
    Ok(Secret::new(format!("Basic {}", STANDARD.encode(pair.expose()))))
}

/// The status of `HTTP/1.x NNN …`.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|&byte| byte == b'\r').next()?;
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let (minor, rest) = rest.split_first()?;
    let digits = rest.strip_prefix(b" ")?;
    let code = digits.get(..3)?;
    let ends = digits.get(3).is_none_or(|&byte| byte == b' ');
    let clean = minor.is_ascii_digit() && ends && code.iter().all(u8::is_ascii_digit);
    if clean { std::str::from_utf8(code).ok()?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str) -> Result<Proxy, LinkError> {
        Proxy::new(url, None, None, &[])
    }

    #[test]
    fn settings_are_read() {
        assert_eq!(proxy("http://proxy.example.org:3128").unwrap().address.to_string(), "proxy.example.org:3128");
        assert_eq!(proxy("http://[::1]:3128/").unwrap().address.to_string(), "[::1]:3128");
        assert_eq!(proxy("http://proxy").unwrap().address.port, 80);
        let password = Secret::new("open sesame".to_owned());
        let with = Proxy::new("http://proxy:1", Some("Aladdin"), Some(&password), &["10.0.0.0/8".into()]).unwrap();
        assert_eq!(with.authorization.as_ref().unwrap().expose(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!with.is_for(&"10.1.1.1".parse().unwrap()) && with.is_for(&"cp.example.org".parse().unwrap()));
        assert!(!format!("{with:?}").contains("QWxh"));
    }

    #[test]
    fn wrong_settings_are_refused_with_the_operators_code() {
        for url in ["", "proxy:3128", "https://proxy:3128", "socks5://proxy:1", "http://u:p@proxy:1", "http://p:1/x"] {
            assert_eq!(proxy(url).unwrap_err().code(), "E-LINK-005", "{url}");
        }
        assert!(Proxy::new("http://proxy:1", Some("a:b"), None, &[]).is_err());
        assert!(Proxy::new("http://proxy:1", None, Some(&Secret::new(String::new())), &[]).is_err());
        assert!(Proxy::new("http://proxy:1", None, None, &["10.0.0.0/64".into()]).is_err());
    }

    #[test]
    fn a_status_line_is_read_strictly() {
        assert_eq!(status(b"HTTP/1.1 200 Connection established\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407\r\n"), Some(407));
        for head in [&b"HTTP/2 200\r\n"[..], b"HTTP/1.1 20\r\n", b"HTTP/1.1 2000 x\r\n", b"SSH-2.0-x\r\n", b"\r\n"] {
            assert_eq!(status(head), None);
        }
    }
}
