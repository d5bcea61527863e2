//! Bytes over TLS on the loopback interface and nothing else: what a large answer is held against.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::harness::Outcome;

/// Bytes of one write.
const PIECE: usize = 64 * 1024;

/// Both ends' settings.
#[derive(Clone)]
pub(crate) struct BareStream {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl BareStream {
    pub(crate) fn new() -> Outcome<Self> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
        let certificate: CertificateDer<'static> = certificate.der().clone();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.clone())?;
        let private: PrivateKeyDer<'static> = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], private)?;
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { acceptor: Arc::new(server).into(), connector: Arc::new(client).into() })
    }

    /// Sends so many bytes from one task to another.
    pub(crate) async fn send(&self, bytes: usize) -> Outcome<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let acceptor = self.acceptor.clone();
        let sender = tokio::spawn(async move {
            let (stream, _) = listener.accept().await?;
            let mut stream = acceptor.accept(stream).await?;
            let piece = vec![0x5a; PIECE];
            for _ in 0..bytes / PIECE {
                stream.write_all(&piece).await?;
            }
            stream.shutdown().await
        });
        let stream = TcpStream::connect(address).await?;
        let mut stream = self.connector.connect("localhost".try_into()?, stream).await?;
        let (mut buffer, mut came) = (vec![0; PIECE], 0);
        loop {
            match stream.read(&mut buffer).await? {
                0 => break,
                read => came += read,
            }
        }
        sender.await??;
        if came == bytes { Ok(()) } else { Err(format!("{came} of {bytes} bytes came").into()) }
    }
}
