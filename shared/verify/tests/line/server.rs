//! A small HTTPS server: one request a connection, answered by the world behind it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use crypto::digest::sha256;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::World;

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) ca_pem: String,
    /// Of the authority's key, and of the server's own.
    pub(crate) pins: [String; 2],
    pub(crate) world: Arc<Mutex<World>>,
}

impl Server {
    pub(crate) fn start(world: World) -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, authority_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let pin = |key: &KeyPair| format!("sha256:{}", sha256(&rcgen::PublicKeyData::subject_public_key_info(key)));
        let pins = [pin(authority.key()), pin(&key)];
        let chain = vec![certificate.der().clone(), authority.der().clone()];
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())))
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let world = Arc::new(Mutex::new(world));
        let (config, behind) = (Arc::new(config), Arc::clone(&world));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { break };
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                // Whoever does not believe the certificate goes away; that is no failure of the server.
                let _ = serve(StreamOwned::new(connection, stream), &behind);
            }
        });
        Self { url, ca_pem: authority.pem(), pins, world }
    }
}

fn serve(
    stream: StreamOwned<ServerConnection, std::net::TcpStream>,
    world: &Mutex<World>,
) -> Result<(), std::io::Error> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first)?;
    let mut headers = String::new();
    while stream.read_line(&mut headers)? > 2 {}
    let mut named = headers.lines().filter_map(|line| line.split_once(": "));
    let length = named.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status, answer, sent) = world.lock().unwrap().answer(method, path, &headers, &body);
    let mut stream = stream.into_inner();
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(&answer[..sent])?;
    stream.conn.send_close_notify();
    stream.flush()
}
