//! From an address to a connection that speaks TLS: DNS, proxy, TCP, handshake, each with its own error.

mod no_proxy;
mod proxy;
mod race;
mod watched;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use rustls_pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::address::{Address, Host};
use crate::error::LinkError;
use crate::identity::Holding;
use crate::tls::{ALPN, client_config, handshake_error};
use crate::trust::{Seen, Trust};

pub use proxy::{Proxy, ProxySettings};
pub(crate) use watched::{Watch, Watched};

/// How long each part of dialling may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    pub resolve: Duration,
    pub connect: Duration,
    pub tunnel: Duration,
    pub handshake: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            resolve: Duration::from_secs(10),
            connect: Duration::from_secs(15),
            tunnel: Duration::from_secs(15),
            handshake: Duration::from_secs(15),
        }
    }
}

/// Opens connections.
#[derive(Debug)]
pub struct Dialer {
    proxy: ProxySettings,
    timeouts: Timeouts,
}

/// A connection whose peer is who it should be.
pub(crate) struct Connection {
    pub(crate) stream: Watched<TlsStream<TcpStream>>,
    pub(crate) watch: Arc<Watch>,
    /// The pinned authority's certificate, if trust is a pin.
    pub(crate) authority: Option<CertificateDer<'static>>,
}

impl Dialer {
    pub fn new(proxy: ProxySettings, timeouts: Timeouts) -> Self {
        Self { proxy, timeouts }
    }

    /// Dials, believes as `trust` says, and shows `holding`'s certificate if one is asked for.
    pub(crate) async fn dial(
        &self,
        address: &Address,
        trust: &Trust,
        holding: Option<&Holding>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Connection, LinkError> {
        let stream = self.reach(address).await?;
        let seen = Arc::new(Seen::default());
        self.secure(stream, address, trust, holding, clock, &seen).await
    }

    /// A TCP stream that ends at `address`, through the proxy if it is for that host.
    pub(crate) async fn reach(&self, address: &Address) -> Result<TcpStream, LinkError> {
        let Some(proxy) = self.proxy_for(&address.host) else { return self.connect(address).await };
        let mut stream = self.connect(proxy.address()).await?;
        let late = |_| LinkError::ConnectTimeout {
            target: format!("{address} through the proxy {}", proxy.address()),
            seconds: self.timeouts.tunnel.as_secs(),
        };
        timeout(self.timeouts.tunnel, proxy.tunnel(&mut stream, address)).await.map_err(late)??;
        Ok(stream)
    }

    /// The proxy that stands between this host and `host`.
    pub(crate) fn proxy_for(&self, host: &Host) -> Option<&Proxy> {
        match &self.proxy {
            ProxySettings::Proxy(proxy) if proxy.is_for(host) => Some(proxy),
            ProxySettings::Proxy(_) | ProxySettings::Direct => None,
        }
    }

    /// The addresses behind a host.
    pub(crate) async fn resolve(&self, address: &Address) -> Result<Vec<SocketAddr>, LinkError> {
        let name = match &address.host {
            Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, address.port)]),
            Host::Name(name) => name.as_str(),
        };
        let refused = |why: String| LinkError::Resolve { host: name.to_owned(), why };
        let found = timeout(self.timeouts.resolve, tokio::net::lookup_host((name, address.port))).await;
        let found = found.map_err(|_| refused(format!("no answer in {} s", self.timeouts.resolve.as_secs())))?;
        let found: Vec<_> = found.map_err(|error| refused(error.to_string()))?.collect();
        if found.is_empty() { Err(refused("it has no address".to_owned())) } else { Ok(found) }
    }

    /// TLS over a stream that is there.
    pub(crate) async fn secure(
        &self,
        stream: TcpStream,
        address: &Address,
        trust: &Trust,
        holding: Option<&Holding>,
        clock: &Arc<dyn Clock>,
        seen: &Arc<Seen>,
    ) -> Result<Connection, LinkError> {
        let target = address.to_string();
        let config = client_config(trust, holding, clock, seen)?;
        let connecting = TlsConnector::from(Arc::new(config)).connect(address.server_name()?, stream);
        let late = |_| LinkError::TlsTimeout { target: target.clone(), seconds: self.timeouts.handshake.as_secs() };
        let stream = timeout(self.timeouts.handshake, connecting).await.map_err(late)?;
        let stream =
            stream.map_err(|error| match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(error) => handshake_error(&target, error, seen, trust),
                None => LinkError::Tls { target: target.clone(), why: error.to_string() },
            })?;
        if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(LinkError::NoHttp2 { target });
        }
        let watch = Arc::new(Watch::new(target));
        let authority = seen.sight().authority;
        Ok(Connection { stream: Watched::new(stream, Arc::clone(&watch)), watch, authority })
    }

    async fn connect(&self, address: &Address) -> Result<TcpStream, LinkError> {
        let candidates = self.resolve(address).await?;
        let target = address.to_string();
        let stream = match timeout(self.timeouts.connect, race::connect(candidates)).await {
            Err(_) => return Err(LinkError::ConnectTimeout { target, seconds: self.timeouts.connect.as_secs() }),
            Ok(Err(error)) => return Err(LinkError::Connect { target, why: error.to_string() }),
            Ok(Ok(stream)) => stream,
        };
        stream.set_nodelay(true).map_err(|error| LinkError::Connect { target, why: error.to_string() })?;
        Ok(stream)
    }
}
