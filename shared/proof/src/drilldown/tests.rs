use crypto::{Secret, SystemEntropy, ed25519, hpke, p256};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::commitment::{Commitment, Committer, ItemSecret, OpeningError, Salt, Salts};
use crate::dsse::{self, Envelope, Signer};
use crate::merkle::Tree;
use crate::vectors;

mod answers;
mod requests;

fn golden() -> &'static Value {
    &vectors::load()["drilldown"]
}

fn unbase(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
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

fn golden_request() -> PendingRequest {
    let bytes = golden()["request_envelope"].to_string();
    open(bytes.as_bytes(), &[device().verifying_key()], &[control_plane().verifying_key()]).unwrap().0
}

#[test]
fn the_golden_receipt_verifies_and_its_payload_is_reproduced() {
    let bytes = golden()["receipt_envelope"].to_string();
    let keys = [control_plane().verifying_key(), runner().verifying_key()];
    let receipt = Receipt::open(bytes.as_bytes(), &keys).unwrap();
    assert_eq!(receipt.request, golden_request().request().request);
    assert_eq!(receipt.request_sha256, golden_request().sha256());
    let envelope = Envelope::parse(bytes.as_bytes(), MAX_RECEIPT).unwrap();
    assert_eq!(receipt.to_payload(), envelope.unverified_payload());
    assert_eq!(Receipt::open(receipt.sign(&runner()).bytes(), &keys[1..]), Ok(receipt.clone()));
    assert!(matches!(Receipt::open(bytes.as_bytes(), &keys[..1]), Err(ReceiptError::Envelope(_))));
    let code: crate::text::Name = "E-DRILL-004".parse().unwrap();
    for decision in [Decision::Refused { code: code.clone() }, Decision::CutOff { code }] {
        let receipt = Receipt { decision, ..receipt.clone() };
        assert_eq!(Receipt::open(receipt.sign(&runner()).bytes(), &keys[1..]), Ok(receipt));
    }
}

#[test]
fn a_receipt_that_contradicts_itself_is_refused() {
    let envelope = golden()["receipt_envelope"].to_string();
    let payload = Envelope::parse(envelope.as_bytes(), MAX_RECEIPT).unwrap().unverified_payload().to_vec();
    let payload = String::from_utf8(payload).unwrap();
    let open = |payload: &str| {
        let envelope = Envelope::sign(RECEIPT_TYPE, payload.as_bytes(), &[Signer::P256(&runner())]);
        Receipt::open(envelope.bytes(), &[runner().verifying_key()])
    };
    assert!(open(&payload).is_ok());
    for (from, to) in [
        ("answered", "refused"),
        ("answered", "granted"),
        ("\"code\":null", "\"code\":\"E-1\""),
        ("\"code\":null", "\"code\":\"\\u202e\""),
        (
            "\"sealed_sha256\":\"270fec3c851c0aee70bbb5495678943ec4c624d49406bdf0c8525575b016bbbf\"",
            "\"sealed_sha256\":null",
        ),
        ("\"sealed_sha256\":\"270f", "\"sealed_sha256\":\"270F"),
        ("\"v\":1", "\"v\":2"),
        ("\"v\":1", "\"v\":1,\"v\":1"),
        ("\"seq\":9", "\"seq\":9,\"x\":1"),
        ("\"seq\":9", "\"seq\":-9"),
        ("\"seq\":9", "\"seq\":[[9]]"),
        ("\"at\":\"2026", "\"at\":\"26"),
    ] {
        assert!(payload.contains(from), "{from}");
        assert!(open(&payload.replacen(from, to, 1)).is_err(), "{from} -> {to}");
    }
    let other_type = Envelope::sign(REQUEST_TYPE, payload.as_bytes(), &[Signer::P256(&runner())]);
    assert!(Receipt::open(other_type.bytes(), &[runner().verifying_key()]).is_err());
}
