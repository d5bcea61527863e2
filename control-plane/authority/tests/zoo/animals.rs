//! The wrong certificates.

use control_plane_authority::Why;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, SanType, SerialNumber,
};

use crate::forge::{self, OTHER_TENANT, RUNNER, TENANT, World, extension, leaf, sign, uri, valid};

/// All of them but those that need a listener.
pub(super) fn zoo(world: &World, key: &KeyPair) -> Vec<Wrong> {
    let mut zoo = wrong_times_and_purposes(world, key);
    zoo.extend(wrong_names(world, key));
    zoo.extend(wrong_keys_and_signatures(world, key));
    zoo.extend(wrong_chains(world, key));
    zoo
}

pub(super) struct Wrong {
    pub(super) what: &'static str,
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) why: Why,
}

/// A leaf spoilt in one point and signed by the tenant's genuine authority.
fn spoilt(
    world: &World,
    key: &KeyPair,
    what: &'static str,
    why: Why,
    spoil: impl FnOnce(&mut CertificateParams),
) -> Wrong {
    let mut params = leaf();
    spoil(&mut params);
    Wrong { what, chain: vec![sign(&params, key, &world.ours)], why }
}

fn wrong_times_and_purposes(world: &World, key: &KeyPair) -> Vec<Wrong> {
    let spoilt = |what, why, spoil: fn(&mut CertificateParams)| spoilt(world, key, what, why, spoil);
    vec![
        spoilt("expired an hour ago", Why::Expired, |p| valid(p, 1, 17)),
        spoilt("valid from in an hour", Why::NotYetValid, |p| valid(p, 19, 40)),
        spoilt("lives for 26 hours", Why::Life, |p| valid(p, 17, 43)),
        spoilt("ends before it begins", Why::Life, |p| valid(p, 20, 17)),
        spoilt("for servers", Why::Purpose, |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        spoilt("for clients and servers", Why::Purpose, |p| {
            p.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }),
        spoilt("for any purpose", Why::Purpose, |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]),
        spoilt("for clients and any purpose", Why::Purpose, |p| {
            p.extended_key_usages.push(ExtendedKeyUsagePurpose::Any);
        }),
        spoilt("for clients and a purpose of somebody's own", Why::Purpose, |p| {
            p.extended_key_usages.push(ExtendedKeyUsagePurpose::Other(vec![1, 2, 3, 4]));
        }),
        spoilt("without a purpose", Why::Purpose, |p| p.extended_key_usages.clear()),
        spoilt("a key that also signs certificates", Why::KeyUsage, |p| {
            p.key_usages.push(KeyUsagePurpose::KeyCertSign);
        }),
        spoilt("without key usage", Why::KeyUsage, |p| p.key_usages.clear()),
        spoilt("an authority itself", Why::Authority, |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))),
        spoilt("an unknown critical extension", Why::Extension, |p| {
            p.custom_extensions.push(extension(&[1, 2, 3, 4, 5], &[5, 0], true));
        }),
        spoilt("an unknown extension, not critical", Why::Extension, |p| {
            p.custom_extensions.push(extension(&[1, 2, 3, 4, 5], &[5, 0], false));
        }),
        spoilt("a known extension of authorities", Why::Extension, |p| {
            p.custom_extensions.push(extension(&[2, 5, 29, 54], &[2, 1, 0], true));
        }),
        spoilt("the same extension twice", Why::Extension, |p| {
            p.custom_extensions.push(extension(&[2, 5, 29, 19], &[0x30, 0], true));
        }),
        spoilt("a serial number of 8 bytes", Why::Serial, |p| p.serial_number = Some(SerialNumber::from(1 << 60))),
    ]
}

fn wrong_names(world: &World, key: &KeyPair) -> Vec<Wrong> {
    let named = |what, why, names: Vec<SanType>| spoilt(world, key, what, why, |p| p.subject_alt_names = names);
    let says = |what, text: String| named(what, Why::NotARunner, vec![uri(&text)]);
    let good = format!("spiffe://{TENANT}/runner/{RUNNER}");
    vec![
        named("without a name", Why::Name, vec![]),
        named("two names", Why::Name, vec![uri(&good), uri(&good.replace("03", "04"))]),
        named(
            "a host name beside its name",
            Why::Name,
            vec![uri(&good), SanType::DnsName("a.example".try_into().unwrap())],
        ),
        named("a host name", Why::Name, vec![SanType::DnsName("runner.example".try_into().unwrap())]),
        named("an address", Why::Name, vec![SanType::IpAddress([10, 0, 0, 1].into())]),
        says("a name in upper case", good.to_uppercase().replace("SPIFFE", "spiffe").replace("RUNNER", "runner")),
        says("another scheme", good.replace("spiffe", "https")),
        says("another trust domain", format!("spiffe://example.org/runner/{RUNNER}")),
        says("a port", format!("spiffe://{TENANT}:443/runner/{RUNNER}")),
        says("a query", format!("{good}?tenant={OTHER_TENANT}")),
        says("a segment more", format!("{good}/x")),
        says("the name of a tenant", format!("spiffe://{TENANT}")),
        says("the nil tenant", format!("spiffe://00000000-0000-0000-0000-000000000000/runner/{RUNNER}")),
        named(
            "a tenant that is not here",
            Why::UnknownTenant,
            vec![uri(&format!("spiffe://019aa7f0-0000-7000-8000-00000000000c/runner/{RUNNER}"))],
        ),
        named("another tenant's name", Why::Signature, vec![uri(&good.replace(TENANT, OTHER_TENANT))]),
    ]
}

fn wrong_keys_and_signatures(world: &World, key: &KeyPair) -> Vec<Wrong> {
    let good = sign(&leaf(), key, &world.ours);
    let ours = || KeyPair::try_from(world.ours.private_key().expose().as_slice()).unwrap();
    let one = |what, why, der: Vec<u8>| Wrong { what, chain: vec![der], why };
    let mut bad_signature = good.clone();
    *bad_signature.last_mut().unwrap() ^= 1;
    let rsa = forge::Foreign { algorithm: &PKCS_RSA_SHA256, bytes: RSA_PUBLIC.to_vec() };
    let mut self_signed = leaf();
    self_signed.distinguished_name = forge::authority(TENANT).distinguished_name;
    let misnamed = forge::Misnamed { key: ours(), algorithm: &PKCS_ECDSA_P384_SHA384 };
    vec![
        one("an RSA key", Why::Key, sign(&leaf(), &rsa, &world.ours)),
        one("an Ed25519 key", Why::Key, sign(&leaf(), &KeyPair::generate_for(&PKCS_ED25519).unwrap(), &world.ours)),
        one(
            "a P-384 key",
            Why::Key,
            sign(&leaf(), &KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(), &world.ours),
        ),
        one("a changed signature", Why::Signature, bad_signature),
        one("signed by itself", Why::Signature, self_signed.self_signed(key).unwrap().der().to_vec()),
        one("signed by another tenant's authority", Why::Signature, sign(&leaf(), key, &world.other)),
        one(
            "signed by another tenant's authority under our authority's name",
            Why::Signature,
            forge::sign_as(
                &leaf(),
                key,
                &forge::authority(TENANT),
                KeyPair::try_from(world.other.private_key().expose().as_slice()).unwrap(),
            ),
        ),
        one(
            "signed by a stranger under our authority's name",
            Why::Signature,
            forge::sign_as(&leaf(), key, &forge::authority(TENANT), KeyPair::generate().unwrap()),
        ),
        one(
            "signed with another algorithm",
            Why::Verification(unsupported()),
            forge::sign_as(&leaf(), key, &forge::authority(TENANT), misnamed),
        ),
        one("cut short", Why::Encoding, good[..good.len() - 1].to_vec()),
        one("a byte too many", Why::Encoding, [good.clone(), vec![0]].concat()),
        one("no certificate at all but bytes", Why::Encoding, b"certificate".to_vec()),
        one("empty", Why::Encoding, vec![]),
        one("too long", Why::Encoding, [good, vec![0; 4096]].concat()),
    ]
}

fn wrong_chains(world: &World, key: &KeyPair) -> Vec<Wrong> {
    let good = sign(&leaf(), key, &world.ours);
    let (ours, other) = (world.ours.certificate_der().to_vec(), world.other.certificate_der().to_vec());
    let middle_key = KeyPair::generate().unwrap();
    let mut middle = forge::authority(TENANT);
    middle.distinguished_name = CertificateParams::default().distinguished_name;
    let middle_der = sign(&middle, &middle_key, &world.ours);
    let below = forge::sign_as(&leaf(), key, &middle, &middle_key);
    vec![
        Wrong { what: "an authority as leaf", chain: vec![ours.clone()], why: Why::NotARunner },
        Wrong { what: "another tenant's authority behind it", chain: vec![good.clone(), other], why: Why::Chain },
        Wrong { what: "the authority twice", chain: vec![good.clone(), ours.clone(), ours.clone()], why: Why::Chain },
        Wrong { what: "itself twice", chain: vec![good.clone(), good.clone()], why: Why::Chain },
        Wrong {
            what: "an intermediate authority",
            chain: vec![below.clone(), middle_der.clone()],
            why: Why::Signature,
        },
        Wrong { what: "a long chain", chain: vec![below, middle_der.clone(), ours], why: Why::Signature },
        Wrong { what: "an intermediate for show", chain: vec![good, middle_der], why: Why::Chain },
        Wrong { what: "no certificate", chain: vec![], why: Why::NoCertificate },
    ]
}

fn unsupported() -> webpki::Error {
    // Only the code is compared.
    webpki::Error::BadDer
}

/// RSAPublicKey (RFC 8017 A.1.1) of a 1024-bit modulus; nobody holds the other half.
const RSA_PUBLIC: [u8; 140] = {
    let mut der = [0xab; 140];
    let head = [0x30, 0x81, 0x89, 0x02, 0x81, 0x81, 0x00];
    let tail = [0x02, 0x03, 0x01, 0x00, 0x01];
    let mut at = 0;
    while at < head.len() {
        der[at] = head[at];
        at += 1;
    }
    at = 0;
    while at < tail.len() {
        der[135 + at] = tail[at];
        at += 1;
    }
    der
};
