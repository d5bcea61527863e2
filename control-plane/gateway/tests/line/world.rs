//! A control plane: database, operations, both listeners, and a tenant with its owner.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, ManualClock, SystemClock};
use contract::token::JoinToken;
use control_plane_authority::{
    Authority, RootKey, RunnerVerifier, ServerAuthority, ServerCertificate, TrustedAuthorities, tls,
};
use control_plane_domain::policy::Caller;
use control_plane_gateway::{Gateway, Limits, ServeError, Shutdown, serve_enrolment, serve_line};
use control_plane_operations::{CreateTenant, Operations, Parts, Settings};
use control_plane_store::{Config, SqliteConfig, Store, migrate};
use crypto::{Secret, SystemEntropy};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Long enough for a busy machine, short enough to end a test that would wait for ever.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct World {
    _folder: TempDir,
    pub(super) clock: Arc<ManualClock>,
    pub(super) operations: Operations,
    pub(super) trusted: Arc<TrustedAuthorities>,
    pub(super) gateway: Arc<Gateway>,
    pub(super) owner: Caller,
    pub(super) line: SocketAddr,
    pub(super) enrolment: SocketAddr,
    pub(super) roots: Arc<RootCertStore>,
    root: Vec<u8>,
    pub(super) shutdown: Shutdown,
    servers: Vec<JoinHandle<Result<(), ServeError>>>,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub(super) async fn with(limits: Limits) -> Self {
        let entropy = SystemEntropy::new();
        let folder = TempDir::new().unwrap();
        // The clients of these tests ask the machine for the time, so the clock starts there and then stands.
        let clock = Arc::new(ManualClock::at(SystemClock::new().now()));
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let config = Config::Sqlite(SqliteConfig { path: folder.path().join("control-plane.db"), readers: 2 });
        migrate(&config).await.unwrap();
        let store = Store::open(&config, Arc::clone(&shared)).await.unwrap();
        let authority = Arc::new(Authority::new(RootKey::new(Secret::random(&entropy))));
        let trusted = Arc::clone(authority.trusted());
        let settings = Settings::new("127.0.0.1:8442".parse().unwrap());
        let parts = Parts { store, authority, clock: Arc::clone(&shared), entropy: entropy.clone(), settings };
        let operations = Operations::new(parts);
        let owner = tenant(&operations, "Example Ltd").await;

        let server = ServerAuthority::create(&entropy, shared.now()).unwrap();
        let identity = server.issue(&["localhost".parse().unwrap()], &entropy, shared.now()).unwrap();
        let certificate = ServerCertificate::new(identity);
        let verifier = RunnerVerifier::new(Arc::clone(&trusted), Arc::clone(&shared));
        let root = server.certificate_der().to_vec();

        let gateway =
            Gateway::new(operations.clone(), Arc::clone(&trusted), Arc::clone(&shared), Arc::new(entropy), limits);
        let shutdown = Shutdown::new();
        let (line_listener, line) = listen().await;
        let (enrolment_listener, enrolment) = listen().await;
        let line_tls = tls::line(&certificate, &verifier, Arc::clone(&shared)).unwrap();
        let enrolment_tls = tls::enrolment(&certificate, shared).unwrap();
        let servers = vec![
            tokio::spawn(serve_line(line_listener, line_tls, Arc::clone(&gateway), shutdown.clone())),
            tokio::spawn(serve_enrolment(enrolment_listener, enrolment_tls, Arc::clone(&gateway), shutdown.clone())),
        ];
        let roots = roots(&root);
        Self {
            _folder: folder,
            clock,
            operations,
            trusted,
            gateway,
            owner,
            line,
            enrolment,
            roots,
            root,
            shutdown,
            servers,
        }
    }

    /// The certificate that clients trust, DER.
    pub(super) fn root_der(&self) -> &[u8] {
        &self.root
    }

    pub(super) async fn token(&self) -> JoinToken {
        self.token_of(&self.owner).await
    }

    pub(super) async fn token_of(&self, owner: &Caller) -> JoinToken {
        let created = self.operations.create_token(owner, "test runner".parse().unwrap()).await.unwrap();
        JoinToken::parse(created.text.expose()).unwrap()
    }

    /// Stops the servers and waits until they have ended.
    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        for server in self.servers {
            tokio::time::timeout(PATIENCE, server).await.unwrap().unwrap().unwrap();
        }
    }
}

pub(super) fn roots(der: &[u8]) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(der.to_vec())).unwrap();
    Arc::new(roots)
}

/// Makes a tenant; its owner's key.
pub(super) async fn tenant(operations: &Operations, name: &str) -> Caller {
    let created = operations
        .create_tenant(CreateTenant {
            name: name.parse().unwrap(),
            owner_email: "owner@example.org".parse().unwrap(),
            owner_name: "Olga Owner".parse().unwrap(),
        })
        .await
        .unwrap();
    operations.authenticate(created.api_key.expose(), [127, 0, 0, 1].into()).await.unwrap()
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}
