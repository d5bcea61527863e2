//! Which certification authorities are believed, and TLS configurations made from them.

use std::sync::{Arc, OnceLock};

use clock::Clock;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::{ClientConfig, RootCertStore};
use verdict::Code;

use crate::connection::ClientIdentity;
use crate::request::{Fault, Result};

/// The certification authorities that the Runner believes.
#[derive(Debug, Clone)]
pub struct TrustedRoots {
    system: bool,
    extra: Vec<CertificateDer<'static>>,
    loaded: Arc<OnceLock<Arc<RootCertStore>>>,
}

/// A file of certificates that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certification authorities cannot be read: {0}")]
pub struct TrustError(String);

impl TrustedRoots {
    /// The authorities of the operating system, if `system`, and those of a PEM file. The system's are read from disk
    /// when first needed.
    pub fn new(system: bool, extra_pem: Option<&[u8]>) -> Result<Self, TrustError> {
        let extra = extra_pem.map(certificates).transpose()?.unwrap_or_default();
        Ok(Self { system, extra, loaded: Arc::default() })
    }

    /// The store with these and further authorities.
    pub(crate) fn store(&self, further_pem: Option<&[u8]>) -> Result<Arc<RootCertStore>> {
        let base = self.loaded.get_or_init(|| {
            let mut store = RootCertStore::empty();
            if self.system {
                // What cannot be read is not believed; every handshake then says that nobody vouches for its peer.
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            store.add_parsable_certificates(self.extra.iter().cloned());
            Arc::new(store)
        });
        let Some(pem) = further_pem else { return Ok(Arc::clone(base)) };
        let mut store = RootCertStore::clone(base);
        let further = certificates(pem).map_err(|error| Fault::new(Code::Tls, error.to_string()))?;
        store.add_parsable_certificates(further);
        Ok(Arc::new(store))
    }
}

/// A client configuration that believes these authorities and asks for TLS 1.2 at least.
pub(crate) fn client_config(
    roots: Arc<RootCertStore>,
    identity: Option<&ClientIdentity>,
    clock: &Arc<dyn Clock>,
) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = |error: &dyn std::fmt::Display| Fault::new(Code::Tls, format!("the TLS client: {error}"));
    let builder = ClientConfig::builder_with_details(provider, Arc::new(ClockTime(Arc::clone(clock))))
        .with_safe_default_protocol_versions()
        .map_err(|error| tls(&error))?
        .with_root_certificates(roots);
    let Some(identity) = identity else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(&identity.chain).map_err(|error| tls(&error))?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose()).map_err(|_| tls(&"the client key is not PEM"))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| tls(&error))
}

/// The time of the Runner's clock, for certificates.
pub(crate) fn unix_time(clock: &dyn Clock) -> UnixTime {
    let milliseconds = u64::try_from(clock.now().as_millis()).unwrap_or(0);
    UnixTime::since_unix_epoch(std::time::Duration::from_millis(milliseconds))
}

struct ClockTime(Arc<dyn Clock>);

impl rustls::time_provider::TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(&*self.0))
    }
}

impl std::fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClockTime")
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<std::result::Result<Vec<_>, _>>();
    let found = found.map_err(|error| TrustError(error.to_string()))?;
    if found.is_empty() {
        return Err(TrustError("there is no certificate in the PEM text".to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        assert!(TrustedRoots::new(false, Some(b"nothing")).is_err());
        assert!(TrustedRoots::new(false, None).unwrap().store(None).unwrap().is_empty());
    }
}
