//! Certificates, and the keys that make them.
//!
//! It knows each tenant's issuing authority, the control plane's own server certificate, the operator's root key under
//! which the private keys of tenants lie in the database, and the one verifier of Runner certificates. It must never
//! know the database, a socket or a message of the line. `operations`, `gateway`, `web` and `server` may depend on it.
#![deny(missing_docs)]

mod certificate;
mod request;
mod root_key;
mod runner_verifier;
mod server;
mod signer;
mod tenant;
pub mod tls;
mod trust;
mod verify;

use std::sync::Arc;

pub use request::{CertificateRequest, RequestError};
pub use root_key::{KeyName, RootKey, UnsealError};
pub use runner_verifier::RunnerVerifier;
pub use server::{ServerAuthority, ServerCertificate, ServerIdentity, ServerName, ServerNameError};
pub use signer::IssueError;
pub use tenant::{Issued, OpenError, RUNNER_LIFE_MS, TenantAuthority};
pub use trust::TrustedAuthorities;
pub use verify::{VerifiedRunner, Why};

/// What issues and verifies for every tenant: the operator's root key, and the authorities that are trusted.
#[derive(Debug)]
pub struct Authority {
    root: RootKey,
    trusted: Arc<TrustedAuthorities>,
}

impl Authority {
    /// With the operator's key and nobody trusted yet.
    pub fn new(root: RootKey) -> Self {
        Self { root, trusted: Arc::new(TrustedAuthorities::new()) }
    }

    /// The operator's root key.
    pub fn root(&self) -> &RootKey {
        &self.root
    }

    /// The issuing authorities of the tenants; the verifier of every listener reads the same map.
    pub fn trusted(&self) -> &Arc<TrustedAuthorities> {
        &self.trusted
    }
}
