//! `packaging/docs`: its shell blocks are run as they stand there, over a bundle made of the golden values.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clock::Timestamp;
use crypto::{ed25519, p256};
use ids::{ItemId, RunId};
use proof::bundle::{BundleContents, Notation, OpenedItem};
use proof::checkpoint::{Checkpoint, journal_origin};
use proof::commitment::{Committer, ItemSecret, RowOpening};
use proof::log::Chain;
use proof::log::journal::JournalRecord;
use proof::merkle::{Tree, leaf_hash};
use proof::tlog_proof::TlogProof;
use serde_json::Value;

const VECTORS: &str = include_str!("../fixtures/vectors/formats-v1.json");
const PAGE: &str = include_str!("../../packaging/docs/proof-bundle.md");
const TOOLS: [&str; 5] = ["unzip", "jq", "openssl", "basenc", "sha256sum"];

/// Every line of output that the page promises, for a journal in which the record is first, in the middle, or last.
#[test]
fn the_commands_of_the_proof_bundle_page_work_as_written() {
    let blocks: Vec<&str> = PAGE.split("\n```sh\n").skip(1).filter_map(|text| text.split("\n```").next()).collect();
    assert_eq!(blocks.len(), 6, "the page has another number of shell blocks");
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let key_id = text(&vectors, "/keys/runner/keyid");
    let digest = text(&vectors, "/manifest_sha256");
    let root = text(&vectors, "/commitments/4/root");
    for (position, size) in [(0, 1), (2, 5), (4, 5), (5, 7)] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("RUN.proof.zip"), bundle(&vectors, position, size)).unwrap();
        let script = format!("set -eu\n{}", blocks.join("\necho ------\n"));
        let said = shell(&script, folder.path());
        let parts: Vec<Vec<&str>> = said.split("------\n").map(|part| part.lines().collect()).collect();
        let [key, signature, manifest, record, journal, opened] = parts.as_slice() else { panic!("{said}") };
        assert_eq!(key.concat().split(' ').next(), Some(key_id), "{said}");
        assert_eq!(*signature, ["Verified OK"]);
        assert_eq!(*manifest, [digest, digest, "[\"setting\"]", "[\"setting\"]"]);
        assert_eq!(*record, ["1"]);
        let origin = journal_origin(id_at(&vectors, 2), id_at(&vectors, 3)).to_string();
        assert!(journal.len() == 4 && journal[0] == journal[1], "record {position} of {size}: {journal:?}");
        assert_eq!(journal[2..], [origin.as_str(), "Signature Verified Successfully"]);
        assert!(opened.len() == 9 && opened.iter().all(|line| *line == root), "{opened:?}");
    }
}

/// The same commands over a bundle in which one thing was changed.
#[test]
fn they_notice_what_was_changed() {
    let blocks: Vec<&str> = PAGE.split("\n```sh\n").skip(1).filter_map(|text| text.split("\n```").next()).collect();
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let original = run_changed(&vectors, &blocks, "true");
    for change in [
        "sed -i 's/\"fail\":1/\"fail\":0/' manifest.jsonl",
        "sed -i 's/MEUC/MEUD/' attestation.dsse.json",
        "sed -i 's/\"seq\":2/\"seq\":3/' journal.line",
        "for row in opened/*/3.row; do printf x >> \"$row\"; done",
        "sed -i 's/index 2/index 1/' journal.proof",
    ] {
        let said = run_changed(&vectors, &blocks, change);
        assert_ne!(said, original, "{change}");
    }
}

/// The page claims what a test shows, so every test that it names must be there.
#[test]
fn the_tests_that_the_security_page_names_exist() {
    let mut sources = String::new();
    let mut folders: Vec<_> =
        ["control-plane", "proto", "runner", "shared", "tests"].map(|room| root().join(room)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("fixtures") && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let page = std::fs::read_to_string(root().join("packaging/docs/security.md")).unwrap();
    let (mut rows, mut open) = (0, Vec::new());
    for row in page.lines().filter(|line| line.starts_with("| ") && line.matches('|').count() == 4) {
        let [_, property, tests, limit, _] = row.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        if property == "property" {
            continue;
        }
        rows += 1;
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        if named.is_empty() || limit.is_empty() {
            open.push(format!("`{property}` names no test or no limit"));
        }
        let missing = named.into_iter().filter(|name| !sources.contains(&format!("fn {name}(")));
        open.extend(missing.map(|name| format!("`{property}`: there is no test `{name}`")));
    }
    assert!(rows > 60, "the page has only {rows} rows");
    assert!(open.is_empty(), "{}", open.join("\n"));
}

/// Every key that `config sample` of the two programs prints stands on their pages.
#[test]
fn the_configuration_pages_know_every_key_of_the_samples() {
    for (sample, page) in [
        ("runner/agent/src/config/sample.toml", "packaging/docs/configuration.md"),
        ("control-plane/server/src/config/sample.toml", "packaging/docs/control-plane.md"),
        ("runner/disclosure/src/policy/sample.toml", "packaging/docs/drill-down.md"),
    ] {
        let read = |path| std::fs::read_to_string(root().join(path)).unwrap();
        let (text, page_text) = (read(sample), read(page));
        let keys: Vec<&str> = text
            .lines()
            .map(|line| line.trim_start_matches(['#', ':', ' ']))
            .filter_map(|line| line.split_once(" = ").map(|(key, _)| key))
            .filter(|key| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
            .collect();
        assert!(keys.len() > 12, "{sample}: {keys:?}");
        let missing: Vec<_> = keys.iter().filter(|key| !page_text.contains(**key)).collect();
        assert!(missing.is_empty(), "{page} does not know {missing:?}");
    }
}

/// The procedure that the page explains is one.
#[test]
fn the_worked_example_of_the_procedures_page_is_without_fault() {
    let page = std::fs::read_to_string(root().join("packaging/docs/procedures.md")).unwrap();
    let block = page.split("\n```yaml\n").nth(1).and_then(|text| text.split("```").next()).unwrap();
    let procedure =
        procedure::read(block.as_bytes(), procedure::Notation::Yaml).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(procedure::lint(&procedure).is_empty());
}

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn run_changed(vectors: &Value, blocks: &[&str], change: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("RUN.proof.zip"), bundle(vectors, 2, 5)).unwrap();
    let (first, rest) = blocks.split_first().unwrap();
    let script = format!("{first}\n{change}\n{}", rest.join("\n"));
    let output = Command::new("sh").arg("-c").arg(script).current_dir(folder.path()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn shell(script: &str, folder: &Path) -> String {
    for tool in TOOLS {
        let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap();
        assert!(found.status.success(), "the page needs {tool}, which is not installed here");
    }
    let output = Command::new("sh").arg("-c").arg(script).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A bundle of the golden manifest and attestation, in a journal of so many records, with rows of an item opened.
fn bundle(vectors: &Value, position: u64, size: u64) -> Vec<u8> {
    let manifest = text(vectors, "/manifest");
    let attestation = vectors["attestation"].to_string();
    let envelope = crypto::digest::sha256(attestation.as_bytes());
    let at: Timestamp = "2026-11-21T20:12:00.000Z".parse().unwrap();
    let run: RunId = text(vectors, "/manifest").split('"').nth(9).unwrap().parse().unwrap();
    let mut chain = Chain::new();
    let lines: Vec<String> = (0..size)
        .map(|seq| {
            let other = JournalRecord::RunEnded { run: RunId::NIL, code: verdict::Code::Cancelled };
            let attested = JournalRecord::RunAttested { run, attestation_sha256: envelope };
            chain.append(at, if seq == position { &attested } else { &other }).unwrap().line
        })
        .collect();
    let tree = Tree::new(lines.iter().map(|line| leaf_hash(line.as_bytes())).collect());
    let log = ed25519::SigningKey::from_seed([7; 32]);
    let origin = journal_origin(id_at(vectors, 2), id_at(vectors, 3));
    let checkpoint = Checkpoint { origin, size, root: chain.root() };
    let proof = TlogProof {
        extra: None,
        index: position,
        path: tree.inclusion_path(position).unwrap(),
        checkpoint: checkpoint.sign(&log).unwrap(),
    };
    let runner =
        p256::VerifyingKey::from_spki(&BASE64.decode(text(vectors, "/keys/runner/spki_der")).unwrap()).unwrap();
    let contents = BundleContents {
        manifest: manifest.as_bytes(),
        attestation: attestation.as_bytes(),
        procedure: (Notation::Yaml, b"schema: procedure/v1\n"),
        runner_key: &runner,
        runner_chain: None,
        journal_line: &lines[usize::try_from(position).unwrap()],
        journal_proof: &proof,
        journal_key: &checkpoint.verifier_key(&log),
        audit_checkpoint: None,
        opened: vec![opened(vectors)],
        destroyed: Vec::new(),
    };
    contents.to_bytes().unwrap()
}

/// The golden item of seven rows, which is the first item of the golden manifest.
fn opened(vectors: &Value) -> OpenedItem {
    let golden = &vectors["commitments"][4];
    let secret = hex::decode(text(golden, "/secret")).unwrap();
    let secret = ItemSecret::from_bytes(secret.try_into().unwrap());
    let rows: Vec<Vec<u8>> =
        golden["rows"].as_array().unwrap().iter().map(|row| hex::decode(row.as_str().unwrap()).unwrap()).collect();
    let mut committer = Committer::new(&secret);
    let leaves: Vec<_> = rows.iter().map(|row| committer.push(row)).collect();
    let open = |(i, row): (usize, &Vec<u8>)| {
        RowOpening::from_leaves(&secret, &leaves, i as u64, row.as_slice().into()).unwrap()
    };
    let item: ItemId = "019aa7f0-0000-7000-8000-000000000004".parse().unwrap();
    OpenedItem {
        item,
        commitment: committer.commitment(),
        rows: rows.iter().enumerate().step_by(3).map(open).collect(),
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

/// The id that stands at this place among the ids of the golden manifest's first line.
fn id_at<I: std::str::FromStr>(vectors: &Value, place: usize) -> I
where
    I::Err: std::fmt::Debug,
{
    let id = text(vectors, "/manifest").split("\"019aa7f0").nth(place).unwrap().split('"').next().unwrap();
    format!("019aa7f0{id}").parse().unwrap()
}
