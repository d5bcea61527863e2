//! The local authority of one control plane: it issues the server's certificate and nothing else.

use clock::Timestamp;
use crypto::p256::SigningKey;
use crypto::{Digest, Entropy, Secret, SystemEntropy, pem};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::identity::ServerIdentity;
use super::name::ServerName;
use crate::signer::{self, IssueError, Signer, Subject, Validity};
use crate::tenant::OpenError;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const AUTHORITY_LIFE_MS: i64 = 3650 * DAY_MS;
const SERVER_LIFE_MS: i64 = 90 * DAY_MS;

/// The certificate is valid from an hour before it was issued, for Runners whose clocks are behind.
const BACKDATE_MS: i64 = 60 * 60 * 1000;
const COMMON_NAME: &str = "control plane authority";

/// The authority with its private key.
#[derive(Debug)]
pub struct ServerAuthority {
    key: SigningKey,
    certificate: Vec<u8>,
}

impl ServerAuthority {
    /// Makes an authority that lives for ten years.
    pub fn create(entropy: &SystemEntropy, now: Timestamp) -> Result<Self, IssueError> {
        let key = SigningKey::generate(entropy);
        let signer = Signer::new(&key);
        let mut params = authority_params();
        signer::set_serial(&mut params, &signer::random_serial(entropy));
        Validity::new(now.plus_ms(-BACKDATE_MS), now.plus_ms(AUTHORITY_LIFE_MS)).set(&mut params);
        let certificate = params.self_signed(&signer)?.der().to_vec();
        Ok(Self { key, certificate })
    }

    /// Opens a stored authority; certificate and key must belong together.
    pub fn open(certificate: &str, key: &Secret<Vec<u8>>, entropy: &SystemEntropy) -> Result<Self, OpenError> {
        let certificate = pem::decode("CERTIFICATE", certificate).map_err(|error| OpenError::Pem(error.to_string()))?;
        let text = std::str::from_utf8(key.expose())
            .map_err(|_| OpenError::Pem("the private key file is not a PEM text".into()))?;
        let pkcs8 = pem::decode("PRIVATE KEY", text).map_err(|error| OpenError::Pem(error.to_string()))?;
        let key = SigningKey::from_pkcs8(Secret::new(pkcs8), entropy)?;
        let (rest, read) = X509Certificate::from_der(&certificate)
            .map_err(|_| OpenError::Pem("the authority's file holds no certificate".into()))?;
        if !rest.is_empty() || !read.is_ca() || read.public_key().raw != key.verifying_key().to_spki() {
            return Err(OpenError::Mismatch);
        }
        Ok(Self { key, certificate })
    }

    /// Its certificate, PEM.
    pub fn certificate_pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.certificate)
    }

    /// Its certificate, DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// Its private key, PEM of PKCS#8; for a file that only the server may read.
    pub fn key_pem(&self) -> Secret<Vec<u8>> {
        Secret::new(pem::encode("PRIVATE KEY", self.key.to_pkcs8().expose()).into_bytes())
    }

    /// SHA-256 of its SubjectPublicKeyInfo: what Runners pin.
    pub fn pin(&self) -> Digest {
        self.key.verifying_key().key_id()
    }

    /// Issues a server certificate with a fresh key for these names, valid for 90 days.
    pub fn issue(
        &self,
        names: &[ServerName],
        entropy: &SystemEntropy,
        now: Timestamp,
    ) -> Result<ServerIdentity, IssueError> {
        let key = SigningKey::generate(entropy);
        let serial = signer::random_serial(entropy as &dyn Entropy);
        let mut params = CertificateParams::default();
        params.distinguished_name = signer::distinguished("control plane");
        params.subject_alt_names = names.iter().map(ServerName::to_san).collect::<Result<_, _>>()?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        signer::set_serial(&mut params, &serial);
        Validity::new(now.plus_ms(-BACKDATE_MS), now.plus_ms(SERVER_LIFE_MS)).set(&mut params);
        let issuer = Issuer::new(authority_params(), Signer::new(&self.key));
        let certificate = params.signed_by(&Subject::new(&key.verifying_key()), &issuer)?.der().to_vec();
        Ok(ServerIdentity::issued(vec![certificate, self.certificate.clone()], &key))
    }
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = signer::distinguished(COMMON_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_survives_its_files() {
        let entropy = SystemEntropy::new();
        let now = Timestamp::from_millis(1_795_000_000_000);
        let authority = ServerAuthority::create(&entropy, now).unwrap();
        let again = ServerAuthority::open(&authority.certificate_pem(), &authority.key_pem(), &entropy).unwrap();
        assert_eq!(again.pin(), authority.pin());
        assert_eq!(again.certificate_der(), authority.certificate_der());
        let other = ServerAuthority::create(&entropy, now).unwrap();
        let mixed = ServerAuthority::open(&authority.certificate_pem(), &other.key_pem(), &entropy);
        assert!(matches!(mixed, Err(OpenError::Mismatch)));
        let nothing = ServerAuthority::open("", &authority.key_pem(), &entropy);
        assert!(matches!(nothing, Err(OpenError::Pem(_))));
    }

    #[test]
    fn what_it_issues_ends_after_90_days_and_carries_its_pin() {
        let entropy = SystemEntropy::new();
        let now = Timestamp::from_millis(1_795_000_000_000);
        let authority = ServerAuthority::create(&entropy, now).unwrap();
        let names = ["localhost".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let identity = authority.issue(&names, &entropy, now).unwrap();
        assert_eq!(identity.not_after(), now.plus_ms(SERVER_LIFE_MS));
        assert!(identity.renew_at() > now && identity.renew_at() < identity.not_after());
        assert!(identity.pins().contains(&authority.pin()));
    }
}
