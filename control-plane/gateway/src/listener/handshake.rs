//! The TLS handshake of one connection, and why it failed.

use std::time::Duration;

use rustls::{CertificateError, Error};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::Shutdown;

/// Why there is no connection. The peer is told as much as TLS tells it; the operator sees the code counted.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("no certificate was presented where one is required")]
    NoCertificate,
    #[error("the certificate has expired")]
    Expired,
    #[error("the certificate is refused: {0:?}")]
    Certificate(CertificateError),
    #[error("the TLS handshake failed: {0}")]
    Tls(std::io::Error),
    #[error("it took too long")]
    TooLong,
    #[error("the peer does not speak HTTP/2")]
    Protocol,
    #[error("the server stops")]
    Stopping,
}

impl HandshakeError {
    /// A stable code.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NoCertificate => "E-GATEWAY-020",
            Self::Expired => "E-GATEWAY-021",
            Self::Certificate(_) => "E-GATEWAY-022",
            Self::Tls(_) => "E-GATEWAY-023",
            Self::TooLong => "E-GATEWAY-024",
            Self::Protocol => "E-GATEWAY-025",
            Self::Stopping => "E-GATEWAY-026",
        }
    }
}

/// Shakes hands; a peer that dawdles is not waited for.
pub(super) async fn shake(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    time: Duration,
    stopping: &Shutdown,
) -> Result<Box<TlsStream<TcpStream>>, HandshakeError> {
    let accepting = tokio::time::timeout(time, acceptor.accept(stream));
    let shaken = tokio::select! {
        () = stopping.cancelled() => return Err(HandshakeError::Stopping),
        shaken = accepting => shaken,
    };
    let stream = shaken.map_err(|_| HandshakeError::TooLong)?.map_err(reason)?;
    // A client that offers no protocol at all gets through the handshake.
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") { Ok(Box::new(stream)) } else { Err(HandshakeError::Protocol) }
}

fn reason(error: std::io::Error) -> HandshakeError {
    match error.get_ref().and_then(|source| source.downcast_ref::<Error>()) {
        Some(Error::NoCertificatesPresented) => HandshakeError::NoCertificate,
        Some(Error::InvalidCertificate(CertificateError::Expired)) => HandshakeError::Expired,
        Some(Error::InvalidCertificate(why)) => HandshakeError::Certificate(why.clone()),
        Some(_) | None => HandshakeError::Tls(error),
    }
}
