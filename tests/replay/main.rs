//! Replays the corpora of the fuzz targets: every file, and a few thousand seeded mutations of them, through the same
//! code and the same assertions as the fuzzers, each within a generous time.

#[expect(unreachable_pub, reason = "the fuzz targets are a crate of their own, which is made of this file")]
#[path = "../fuzz/targets.rs"]
mod targets;

mod guard;
mod hostile;
mod make;
mod mutation;
mod sample;
mod seeds;

use std::collections::BTreeMap;

use guard::within_time;
use mutation::Mutator;
use procedure::Notation;
use proof::dsse::Envelope;
use proof::verification::Verdict;
use seeds::{Seed, seeds};
use targets::TARGETS;

/// Mutations tried of each corpus.
const MUTATIONS: usize = 800;

#[test]
fn every_target_has_a_program_and_a_corpus() {
    let manifest = std::fs::read_to_string(seeds::folder().join("Cargo.toml")).expect("the manifest is readable");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} has no program");
        assert!(seeds(name).len() >= 5, "{name} has next to no corpus");
    }
    let size: u64 =
        TARGETS.iter().flat_map(|(name, _)| seeds::committed(name)).map(|seed| seed.bytes.len() as u64).sum();
    assert!(size < 300 * 1024, "the committed corpora have {size} bytes; a clone carries them for ever");
}

#[test]
fn every_file_of_every_corpus_holds() {
    for (target, run) in TARGETS {
        let count = within_time(target, *run, seeds(target).into_iter()).unwrap();
        assert!(count >= 5, "{target}: only {count} inputs");
    }
}

#[test]
fn inputs_at_the_limits_hold() {
    for (target, run) in TARGETS {
        within_time(target, *run, hostile::large(target).into_iter()).unwrap();
    }
}

#[test]
fn mutations_of_every_corpus_hold() {
    for (target, run) in TARGETS {
        let corpus = seeds(target);
        let mut mutator = Mutator::new(target, &corpus);
        let count = within_time(target, *run, (0..MUTATIONS).map(|_| mutator.next_input())).unwrap();
        assert_eq!(count, MUTATIONS);
    }
}

/// The fuzzers can tell: the targets notice what they are there to notice.
#[test]
fn the_genuine_inputs_get_as_far_as_they_should() {
    let bundles = seeds::committed("bundle");
    let verified = |seed: &&Seed| verify::verify(&seed.bytes, targets::trust()).verdict == Verdict::Verified;
    let genuine: Vec<_> = bundles.iter().filter(verified).map(|seed| seed.name.as_str()).collect();
    assert_eq!(genuine.len(), 3, "verified: {genuine:?}");
    for seed in bundles.iter().filter(verified) {
        let bundle = proof::bundle::read(&seed.bytes).expect("it is verified");
        let files: BTreeMap<&str, &[u8]> = bundle.files().collect();
        assert_eq!(targets::pack(&files), seed.bytes, "the second writer of archives writes the same");
    }
    let parsed =
        |name: &str, parse: &dyn Fn(&[u8]) -> bool| seeds(name).iter().filter(|seed| parse(&seed.bytes)).count();
    assert!(parsed("procedure_yaml", &|bytes| procedure::read(bytes, Notation::Yaml).is_ok()) >= 20);
    assert!(parsed("procedure_markdown", &|bytes| procedure::read(bytes, Notation::Markdown).is_ok()) >= 3);
    assert!(parsed("dsse", &|bytes| Envelope::parse(bytes, 1 << 20).is_ok()) >= 3);
    assert!(parsed("manifest", &|bytes| proof::manifest::parse(bytes).is_ok()) >= 3);
    assert!(parsed("note", &|bytes| proof::note::parse(bytes).is_ok()) >= 1);
    assert!(parsed("tlog_proof", &|bytes| proof::tlog_proof::parse(bytes).is_ok()) >= 1);
}
