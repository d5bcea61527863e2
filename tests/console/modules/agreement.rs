//! What the scripts and the Rust code say of the same bytes: they take and refuse the same documents. There is one
//! exception: an integer beyond 2^53 - 1, which a script cannot hold exactly, is refused by the scripts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contract::enrolment::{KEYS_TYPE, KeyStatement};
use crypto::{SystemEntropy, ed25519, p256};
use proof::checkpoint::{journal_origin, runner_witness};
use proof::commitment::{ItemSecret, RowOpening, Salts, commit};
use proof::drilldown::{PendingRequest, RECEIPT_TYPE, Receipt};
use proof::dsse::{Envelope, MAX_ENVELOPE, Signer};
use proof::merkle::Tree;
use proof::note::{Algorithm, VerifierKey};
use proof::{attestation, manifest};
use serde_json::{Value, json};

use super::dice::Dice;
use super::{Scripts, vectors};

/// Documents of each kind.
const EACH: usize = 400;

fn p256_key(name: &str) -> p256::SigningKey {
    let pem = vectors("formats-v1.json")["keys"][name]["private_pem"].as_str().unwrap().to_owned();
    let der = crypto::pem::decode("PRIVATE KEY", &pem).unwrap();
    p256::SigningKey::from_pkcs8(crypto::Secret::new(der), &SystemEntropy::new()).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Whether a text holds an integer that a script cannot hold.
fn is_beyond(bytes: &[u8]) -> bool {
    bytes.split(|byte| !byte.is_ascii_digit()).any(|digits| digits.len() >= 16)
}

/// The documents with one thing changed, and the unchanged one.
fn changed(dice: &mut Dice, text: &[u8]) -> Vec<Vec<u8>> {
    std::iter::once(text.to_vec()).chain((1..EACH).map(|_| dice.changed(text))).collect()
}

/// Compares what both said, document by document.
#[track_caller]
fn agree(kind: &str, documents: &[Vec<u8>], ours: &[bool], theirs: &Value) {
    let theirs = theirs.as_array().unwrap();
    assert_eq!((documents.len(), ours.len()), (theirs.len(), theirs.len()));
    let mut taken = 0;
    for ((document, ours), theirs) in documents.iter().zip(ours).zip(theirs) {
        let is_taken = theirs.as_str() == Some("");
        taken += usize::from(is_taken);
        let text = String::from_utf8_lossy(document);
        assert!(
            *ours == is_taken || (*ours && is_beyond(document)),
            "{kind}: Rust {}, script {theirs}:\n{text}",
            if *ours { "takes it" } else { "refuses it" }
        );
    }
    assert!(taken > 0 && taken < documents.len(), "{kind}: {taken} of {} are taken", documents.len());
}

#[test]
fn both_take_the_same_documents() {
    let (scripts, mut dice, entropy) = (Scripts::start(), Dice::new(), SystemEntropy::new());
    let golden = vectors("formats-v1.json");
    let runner = p256_key("runner");
    let spki = base64(&runner.verifying_key().to_spki());
    let judge = |kind: &str, documents: &[Vec<u8>], more: Value| {
        let documents: Vec<String> = documents.iter().map(|document| base64(document)).collect();
        scripts.run(include_str!("../scripts/judge.js"), json!([kind, documents, spki, more]))
    };

    let text = golden["manifest"].as_str().unwrap().as_bytes();
    let manifests = changed(&mut dice, text);
    let ours: Vec<bool> = manifests.iter().map(|bytes| manifest::parse(bytes).is_ok()).collect();
    agree("manifest", &manifests, &ours, &judge("manifest", &manifests, json!(null)));

    let text = STANDARD.decode(golden["drilldown"]["request_envelope"]["payload"].as_str().unwrap()).unwrap();
    let requests = changed(&mut dice, &text);
    let ours: Vec<bool> = requests.iter().map(|bytes| PendingRequest::read(bytes.clone()).is_ok()).collect();
    agree("request", &requests, &ours, &judge("request", &requests, json!(null)));

    let text = golden["drilldown"]["receipt_envelope"].to_string().into_bytes();
    let receipts = changed(&mut dice, &text);
    let key = runner.verifying_key();
    let ours: Vec<bool> = receipts.iter().map(|bytes| Receipt::open(bytes, &[key]).is_ok()).collect();
    let request = &golden["drilldown"];
    let about = json!({"id": "019aa7f0-0000-7000-8000-000000000006", "sha256": request["request_pae_sha256"]});
    agree("receipt", &receipts, &ours, &judge("receipt", &receipts, about.clone()));

    // What is signed may still not be what it should be.
    let text = STANDARD.decode(golden["drilldown"]["receipt_envelope"]["payload"].as_str().unwrap()).unwrap();
    let signed = |kind: &str, payloads: Vec<Vec<u8>>| -> Vec<Vec<u8>> {
        let sign = |payload: Vec<u8>| Envelope::sign(kind, &payload, &[Signer::P256(&runner)]).bytes().to_vec();
        payloads.into_iter().map(sign).collect()
    };
    let payloads = changed(&mut dice, &text);
    let receipts = signed(RECEIPT_TYPE, payloads.clone());
    let of_request = |receipt: Receipt| {
        receipt.request.to_string() == about["id"] && receipt.request_sha256.to_string() == about["sha256"]
    };
    let ours: Vec<bool> = receipts.iter().map(|bytes| Receipt::open(bytes, &[key]).is_ok_and(of_request)).collect();
    agree("signed receipt", &payloads, &ours, &judge("receipt", &receipts, about.clone()));

    let bytes = golden["manifest"].as_str().unwrap().as_bytes();
    let read = manifest::parse(bytes).unwrap();
    let statement = attestation::Statement::of(&read, bytes).to_bytes();
    let payloads = changed(&mut dice, &statement);
    let attested = signed(attestation::PAYLOAD_TYPE, payloads.clone());
    let holds = |bytes_: &Vec<u8>| {
        let opened =
            Envelope::parse(bytes_, MAX_ENVELOPE).ok().and_then(|envelope| attestation::open(&envelope, &[key]).ok());
        opened.is_some_and(|statement| statement.matches(&read, bytes).is_ok())
    };
    let ours: Vec<bool> = attested.iter().map(holds).collect();
    let theirs = judge("attestation", &attested, json!({"manifest": base64(bytes), "run": read.run.run}));
    agree("attestation", &payloads, &ours, &theirs);

    let (tenant, runner_id) = (read.run.tenant, read.run.runner);
    let vkey = |name, kind| VerifierKey::new(name, kind, ed25519::SigningKey::generate(&entropy).verifying_key());
    let keys = KeyStatement {
        tenant,
        runner: runner_id,
        label: contract::Label::new("Keller \"3\"").unwrap(),
        software: "proctor-runner 0.1.0".parse().unwrap(),
        tls_key: crypto::Digest::ZERO,
        attestation_key: key,
        journal_key: vkey(journal_origin(tenant, runner_id), Algorithm::Ed25519),
        witness_key: vkey(runner_witness(tenant, runner_id), Algorithm::Cosignature),
        sealing_key: [9; 32],
    };
    let payloads = changed(&mut dice, &keys.to_bytes());
    let statements = signed(KEYS_TYPE, payloads.clone());
    let ours: Vec<bool> = statements
        .iter()
        .map(|bytes| {
            let opened =
                Envelope::parse(bytes, MAX_ENVELOPE).ok().and_then(|envelope| KeyStatement::open(&envelope).ok());
            opened.is_some_and(|(said, _)| said.tenant == tenant && said.runner == runner_id)
        })
        .collect();
    let theirs = judge("statement", &statements, json!({"tenant": tenant, "runner": runner_id}));
    agree("statement", &payloads, &ours, &theirs);
}

#[test]
fn both_take_the_same_openings_of_random_commitments() {
    let (scripts, mut dice) = (Scripts::start(), Dice::new());
    let mut openings = Vec::new();
    for size in (0..20).chain([31, 32, 33, 64, 65, 100, 257]) {
        let rows: Vec<Vec<u8>> = (0..size)
            .map(|_| {
                let length = dice.below(70);
                dice.bytes(length)
            })
            .collect();
        let secret = ItemSecret::from_bytes(dice.bytes(32).try_into().unwrap());
        let commitment = commit(&secret, &rows);
        let salts = Salts::new(&secret);
        let leaf = |index: usize| {
            let salt = salts.of(u64::try_from(index).unwrap());
            proof::merkle::leaf_hash_of_parts(salt.as_bytes(), &rows[index])
        };
        let leaves: Vec<_> = (0..rows.len()).map(leaf).collect();
        let tree = Tree::new(leaves.clone());
        openings.push(json!({
            "rows": rows.len(), "root": commitment.root,
            "all": (0..rows.len()).map(|index| json!([
                base64(salts.of(u64::try_from(index).unwrap()).as_bytes()), base64(&rows[index]),
            ])).collect::<Vec<_>>(),
            "paths": (0..rows.len()).map(|index| {
                let path = tree.inclusion_path(u64::try_from(index).unwrap()).unwrap();
                let opening = RowOpening::from_leaves(&secret, &leaves, u64::try_from(index).unwrap(), rows[index].clone());
                assert_eq!(opening.unwrap().path, path);
                path.iter().map(ToString::to_string).collect::<Vec<_>>()
            }).collect::<Vec<_>>(),
        }));
    }
    let said = scripts.run(include_str!("../scripts/openings.js"), json!([openings]));
    assert_eq!(said["failed"], json!([]));
    assert!(said["held"].as_u64().unwrap() > 2_000, "{said}");
}
