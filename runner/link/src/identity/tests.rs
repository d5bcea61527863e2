use contract::DerRequest;
use contract::token::CaPin;
use crypto::{Secret, SystemEntropy};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PublicKeyData,
    SanType, SignatureAlgorithm,
};
use x509_parser::prelude::{ASN1Time, FromDer, X509CertificationRequest};

use super::*;

pub(crate) const TENANT: &str = "019aa7f0-0000-7000-8000-000000000001";
pub(crate) const RUNNER: &str = "019aa7f0-0000-7000-8000-00000000000a";

/// A tenant's issuing authority, as a control plane has it.
pub(crate) struct Authority {
    pub(crate) issuer: Issuer<'static, KeyPair>,
    pub(crate) der: Vec<u8>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("authority {}", crypto::digest::sha256(&key.serialize_der())));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.subject_alt_names = vec![SanType::URI(format!("spiffe://{TENANT}").try_into().unwrap())];
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { issuer: Issuer::new(params, key), der }
    }

    /// A certificate for the key of `request` from `from` on, for `hours`.
    pub(crate) fn issue(&self, request: &DerRequest, name: &str, from: Timestamp, hours: i64) -> Vec<DerCertificate> {
        let (_, csr) = X509CertificationRequest::from_der(request.as_bytes()).unwrap();
        let key = Point(csr.certification_request_info.subject_pki.subject_public_key.data.to_vec());
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(name.try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        validity(&mut params, from, hours);
        let leaf = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        [leaf, self.der.clone()].map(|der| DerCertificate::new(der).unwrap()).into()
    }
}

/// A P-256 key that somebody else holds.
struct Point(Vec<u8>);

impl PublicKeyData for Point {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

pub(crate) fn validity(params: &mut CertificateParams, from: Timestamp, hours: i64) {
    let at = |time: Timestamp| ASN1Time::from_timestamp(time.as_millis() / 1000).unwrap().to_datetime();
    params.not_before = at(from);
    params.not_after = at(from.plus_ms(hours * 3_600_000));
}

pub(crate) fn name() -> RunnerName {
    format!("spiffe://{TENANT}/runner/{RUNNER}").parse().unwrap()
}

pub(crate) fn now() -> Timestamp {
    "2026-11-21T20:00:00.000Z".parse().unwrap()
}

/// The same key for the whole test run.
static DRILLDOWN: std::sync::OnceLock<p256::VerifyingKey> = std::sync::OnceLock::new();

pub(crate) fn keys() -> ControlPlaneKeys {
    let key = |name: &str, seed| {
        let key = crypto::ed25519::SigningKey::from_seed([seed; 32]).verifying_key();
        VerifierKey::new(name.parse().unwrap(), proof::note::Algorithm::Ed25519, key)
    };
    ControlPlaneKeys {
        drilldown: *DRILLDOWN.get_or_init(|| p256::SigningKey::generate(&SystemEntropy::new()).verifying_key()),
        audit: key("proctor/x/audit", 1),
        witness: key("proctor/x/witness", 2),
    }
}

/// An identity of generation 7 whose certificate is valid for 24 hours from now on.
pub(crate) fn identity(authority: &Authority, trust: Trust, address: &Address) -> Identity {
    identity_from(authority, trust, address, now(), 24)
}

pub(crate) fn identity_from(
    authority: &Authority,
    trust: Trust,
    address: &Address,
    from: Timestamp,
    hours: i64,
) -> Identity {
    let key = TlsKey::generate(&SystemEntropy::new());
    let chain = authority.issue(&key.request(), &name().to_string(), from, hours);
    Identity {
        name: name(),
        enrolment_address: address.clone(),
        line_address: address.clone(),
        trust,
        control_plane: keys(),
        current: Holding::new(key, chain, 7, &name()).unwrap(),
        pending: None,
        next: None,
    }
}

fn sample() -> (Authority, Identity) {
    let authority = Authority::new();
    let identity = identity(&authority, Trust::pinned(CaPin(Digest::ZERO)), &"[::1]:8442".parse().unwrap());
    (authority, identity)
}

fn renewed(authority: &Authority, identity: &Identity) -> Vec<DerCertificate> {
    let request = &identity.pending.as_ref().unwrap().request;
    authority.issue(request, &identity.name.to_string(), now(), 24)
}

fn again(identity: &Identity) -> Identity {
    Identity::from_bytes(&identity.to_bytes(), &SystemEntropy::new()).unwrap()
}

#[test]
fn an_identity_round_trips_in_every_phase() {
    let (authority, identity) = sample();
    let prepared = identity.prepared(&SystemEntropy::new());
    let adopted = prepared.adopted(renewed(&authority, &prepared), 8, now()).unwrap();
    for phase in [&identity, &prepared, &adopted, &adopted.opening(), &adopted.welcomed(8), &adopted.refused()] {
        let bytes = phase.to_bytes();
        assert_eq!(again(phase).to_bytes().expose(), bytes.expose());
    }
    assert_eq!(again(&prepared).pending.unwrap().request, prepared.pending.unwrap().request);
    assert_eq!(again(&adopted.opening()).generation(), 8);
    assert!(!format!("{adopted:?}").contains(&format!("{:?}", identity.current.key.pkcs8().expose())));
}

#[test]
fn kept_bytes_that_changed_are_refused_whole() {
    let (_, identity) = sample();
    let bytes = identity.to_bytes();
    let read = |bytes: Vec<u8>| Identity::from_bytes(&Secret::new(bytes), &SystemEntropy::new());
    for length in 0..bytes.expose().len() {
        assert!(read(bytes.expose()[..length].to_vec()).is_err(), "cut at {length}");
    }
    assert!(read([bytes.expose().as_slice(), b"x"].concat()).is_err());
    assert!(read(b"\0\0\0\x18proctor/link/identity/v2".to_vec()).is_err());
    let mut lying_length = bytes.expose().clone();
    lying_length[..4].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(read(lying_length).is_err());
}

#[test]
fn a_lost_answer_is_asked_for_with_the_same_request() {
    let (_, identity) = sample();
    let entropy = SystemEntropy::new();
    let first = identity.prepared(&entropy);
    let second = again(&first).prepared(&entropy);
    assert_eq!(first.pending.unwrap().request, second.pending.unwrap().request);
}

#[test]
fn the_old_certificate_is_kept_until_the_new_one_was_welcomed() {
    let (authority, identity) = sample();
    let prepared = identity.prepared(&SystemEntropy::new());
    assert_eq!(prepared.generation(), 7, "nothing changes before an answer");
    let adopted = prepared.adopted(renewed(&authority, &prepared), 8, now()).unwrap();
    assert_eq!((adopted.generation(), adopted.current.generation), (8, 7));
    assert!(adopted.presented().first_use);
    let refused = adopted.refused();
    assert_eq!((refused.generation(), refused.pending.is_some()), (7, true));
    let opened = adopted.opening();
    assert!(!opened.presented().first_use);
    assert_eq!(opened.welcomed(7).generation(), 8, "a welcome of the old one changes nothing");
    let welcomed = opened.welcomed(8);
    assert!(welcomed.next.is_none() && welcomed.pending.is_none());
    assert_eq!(welcomed.current.generation, 8);
    assert_ne!(welcomed.tls_key_digest(), identity.tls_key_digest());
}

#[test]
fn a_renewed_certificate_gives_way_only_if_no_session_can_have_been_opened_with_it() {
    use rustls::AlertDescription as Alert;
    let (authority, identity) = sample();
    let prepared = identity.prepared(&SystemEntropy::new());
    let own = prepared.adopted(renewed(&authority, &prepared), 8, now()).unwrap();
    let strange = prepared.adopted(renewed(&Authority::new(), &prepared), 8, now()).unwrap();
    let (own, strange) = (again(&own.opening()), again(&strange.opening()));
    assert_eq!((own.is_of_another_authority(), strange.is_of_another_authority()), (false, true));
    for (alert, gives_way) in [
        (Alert::BadCertificate, [true, true]),
        (Alert::UnsupportedCertificate, [true, true]),
        (Alert::DecryptError, [true, true]),
        (Alert::UnknownCA, [false, true]),
        (Alert::CertificateUnknown, [false, true]),
        (Alert::CertificateExpired, [false, false]),
        (Alert::CertificateRevoked, [false, false]),
        (Alert::AccessDenied, [false, false]),
        (Alert::CertificateRequired, [false, false]),
        (Alert::InternalError, [false, false]),
    ] {
        let alert = format!("{alert:?}");
        assert_eq!([&own, &strange].map(|identity| identity.gives_way(false, &alert)), gives_way, "{alert}");
        assert!(own.gives_way(true, &alert), "{alert} at the first use");
        for welcomed in [&prepared, &own.welcomed(8), &strange.welcomed(8)] {
            assert!(!welcomed.gives_way(true, &alert) && !welcomed.gives_way(false, &alert), "{alert}");
            assert!(!welcomed.is_of_another_authority());
        }
    }
}

/// Whatever byte of it changed under way: it would be refused at its first use, and the old one could not be shown again.
#[test]
fn a_certificate_that_was_damaged_under_way_is_not_adopted() {
    let (authority, identity) = sample();
    let prepared = identity.prepared(&SystemEntropy::new());
    let good = renewed(&authority, &prepared);
    assert!(prepared.adopted(good.clone(), 8, now()).is_ok());
    let leaf = good[0].as_bytes();
    for at in (0..leaf.len()).rev() {
        let mut damaged = leaf.to_vec();
        damaged[at] ^= 1;
        let Ok(damaged) = DerCertificate::new(damaged) else { continue };
        let chain = vec![damaged, good[1].clone()];
        assert_eq!(prepared.adopted(chain, 8, now()).unwrap_err().code(), "E-LINK-051", "byte {at}");
    }
    let other = Authority::new();
    let other = DerCertificate::new(other.der).unwrap();
    for chain in [vec![good[0].clone()], vec![good[0].clone(), other], vec![good[0].clone(), good[0].clone()]] {
        assert_eq!(prepared.adopted(chain, 8, now()).unwrap_err().code(), "E-LINK-051");
    }
}

#[test]
fn an_answer_that_does_not_fit_is_refused() {
    let (authority, identity) = sample();
    let prepared = identity.prepared(&SystemEntropy::new());
    let request = prepared.pending.as_ref().unwrap().request.clone();
    let good = renewed(&authority, &prepared);
    let own = identity.name.to_string();
    let stranger = format!("spiffe://{TENANT}/runner/{TENANT}");
    let foreign_key = TlsKey::generate(&SystemEntropy::new()).request();
    for (why, chain, generation) in [
        ("same generation", good.clone(), 7),
        ("skipped generation", good.clone(), 9),
        ("empty chain", Vec::new(), 8),
        ("issuer first", good.iter().rev().cloned().collect(), 8),
        ("another key", authority.issue(&foreign_key, &own, now(), 24), 8),
        ("another name", authority.issue(&request, &stranger, now(), 24), 8),
        ("expired", authority.issue(&request, &own, now().plus_ms(-90_000_000), 24), 8),
    ] {
        assert_eq!(prepared.adopted(chain, generation, now()).unwrap_err().code(), "E-LINK-051", "{why}");
    }
    assert!(identity.adopted(good, 8, now()).is_err(), "nothing was asked for");
}

#[test]
fn recovery_keeps_the_key_that_was_presented() {
    let (authority, identity) = sample();
    let request = identity.current.key.request();
    let chain = authority.issue(&request, &identity.name.to_string(), now().plus_ms(90_000_000), 24);
    let later = now().plus_ms(90_000_000);
    assert!(identity.expired(later));
    let recovered = identity.recovered(chain.clone(), 8, later).unwrap();
    assert!(!recovered.expired(later));
    assert_eq!(recovered.tls_key_digest(), identity.tls_key_digest());
    assert!(identity.recovered(chain, 6, later).is_err());
}
