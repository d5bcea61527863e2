//! Bundles that another program wrote from the format's description (`tests/fixtures/bundles/make.py`): each is verified
//! and says what it should, and none is with a byte changed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use crypto::p256;
use proof::bundle::{self, Bundle, DestroyedFile, names};
use proof::manifest;
use proof::verification::{Outcome, StepId, Trust, Verdict};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/bundles"))
}

/// Name, bytes and what is expected of each bundle.
fn bundles() -> Vec<(String, Vec<u8>, Value)> {
    let expected = std::fs::read(folder().join("expected.json")).unwrap();
    let expected: BTreeMap<String, Value> = serde_json::from_slice(&expected).unwrap();
    let read = |(name, expected): (String, Value)| {
        let bytes = std::fs::read(folder().join(format!("{name}.zip"))).unwrap();
        (name, bytes, expected)
    };
    let bundles: Vec<_> = expected.into_iter().map(read).collect();
    assert_eq!(bundles.len(), 13);
    bundles
}

/// The keys that a stranger was given; a witness is asked for only if one has cosigned.
fn trust(cosigned: bool) -> Trust {
    let text = |name: &str| std::fs::read_to_string(folder().join("trust").join(name)).unwrap();
    let key = |name: &str| text(name).trim().parse().unwrap();
    Trust {
        runner_keys: vec![p256::VerifyingKey::from_pem(&text("runner.pem")).unwrap()],
        journal_keys: vec![key("journal.vkey"), key("journal-enrolled.vkey")],
        witness_keys: if cosigned { vec![key("witness.vkey")] } else { Vec::new() },
        audit_keys: Vec::new(),
    }
}

fn trust_for(expected: &Value) -> Trust {
    trust(expected["cosigned"].as_bool().unwrap())
}

#[test]
fn each_bundle_is_verified_and_says_what_it_should() {
    for (name, bytes, expected) in bundles() {
        let report = verify::verify(&bytes, &trust_for(&expected));
        let bad: Vec<_> = report
            .steps
            .iter()
            .filter(|step| step.outcome != Outcome::Green && step.id != StepId::Guide)
            .map(|step| format!("{}: {}", step.id.code(), step.detail))
            .collect();
        assert!(bad.is_empty(), "{name}: {bad:?}");
        assert_eq!(report.verdict, Verdict::Verified, "{name}");
        assert_eq!(report.step(StepId::Guide).unwrap().outcome, Outcome::Noted, "{name}");
        assert_eq!(says(&bytes), expected_of(&expected), "{name}");
        assert_eq!(verify::verify(&bytes, &Trust::default()).verdict, Verdict::Unvouched, "{name}");
        assert!(verify::show(&bytes).is_ok(), "{name}");
    }
}

/// Verdict, tenant, whether partial, number of opened rows, number of destroyed items.
type Said = (String, String, bool, u64, u64);

fn expected_of(expected: &Value) -> Said {
    let text = |field: &str| expected[field].as_str().unwrap().to_owned();
    let number = |field: &str| expected[field].as_u64().unwrap();
    let partial = expected["partial"].as_bool().unwrap();
    (text("verdict"), text("tenant"), partial, number("opened_rows"), number("destroyed"))
}

fn says(bytes: &[u8]) -> Said {
    let bundle = bundle::read(bytes).unwrap();
    let run = manifest::parse(bundle.file(names::MANIFEST).unwrap()).unwrap().run;
    let rows = bundle.files().filter(|(name, _)| name.ends_with(".row")).count();
    let destroyed = bundle.file(names::DESTROYED).map(|bytes| DestroyedFile::parse(bytes).unwrap().destroyed.len());
    let partial = run.partial;
    (run.verdict.to_string(), run.tenant.to_string(), partial, rows as u64, destroyed.unwrap_or(0) as u64)
}

#[test]
fn no_bundle_is_verified_with_a_changed_byte() {
    for (name, bytes, expected) in bundles() {
        let trust = trust_for(&expected);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert_eq!(verify::verify(&changed, &trust).verdict, Verdict::Refused, "{name}: byte {at}");
        }
    }
}

/// The archive around the changed byte is put right, so that what refuses it is the proof and not a checksum.
#[test]
fn no_bundle_is_verified_with_a_changed_byte_and_a_repaired_archive() {
    for (name, bytes, expected) in bundles() {
        let trust = trust_for(&expected);
        let bundle = bundle::read(&bytes).unwrap();
        assert_eq!(verify::verify(&packed(&bundle, "", 0), &trust).verdict, Verdict::Verified, "{name}");
        // The guide is advice. Where the journal tells of a destroyed item is a number that no bundle proves.
        let proven = bundle.files().filter(|(file, _)| ![names::GUIDE, names::DESTROYED].contains(file));
        for (file, content) in proven {
            for at in (0..content.len()).step_by(content.len() / 8 + 1) {
                let verdict = verify::verify(&packed(&bundle, file, at), &trust).verdict;
                assert_eq!(verdict, Verdict::Refused, "{name}: {file} byte {at}");
            }
        }
    }
}

/// The bundle's files in a correct archive, one byte of one of them changed.
fn packed(bundle: &Bundle<'_>, changed: &str, at: usize) -> Vec<u8> {
    let short = |length: usize| u32::try_from(length).unwrap();
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
    for (name, content) in bundle.files() {
        let mut content = content.to_vec();
        if name == changed {
            content[at] ^= 1;
        }
        let mut head = vec![10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        let lengths = [crc32fast::hash(&content), short(content.len()), short(content.len()), short(name.len())];
        lengths.iter().for_each(|number| head.extend(number.to_le_bytes()));
        directory.extend([b"PK\x01\x02\x14\x03", head.as_slice(), &[0; 10], &short(out.len()).to_le_bytes()].concat());
        directory.extend(name.as_bytes());
        out.extend([b"PK\x03\x04", head.as_slice(), name.as_bytes(), &content].concat());
        count += 1;
    }
    let [length, start] = [directory.len(), out.len()].map(|length| short(length).to_le_bytes());
    let count = count.to_le_bytes();
    [out, directory, [b"PK\x05\x06\0\0\0\0", count.as_slice(), &count, &length, &start, &[0; 2]].concat()].concat()
}

#[test]
fn a_witness_who_was_named_and_has_not_cosigned_is_missed() {
    let (name, bytes, _) = bundles().into_iter().find(|(name, ..)| name == "passing").unwrap();
    let report = verify::verify(&bytes, &trust(true));
    assert_eq!(report.step(StepId::Witnesses).unwrap().outcome, Outcome::Red, "{name}");
}

#[test]
#[ignore = "needs python3"]
fn the_program_still_writes_these_bytes() {
    let output = Command::new("python3").arg("-B").arg(folder().join("make.py")).arg("--check").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
