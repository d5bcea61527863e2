//! TLS as each listener speaks it. No listener resumes a session: every connection is authenticated anew, so a revoked
//! or expired certificate has no ticket to come back with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::UnixTime;

use crate::runner_verifier::RunnerVerifier;
use crate::server::ServerCertificate;

/// The `line` listener: TLS 1.3, a Runner's certificate required, HTTP/2.
pub fn line(
    certificate: &Arc<ServerCertificate>,
    verifier: &Arc<RunnerVerifier>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    config(certificate, Arc::<RunnerVerifier>::clone(verifier), clock, &[&rustls::version::TLS13], &[b"h2"])
}

/// The `enrolment` listener: TLS 1.3, no client certificate, HTTP/2.
pub fn enrolment(
    certificate: &Arc<ServerCertificate>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    config(certificate, WebPkiClientVerifier::no_client_auth(), clock, &[&rustls::version::TLS13], &[b"h2"])
}

/// The `web` listener: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
pub fn web(certificate: &Arc<ServerCertificate>, clock: Arc<dyn Clock>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    config(certificate, WebPkiClientVerifier::no_client_auth(), clock, &versions, &[b"h2", b"http/1.1"])
}

fn config(
    certificate: &Arc<ServerCertificate>,
    verifier: Arc<dyn ClientCertVerifier>,
    clock: Arc<dyn Clock>,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&[u8]],
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(ClockTime(clock)))
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::<ServerCertificate>::clone(certificate));
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// The clock that everything else is given, for the TLS library too.
struct ClockTime(Arc<dyn Clock>);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let milliseconds = u64::try_from(self.0.now().as_millis()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(milliseconds)))
    }
}

impl fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockTime")
    }
}
