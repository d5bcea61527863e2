//! Writes the committed corpora anew. Needed only when a format gets a new version:
//! `cargo test -p tests --test replay -- --ignored make_the_corpora`, twice, as the base bundle is compiled in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crypto::digest::sha256;
use proof::bundle::Notation;
use proof::dsse::{Envelope, Signer};
use proof::log::Chain;
use proof::merkle::{Tree, leaf_hash};
use proof::note::SignedNote;
use proof::tlog_proof::TlogProof;
use serde_json::Value;

use crate::hostile;
use crate::sample::{Sample, bundle};
use crate::seeds::{Seed, folder};
use crate::targets::{TARGETS, pack, vector};

const BUNDLES: [(&str, &str, Notation); 3] = [
    ("tls-endpoint", "a-tls-endpoint.yaml", Notation::Yaml),
    ("access-review", "d-access-review.md", Notation::Markdown),
    ("awareness", "f-awareness.yaml", Notation::Yaml),
];

#[test]
#[ignore = "writes into the repository"]
fn make_the_corpora() {
    for (target, _) in TARGETS {
        for seed in hostile::small(target) {
            keep(target, &seed.name, &seed.bytes);
        }
    }
    let mut genuine = BTreeSet::from([vector_of("/manifest_sha256")]);
    for (number, (name, example, notation)) in (11..).zip(BUNDLES) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/examples").join(example);
        let Sample { bundle, manifest, attestation, journal, journal_key } =
            bundle(&std::fs::read(path).expect("the example is readable"), notation, number);
        genuine.insert(sha256(&manifest).to_string());
        genuine.insert(format!("journal {journal_key}"));
        if number == 11 {
            archives(&bundle);
        }
        keep("bundle", &format!("{name}.proof.zip"), &bundle);
        keep("manifest", name, &manifest);
        keep("dsse", &format!("{name}-attestation"), &attestation);
        for (number, line) in journal.iter().enumerate() {
            keep("journal_line", &format!("{name}-{number}"), line.as_bytes());
        }
    }
    let genuine: String = genuine.into_iter().map(|line| line + "\n").collect();
    std::fs::write(folder().join("genuine.txt"), genuine).expect("the folder is writable");
    golden();
}

/// Broken archives, made of a small one as nobody looks into them; and each file of the bundle by itself.
fn archives(bundle: &[u8]) {
    let small = BTreeMap::from([("journal.line", b"{\"seq\":0}".as_slice()), ("manifest.jsonl", b"{\"v\":1}\n")]);
    for Seed { name, bytes } in hostile::archives(&pack(&small)) {
        keep("bundle", &name, &bytes);
    }
    let read = proof::bundle::read(bundle).expect("the sample is a bundle");
    for (name, content) in read.files().filter(|(name, _)| *name != "VERIFY.md") {
        let input = [name.as_bytes(), b"\n", content].concat();
        keep("bundle_file", &name.replace('/', "-"), &input);
    }
}

/// The golden values of the formats.
fn golden() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/formats-v1.json"));
    let vectors: Value = serde_json::from_str(&text.expect("the vectors are readable")).expect("the vectors are JSON");
    for (name, pointer) in [
        ("golden-attestation", "/attestation"),
        ("golden-request", "/drilldown/request_envelope"),
        ("golden-receipt", "/drilldown/receipt_envelope"),
    ] {
        let envelope = vectors.pointer(pointer).expect("the golden envelope is there");
        keep("dsse", name, envelope.to_string().as_bytes());
    }
    let other = crypto::ed25519::SigningKey::from_seed([7; 32]);
    let envelope = Envelope::sign("application/vnd.in-toto+json", b"{}", &[Signer::Ed25519(&other)]);
    keep("dsse", "other-key", envelope.bytes());
    keep("manifest", "golden", vector("/manifest").as_bytes());
    let checkpoint = vector("/log/checkpoint");
    keep("note", "golden", checkpoint.as_bytes());
    let mut chain = Chain::new();
    let mut leaves = Vec::new();
    for number in 0..5 {
        let line = vector_of(&format!("/log/lines/{number}"));
        keep("journal_line", &format!("golden-{number}"), line.as_bytes());
        chain.check(&line).expect("the golden lines are a chain");
        leaves.push(leaf_hash(line.as_bytes()));
    }
    let path = Tree::new(leaves).inclusion_path(3).expect("five records are in the log");
    let checkpoint = SignedNote::parse(checkpoint).expect("the golden note reads");
    let proof = TlogProof { extra: None, index: 3, path, checkpoint };
    keep("tlog_proof", "golden", proof.to_text().as_bytes());
}

fn vector_of(pointer: &str) -> String {
    vector(pointer).to_owned()
}

fn keep(target: &str, name: &str, bytes: &[u8]) {
    let folder = folder().join("corpus").join(target);
    std::fs::create_dir_all(&folder).expect("the repository is writable");
    std::fs::write(folder.join(name), bytes).expect("the repository is writable");
}
