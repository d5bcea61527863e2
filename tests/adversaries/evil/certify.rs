//! Certificates that are signed with a tenant's own authority, right ones and wrong ones.

use crypto::SystemEntropy;
use ids::TenantId;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm,
};

use super::keys::Keys;
use super::scene::now;

/// The tenant's authority, with which anything can be certified.
pub(crate) struct Certifier {
    key: Vec<u8>,
    pub(crate) certificate: Vec<u8>,
    tenant: TenantId,
}

impl Certifier {
    pub(crate) fn of(keys: &Keys) -> Self {
        let (key, certificate) = (keys.issuing.private_key().expose().clone(), keys.issuing.certificate_der().to_vec());
        Self { key, certificate, tenant: keys.tenant }
    }

    /// A Runner's certificate as it should be, valid now, to be spoilt in one point.
    pub(crate) fn leaf(&self, name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(name.try_into().unwrap())];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let mut serial = crypto::entropy::random_bytes::<16>(&SystemEntropy::new());
        serial[0] = 0x55;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        valid(&mut params, -300, 86_400);
        params
    }

    /// Signs it for this key as the authority would.
    pub(crate) fn sign(&self, params: &CertificateParams, key: &impl PublicKeyData) -> Vec<u8> {
        self.sign_with(params, key, KeyPair::try_from(self.key.as_slice()).unwrap())
    }

    /// Signs it in the authority's name with any key.
    pub(crate) fn sign_with(&self, params: &CertificateParams, key: &impl PublicKeyData, by: KeyPair) -> Vec<u8> {
        let mut issuer = CertificateParams::default();
        let mut name = DistinguishedName::new();
        name.push(DnType::OrganizationName, "Proctor");
        name.push(DnType::CommonName, format!("tenant {}", self.tenant));
        issuer.distinguished_name = name;
        issuer.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        issuer.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.signed_by(key, &Issuer::new(issuer, by)).unwrap().der().to_vec()
    }
}

/// The public key of a request.
pub(crate) struct Subject(pub(crate) Vec<u8>);

impl PublicKeyData for Subject {
    /// The point: the last 65 bytes of the SubjectPublicKeyInfo of a P-256 key.
    fn der_bytes(&self) -> &[u8] {
        &self.0[self.0.len() - 65..]
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// Valid from and to so many seconds from now.
pub(crate) fn valid(params: &mut CertificateParams, from: i64, to: i64) {
    let at = |seconds: i64| {
        let millis = u64::try_from(now().as_millis() + seconds * 1000).unwrap();
        (std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(millis)).into()
    };
    (params.not_before, params.not_after) = (at(from), at(to));
}
