//! Makes certificates, right ones and wrong ones.

use clock::Timestamp;
use control_plane_authority::{CertificateRequest, Issued, TenantAuthority, TrustedAuthorities};
use crypto::SystemEntropy;
use ids::{RunnerId, TenantId};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm, SigningKey,
    date_time_ymd,
};

pub(super) const RUNNER: &str = "019aa7f0-0000-7000-8000-000000000003";
pub(super) const TENANT: &str = "019aa7f0-0000-7000-8000-00000000000a";
pub(super) const OTHER_TENANT: &str = "019aa7f0-0000-7000-8000-00000000000b";

pub(super) fn now() -> Timestamp {
    "2026-11-22T06:00:00.000Z".parse().unwrap()
}

pub(super) fn tenant(text: &str) -> TenantId {
    text.parse().unwrap()
}

/// Two tenants, each with its authority, both trusted.
pub(super) struct World {
    pub(super) ours: TenantAuthority,
    pub(super) other: TenantAuthority,
    pub(super) trusted: std::sync::Arc<TrustedAuthorities>,
}

impl World {
    pub(super) fn new() -> Self {
        let entropy = SystemEntropy::new();
        let create = |text| TenantAuthority::create(tenant(text), &entropy, now().plus_ms(-86_400_000)).unwrap();
        let (ours, other) = (create(TENANT), create(OTHER_TENANT));
        let trusted = TrustedAuthorities::new();
        let both = [&ours, &other].map(|authority| (authority.tenant(), authority.certificate_der().to_vec()));
        assert_eq!(trusted.replace(both), vec![]);
        Self { ours, other, trusted: trusted.into() }
    }

    /// What the control plane itself issues.
    pub(super) fn genuine(&self, key: &KeyPair) -> Issued {
        let request = CertificateParams::default().serialize_request(key).unwrap();
        let request = CertificateRequest::parse(request.der()).unwrap();
        self.ours.issue(&request, RUNNER.parse::<RunnerId>().unwrap(), &SystemEntropy::new(), now()).unwrap()
    }
}

/// A leaf as it should be, to be spoilt in one point.
pub(super) fn leaf() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![uri(&format!("spiffe://{TENANT}/runner/{RUNNER}"))];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params.serial_number = Some(SerialNumber::from_slice(&[0x55; 16]));
    valid(&mut params, 17, 41);
    params
}

/// An authority's certificate as it should be.
pub(super) fn authority(of: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = authority_name(of);
    params.subject_alt_names = vec![uri(&format!("spiffe://{of}"))];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.serial_number = Some(SerialNumber::from_slice(&[0x44; 16]));
    valid(&mut params, 0, 20 * 365 * 24);
    params
}

pub(super) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// Valid from and to so many hours after noon of the day before everything here happens; `now` is hour 18.
pub(super) fn valid(params: &mut CertificateParams, from: u64, to: u64) {
    let noon = date_time_ymd(2026, 11, 21) + std::time::Duration::from_secs(12 * 3600);
    params.not_before = noon + std::time::Duration::from_secs(from * 3600);
    params.not_after = noon + std::time::Duration::from_secs(to * 3600);
}

/// The extension with this OID and content.
pub(super) fn extension(oid: &[u64], content: &[u8], critical: bool) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, content.to_vec());
    extension.set_criticality(critical);
    extension
}

/// Signs `params` for `key` as the tenant's genuine authority would.
pub(super) fn sign(params: &CertificateParams, key: &impl PublicKeyData, by: &TenantAuthority) -> Vec<u8> {
    let issuer_key = KeyPair::try_from(by.private_key().expose().as_slice()).unwrap();
    sign_as(params, key, &authority(&by.tenant().to_string()), issuer_key)
}

pub(super) fn sign_as(
    params: &CertificateParams,
    key: &impl PublicKeyData,
    issuer: &CertificateParams,
    issuer_key: impl SigningKey,
) -> Vec<u8> {
    params.signed_by(key, &Issuer::from_params(issuer, issuer_key)).unwrap().der().to_vec()
}

/// A public key of another algorithm, of which nobody needs the private half.
pub(super) struct Foreign {
    pub(super) algorithm: &'static SignatureAlgorithm,
    pub(super) bytes: Vec<u8>,
}

impl PublicKeyData for Foreign {
    fn der_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

/// Signs with a P-256 key and SHA-256 and says that it was another algorithm.
pub(super) struct Misnamed {
    pub(super) key: KeyPair,
    pub(super) algorithm: &'static SignatureAlgorithm,
}

impl PublicKeyData for Misnamed {
    fn der_bytes(&self) -> &[u8] {
        self.key.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl SigningKey for Misnamed {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.key.sign(message)
    }
}

fn authority_name(of: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Proctor");
    name.push(DnType::CommonName, format!("tenant {of}"));
    name
}
