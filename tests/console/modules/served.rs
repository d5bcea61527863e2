//! The folder of scripts over HTTP on this machine, which a browser takes for a safe place, with the console's policy.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;

/// The policy of the console's pages; a test of the console compares its own headers with it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'none'; \
                      form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

const PAGE: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Scripts</title>\
                    <link rel=\"icon\" href=\"/icon.svg\"></head><body><main></main></body></html>";

pub(crate) struct Served {
    port: u16,
}

impl Served {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A browser that goes away leaves half an answer behind.
                std::thread::spawn(move || answer(stream));
            }
        });
        Self { port }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://localhost:{}", self.port)
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    // The rest of the head says nothing that matters here.
    while reader.read_line(&mut line)? > 2 {}
    let (status, media, body) = match path.strip_prefix("/js/") {
        _ if path == "/" => ("200 OK", "text/html; charset=utf-8", PAGE.as_bytes().to_vec()),
        _ if path == "/icon.svg" => {
            ("200 OK", "image/svg+xml", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec())
        }
        Some(name) if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)) => {
            match std::fs::read(folder().join(name)) {
                Ok(script) => ("200 OK", "text/javascript; charset=utf-8", script),
                Err(_) => ("404 Not Found", "text/plain", Vec::new()),
            }
        }
        _ => ("404 Not Found", "text/plain", Vec::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {}\r\ncontent-security-policy: {POLICY}\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../control-plane/web/assets/js"))
}
