//! The listener over real TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, SystemClock};
use control_plane_authority::{ServerAuthority, ServerCertificate, tls};
use crypto::SystemEntropy;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use super::harness::{Fixture, fixture_with, generous};
use crate::{Limits, ServeError, serve};

pub(super) struct Served {
    pub(super) fixture: Fixture,
    address: SocketAddr,
    roots: RootCertStore,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<Result<(), ServeError>>,
}

pub(super) async fn served(limits: Limits) -> Served {
    served_by(fixture_with(limits).await).await
}

pub(super) async fn served_by(fixture: Fixture) -> Served {
    let (entropy, clock) = (SystemEntropy::new(), Arc::new(SystemClock::new()));
    let authority = ServerAuthority::create(&entropy, clock.now()).unwrap();
    let identity = authority.issue(&["127.0.0.1".parse().unwrap()], &entropy, clock.now()).unwrap();
    let config = tls::web(&ServerCertificate::new(identity), clock).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, config, Arc::clone(&fixture.web), shutdown.clone()));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.certificate_der().to_vec())).unwrap();
    Served { fixture, address, roots, shutdown, serving }
}

impl Served {
    pub(super) async fn connect(&self, alpn: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
        self.connect_with(&[&rustls::version::TLS13, &rustls::version::TLS12], alpn).await
    }

    async fn connect_with(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
        alpn: &[&[u8]],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        self.connected(TcpStream::connect(self.address).await?, config).await
    }

    /// The same from another address of this host.
    pub(super) async fn connect_from(&self, address: [u8; 4], alpn: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let socket = TcpSocket::new_v4()?;
        socket.bind((address, 0).into())?;
        self.connected(socket.connect(self.address).await?, config).await
    }

    async fn connected(&self, stream: TcpStream, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::IpAddress(self.address.ip().into());
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    fn request(&self, path: &str) -> String {
        let key = &self.fixture.ours.key;
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n")
    }
}

pub(super) async fn read_all(stream: &mut TlsStream<TcpStream>) -> String {
    let mut bytes = Vec::new();
    // A server that closes without a TLS close is still one that closed.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn both_tls_versions_and_both_protocols_are_served() {
    let served = served(generous()).await;
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let mut stream = served.connect_with(&[version], &[b"http/1.1"]).await.unwrap();
        stream.write_all(served.request("/api/v1/me").as_bytes()).await.unwrap();
        let text = read_all(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("strict-transport-security: max-age=63072000"), "{text}");
    }
    let stream = served.connect(&[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://localhost/api/v1/me")
        .header("authorization", format!("Bearer {}", served.fixture.ours.key))
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
}

#[tokio::test]
async fn plain_http_gets_nothing() {
    let served = served(generous()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(served.request("/api/v1/me").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
}

#[tokio::test]
async fn those_who_say_nothing_are_cut_off() {
    let quick = Limits { head: Duration::from_millis(300), idle: Duration::from_millis(600), ..generous() };
    let served = served(quick).await;
    let patience = Duration::from_secs(10);
    // No handshake.
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(tokio::time::timeout(patience, silent.read(&mut [0; 10])).await.unwrap().unwrap_or(0), 0);
    // A handshake and nothing after it, in both protocols.
    for protocol in [b"h2".as_slice(), b"http/1.1"] {
        let mut stream = served.connect(&[protocol]).await.unwrap();
        let text = tokio::time::timeout(patience, read_all(&mut stream)).await.unwrap();
        assert!(!text.contains("200"), "{text}");
    }
    // A head that never ends.
    let mut stream = served.connect(&[b"http/1.1"]).await.unwrap();
    stream.write_all(b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    assert!(!tokio::time::timeout(patience, read_all(&mut stream)).await.unwrap().contains("200"));
    // A body that never comes.
    let slow = Limits { body: Duration::from_millis(300), ..generous() };
    let served = self::served(slow).await;
    let mut stream = served.connect(&[b"http/1.1"]).await.unwrap();
    let key = &served.fixture.ours.key;
    let head = format!(
        "POST /api/v1/tokens HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: 20\r\nConnection: close\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let text = tokio::time::timeout(patience, read_all(&mut stream)).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 408") && text.contains("E-WEB-016"), "{text}");
}

#[tokio::test]
async fn heads_are_bounded() {
    let served = served(generous()).await;
    for head in [
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(64 * 1024)),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: a\r\n".repeat(500)),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(64 * 1024)),
    ] {
        let mut stream = served.connect(&[b"http/1.1"]).await.unwrap();
        let _ = stream.write_all(head.as_bytes()).await;
        let text = read_all(&mut stream).await;
        let refused = ["HTTP/1.1 431", "HTTP/1.1 400", "HTTP/1.1 414"].iter().any(|status| text.starts_with(status));
        assert!(refused || text.is_empty(), "{text}");
    }
}

/// Also what is no request at all, and what the HTTP library refuses by itself.
#[tokio::test]
async fn every_refusal_has_the_headers_that_stand_on_all_answers() {
    let served = served(generous()).await;
    for (head, status, code) in [
        ("nonsense\r\n\r\n".to_owned(), "400", "E-WEB-030"),
        ("GET / HTTP/9.9\r\nHost: a\r\n\r\n".to_owned(), "400", "E-WEB-030"),
        ("GET /\u{1} HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "400", "E-WEB-030"),
        ("GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n: d\r\n\r\n".to_owned(), "400", "E-WEB-030"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(17 * 1024)), "431", "E-WEB-031"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: a\r\n".repeat(70)), "431", "E-WEB-031"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: a\r\n".repeat(500)), "431", "E-WEB-031"),
    ] {
        let mut stream = served.connect(&[b"http/1.1"]).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let text = read_all(&mut stream).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")) && text.contains(code), "{head:.80}: {text}");
        for (name, value) in crate::http::headers::ALWAYS {
            assert_eq!(text.matches(&format!("\r\n{name}: {value}\r\n")).count(), 1, "{name}: {text}");
        }
        assert!(
            text.contains("\r\ncontent-security-policy: default-src 'none'") && text.contains("x-request-id: "),
            "{text}"
        );
    }
}

/// What is larger than allowed is still taken, and refused in words; what is far larger is refused by the library, with a
/// status alone, which gets the headers of every answer.
#[tokio::test]
async fn http2_refuses_large_heads_in_words() {
    let served = served(generous()).await;
    let stream = served.connect(&[b"h2"]).await.unwrap();
    let executor = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://localhost/").header("x", "a".repeat(17 * 1024));
    let answer =
        sender.send_request(request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 431);
    for (name, value) in crate::http::headers::ALWAYS {
        assert_eq!(answer.headers()[*name], *value);
    }
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("E-WEB-031"));
    for _ in 0..3 {
        let request = http::Request::get("https://localhost/").header("x", "a".repeat(40 * 1024));
        let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
        sender.ready().await.unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 431);
        for (name, value) in crate::http::headers::ALWAYS.iter().chain(crate::http::headers::OTHERWISE) {
            assert_eq!(answer.headers().get(*name).map(|value| value.as_bytes()), Some(value.as_bytes()), "{name}");
        }
        assert_eq!(answer.headers()["x-request-id"].len(), 32);
    }
    // The connection means the same by everything that is said after it.
    let request = http::Request::get("https://localhost/api/v1/me")
        .header("authorization", format!("Bearer {}", served.fixture.ours.key))
        .body(http_body_util::Empty::<bytes::Bytes>::new());
    assert_eq!(sender.send_request(request.unwrap()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_request_names_one_host_and_a_body_is_framed_as_it_says() {
    let served = served(generous()).await;
    let ask = served.request("/api/v1/me");
    let key = &served.fixture.ours.key;
    let post = format!(
        "POST /api/v1/tokens HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"
    );
    for (request, code) in [
        (ask.replace("Host: localhost\r\n", ""), "E-WEB-019"),
        (ask.replace("Host: localhost\r\n", "Host: localhost\r\nHost: other\r\n"), "E-WEB-019"),
        (post, "E-WEB-020"),
    ] {
        let mut stream = served.connect(&[b"http/1.1"]).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let text = read_all(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 400 ") && text.contains(code), "{request}\n{text}");
        assert!(text.contains("strict-transport-security") && text.contains("x-request-id"), "{text}");
    }
}

#[tokio::test]
async fn one_address_has_so_many_connections() {
    let served = served(Limits { connections_per_address: 2, ..generous() }).await;
    let first = served.connect(&[b"http/1.1"]).await.unwrap();
    let _second = served.connect(&[b"http/1.1"]).await.unwrap();
    assert!(served.connect(&[b"http/1.1"]).await.is_err(), "a third one is let in");
    let counts = served.fixture.web.counts();
    assert_eq!((counts.connections, counts.turned_away), (2, 1));
    drop(first);
    // The server hears of it in its own time.
    let again = tokio::time::timeout(Duration::from_secs(10), async {
        while served.connect(&[b"http/1.1"]).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    again.await.unwrap();
}

#[tokio::test]
async fn a_shutdown_ends_what_is_idle_and_takes_nobody_new() {
    let served = served(generous()).await;
    let mut idle = served.connect(&[b"http/1.1"]).await.unwrap();
    let keep_alive = served.request("/api/v1/me").replace("Connection: close\r\n", "");
    idle.write_all(keep_alive.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    served.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(10), served.serving).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
    let _ = read_all(&mut idle).await;
}
