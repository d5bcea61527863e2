//! A certificate that the control plane issues counts only for the Runner's own key and name.

use std::sync::{Arc, Mutex};

use contract::{
    DerCertificate, DerRequest, EnrolResponse, Enrolled, FromControlPlane, FromRunner, Renewed, Stop, StopReason,
};
use control_plane_authority::CertificateRequest;
use ids::{RunnerId, TenantId};
use proof::checkpoint::{audit_origin, control_plane_witness};
use proof::cosignature::Witness;
use proof::note::{Algorithm, VerifierKey};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tests::until;

use super::next;
use crate::evil::{Asked, Certifier, Scene, Subject, Table, now, valid};

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
    drop(session);
    other_pins(&mut scene, &genuine);
    table.row("with another drill-down key to pin", "E-LINK-051", "log; the old pins stay");
    table.print();
}

#[test]
fn a_certificate_for_another_key_or_name_is_not_taken_at_renewal() {
    let mut scene = Scene::new();
    let mut table = Table::new("Certificates at renewal");
    let genuine = genuine(&scene);
    // A right one whose middle is past: the Runner renews it at once.
    let right = Wish { life: (-5_000, 3_000), generation: 2, ..genuine.clone() };
    let request = CertificateParams::default().serialize_request(&KeyPair::generate().unwrap()).unwrap();
    let chain = certify(&scene, &DerRequest::new(request.der().to_vec()).unwrap(), &right);
    let chain: Vec<_> = chain.iter().map(DerCertificate::as_bytes).collect();
    scene.evil.keys.trusted.verify_runner(&chain, now()).expect("it certifies as a control plane does");
    answers(&scene, right);
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

/// A right certificate, and another drill-down key beside it: whom the Runner believes does not change.
fn other_pins(scene: &mut Scene, genuine: &Wish) {
    let session = scene.session();
    let before = scene.line.runner_log().len();
    let enrolled = enrolled(scene, genuine.generation);
    let drilldown_key = crypto::p256::SigningKey::generate(&crypto::SystemEntropy::new()).verifying_key();
    let certifier = Certifier::of(&scene.evil.keys);
    let wish = genuine.clone();
    scene.evil.answer(move |asked| {
        let Asked::Recover(request) = asked else { panic!("the Runner enrols") };
        let chain = certified(&certifier, &request.certificate_request, &wish);
        EnrolResponse::Enrolled(Enrolled { chain, drilldown_key, ..enrolled.clone() })
    });
    session.say(FromControlPlane::Stop(Stop { reason: StopReason::Expired, retry_after_seconds: 0 }));
    until("the Runner refuses other keys", || {
        scene.line.runner_log().get(before..).unwrap().contains("E-LINK-051").then_some(())
    });
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
    let enrolled = enrolled(scene, wish.generation);
    let certifier = Certifier::of(&keys);
    scene.evil.answer(move |asked| {
        *seen.lock().unwrap() = true;
        let request = match asked {
            Asked::Recover(request) => request.certificate_request,
            Asked::Enrol(request) => request.certificate_request,
        };
        EnrolResponse::Enrolled(Enrolled { chain: certified(&certifier, &request, &wish), ..enrolled.clone() })
    });
    asked
}

/// What is said beside the chain: the keys that the Runner pinned when it was enrolled.
fn enrolled(scene: &Scene, generation: u64) -> Enrolled {
    let keys = &scene.evil.keys;
    let audit = VerifierKey::new(audit_origin(keys.tenant), Algorithm::Ed25519, keys.audit.verifying_key());
    let witness = Witness { name: &control_plane_witness(keys.tenant), key: &keys.witness }.verifier_key();
    Enrolled {
        chain: Vec::new(),
        generation,
        line_address: format!("localhost:{}", scene.line.proxy.port).parse().unwrap(),
        drilldown_key: keys.drilldown.verifying_key(),
        audit_key: audit,
        witness_key: witness,
    }
}

fn certify(scene: &Scene, request: &DerRequest, wish: &Wish) -> Vec<DerCertificate> {
    certified(&Certifier::of(&scene.evil.keys), request, wish)
}

fn certified(certifier: &Certifier, request: &DerRequest, wish: &Wish) -> Vec<DerCertificate> {
    let request = CertificateRequest::parse(request.as_bytes()).unwrap();
    let mut params = certifier.leaf(&wish.name);
    if wish.authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    }
    valid(&mut params, wish.life.0, wish.life.1);
    let leaf = if wish.other_key {
        certifier.sign(&params, &KeyPair::generate().unwrap())
    } else {
        certifier.sign(&params, &Subject(request.spki()))
    };
    [leaf, certifier.certificate.clone()].into_iter().map(|der| DerCertificate::new(der).unwrap()).collect()
}
