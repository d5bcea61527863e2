use super::*;

fn keys() -> ([ed25519::VerifyingKey; 1], [p256::VerifyingKey; 1]) {
    ([device().verifying_key()], [control_plane().verifying_key()])
}

fn signed(payload: &str) -> Envelope {
    let signers = (device(), control_plane());
    Envelope::sign(REQUEST_TYPE, payload.as_bytes(), &[Signer::Ed25519(&signers.0), Signer::P256(&signers.1)])
}

fn refusal(envelope: &Envelope) -> RequestError {
    let (devices, control_planes) = keys();
    open(envelope.bytes(), &devices, &control_planes).unwrap_err()
}

#[test]
fn the_golden_request_is_read_and_written() {
    let pending = golden_request();
    assert_eq!(pending.sha256().to_string(), golden()["request_pae_sha256"].as_str().unwrap());
    let request = pending.request();
    assert_eq!(request.items[0].rows, Some(vec![1, 4]));
    assert_eq!(request.items[1].rows, None);
    assert_eq!(request.person.factors, [Factor::Password, Factor::Otp]);
    assert_eq!((request.purpose, request.reason.as_str()), (Purpose::Audit, "Q4 sample"));
    assert_eq!(PendingRequest::new(request.clone()).unwrap(), pending);
    // The device's signature is the golden one: Ed25519 gives the same each time.
    let signature = pending.sign_as_device(&device());
    assert_eq!(signature.keyid, golden()["request_envelope"]["signatures"][0]["keyid"].as_str().unwrap());
    assert_eq!(signature.sig, unbase(&golden()["request_envelope"]["signatures"][0]["sig"]));
    let envelope = pending.complete(&signature, &device().verifying_key(), &control_plane()).unwrap();
    let (devices, control_planes) = keys();
    let (again, signed_by) = open(envelope.bytes(), &devices, &control_planes).unwrap();
    assert_eq!(again, pending);
    assert_eq!(signed_by, SignedBy { device: devices[0], control_plane: control_planes[0] });
    assert_eq!(claimed(&envelope), Some(request.request));
}

#[test]
fn a_signature_of_another_device_or_over_other_bytes_is_not_completed() {
    let pending = golden_request();
    let other = ed25519::SigningKey::from_seed([7; 32]);
    let complete = |signature: &dsse::EnvelopeSignature, key: &ed25519::SigningKey| {
        pending.complete(signature, &key.verifying_key(), &control_plane())
    };
    assert_eq!(complete(&pending.sign_as_device(&other), &other).unwrap_err(), RequestError::Device);
    let unsigned = complete(&pending.sign_as_device(&other), &device()).unwrap_err();
    assert!(matches!(unsigned, RequestError::Roles(_)));
    let mut request = pending.request().clone();
    request.recipient = hpke::KeyPair::generate(&SystemEntropy::new()).public();
    let swapped = PendingRequest::new(request).unwrap();
    assert!(swapped.check_device(&pending.sign_as_device(&device()), &device().verifying_key()).is_err());
    // Whatever hint the device sends along, ours stands in the envelope.
    let mut hinted = pending.sign_as_device(&device());
    hinted.keyid = "\"x".repeat(5000);
    assert_eq!(
        complete(&hinted, &device()).unwrap().bytes().len(),
        complete(&pending.sign_as_device(&device()), &device()).unwrap().bytes().len()
    );
}

#[test]
fn both_must_sign_and_nobody_else() {
    let pending = golden_request();
    let (one, two, stranger) = (device(), control_plane(), runner());
    let sign = |signers: &[Signer<'_>]| Envelope::sign(REQUEST_TYPE, pending.payload(), signers);
    let (as_device, as_control_plane) = (Signer::Ed25519(&one), Signer::P256(&two));
    for signers in [
        vec![as_device],
        vec![as_control_plane],
        vec![as_device, as_device],
        vec![as_device, Signer::P256(&stranger)],
        vec![as_device, as_control_plane, Signer::P256(&stranger)],
        vec![as_control_plane, as_control_plane],
    ] {
        assert!(matches!(refusal(&sign(&signers)), RequestError::Roles(_)), "{signers:?}");
    }
    let (devices, control_planes) = keys();
    assert!(open(sign(&[as_control_plane, as_device]).bytes(), &devices, &control_planes).is_ok());
    let typed = Envelope::sign(RECEIPT_TYPE, pending.payload(), &[as_device, as_control_plane]);
    assert!(matches!(refusal(&typed), RequestError::Roles(dsse::DsseError::Type(_))));
    // A known device signed, but not the one that the request names.
    let other = ed25519::SigningKey::from_seed([7; 32]);
    let envelope = sign(&[Signer::Ed25519(&other), as_control_plane]);
    let known = [device().verifying_key(), other.verifying_key()];
    assert_eq!(open(envelope.bytes(), &known, &control_planes).unwrap_err(), RequestError::Device);
}

#[test]
fn only_the_exact_document_is_read() {
    let payload = String::from_utf8(golden_request().payload().to_vec()).unwrap();
    let (devices, control_planes) = keys();
    assert!(open(signed(&payload).bytes(), &devices, &control_planes).is_ok());
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("\"v\":1", "\"v\":1,\"extra\":null"),
        ("\"v\":1", "\"v\":1,\"v\":1"),
        ("\"v\":1", "\"v\":true"),
        ("\"epoch\":\"Eovz", "\"epoch\":\"Eov"),
        ("w==", "x=="),
        ("\"rows\":[1,4]", "\"rows\":[4,1]"),
        ("\"rows\":[1,4]", "\"rows\":[1,1]"),
        ("\"rows\":[1,4]", "\"rows\":[]"),
        ("\"rows\":[1,4]", "\"rows\":[-1,4]"),
        ("\"rows\":[1,4]", "\"rows\":[1.0,4]"),
        ("\"rows\":[1,4]", "\"rows\":[[1]]"),
        ("\"rows\":[1,4]", "\"rows\":\"all\""),
        ("\"rows\":null", "\"rows\":false"),
        (",\"rows\":null", ""),
        ("\"rows\":null", "\"rows\":null,\"rows\":null"),
        ("000000000005", "000000000004"),
        ("\"factors\":[\"pwd\",\"otp\"]", "\"factors\":[]"),
        ("\"factors\":[\"pwd\",\"otp\"]", "\"factors\":[\"pwd\",\"pwd\"]"),
        ("\"factors\":[\"pwd\",\"otp\"]", "\"factors\":[\"sms\"]"),
        ("\"role\":\"auditor\"", "\"role\":\"an auditor\""),
        ("\"purpose\":\"audit\"", "\"purpose\":\"curiosity\""),
        ("Q4 sample", ""),
        ("Q4 sample", "Q4\\u202esample"),
        ("\"kem\":32", "\"kem\":16"),
        ("\"aead\":2", "\"aead\":1"),
        ("\"aead\":2", "\"aead\":2.0"),
        ("KfNuhmZjK7eg9KCO+ZA4RfcXiS2VFWLa/yKcBQII9io=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("KfNuhmZjK7eg9KCO+ZA4RfcXiS2VFWLa/yKcBQII9io=", "KfNuhmZjK7eg9KCO+ZA4RfcXiS2VFWLa/yKcBQII9ip="),
        ("\"seq\":3", "\"seq\":\"3\""),
        ("03.500Z\",\"expires\"", "03.5Z\",\"expires\""),
        ("019aa7f0-0000-7000-8000-000000000006", "019AA7F0-0000-7000-8000-000000000006"),
        ("}", "} "),
        ("{\"v\"", "[{\"v\""),
        ("\"kem\":32,\"kdf\":1", "\"kdf\":1,\"kem\":32"),
        ("Q4 sample", "Q4\\u0020sample"),
    ] {
        assert!(payload.contains(from), "{from}");
        let changed = payload.replacen(from, to, 1);
        assert!(open(signed(&changed).bytes(), &devices, &control_planes).is_err(), "{from} -> {to}");
    }
}

#[test]
fn a_request_of_any_allowed_size_fits_its_envelope() {
    let mut request = golden_request().request().clone();
    let rows = |count: u64| Some((1_000..1_000 + count).collect());
    request.items.truncate(1);
    let largest = (1..2_000).rev().find(|count| {
        request.items[0].rows = rows(*count);
        PendingRequest::new(request.clone()).is_ok()
    });
    let largest = largest.unwrap();
    assert!(largest > 900, "only {largest} rows of four digits can be named");
    request.items[0].rows = rows(largest);
    let pending = PendingRequest::new(request.clone()).unwrap();
    let mut longest = 0;
    for _ in 0..16 {
        let envelope =
            pending.complete(&pending.sign_as_device(&device()), &device().verifying_key(), &control_plane()).unwrap();
        longest = longest.max(envelope.bytes().len());
    }
    assert!(longest <= MAX_REQUEST, "{longest}");
    request.items[0].rows = rows(largest + 1);
    assert!(matches!(PendingRequest::new(request.clone()), Err(RequestError::TooLong { .. })));
    let long = vec![b' '; MAX_REQUEST + 1];
    assert_eq!(envelope(&long).unwrap_err(), RequestError::TooLong { found: MAX_REQUEST + 1, limit: MAX_REQUEST });
    request.items = Vec::new();
    assert!(matches!(PendingRequest::new(request), Err(RequestError::Items(_))));
}

#[test]
fn the_vocabularies_are_closed() {
    for factor in Factor::ALL {
        assert_eq!(factor.as_str().parse(), Ok(*factor));
    }
    for purpose in Purpose::ALL {
        assert_eq!(purpose.to_string().parse(), Ok(*purpose));
    }
    assert!("Audit".parse::<Purpose>().is_err() && "".parse::<Factor>().is_err());
    assert_eq!("api-key".parse(), Ok(Factor::ApiKey));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parsers_panic(bytes: Vec<u8>, at: usize, byte: u8) {
        let (devices, control_planes) = keys();
        let _ = open(&bytes, &devices, &control_planes);
        let _ = PendingRequest::read(bytes.clone());
        let _ = Receipt::open(&bytes, &control_planes);
        for document in [&golden()["request_envelope"], &golden()["receipt_envelope"]] {
            let mut changed = document.to_string().into_bytes();
            let at = at % changed.len();
            changed[at] = byte;
            let _ = open(&changed, &devices, &control_planes);
            let _ = Receipt::open(&changed, &control_planes);
        }
        let mut payload = golden_request().payload().to_vec();
        let at = at % payload.len();
        payload[at] = byte;
        if let Ok(pending) = PendingRequest::read(payload.clone()) {
            prop_assert_eq!(pending.payload(), payload);
        }
    }

    #[test]
    fn what_is_built_reads_back(seed: u64, rows in proptest::collection::btree_set(any::<u64>(), 1..60), whole: bool,
                                reason in "[a-zA-Zäöü0-9 ]{0,100}x", seq: u64, life in 0..200_000_i64) {
        let mut request = golden_request().request().clone();
        request.request = ids::RequestId::from_parts(seed >> 16, [seed as u8; 10]);
        request.items[0].rows = if whole { None } else { Some(rows.into_iter().collect()) };
        request.reason = reason.parse().unwrap();
        request.audit.seq = seq;
        request.expires = request.issued.plus_ms(life);
        let pending = PendingRequest::new(request).unwrap();
        prop_assert_eq!(PendingRequest::read(pending.payload().to_vec()).unwrap(), pending);
    }
}
