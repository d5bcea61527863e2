//! A tenant's own issuing authority. It issues for the tenant's Runners and nobody else; its certificate says whose it
//! is, so that a Runner of another tenant cannot be told to be one of this.

use clock::Timestamp;
use contract::identity::{RunnerName, TenantName};
use crypto::p256::{KeyError, SigningKey};
use crypto::{Digest, Entropy, Secret, SystemEntropy};
use ids::{RunnerId, TenantId};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose, SanType};

use crate::request::CertificateRequest;
use crate::signer::{self, IssueError, Signer, Subject, Validity};
use crate::trust::TrustedAuthority;
use crate::verify::Why;

/// How long a Runner's certificate is valid from when it is issued: 24 hours.
pub const RUNNER_LIFE_MS: i64 = 24 * HOUR_MS;

/// Clocks of two machines differ; a certificate is valid from a little before it is issued.
const BACKDATE_MS: i64 = 5 * 60 * 1000;
const HOUR_MS: i64 = 60 * 60 * 1000;
const AUTHORITY_LIFE_MS: i64 = 20 * 365 * 24 * HOUR_MS;

/// A stored authority cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The key cannot be read.
    #[error("E-AUTHORITY-004: the private key of an authority cannot be read: {0}")]
    Key(#[from] KeyError),
    /// The certificate is not one of this authority.
    #[error("E-AUTHORITY-004: the certificate of an authority cannot be used: {0}")]
    Certificate(#[from] Why),
    /// Certificate and key belong to different authorities.
    #[error("E-AUTHORITY-004: certificate and private key do not belong together")]
    Mismatch,
    /// Not PEM, or without a certificate or key in it.
    #[error("E-AUTHORITY-004: {0}")]
    Pem(String),
    /// The TLS library refuses the pair.
    #[error("E-AUTHORITY-004: the server certificate and its key cannot be used: {0}")]
    Tls(#[from] rustls::Error),
}

/// What was issued to a Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The Runner's certificate, then the authority's; DER.
    pub chain: Vec<Vec<u8>>,
    /// The certificate's serial number.
    pub serial: [u8; 16],
    /// SHA-256 of the certificate's DER.
    pub fingerprint: Digest,
    /// SHA-256 of the certified key's SubjectPublicKeyInfo.
    pub key_digest: Digest,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// The last moment at which it is valid.
    pub not_after: Timestamp,
}

/// A tenant's issuing authority with its private key.
#[derive(Debug)]
pub struct TenantAuthority {
    tenant: TenantId,
    key: SigningKey,
    certificate: Vec<u8>,
}

impl TenantAuthority {
    /// Makes a tenant's authority: a new key and a certificate that names the tenant.
    pub fn create(tenant: TenantId, entropy: &SystemEntropy, now: Timestamp) -> Result<Self, IssueError> {
        let key = SigningKey::generate(entropy);
        let signer = Signer::new(&key);
        let mut params = authority_params(tenant)?;
        signer::set_serial(&mut params, &signer::random_serial(entropy));
        Validity::new(now.plus_ms(-BACKDATE_MS), now.plus_ms(AUTHORITY_LIFE_MS)).set(&mut params);
        let certificate = params.self_signed(&signer)?.der().to_vec();
        Ok(Self { tenant, key, certificate })
    }

    /// Opens a stored authority; certificate, key and tenant must belong together.
    pub fn open(
        tenant: TenantId,
        certificate: &[u8],
        pkcs8: Secret<Vec<u8>>,
        entropy: &SystemEntropy,
    ) -> Result<Self, OpenError> {
        let trusted = TrustedAuthority::read(tenant, certificate)?;
        let key = SigningKey::from_pkcs8(pkcs8, entropy)?;
        if trusted.key() != &key.verifying_key() {
            return Err(OpenError::Mismatch);
        }
        Ok(Self { tenant, key, certificate: certificate.to_vec() })
    }

    /// Whose authority it is.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Its certificate, DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// Its private key as PKCS#8, to be sealed.
    pub fn private_key(&self) -> &Secret<Vec<u8>> {
        self.key.to_pkcs8()
    }

    /// Issues a Runner's certificate for the key of the request.
    pub fn issue(
        &self,
        request: &CertificateRequest,
        runner: RunnerId,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<Issued, IssueError> {
        let name = RunnerName { tenant: self.tenant, runner };
        let validity = Validity::new(now.plus_ms(-BACKDATE_MS), now.plus_ms(RUNNER_LIFE_MS));
        let serial = signer::random_serial(entropy);
        let mut params = CertificateParams::default();
        params.distinguished_name = signer::distinguished(&format!("runner {runner}"));
        params.subject_alt_names = vec![SanType::URI(name.to_string().try_into()?)];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        signer::set_serial(&mut params, &serial);
        validity.set(&mut params);
        let issuer = Issuer::new(authority_params(self.tenant)?, Signer::new(&self.key));
        let certificate = params.signed_by(&Subject::new(request.key()), &issuer)?.der().to_vec();
        Ok(Issued {
            fingerprint: signer::fingerprint(&certificate),
            chain: vec![certificate, self.certificate.clone()],
            serial,
            key_digest: request.key_digest(),
            not_before: validity.not_before,
            not_after: validity.not_after,
        })
    }
}

/// All that an authority's certificate says but its key, number and times.
fn authority_params(tenant: TenantId) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = signer::distinguished(&format!("tenant {tenant}"));
    params.subject_alt_names = vec![SanType::URI(TenantName(tenant).to_string().try_into()?)];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(params)
}
