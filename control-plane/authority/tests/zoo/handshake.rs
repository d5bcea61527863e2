//! A real TLS handshake between two ends in memory.

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, ManualClock};
use control_plane_authority::{RunnerVerifier, ServerAuthority, ServerCertificate, TrustedAuthorities, tls};
use crypto::SystemEntropy;
use rcgen::KeyPair;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, ServerConfig, ServerConnection, SignatureScheme,
    SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};

use super::forge::now;

/// The listener's configuration and a client that trusts it.
pub(super) struct Ends {
    pub(super) server: Arc<ServerConfig>,
    roots: Arc<RootCertStore>,
    pub(super) authority: ServerAuthority,
}

impl Ends {
    pub(super) fn line(trusted: &Arc<TrustedAuthorities>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(now()));
        let verifier = RunnerVerifier::new(Arc::clone(trusted), Arc::clone(&clock));
        Self::new(|certificate| tls::line(certificate, &verifier, clock).unwrap())
    }

    pub(super) fn new(config: impl FnOnce(&Arc<ServerCertificate>) -> Arc<ServerConfig>) -> Self {
        let entropy = SystemEntropy::new();
        let authority = ServerAuthority::create(&entropy, now()).unwrap();
        let identity = authority.issue(&["localhost".parse().unwrap()], &entropy, now()).unwrap();
        let server = config(&ServerCertificate::new(identity));
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.certificate_der().to_vec())).unwrap();
        Self { server, roots: Arc::new(roots), authority }
    }

    /// A client that presents this chain, or nothing, and signs with this key, whether it fits or not.
    pub(super) fn client(
        &self,
        chain: &[Vec<u8>],
        key: &KeyPair,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let key = provider.key_provider.load_private_key(key.into()).unwrap();
        let chain = chain.iter().cloned().map(CertificateDer::from).collect::<Vec<_>>();
        let present = (!chain.is_empty()).then(|| Arc::new(CertifiedKey::new(chain, key)));
        let mut config = ClientConfig::builder_with_details(provider, Arc::new(Today))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(Arc::clone(&self.roots))
            .with_client_cert_resolver(Arc::new(Presents(present)));
        config.alpn_protocols = vec![b"h2".to_vec()];
        Arc::new(config)
    }

    /// Shakes hands; what the server made of it.
    pub(super) fn shake(&self, client: &Arc<ClientConfig>) -> Result<Shaken, rustls::Error> {
        let mut client = ClientConnection::new(Arc::clone(client), "localhost".try_into().unwrap()).unwrap();
        let mut server = ServerConnection::new(Arc::clone(&self.server)).unwrap();
        // What the server says at once carries tickets, if it gives any.
        for _ in 0..6 {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            let mut wire = wire.as_slice();
            while !wire.is_empty() {
                server.read_tls(&mut wire).unwrap();
                server.process_new_packets()?;
            }
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            let mut wire = wire.as_slice();
            while !wire.is_empty() {
                client.read_tls(&mut wire).unwrap();
                client.process_new_packets()?;
            }
        }
        assert!(!server.is_handshaking(), "the handshake did not come to an end");
        Ok(Shaken {
            version: server.protocol_version().unwrap(),
            protocol: server.alpn_protocol().map(<[u8]>::to_vec),
            resumed: server.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
            tickets: client.tls13_tickets_received(),
            presented: server.peer_certificates().map_or(0, <[_]>::len),
        })
    }
}

#[derive(Debug)]
pub(super) struct Shaken {
    pub(super) version: ProtocolVersion,
    pub(super) protocol: Option<Vec<u8>>,
    pub(super) resumed: bool,
    pub(super) tickets: u32,
    pub(super) presented: usize,
}

#[derive(Debug)]
struct Presents(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Presents {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

#[derive(Debug)]
struct Today;

impl rustls::time_provider::TimeProvider for Today {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(now().as_millis().unsigned_abs())))
    }
}
