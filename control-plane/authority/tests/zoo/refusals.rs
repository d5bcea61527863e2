//! Who is refused, and who is let in.

use control_plane_authority::Why;
use crypto::SystemEntropy;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use rustls::version::{TLS12, TLS13};

use crate::animals::{Wrong, zoo};
use crate::forge::{self, OTHER_TENANT, RUNNER, TENANT, World, leaf, now, sign, uri, valid};
use crate::handshake::Ends;

#[test]
fn each_wrong_certificate_is_refused_for_its_reason_and_in_a_handshake() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let ends = Ends::line(&world.trusted);
    let mut zoo = zoo(&world, &key);
    let server_leaf = ends.authority.issue(&["localhost".parse().unwrap()], &SystemEntropy::new(), now()).unwrap();
    let server_chain: Vec<Vec<u8>> = server_leaf.chain().map(<[u8]>::to_vec).collect();
    zoo.push(Wrong { what: "the control plane's own", chain: server_chain, why: Why::Name });
    assert!(zoo.len() >= 50, "only {} animals", zoo.len());
    for Wrong { what, chain, why } in zoo {
        let found = world.trusted.verify_runner(&chain, now()).expect_err(what);
        assert_eq!(found.code(), why.code(), "{what}: {found}");
        let client = ends.client(&chain, &key, &[&TLS13]);
        let refused = ends.shake(&client).expect_err(what);
        let expected = matches!(refused, rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented);
        assert!(expected || matches!(refused, rustls::Error::InvalidMessage(_)), "{what}: {refused}");
    }
}

#[test]
fn right_certificates_are_let_in_with_and_without_their_authority() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let ends = Ends::line(&world.trusted);
    let issued = world.genuine(&key);
    let forged_right = vec![sign(&leaf(), &key, &world.ours)];
    for chain in [issued.chain.clone(), vec![issued.chain[0].clone()], forged_right] {
        let verified = world.trusted.verify_runner(&chain, now()).unwrap();
        assert_eq!(verified.name.to_string(), format!("spiffe://{TENANT}/runner/{RUNNER}"));
        let shaken = ends.shake(&ends.client(&chain, &key, &[&TLS13])).unwrap();
        assert_eq!(shaken.presented, chain.len());
        assert_eq!(shaken.protocol.as_deref(), Some(b"h2".as_slice()));
    }
    let verified = world.trusted.verify_runner(&issued.chain, now()).unwrap();
    assert_eq!((verified.serial, verified.fingerprint), (issued.serial, issued.fingerprint));
    assert_eq!((verified.not_before, verified.not_after), (issued.not_before, issued.not_after));
    assert_eq!(verified.key_digest, issued.key_digest);
}

#[test]
fn a_certificate_counts_to_its_last_second_and_recovery_overlooks_only_its_end() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let issued = world.genuine(&key);
    let verify = |at| world.trusted.verify_runner(&issued.chain, at).map(|_| ());
    assert_eq!(verify(issued.not_after), Ok(()));
    assert_eq!(verify(issued.not_before), Ok(()));
    assert_eq!(verify(issued.not_after.plus_ms(1000)), Err(Why::Expired));
    assert_eq!(verify(issued.not_before.plus_ms(-1000)), Err(Why::NotYetValid));
    let later = issued.not_after.plus_ms(90 * 86_400_000);
    let recover = |der: &[u8], at| world.trusted.verify_expired(der, at).map(|verified| verified.fingerprint);
    assert_eq!(recover(&issued.chain[0], later), Ok(issued.fingerprint));
    assert_eq!(recover(&issued.chain[0], issued.not_before.plus_ms(-1000)), Err(Why::NotYetValid));
    assert_eq!(recover(&sign(&leaf(), &key, &world.other), later), Err(Why::Signature));
}

#[test]
fn a_stolen_certificate_without_its_key_does_not_get_in() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let ends = Ends::line(&world.trusted);
    let chain = world.genuine(&key).chain;
    let refused = ends.shake(&ends.client(&chain, &KeyPair::generate().unwrap(), &[&TLS13])).unwrap_err();
    assert!(matches!(refused, rustls::Error::InvalidCertificate(rustls::CertificateError::BadSignature)), "{refused}");
}

#[test]
fn older_tls_is_refused_and_nothing_is_resumed() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let ends = Ends::line(&world.trusted);
    let chain = world.genuine(&key).chain;
    assert!(matches!(
        ends.shake(&ends.client(&chain, &key, &[&TLS12])).unwrap_err(),
        rustls::Error::PeerIncompatible(_)
    ));
    // The same client twice: it would resume if it had been given something to resume with.
    let client = ends.client(&chain, &key, &[&TLS13]);
    for _ in 0..2 {
        let shaken = ends.shake(&client).unwrap();
        assert_eq!(shaken.version, rustls::ProtocolVersion::TLSv1_3);
        assert_eq!((shaken.resumed, shaken.tickets), (false, 0));
    }
    assert_eq!(ends.server.max_early_data_size, 0);
}

#[test]
fn authorities_that_are_none_are_not_trusted() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let tenant = forge::tenant(TENANT);
    let made = |spoil: fn(&mut CertificateParams)| {
        let mut params = forge::authority(TENANT);
        spoil(&mut params);
        params.self_signed(&key).unwrap().der().to_vec()
    };
    let by_another =
        forge::sign_as(&forge::authority(TENANT), &key, &forge::authority(TENANT), KeyPair::generate().unwrap());
    let wrong = [
        (
            "without the right to sign certificates",
            Why::NotAnAuthority,
            made(|p| p.key_usages = vec![KeyUsagePurpose::CrlSign]),
        ),
        ("without key usage", Why::NotAnAuthority, made(|p| p.key_usages.clear())),
        ("without path length", Why::NotAnAuthority, made(|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))),
        ("path length 1", Why::NotAnAuthority, made(|p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(1)))),
        ("not an authority", Why::NotAnAuthority, made(|p| p.is_ca = IsCa::ExplicitNoCa)),
        (
            "with purposes",
            Why::NotAnAuthority,
            made(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        ),
        (
            "another tenant's name",
            Why::OtherTenant,
            made(|p| p.subject_alt_names = vec![uri(&format!("spiffe://{OTHER_TENANT}"))]),
        ),
        ("without a name", Why::Name, made(|p| p.subject_alt_names.clear())),
        ("signed by somebody else", Why::Signature, by_another),
        ("another tenant's", Why::OtherTenant, world.other.certificate_der().to_vec()),
        ("a Runner's", Why::OtherTenant, world.genuine(&key).chain[0].clone()),
    ];
    for (what, why, der) in wrong {
        assert_eq!(world.trusted.insert(tenant, &der).expect_err(what), why, "{what}");
    }
    assert_eq!(world.trusted.insert(tenant, &made(|_| ())), Ok(()), "the unspoilt one is taken");
    // One bad row among the tenants leaves the others working.
    let refused = world.trusted.replace([
        (tenant, b"not a certificate".to_vec()),
        (world.other.tenant(), world.other.certificate_der().to_vec()),
    ]);
    assert_eq!(refused, vec![(tenant, Why::Encoding)]);
    assert_eq!(world.trusted.len(), 1);
    assert_eq!(world.trusted.verify_runner(&world.genuine(&key).chain, now()), Err(Why::UnknownTenant));
}

#[test]
fn an_expired_authority_lets_nobody_in() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let authority_key = KeyPair::generate().unwrap();
    let mut old = forge::authority(TENANT);
    valid(&mut old, 0, 17);
    let der = old.self_signed(&authority_key).unwrap().der().to_vec();
    world.trusted.insert(forge::tenant(TENANT), &der).unwrap();
    let chain = [forge::sign_as(&leaf(), &key, &old, authority_key)];
    assert_eq!(world.trusted.verify_runner(&chain, now()), Err(Why::AuthorityExpired));
    assert!(world.trusted.verify_runner(&chain, now().plus_ms(-3_600_000)).is_ok());
}

#[test]
fn every_changed_byte_of_a_certificate_is_refused() {
    let world = World::new();
    let chain = world.genuine(&KeyPair::generate().unwrap()).chain;
    for at in 0..chain[0].len() {
        let mut changed = chain[0].clone();
        changed[at] ^= 0x04;
        assert!(world.trusted.verify_runner(&[changed], now()).is_err(), "byte {at}");
    }
}
