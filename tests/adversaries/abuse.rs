//! Those who only cost: whatever they send, memory stays bounded and everybody else is served.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use clock::{Clock, SystemClock};
use tests::{Api, Line};

use crate::evil::Table;
use crate::zoo::{Tls, client, connect};

/// What all of this together may cost: far less than one connection's worth of bytes a connection.
const MOST_KIB: u64 = 64 * 1024;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

struct Abused {
    line: Line,
    api: Api,
    before: u64,
    table: Table,
}

impl Abused {
    fn new(title: &'static str) -> Self {
        let mut line = Line::start();
        let api = line.control_plane.api(&line.tenant.key_file);
        assert_eq!(api.get("/me").status, 200);
        let before = line.control_plane.service().resident_kib();
        Self { line, api, before, table: Table::new(title) }
    }

    /// The API answers, the Runner is connected and runs what it is asked to, and memory stayed in bounds.
    #[track_caller]
    fn still_serves(&mut self, tried: &str) {
        let clock = SystemClock::new();
        assert_eq!(self.api.get("/me").status, 200, "{tried}");
        assert!(clock.monotonic_ms() < 10_000, "{tried}: {} ms", clock.monotonic_ms());
        let service = self.line.control_plane.service();
        assert!(service.lives(), "{tried}");
        let grown = service.resident_kib().saturating_sub(self.before);
        assert!(grown < MOST_KIB, "{tried}: {grown} KiB more");
        self.table.row(tried, "served", &format!("{} MiB more", grown / 1024));
    }

    fn done(self) {
        let shown = self.line.request("accounts");
        assert_eq!(shown["verdict"], "pass");
        self.table.print();
    }

    fn ports(&self) -> [u16; 3] {
        let ports = self.line.control_plane.ports;
        [ports.web, ports.enrolment, ports.line]
    }

    fn tls(&self, port: u16, protocol: &[u8]) -> std::io::Result<Tls> {
        let mut config = client(&self.line.control_plane.authority(), None);
        config.alpn_protocols = vec![protocol.to_vec()];
        connect(port, config)
    }
}

#[test]
fn connections_that_say_nothing_or_nonsense_keep_nobody_out() {
    let mut abused = Abused::new("Connections that say nothing or nonsense");
    // Plain HTTP, and bytes that are no TLS: nothing is answered in clear.
    for port in abused.ports() {
        for said in
            [&b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], PREFACE, &[0x16, 3, 1, 0xff, 0xff, 0, 0]]
        {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let _ = stream.write_all(said);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            assert!(!answer.windows(4).any(|part| part == b"HTTP"), "{}", String::from_utf8_lossy(&answer));
            // At most an alert: a record of two bytes.
            assert!(answer.len() <= 7, "{answer:?}");
        }
    }
    abused.still_serves("plain HTTP and bytes that are no TLS, on three listeners");
    // TLS 1.2 where Runners come.
    for port in [abused.line.control_plane.ports.enrolment, abused.line.control_plane.ports.line] {
        assert!(connect(port, only_tls_12(&abused.line)).is_err());
    }
    abused.still_serves("TLS 1.2 where Runners come");
    for port in abused.ports() {
        idle(port, 1_000);
        abused.still_serves("1,000 connections that say nothing, on one listener");
    }
    // Handshakes that are begun, one byte at a time never ended.
    let slow: Vec<_> = (0..200)
        .filter_map(|_| {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, abused.line.control_plane.ports.line)).ok()?;
            stream.write_all(&[0x16, 3, 1, 2, 0]).ok()?;
            Some(stream)
        })
        .collect();
    abused.still_serves("200 handshakes that do not go on");
    drop(slow);
    abused.done();
}

#[test]
fn floods_within_http_end_the_connection_and_nobody_elses() {
    let mut abused = Abused::new("Floods within HTTP");
    let [web, enrolment, _] = abused.ports();
    for port in [web, enrolment] {
        let taken = rapid_reset(abused.tls(port, b"h2").unwrap());
        assert!(taken < 200_000, "{taken} streams were taken");
        abused.still_serves("streams that are opened and reset");
        let taken = continuations(abused.tls(port, b"h2").unwrap());
        assert!(taken < 64 * 1024 * 1024, "{taken} bytes of headers were taken");
        abused.still_serves("headers that never end");
        let taken = settings(abused.tls(port, b"h2").unwrap());
        assert!(taken <= 500_000, "{taken} SETTINGS were taken");
        abused.still_serves("SETTINGS without end");
    }
    // HTTP/1.1: a head that never ends, and one that is too large.
    let mut stream = abused.tls(web, b"http/1.1").unwrap();
    let _ = stream.write_all(b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n");
    let line = format!("X-Large: {}\r\n", "x".repeat(1_000));
    let mut taken = 0;
    while taken < 100_000 && stream.write_all(line.as_bytes()).is_ok() {
        taken += 1;
    }
    assert!(taken < 100_000, "a head of 100 MB was taken");
    abused.still_serves("a head of HTTP/1.1 that never ends");
    abused.done();
}

#[test]
fn bodies_that_are_too_large_or_of_the_wrong_kind_are_refused() {
    let mut abused = Abused::new("Bodies that are too large or of the wrong kind");
    let json = br#"{"label":"x"}"#;
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "text/json"]
    {
        assert_eq!(abused.post(kind, None, json), 415, "{kind}");
    }
    abused.still_serves("five wrong content types");
    // 64 MiB of spaces, in 64 KiB of gzip.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        bomb.write_all(&vec![b' '; 1024 * 1024]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip"] {
        let status = abused.post("application/json", Some(encoding), &bomb);
        assert!(status == 0 || (400..500).contains(&status), "{encoding}: {status}");
    }
    abused.still_serves("compression bombs in five encodings");
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!((400..500).contains(&abused.post("application/json", None, deep.as_bytes())));
    let doubled = br#"{"label":"x","label":"y"}"#;
    assert!((400..500).contains(&abused.post("application/json", None, doubled)));
    abused.still_serves("brackets 10,000 deep, and a key twice");
    let status = abused.post("application/json", None, &vec![b' '; 64 * 1024 * 1024]);
    assert!(status == 0 || status == 413, "{status}");
    abused.still_serves("a body of 64 MiB");
    let tokens = abused.api.get("/tokens").with_status(200).json();
    // One was made, for the Runner.
    assert_eq!(tokens["items"].as_array().map(Vec::len), Some(1), "{tokens:#}");
    abused.done();
}

impl Abused {
    /// The status of a request to make a token; 0 if the connection was cut before there was one.
    fn post(&self, kind: &str, encoding: Option<&str>, body: &[u8]) -> u16 {
        let key = std::fs::read_to_string(&self.line.tenant.key_file).unwrap();
        let encoding = encoding.map_or_else(String::new, |encoding| format!("Content-Encoding: {encoding}\r\n"));
        let head = format!(
            "POST /api/v1/tokens HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: {kind}\r\n\
             {encoding}Content-Length: {}\r\nConnection: close\r\n\r\n",
            key.trim(),
            body.len()
        );
        let mut stream = self.tls(self.line.control_plane.ports.web, b"http/1.1").unwrap();
        // A body that nobody wants is not taken to its end.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).and_then(|()| stream.flush());
        let mut answer = [0; 12];
        if stream.read_exact(&mut answer).is_err() {
            return 0;
        }
        String::from_utf8_lossy(&answer[9..]).parse().unwrap()
    }
}

/// Opens so many connections at once and closes them.
fn idle(port: u16, connections: usize) {
    let held: Vec<_> = (0..connections).filter_map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()).collect();
    assert!(!held.is_empty());
}

fn only_tls_12(line: &Line) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    let authority = std::fs::read(line.control_plane.authority()).unwrap();
    for certificate in rustls_pki_types::pem::PemObject::pem_slice_iter(&authority) {
        let certificate: rustls_pki_types::CertificateDer<'_> = certificate.unwrap();
        roots.add(certificate).unwrap();
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// CVE-2023-44487. How many streams were taken before the connection was closed.
fn rapid_reset(mut stream: Tls) -> u32 {
    let _ = stream.write_all(PREFACE);
    for number in 0..200_000_u32 {
        let [a, b, c, d] = (2 * number + 1).to_be_bytes();
        let frames = [
            [0, 0, 3, 1, 4, 0, a, b, c, d, 0x83, 0x87, 0x84].as_slice(),
            [0, 0, 4, 3, 0, 0, a, b, c, d, 0, 0, 0, 8].as_slice(),
        ]
        .concat();
        if stream.write_all(&frames).is_err() {
            return number;
        }
    }
    200_000
}

/// CVE-2024-27316. How many bytes of headers were taken.
fn continuations(mut stream: Tls) -> usize {
    let _ = stream.write_all(PREFACE);
    let _ = stream.write_all(&[0, 0, 3, 1, 0, 0, 0, 0, 1, 0x83, 0x87, 0x84]);
    // A literal header without indexing, `x: y`, many times in a frame of 16 KiB.
    let block = [0x00, 1, b'x', 1, b'y'].repeat(3_276);
    let [_, length @ ..] = u32::try_from(block.len()).unwrap().to_be_bytes();
    let frame = [&length[..], &[9, 0, 0, 0, 0, 1], &block].concat();
    let mut taken = 0;
    while taken < 64 * 1024 * 1024 && stream.write_all(&frame).is_ok() {
        taken += frame.len();
    }
    taken
}

/// Each wants an answer.
fn settings(mut stream: Tls) -> u32 {
    let _ = stream.write_all(PREFACE);
    let frame = [0, 0, 0, 4, 0, 0, 0, 0, 0].repeat(100);
    for number in 0..5_000_u32 {
        if stream.write_all(&frame).is_err() {
            return number * 100;
        }
    }
    500_000
}
