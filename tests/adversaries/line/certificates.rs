//! A certificate that the control plane issues counts only for the Runner's own key and name.

use std::sync::{Arc, Mutex};

use contract::{
    DerCertificate, DerRequest, EnrolResponse, Enrolled, FromControlPlane, FromRunner, Renewed, Stop, StopReason,
};
use control_plane_authority::CertificateRequest;
use crypto::SystemEntropy;
use ids::{RunnerId, TenantId};
use proof::checkpoint::{audit_origin, control_plane_witness};
use proof::cosignature::Witness;
use proof::note::{Algorithm, VerifierKey};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SignatureAlgorithm,
};
use tests::until;

use super::next;
use crate::evil::{Asked, Scene, Table};

/// What is certified, and how.
#[derive(Clone)]
struct Wish {
    name: String,
    /// Instead of the key of the request.
    other_key: bool,
    authority: bool,
    /// Seconds from now.
    life: (i64, i64),
    generation: u64,
}

#[test]
fn a_certificate_for_another_key_or_name_is_not_taken_at_recovery() {
    let mut scene = Scene::new();
    let mut table = Table::new("Certificates at recovery");
    let genuine = genuine(&scene);
    for (tried, wish) in wrong(&scene, &genuine) {
        let session = scene.session();
        let before = scene.line.runner_log().len();
        let asked = answers(&scene, wish);
        // The control plane says that the certificate has expired: the Runner asks for a new one.
        session.say(FromControlPlane::Stop(Stop { reason: StopReason::Expired, retry_after_seconds: 0 }));
        until("the Runner asks for a certificate", || asked.lock().unwrap().then_some(()));
        until(tried, || scene.line.runner_log().get(before..).unwrap().contains("E-LINK-051").then_some(()));
        table.row(tried, "E-LINK-051", "log; the old one stays in use");
        scene.line.stop_runner();
        scene.evil.forget();
        scene.line.serve_alone();
    }
    let session = scene.session();
    assert_eq!(session.hello.generation, 1);
    table.print();
}

#[test]
fn a_certificate_for_another_key_or_name_is_not_taken_at_renewal() {
    let mut scene = Scene::new();
    let mut table = Table::new("Certificates at renewal");
    let genuine = genuine(&scene);
    // A right one whose middle is past: the Runner renews it at once.
    answers(&scene, Wish { life: (-5_000, 3_000), generation: 2, ..genuine.clone() });
    let session = scene.session();
    session.say(FromControlPlane::Stop(Stop { reason: StopReason::Expired, retry_after_seconds: 0 }));
    drop(session);
    let mut session = scene.session();
    assert_eq!(session.hello.generation, 2, "the recovered certificate is in use");
    for (tried, wish) in wrong(&scene, &Wish { generation: 3, ..genuine }) {
        let renew = session.until("a renewal", |message| match message {
            FromRunner::Renew(renew) => Some(renew.clone()),
            _ => None,
        });
        assert_eq!(renew.generation, 2);
        let before = scene.line.runner_log().len();
        let chain = certify(&scene, &renew.certificate_request, &wish);
        session.say(FromControlPlane::Renewed(Renewed { chain, generation: wish.generation }));
        until(tried, || scene.line.runner_log().get(before..).unwrap().contains("E-LINK-051").then_some(()));
        table.row(tried, "E-LINK-051", "log; the old one stays in use");
        session = next(&mut scene, session);
        assert_eq!(session.hello.generation, 2, "{tried}");
    }
    table.print();
}

fn genuine(scene: &Scene) -> Wish {
    let name = contract::identity::RunnerName { tenant: scene.tenant, runner: scene.runner };
    Wish { name: name.to_string(), other_key: false, authority: false, life: (-300, 86_400), generation: 1 }
}

fn wrong(scene: &Scene, genuine: &Wish) -> Vec<(&'static str, Wish)> {
    let named = |tenant, runner| contract::identity::RunnerName { tenant, runner }.to_string();
    let other_tenant = named(TenantId::from_bytes([9; 16]), scene.runner);
    let other_runner = named(scene.tenant, RunnerId::from_bytes([9; 16]));
    vec![
        ("for another key", Wish { other_key: true, ..genuine.clone() }),
        ("for another tenant", Wish { name: other_tenant, ..genuine.clone() }),
        ("for another Runner", Wish { name: other_runner, ..genuine.clone() }),
        ("an authority", Wish { authority: true, ..genuine.clone() }),
        ("over already", Wish { life: (-3_000, -60), ..genuine.clone() }),
        ("of an older generation", Wish { generation: genuine.generation - 1, ..genuine.clone() }),
    ]
}

/// Recoveries are answered with such a certificate; says whether one was asked for.
fn answers(scene: &Scene, wish: Wish) -> Arc<Mutex<bool>> {
    let asked = Arc::new(Mutex::new(false));
    let seen = Arc::clone(&asked);
    let keys = Arc::clone(&scene.evil.keys);
    let line_address = format!("localhost:{}", scene.line.proxy.port).parse().unwrap();
    let audit = VerifierKey::new(audit_origin(keys.tenant), Algorithm::Ed25519, keys.audit.verifying_key());
    let witness = Witness { name: &control_plane_witness(keys.tenant), key: &keys.witness }.verifier_key();
    let enrolled = Enrolled {
        chain: Vec::new(),
        generation: wish.generation,
        line_address,
        drilldown_key: keys.drilldown.verifying_key(),
        audit_key: audit,
        witness_key: witness,
    };
    let certifier = Certifier::of(scene);
    scene.evil.answer(move |asked| {
        *seen.lock().unwrap() = true;
        let request = match asked {
            Asked::Recover(request) => request.certificate_request,
            Asked::Enrol(request) => request.certificate_request,
        };
        EnrolResponse::Enrolled(Enrolled { chain: certifier.certify(&request, &wish), ..enrolled.clone() })
    });
    asked
}

fn certify(scene: &Scene, request: &DerRequest, wish: &Wish) -> Vec<DerCertificate> {
    Certifier::of(scene).certify(request, wish)
}

/// The tenant's authority, with which anything can be certified.
struct Certifier {
    key: Vec<u8>,
    certificate: Vec<u8>,
    tenant: TenantId,
}

impl Certifier {
    fn of(scene: &Scene) -> Self {
        let issuing = &scene.evil.keys.issuing;
        let (key, certificate) = (issuing.private_key().expose().clone(), issuing.certificate_der().to_vec());
        Self { key, certificate, tenant: scene.tenant }
    }

    fn certify(&self, request: &DerRequest, wish: &Wish) -> Vec<DerCertificate> {
        let request = CertificateRequest::parse(request.as_bytes()).unwrap();
        let key = Subject(request.spki());
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(wish.name.clone().try_into().unwrap())];
        params.is_ca = if wish.authority { IsCa::Ca(BasicConstraints::Constrained(0)) } else { IsCa::ExplicitNoCa };
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.serial_number =
            Some(rcgen::SerialNumber::from_slice(&crypto::entropy::random_bytes::<16>(&SystemEntropy::new())));
        let at = |seconds: i64| (std::time::SystemTime::UNIX_EPOCH + unix(seconds)).into();
        (params.not_before, params.not_after) = (at(wish.life.0), at(wish.life.1));
        let mut issuer = CertificateParams::default();
        let mut name = DistinguishedName::new();
        name.push(DnType::OrganizationName, "Proctor");
        name.push(DnType::CommonName, format!("tenant {}", self.tenant));
        issuer.distinguished_name = name;
        issuer.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        issuer.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = Issuer::new(issuer, KeyPair::try_from(self.key.as_slice()).unwrap());
        let other = KeyPair::generate().unwrap();
        let signed = if wish.other_key { params.signed_by(&other, &issuer) } else { params.signed_by(&key, &issuer) };
        let chain = [signed.unwrap().der().to_vec(), self.certificate.clone()];
        chain.into_iter().map(|der| DerCertificate::new(der).unwrap()).collect()
    }
}

/// The public key of a request.
struct Subject(Vec<u8>);

impl PublicKeyData for Subject {
    /// The point: the last 65 bytes of the SubjectPublicKeyInfo of a P-256 key.
    fn der_bytes(&self) -> &[u8] {
        &self.0[self.0.len() - 65..]
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// So many seconds from now, since 1970.
fn unix(seconds: i64) -> std::time::Duration {
    let millis = crate::evil::now().as_millis() + seconds * 1000;
    std::time::Duration::from_millis(u64::try_from(millis).unwrap())
}
