//! A control plane that lies: between the browser and the true one stands a server that changes what either says.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use contract::enrolment::{KEYS_TYPE, KeyStatement};
use crypto::{SystemEntropy, p256};
use proof::dsse::{Envelope, MAX_ENVELOPE, Signer};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use tests::{ControlPlane, Visitor};

/// Changes a body, knowing method and path.
type Change = Box<dyn Fn(&str, &str, Vec<u8>) -> Vec<u8> + Send>;

/// What is changed on its way: requests of the page, and answers to it.
#[derive(Default)]
struct Lies {
    asked: Option<Change>,
    answered: Option<Change>,
    /// Answers to paths that end so do not arrive, so many times.
    lost: Option<(&'static str, usize)>,
}

/// The liar. It is trusted by its own key, as a control plane of that operator would be.
pub(crate) struct Liar {
    port: u16,
    pin: String,
    lies: Arc<Mutex<Lies>>,
}

impl Liar {
    /// A liar that does not lie yet.
    pub(crate) fn before(control_plane: &ControlPlane) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let pin =
            BASE64.encode(crypto::digest::sha256(&rcgen::PublicKeyData::subject_public_key_info(&key)).as_bytes());
        let certificate =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let chain: Vec<CertificateDer<'static>> = vec![certificate.into()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let lies = Arc::new(Mutex::new(Lies::default()));
        let (tls, shared) = (Arc::new(tls), Arc::clone(&lies));
        let (truth, authority) = (control_plane.base(), std::fs::read(control_plane.authority()).unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tls, lies, truth, authority) =
                    (Arc::clone(&tls), Arc::clone(&shared), truth.clone(), authority.clone());
                std::thread::spawn(move || {
                    let Ok(connection) = ServerConnection::new(tls) else { return };
                    // A browser that goes away leaves half an answer behind.
                    let _ = serve(StreamOwned::new(connection, stream), port, &truth, &authority, &lies);
                });
            }
        });
        Self { port, pin, lies }
    }

    /// Where the browser finds it.
    pub(crate) fn base(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The SHA-256 of its key, in base64.
    pub(crate) fn pin(&self) -> &str {
        &self.pin
    }

    /// From now on, changes what the page asks.
    pub(crate) fn change_asked(&self, change: impl Fn(&str, &str, Vec<u8>) -> Vec<u8> + Send + 'static) {
        *self.lies.lock().unwrap() = Lies { asked: Some(Box::new(change)), ..Lies::default() };
    }

    /// From now on, changes what the page is answered.
    pub(crate) fn change_answered(&self, change: impl Fn(&str, &str, Vec<u8>) -> Vec<u8> + Send + 'static) {
        *self.lies.lock().unwrap() = Lies { answered: Some(Box::new(change)), ..Lies::default() };
    }

    /// From now on, the next answers to paths that end so are lost on their way; what was asked is done all the same.
    pub(crate) fn lose(&self, ends: &'static str, times: usize) {
        self.lies.lock().unwrap().lost = Some((ends, times));
    }

    /// Tells the truth again.
    pub(crate) fn be_honest(&self) {
        *self.lies.lock().unwrap() = Lies::default();
    }
}

/// Changes one bit in the middle.
pub(crate) fn flipped(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    bytes
}

/// Changes a JSON body.
pub(crate) fn edited(bytes: Vec<u8>, edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let Ok(mut body) = serde_json::from_slice::<Value>(&bytes) else { return bytes };
    edit(&mut body);
    serde_json::to_vec(&body).unwrap()
}

/// Puts in place of a Runner's statement one that says the same of the same Runner and is valid, by another key.
pub(crate) fn restate(document: &mut Value) {
    let statement = BASE64.decode(document["statement"].as_str().unwrap_or_default()).unwrap_or_default();
    let Ok(envelope) = Envelope::parse(&statement, MAX_ENVELOPE) else { return };
    let Ok((said, _)) = KeyStatement::open(&envelope) else { return };
    let key = p256::SigningKey::generate(&SystemEntropy::new());
    let forged = KeyStatement { attestation_key: key.verifying_key(), ..said };
    let envelope = Envelope::sign(KEYS_TYPE, &forged.to_bytes(), &[Signer::P256(&key)]);
    assert!(KeyStatement::open(&envelope).is_ok(), "the statement is valid");
    document["statement"] = Value::from(BASE64.encode(envelope.bytes()));
}

/// One request on one connection.
fn serve(
    mut stream: StreamOwned<ServerConnection, TcpStream>,
    port: u16,
    truth: &str,
    authority: &[u8],
    lies: &Mutex<Lies>,
) -> std::io::Result<()> {
    let Some((head, mut body)) = head(&mut stream)? else { return Ok(()) };
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut rest = vec![0; length.unwrap_or(0) - body.len().min(length.unwrap_or(0))];
    stream.read_exact(&mut rest)?;
    body.extend(rest);
    if let Some(change) = &lies.lock().unwrap().asked {
        body = change(&method, &path, body);
    }
    let visitor = Visitor::at(truth, authority);
    let mut request = visitor.client().request(method.parse().unwrap(), visitor.url(&path)).body(body);
    let own = format!("https://localhost:{port}");
    for (name, value) in headers {
        // What belongs to this connection alone is not passed on.
        if !["host", "connection", "content-length", "accept-encoding"].contains(&name.as_str()) {
            request = request.header(name, value.replace(&own, truth));
        }
    }
    if path == "/live" {
        // Nobody waits for news from a liar.
        return stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
    }
    let reply = visitor.send(request);
    if let Some((ends, left)) = &mut lies.lock().unwrap().lost
        && path.ends_with(*ends)
        && *left > 0
    {
        *left -= 1;
        return Ok(());
    }
    let mut bytes = reply.bytes;
    if let Some(change) = &lies.lock().unwrap().answered {
        bytes = change(&method, &path, bytes);
    }
    let mut answer = format!("HTTP/1.1 {} .\r\n", reply.status);
    for (name, value) in reply.headers {
        if !["content-length", "transfer-encoding", "connection"].contains(&name.as_str()) {
            answer.push_str(&format!("{name}: {}\r\n", value.replace(truth, &own)));
        }
    }
    answer.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", bytes.len()));
    stream.write_all(answer.as_bytes())?;
    stream.write_all(&bytes)?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// The head of a request, and what of its body came with it.
fn head(stream: &mut impl Read) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8 * 1024];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            bytes.truncate(end);
            return Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), body)));
        }
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&buffer[..read]);
    }
}
