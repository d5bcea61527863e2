//! What a browser does, without a screen: pages over HTTPS from this machine's control plane, a cookie, and forms as they
//! stand in the page.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::control_plane;
use crate::fault::Fault;
use crate::folder::Folder;

const PATIENCE: Duration = Duration::from_secs(30);
/// More than any page has.
const LARGEST: u64 = 16 * 1024 * 1024;

/// A visitor of the console.
pub(crate) struct Visitor {
    tls: Arc<ClientConfig>,
    port: u16,
    cookies: Vec<(String, String)>,
}

/// A page, or a redirect.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Visitor {
    /// A visitor who trusts the authority of this folder's control plane.
    pub(crate) fn new(folder: &Folder) -> Result<Self, Fault> {
        let path = folder.join(control_plane::AUTHORITY);
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(&path).map_err(|error| Fault::Console(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| Fault::Console(error.to_string()))?;
            roots.add(certificate).map_err(|error| Fault::Console(error.to_string()))?;
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Fault::Console(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls), port: folder.control_plane.web, cookies: Vec::new() })
    }

    /// `GET`, and where it leads.
    pub(crate) fn get(&mut self, path: &str) -> Result<Page, Fault> {
        let page = self.exchange("GET", path, "")?;
        self.follow(page)
    }

    /// `GET` alone.
    pub(crate) fn look(&mut self, path: &str) -> Result<Page, Fault> {
        self.exchange("GET", path, "")
    }

    /// Fills in the form of the page that goes to `action`, with what it hides, sends it, and goes where that leads.
    pub(crate) fn submit(&mut self, page: &Page, action: &str, fill: &[(&str, &str)]) -> Result<Page, Fault> {
        let form = page.form(action).ok_or_else(|| Fault::Console(format!("no form for {action} on the page")))?;
        let mut pairs: Vec<(String, String)> = Vec::new();
        for head in form.split("<input").skip(1).filter_map(|tag| tag.split('>').next()) {
            let (Some(name), kind) = (attribute(head, "name"), attribute(head, "type").unwrap_or_default()) else {
                continue;
            };
            let given = fill.iter().find(|(known, _)| *known == name || *known == kind);
            pairs.push((
                name,
                given
                    .map_or_else(|| attribute(head, "value"), |(_, value)| Some((*value).to_owned()))
                    .unwrap_or_default(),
            ));
        }
        let body: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let answer = self.exchange("POST", action, &body.join("&"))?;
        self.follow(answer)
    }

    fn follow(&mut self, mut page: Page) -> Result<Page, Fault> {
        for _ in 0..10 {
            let Some(location) = page.header("location").map(str::to_owned) else { break };
            page = self.exchange("GET", &location, "")?;
        }
        Ok(page)
    }

    fn exchange(&mut self, method: &str, path: &str, body: &str) -> Result<Page, Fault> {
        let path = path
            .split_once("://")
            .map_or(path, |(_, rest)| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"));
        let answer =
            self.send(method, path, body).map_err(|error| Fault::Console(format!("{method} {path}: {error}")))?;
        let page = Page::read(&answer).ok_or_else(|| Fault::Console(format!("{method} {path}: no HTTP answer")))?;
        for (_, cookie) in page.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) else { continue };
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(page)
    }

    fn send(&self, method: &str, path: &str, body: &str) -> std::io::Result<Vec<u8>> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
        let tls = ClientConnection::new(Arc::clone(&self.tls), name).map_err(std::io::Error::other)?;
        let mut stream = StreamOwned::new(tls, stream);
        let host = format!("localhost:{}", self.port);
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = if cookies.is_empty() { String::new() } else { format!("cookie: {}\r\n", cookies.join("; ")) };
        let form = if method == "POST" {
            format!(
                "origin: https://{host}\r\nsec-fetch-site: same-origin\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
                body.len()
            )
        } else {
            String::new()
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: proctor-quickstart\r\naccept: text/html\r\nconnection: close\r\n{cookies}{form}\r\n"
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        stream.flush()?;
        let mut answer = Vec::new();
        stream.take(LARGEST).read_to_end(&mut answer)?;
        Ok(answer)
    }
}

impl Page {
    fn read(answer: &[u8]) -> Option<Self> {
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
        let (head, body) = answer.split_at(end + 4);
        let head = std::str::from_utf8(head).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = if is_chunked { dechunked(body)? } else { body.to_vec() };
        Some(Self { status, headers, text: String::from_utf8_lossy(&body).into_owned() })
    }

    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What can be read, tags taken away.
    pub(crate) fn reading(&self) -> String {
        let pieces = self.text.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
        pieces.collect::<Vec<_>>().join(" ")
    }

    fn form(&self, action: &str) -> Option<&str> {
        let forms = self.text.split("<form").skip(1).filter_map(|form| form.split("</form>").next());
        forms.into_iter().find(|form| {
            let head = form.split('>').next().unwrap_or_default();
            attribute(head, "action").is_some_and(|known| known.split('?').next() == Some(action))
        })
    }
}

fn dechunked(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n")?;
        let (size, rest) = body.split_at(end);
        let size = usize::from_str_radix(std::str::from_utf8(size).ok()?.split(';').next()?.trim(), 16).ok()?;
        let chunk = rest.get(2..2 + size)?;
        if chunk.is_empty() {
            return Some(whole);
        }
        whole.extend_from_slice(chunk);
        body = rest.get(2 + size + 2..)?;
    }
}

fn attribute(head: &str, name: &str) -> Option<String> {
    let value = head.split_once(&format!(" {name}=\""))?.1.split('"').next()?;
    Some(value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"))
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_with_and_without_chunks() {
        let whole = Page::read(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\n\r\n<h1>x</h1>").unwrap();
        assert_eq!((whole.status, whole.text.as_str(), whole.header("set-cookie")), (200, "<h1>x</h1>", Some("a=b")));
        let pieces =
            Page::read(b"HTTP/1.1 303 See\r\ntransfer-encoding: chunked\r\n\r\n4\r\nab\r\n\r\n1;x\r\nc\r\n0\r\n\r\n")
                .unwrap();
        assert_eq!((pieces.status, pieces.text.as_str()), (303, "ab\r\nc"));
        for broken in
            [&b"HTTP/1.1 200 OK\r\n"[..], b"", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nab"]
        {
            assert!(Page::read(broken).is_none());
        }
    }

    #[test]
    fn forms_are_found_and_texts_are_read() {
        let text = r#"<form action="/x"></form><form method="post" action="/sign-in?a=1"><input type="hidden" name="csrf" value="&lt;1&gt;"></form>"#;
        let page = Page { status: 200, headers: Vec::new(), text: text.to_owned() };
        let head = page.form("/sign-in").unwrap().split("<input").nth(1).unwrap();
        assert_eq!(attribute(head, "value").as_deref(), Some("<1>"));
        assert!(page.form("/other").is_none());
        assert_eq!(encoded("a b&ä"), "a%20b%26%C3%A4");
    }
}
