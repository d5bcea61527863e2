//! The TLS endpoints of the little company: real listeners on this machine, on a thread of their own.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, oneshot};
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, ENDPOINTS, Endpoint};
use crate::fault::Fault;
use crate::say::Say;

const PATIENCE: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 64;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 33\r\nConnection: close\r\n\r\n\
An endpoint of Example Ltd here.\n";

/// The running listeners; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// Their ports, in the order of [`ENDPOINTS`].
    pub(crate) ports: Vec<u16>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listeners {
    /// Starts a listener for every endpoint, on the wanted ports where they are free, else on others.
    pub(crate) fn start(authority: &Authority, wanted: &[u16]) -> Result<Self, Fault> {
        let mut sockets = Vec::new();
        let mut ports = Vec::with_capacity(ENDPOINTS.len());
        for (index, endpoint) in ENDPOINTS.iter().enumerate() {
            let (port, bound) = bind(wanted.get(index).copied()).map_err(fault)?;
            let acceptor = acceptor(authority, endpoint)?;
            sockets.extend(bound.into_iter().map(|socket| (socket, acceptor.clone())));
            ports.push(port);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fault)?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || runtime.block_on(serve(sockets, stopped));
        let thread = std::thread::Builder::new().name("endpoints".to_owned()).spawn(serve).map_err(fault)?;
        Ok(Self { ports, stop: Some(stop), thread: Some(thread) })
    }

    /// Keeps the endpoints up until Ctrl-C, or until somebody asks the process to end.
    pub(crate) fn keep(self, say: Say) -> Result<(), Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fault)?;
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
            say.line("\nControl plane, Runner and endpoints stay up for you. Ctrl-C ends them.");
            tokio::select! {
                pressed = tokio::signal::ctrl_c() => pressed.map_err(fault),
                _ = terminate.recv() => Ok(()),
            }
        })
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        // Both fail only when the thread has ended already, which is what is wanted.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Listens on this machine alone; on IPv6 too where the machine has it, because `localhost` may lead there first.
fn bind(wanted: Option<u16>) -> std::io::Result<(u16, Vec<TcpListener>)> {
    let any = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let four = wanted.map_or_else(any, |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).or_else(|_| any()))?;
    let port = four.local_addr()?.port();
    let mut bound = vec![four];
    bound.extend(TcpListener::bind((Ipv6Addr::LOCALHOST, port)));
    for socket in &bound {
        socket.set_nonblocking(true)?;
    }
    Ok((port, bound))
}

fn acceptor(authority: &Authority, endpoint: &Endpoint) -> Result<TlsAcceptor, Fault> {
    let credential = authority.issue(endpoint)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(credential.chain, credential.key));
    Ok(TlsAcceptor::from(Arc::new(config.map_err(fault)?)))
}

async fn serve(sockets: Vec<(TcpListener, TlsAcceptor)>, stopped: oneshot::Receiver<()>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    for (socket, acceptor) in sockets {
        // The socket was made non-blocking above, so this fails only if the runtime is gone.
        let Ok(socket) = tokio::net::TcpListener::from_std(socket) else { continue };
        tokio::spawn(listen(socket, acceptor, Arc::clone(&slots)));
    }
    let _ = stopped.await;
}

async fn listen(socket: tokio::net::TcpListener, acceptor: TlsAcceptor, slots: Arc<Semaphore>) {
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok((stream, _)) = socket.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A visitor that leaves early or talks nonsense is no fault of the endpoint.
            let _ = tokio::time::timeout(PATIENCE, answer(acceptor, stream)).await;
            drop(slot);
        });
    }
}

async fn answer(acceptor: TlsAcceptor, stream: tokio::net::TcpStream) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut request = [0_u8; 4096];
    if stream.read(&mut request).await? > 0 {
        stream.write_all(ANSWER).await?;
    }
    stream.shutdown().await
}

fn fault(error: impl std::fmt::Display) -> Fault {
    Fault::Listener(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned};

    use super::*;

    /// What a client that trusts the authority learns of the endpoint at this port.
    fn visit(authority: &Authority, port: u16, host: &str) -> Result<String, std::io::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(("127.0.0.1", port)).unwrap());
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }

    fn reason(error: &std::io::Error) -> CertificateError {
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(rustls::Error::InvalidCertificate(reason)) => reason.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_good_endpoint_is_good_and_the_bad_one_is_bad_for_its_reasons() {
        let now = clock::Clock::now(&clock::SystemClock::new());
        let authority = Authority::new(now).unwrap();
        let listeners = Listeners::start(&authority, &[]).unwrap();
        let [shop, intranet, api] = listeners.ports[..] else { panic!("three endpoints") };

        for port in [shop, api] {
            let text = visit(&authority, port, "localhost").unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("Content-Length: {}", body.len())), "{text}");
        }
        let expired = reason(&visit(&authority, intranet, "intranet.example.org").unwrap_err());
        assert!(matches!(expired, CertificateError::ExpiredContext { .. }), "{expired:?}");
        let early = Authority::new(now.plus_ms(-30 * 86_400_000)).unwrap();
        let listeners = Listeners::start(&early, &[]).unwrap();
        let port = *listeners.ports.last().unwrap();
        assert!(visit(&early, port, "localhost").is_err(), "nine days are over after thirty");
        let stranger = Authority::new(now).unwrap();
        let unknown = reason(&visit(&stranger, shop, "localhost").unwrap_err());
        assert!(matches!(unknown, CertificateError::UnknownIssuer | CertificateError::BadSignature), "{unknown:?}");
    }

    #[test]
    fn a_certificate_that_is_made_out_to_another_host_is_refused_for_that() {
        // For a company that counts from thirty days ahead, the intranet's certificate is valid today: what is left is
        // the name.
        let now = clock::Clock::now(&clock::SystemClock::new());
        let authority = Authority::new(now.plus_ms(30 * 86_400_000)).unwrap();
        let listeners = Listeners::start(&authority, &[]).unwrap();
        let name = reason(&visit(&authority, listeners.ports[1], "localhost").unwrap_err());
        assert!(matches!(name, CertificateError::NotValidForNameContext { .. }), "{name:?}");
    }

    #[test]
    fn ports_are_kept_where_they_are_free_and_left_when_the_listeners_end() {
        let authority = Authority::new(clock::Clock::now(&clock::SystemClock::new())).unwrap();
        let first = Listeners::start(&authority, &[]).unwrap();
        let second = Listeners::start(&authority, &first.ports).unwrap();
        assert!(first.ports.iter().all(|port| !second.ports.contains(port)));
        let ports = first.ports.clone();
        drop(first);
        assert!(ports.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_err()));
        assert_eq!(Listeners::start(&authority, &ports).unwrap().ports, ports);
    }
}
