use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::{Digest, Secret, SystemEntropy, ed25519, hpke, p256};
use ids::{RequestId, RunnerId, TenantId};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::dsse::{Envelope, EnvelopeSignature, Signer};
use crate::vectors;

const TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/vectors/secret-v2.json"));

fn golden() -> Value {
    serde_json::from_str(TEXT).unwrap()
}

fn device() -> ed25519::SigningKey {
    vectors::ed25519_key("device")
}

fn control_plane() -> p256::SigningKey {
    vectors::p256_key("control-plane")
}

fn runner() -> p256::SigningKey {
    vectors::p256_key("runner")
}

fn keys() -> ([ed25519::VerifyingKey; 1], [p256::VerifyingKey; 1]) {
    ([device().verifying_key()], [control_plane().verifying_key()])
}

fn sealing() -> hpke::KeyPair {
    let private = hex::decode(golden()["sealing_private"].as_str().unwrap()).unwrap();
    hpke::KeyPair::from_private(Secret::new(private.try_into().unwrap()))
}

fn golden_request() -> PendingSecret {
    let (devices, control_planes) = keys();
    open(golden()["request_envelope"].to_string().as_bytes(), &devices, &control_planes).unwrap().0
}

fn golden_sealed() -> Vec<u8> {
    STANDARD.decode(golden()["sealed"].as_str().unwrap()).unwrap()
}

fn signed(payload: &str) -> Envelope {
    let signers = (device(), control_plane());
    Envelope::sign(SECRET_TYPE, payload.as_bytes(), &[Signer::Ed25519(&signers.0), Signer::P256(&signers.1)])
}

fn refusal(envelope: &Envelope) -> RequestError {
    let (devices, control_planes) = keys();
    open(envelope.bytes(), &devices, &control_planes).unwrap_err()
}

#[test]
fn the_golden_request_is_read_written_and_opened() {
    let (golden, pending) = (golden(), golden_request());
    assert_eq!(pending.sha256().to_string(), golden["request_pae_sha256"].as_str().unwrap());
    assert_eq!(String::from_utf8(pending.payload().to_vec()).unwrap(), golden["payload"].as_str().unwrap());
    assert_eq!(PendingSecret::new(pending.request().clone()).unwrap(), pending);
    let Request { terms, sealed } = pending.request();
    assert_eq!(String::from_utf8(terms.to_draft().unwrap()).unwrap(), golden["draft"].as_str().unwrap());
    assert_eq!(Terms::from_draft(golden["draft"].as_str().unwrap().as_bytes()).as_ref(), Ok(terms));
    assert_eq!(hex::encode(info(terms)), golden["info"].as_str().unwrap());
    assert_eq!(sealed.class, Class::Small);
    let value = open_value(pending.request(), &sealing(), &golden_sealed()).unwrap();
    assert_eq!(value.expose(), golden["value"].as_str().unwrap().as_bytes());
    // Ed25519 gives the same signature each time.
    let signature = pending.sign_as_device(&device());
    let envelope = pending.complete(&signature, &device().verifying_key(), &control_plane()).unwrap();
    let expected = golden["request_envelope"]["signatures"][0]["sig"].as_str().unwrap();
    assert_eq!(STANDARD.encode(&signature.sig), expected);
    let (devices, control_planes) = keys();
    assert_eq!(open(envelope.bytes(), &devices, &control_planes).unwrap().0, pending);
    assert_eq!(claimed(&envelope), Some(terms.request));
}

#[test]
fn the_golden_receipt_verifies_and_contradictions_are_refused() {
    let bytes = golden()["receipt_envelope"].to_string();
    let keys = [control_plane().verifying_key(), runner().verifying_key()];
    let receipt = Receipt::open(bytes.as_bytes(), &keys).unwrap();
    assert_eq!(receipt.request_sha256, golden_request().sha256());
    let envelope = Envelope::parse(bytes.as_bytes(), MAX_RECEIPT).unwrap();
    assert_eq!(receipt.to_payload(), envelope.unverified_payload());
    assert!(Receipt::open(bytes.as_bytes(), &keys[..1]).is_err());
    let refused = Receipt { decision: Decision::Refused { code: "E-SECRET-030".parse().unwrap() }, ..receipt.clone() };
    assert_eq!(Receipt::open(refused.sign(&runner()).bytes(), &keys[1..]), Ok(refused));
    let payload = String::from_utf8(receipt.to_payload()).unwrap();
    for (from, to) in [
        ("accepted", "refused"),
        ("accepted", "kept"),
        ("\"code\":null", "\"code\":\"E-1\""),
        ("\"code\":null", "\"code\":null,\"code\":null"),
        ("\"v\":1", "\"v\":2"),
        ("\"seq\":12", "\"seq\":12,\"x\":1"),
        ("\"seq\":12", "\"seq\":-12"),
        ("\"at\":\"2026", "\"at\":\"26"),
        ("\"seq\":12", "\"seq\": 12"),
    ] {
        assert!(payload.contains(from), "{from}");
        let changed = payload.replacen(from, to, 1);
        let envelope = Envelope::sign(RECEIPT_TYPE, changed.as_bytes(), &[Signer::P256(&runner())]);
        assert!(Receipt::open(envelope.bytes(), &keys[1..]).is_err(), "{from} -> {to}");
    }
    // A receipt about evidence is none about a secret, and the other way round.
    let typed = |kind: &str| Envelope::sign(kind, payload.as_bytes(), &[Signer::P256(&runner())]);
    assert!(Receipt::open(typed(crate::drilldown::RECEIPT_TYPE).bytes(), &keys[1..]).is_err());
    assert!(crate::drilldown::Receipt::open(typed(RECEIPT_TYPE).bytes(), &keys[1..]).is_err());
}

#[test]
fn both_must_sign_this_type_and_nobody_else() {
    let pending = golden_request();
    let (one, two, stranger) = (device(), control_plane(), runner());
    let sign = |kind: &str, signers: &[Signer<'_>]| Envelope::sign(kind, pending.payload(), signers);
    let (as_device, as_control_plane) = (Signer::Ed25519(&one), Signer::P256(&two));
    for signers in [
        vec![as_device],
        vec![as_control_plane],
        vec![as_device, as_device],
        vec![as_device, Signer::P256(&stranger)],
        vec![as_device, as_control_plane, Signer::P256(&stranger)],
        vec![as_control_plane, as_control_plane],
    ] {
        assert!(matches!(refusal(&sign(SECRET_TYPE, &signers)), RequestError::Roles(_)), "{signers:?}");
    }
    let both = [as_device, as_control_plane];
    for kind in [crate::drilldown::REQUEST_TYPE, RECEIPT_TYPE, "application/json"] {
        assert!(matches!(refusal(&sign(kind, &both)), RequestError::Roles(_)), "{kind}");
    }
    let other = ed25519::SigningKey::from_seed([7; 32]);
    let complete = |signature: &EnvelopeSignature, key: &ed25519::SigningKey| {
        pending.complete(signature, &key.verifying_key(), &control_plane()).unwrap_err()
    };
    assert_eq!(complete(&pending.sign_as_device(&other), &other), RequestError::Device);
    assert!(matches!(complete(&pending.sign_as_device(&other), &device()), RequestError::Roles(_)));
    // An approved device that signs another device's request is refused for that.
    let (devices, control_planes) = ([device().verifying_key(), other.verifying_key()], keys().1);
    let envelope = sign(SECRET_TYPE, &[Signer::Ed25519(&other), as_control_plane]);
    assert_eq!(open(envelope.bytes(), &devices, &control_planes).unwrap_err(), RequestError::Device);
}

#[test]
fn another_spelling_of_the_payload_is_refused() {
    let payload = golden()["payload"].as_str().unwrap().to_owned();
    for (from, to) in [
        ("{\"v\":2", "{\"v\":1"),
        ("{\"v\":2", "{\"v\":2.0"),
        ("{\"v\":2", "{\"v\":2,\"v\":2"),
        ("{\"v\":2", "{\"v\":2,\"x\":null"),
        ("\"epoch\":\"Eovz", "\"epoch\":\"Eov"),
        ("==\",\"tenant\"", "\",\"tenant\""),
        ("\"name\":\"orders-db\"", "\"name\":\"orders db\""),
        ("\"name\":\"orders-db\"", "\"name\":\"\""),
        ("\"name\":\"orders-db\"", "\"name\":\"../orders\""),
        ("\"kem\":32", "\"kem\":33"),
        ("\"aead\":2", "\"aead\":3"),
        ("\"class\":256", "\"class\":255"),
        ("\"class\":256", "\"class\":65536"),
        ("\"class\":256,", ""),
        ("[\"pwd\",\"otp\"]", "[]"),
        ("[\"pwd\",\"otp\"]", "[\"pwd\",\"pwd\"]"),
        ("[\"pwd\",\"otp\"]", "[\"pwd\",\"magic\"]"),
        ("[\"pwd\",\"otp\"]", "[[\"pwd\"]]"),
        ("\"role\":\"administrator\"", "\"role\":\"ad ministrator\""),
        ("\"seq\":4", "\"seq\":-4"),
        (".000Z\"}", "Z\"}"),
        (".000Z\"}", ".000Z\"} "),
        ("\"kem\":32,\"kdf\":1", "\"kdf\":1,\"kem\":32"),
        ("\"name\":\"orders-db\"", "\"name\":\"\\u006frders-db\""),
        ("{\"v\":2", "{ \"v\":2"),
    ] {
        assert!(payload.contains(from), "{from}");
        let changed = payload.replacen(from, to, 1);
        assert!(PendingSecret::read(changed.clone().into_bytes()).is_err(), "{from} -> {to}");
        assert!(matches!(refusal(&signed(&changed)), RequestError::Payload(_)), "{from} -> {to}");
    }
    let draft = golden()["draft"].as_str().unwrap().to_owned();
    assert!(PendingSecret::read(draft.clone().into_bytes()).is_err(), "a draft is no request");
    assert!(Terms::from_draft(payload.as_bytes()).is_err(), "a request is no draft");
    let long = format!("{}{}", &draft[..draft.len() - 1], " ".repeat(MAX_PAYLOAD)) + "}";
    assert!(matches!(Terms::from_draft(long.as_bytes()), Err(RequestError::TooLong { .. })));
    assert!(matches!(envelope(&vec![b' '; MAX_REQUEST + 1]), Err(RequestError::TooLong { .. })));
}

/// A request for this value, sealed, with what it says of the sealed bytes.
fn sealed(value: &[u8]) -> (Request, Vec<u8>) {
    let terms = golden_request().request().terms.clone();
    let value = Secret::new(value.to_vec());
    let (bytes, said) = seal(&terms, &sealing().public(), &value, &SystemEntropy::new()).unwrap();
    (Request { terms, sealed: said }, bytes)
}

#[test]
fn the_length_of_a_value_shows_in_three_steps_only() {
    for (length, class) in [
        (1, Class::Small),
        (252, Class::Small),
        (253, Class::Medium),
        (2044, Class::Medium),
        (2045, Class::Large),
        (16_380, Class::Large),
    ] {
        let (request, bytes) = sealed(&vec![b'x'; length]);
        assert_eq!((request.sealed.class, bytes.len()), (class, 48 + class.bytes()), "{length}");
        assert_eq!(open_value(&request, &sealing(), &bytes).unwrap().expose(), &vec![b'x'; length]);
    }
    assert_eq!(MAX_VALUE, 16_380);
    assert_eq!(MAX_SEALED, 16_432);
    for length in [0, MAX_VALUE + 1] {
        let terms = golden_request().request().terms.clone();
        let refused = seal(&terms, &sealing().public(), &Secret::new(vec![1; length]), &SystemEntropy::new());
        assert_eq!(refused.unwrap_err(), SealError::Length(length));
    }
}

/// The sealed bytes say whom, what and when they are for: nobody on the way gives them another name, Runner, tenant,
/// request, device or length.
#[test]
fn a_value_opens_only_under_the_terms_it_was_sealed_under() {
    let (request, bytes) = sealed(b"hunter2");
    let opens = |request: &Request, bytes: &[u8]| open_value(request, &sealing(), bytes).map(|_| ());
    assert_eq!(opens(&request, &bytes), Ok(()));
    let changed = |change: &dyn Fn(&mut Request)| {
        let mut request = request.clone();
        change(&mut request);
        opens(&request, &bytes)
    };
    let other = [9; 10];
    let ends: [&dyn Fn(&mut Request); 6] = [
        &|request| request.terms.name = "orders-db2".parse().unwrap(),
        &|request| request.terms.runner = RunnerId::from_parts(1, other),
        &|request| request.terms.tenant = TenantId::from_parts(1, other),
        &|request| request.terms.request = RequestId::from_parts(1, other),
        &|request| request.terms.person.device = Digest::ZERO,
        &|request| request.sealed.class = Class::Medium,
    ];
    for (index, change) in ends.iter().enumerate() {
        assert!(matches!(changed(change), Err(OpenError::Sealed(_))), "{index}");
    }
    assert_eq!(changed(&|request| request.sealed.sha256 = Digest::ZERO), Err(OpenError::Bytes));
    assert_eq!(changed(&|request| request.sealed.key = Digest::ZERO), Err(OpenError::Key));
    let mut request = request;
    for at in [0, 31, 32, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert_eq!(opens(&request, &damaged), Err(OpenError::Bytes));
        request.sealed.sha256 = crypto::digest::sha256(&damaged);
        assert!(matches!(opens(&request, &damaged), Err(OpenError::Sealed(_))), "{at}");
    }
    for length in [0, 31, 32, 47] {
        request.sealed.sha256 = crypto::digest::sha256(&bytes[..length]);
        assert!(opens(&request, &bytes[..length]).is_err(), "{length}");
    }
    // Another key pair.
    let other = hpke::KeyPair::generate(&SystemEntropy::new());
    let (mut request, bytes) = sealed(b"hunter2");
    assert_eq!(open_value(&request, &other, &bytes).unwrap_err(), OpenError::Key);
    request.sealed.key = crypto::digest::sha256(other.public().as_bytes());
    assert!(matches!(open_value(&request, &other, &bytes), Err(OpenError::Sealed(_))));
}

/// Whoever seals may have sealed anything: one value has one plaintext.
#[test]
fn what_was_sealed_must_be_a_value() {
    let terms = golden_request().request().terms.clone();
    let try_plaintext = |class: Class, plaintext: &[u8]| {
        let aad = u32::try_from(class.bytes()).unwrap().to_be_bytes();
        let key = sealing();
        let (enc, mut sealer) = hpke::Sealer::new(&key.public(), &info(&terms), &SystemEntropy::new()).unwrap();
        let bytes = [enc.as_slice(), &sealer.seal(&aad, plaintext).unwrap()].concat();
        let sha256 = crypto::digest::sha256(&bytes);
        let said = SealedRef { key: crypto::digest::sha256(key.public().as_bytes()), class, sha256 };
        open_value(&Request { terms: terms.clone(), sealed: said }, &key, &bytes).map(|_| ())
    };
    let plaintext = |length: u32, value: &[u8], filled: usize| {
        let mut plaintext = [length.to_be_bytes().as_slice(), value].concat();
        plaintext.resize(filled, 0);
        plaintext
    };
    assert_eq!(try_plaintext(Class::Small, &plaintext(3, b"abc", 256)), Ok(()));
    for (why, class, bytes) in [
        ("empty", Class::Small, plaintext(0, b"", 256)),
        ("shorter than its class", Class::Small, plaintext(3, b"abc", 255)),
        ("longer than its class", Class::Small, plaintext(3, b"abc", 257)),
        ("a length beyond the end", Class::Small, plaintext(253, b"abc", 256)),
        ("a length of 4 GiB", Class::Small, plaintext(u32::MAX, b"abc", 256)),
        ("a filling that is none", Class::Small, plaintext(2, b"abc", 256)),
        ("a larger class than needed", Class::Medium, plaintext(3, b"abc", 2048)),
        ("nothing at all", Class::Small, Vec::new()),
        ("less than a length", Class::Small, vec![0, 0, 1]),
    ] {
        assert_eq!(try_plaintext(class, &bytes), Err(OpenError::Value), "{why}");
    }
}

proptest! {
    #[test]
    fn garbage_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let (devices, control_planes) = keys();
        prop_assert!(open(&bytes, &devices, &control_planes).is_err());
        prop_assert!(PendingSecret::read(bytes.clone()).is_err());
        prop_assert!(Terms::from_draft(&bytes).is_err());
        prop_assert!(Receipt::open(&bytes, &control_planes).is_err());
        prop_assert!(open_value(golden_request().request(), &sealing(), &bytes).is_err());
    }

    #[test]
    fn a_value_comes_out_as_it_went_in(value in prop::collection::vec(any::<u8>(), 1..3000)) {
        let (request, bytes) = sealed(&value);
        let opened = open_value(&request, &sealing(), &bytes).unwrap();
        prop_assert_eq!(opened.expose(), &value);
    }
}
