//! The line to a PostgreSQL server: opened by the guard, counted, and closed when too much comes over it.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, ready};

use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use verdict::Code;

use crate::connection::{Postgres, PostgresTls};
use crate::guard;
use crate::policy::Host;
use crate::registry::Context;
use crate::request::{Fault, Result};
use crate::trust;

/// Bytes besides the rows that a session may take: greetings, descriptions of types.
const OVERHEAD: u64 = 4 << 20;

/// An open line.
pub(super) struct Line {
    pub(super) stream: Counted,
    pub(super) meter: Arc<Meter>,
    /// The name that the certificate must carry; nothing if there is no TLS on the line.
    pub(super) tls: Option<String>,
    pub(super) peer: String,
}

/// How much has come over a line.
pub(super) struct Meter {
    left: AtomicU64,
}

impl Meter {
    pub(super) fn is_exceeded(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

/// Opens the line.
pub(super) async fn open(context: &Context, server: &Postgres) -> Result<Line> {
    let left = AtomicU64::new(context.limits.step_bytes.saturating_add(OVERHEAD));
    let meter = Arc::new(Meter { left });
    let counted = |stream| Counted { stream, meter: Arc::clone(&meter) };
    if server.host.starts_with('/') {
        let path = Path::new(&server.host).join(format!(".s.PGSQL.{}", server.port));
        context.policy.file_root(&path, None)?;
        let peer = path.display().to_string();
        let stream = UnixStream::connect(&path).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Fault::transport(Code::Unreachable, format!("{peer}: {error}")),
            _ => Fault::network(&peer, &error),
        })?;
        return Ok(Line { stream: counted(Stream::Unix(stream)), meter: Arc::clone(&meter), tls: None, peer });
    }
    let target = context.admit(&server.host, server.port).await?;
    let is_local = target.addresses.iter().all(|address| address.ip().to_canonical().is_loopback());
    let name = match &target.host {
        Host::Name(name) => name.clone(),
        Host::Address(address) => address.to_string(),
    };
    let tls = match server.tls {
        PostgresTls::VerifyFull => Some(name),
        PostgresTls::OffAnywhere => None,
        PostgresTls::OffLocal if is_local => None,
        PostgresTls::OffLocal => {
            return Err(Fault::denied(format!(
                "{name} is on another machine: use tls = \"verify-full\", or \"off-anywhere\" to accept that everybody \
                 on the way can read and change everything"
            )));
        }
    };
    let stream = guard::connect(&target, context.limits.connect()).await?;
    let peer = stream.peer_addr().map_err(|error| Fault::network("the server", &error))?.to_string();
    Ok(Line { stream: counted(Stream::Tcp(stream)), meter: Arc::clone(&meter), tls, peer })
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A stream that ends with an error once it has carried too much.
pub(super) struct Counted {
    stream: Stream,
    meter: Arc<Meter>,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        })?;
        let count = (buf.filled().len() - before) as u64;
        let left = self.meter.left.load(Ordering::Relaxed).saturating_sub(count);
        self.meter.left.store(left, Ordering::Relaxed);
        if left == 0 { Poll::Ready(Err(io::ErrorKind::FileTooLarge.into())) } else { Poll::Ready(Ok(())) }
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// Verifies as usual and remembers the certificate of the server.
#[derive(Debug)]
pub(super) struct Recorder {
    inner: Arc<WebPkiServerVerifier>,
    sha256: Mutex<Option<String>>,
}

impl Recorder {
    /// A recorder that believes these authorities, and the configuration that uses it.
    pub(super) fn new(roots: Arc<RootCertStore>, context: &Context) -> Result<(Arc<Self>, ClientConfig)> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), provider).build();
        let inner = inner.map_err(|error| Fault::new(Code::Tls, format!("certification authorities: {error}")))?;
        let recorder = Arc::new(Self { inner, sha256: Mutex::default() });
        let mut config = trust::client_config(roots, None, &context.clock)?;
        config.dangerous().set_certificate_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>);
        Ok((recorder, config))
    }

    pub(super) fn sha256(&self) -> Option<String> {
        self.sha256.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(end_entity, intermediates, name, ocsp, now)?;
        let digest = crypto::digest::sha256(end_entity).to_string();
        *self.sha256.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest);
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
