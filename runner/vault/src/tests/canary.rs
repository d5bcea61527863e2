//! A word planted in every field that holds what a target or a person said is found nowhere on the disk, in no
//! encoding.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::digest::{sha256, sha256_parts};
use runner_evidence::{Parse, RawEvidence};
use serde_json::{Map, json};
use verdict::{Code, EvidenceClass, Status};

use super::{Bed, object};
use crate::*;

const CANARY: &str = "Canary-Q7xZ-planted-here";

/// What to look for: a name and the bytes.
type Pattern = (String, Vec<u8>);

/// The word in every form in which careless code could write it.
fn patterns(word: &[u8], name: &str) -> Vec<Pattern> {
    let mut patterns = vec![
        (format!("{name} raw"), word.to_vec()),
        (format!("{name} hex"), hex::encode(word).into_bytes()),
        (format!("{name} HEX"), hex::encode_upper(word).into_bytes()),
        (format!("{name} UTF-16LE"), word.iter().flat_map(|byte| [*byte, 0]).collect()),
        (format!("{name} UTF-16BE"), word.iter().flat_map(|byte| [0, *byte]).collect()),
        (format!("{name} SHA-256"), sha256(word).as_bytes().to_vec()),
        (format!("{name} SHA-256 as text"), sha256(word).to_string().into_bytes()),
        (format!("{name} unsalted leaf"), sha256_parts(&[&[0], word]).as_bytes().to_vec()),
    ];
    for shift in 0..3_usize {
        let shifted = [vec![0; shift], word.to_vec()].concat();
        let encoded = STANDARD.encode(shifted);
        // The characters at both ends depend on the neighbours as well.
        let (from, to) = ((shift * 8).div_ceil(6), (shift + word.len()) * 8 / 6);
        patterns.push((format!("{name} base64 at {shift}"), encoded.as_bytes()[from..to].to_vec()));
    }
    patterns
}

/// Every place where one of the patterns stands in a file of the folder, also inside compressed streams.
fn find(folder: &Path, patterns: &[Pattern], except: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(find(&path, patterns, except));
            continue;
        }
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        if except.contains(&file.as_str()) {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for content in std::iter::once(bytes.clone()).chain(inflated(&bytes)) {
            for (name, pattern) in patterns {
                if content.windows(pattern.len()).any(|window| window == pattern.as_slice()) {
                    found.push(format!("{name} in {file}"));
                }
            }
        }
    }
    found
}

/// Whatever looks like the beginning of a gzip or zlib stream, as far as it can be read.
fn inflated(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut streams = Vec::new();
    for at in 0..bytes.len() {
        let mut content = Vec::new();
        match &bytes[at..] {
            rest @ [0x1f, 0x8b, 8, ..] => {
                let _ = flate2::read::GzDecoder::new(rest).take(1 << 20).read_to_end(&mut content);
            }
            rest @ [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => {
                let _ = flate2::read::ZlibDecoder::new(rest).take(1 << 20).read_to_end(&mut content);
            }
            _ => continue,
        }
        if !content.is_empty() {
            streams.push(content);
        }
    }
    streams
}

fn say(what: &str) -> String {
    format!("{what} {CANARY}")
}

/// Records a run whose every sealed field holds the word; gives the run.
fn plant(bed: &Bed, vault: &mut Vault, number: u8) -> ids::RunId {
    let mut start = bed.start(number);
    start.inputs = json!({ "hosts": [CANARY], CANARY: 1 });
    start.retention = Retention::Operational;
    let run = start.run;
    vault.begin_run(&start).unwrap();
    let mut provenance = bed.provenance("users");
    provenance.request = json!({ "query": say("select") });
    provenance.source = json!({ "certificate": CANARY });
    (provenance.operator, provenance.connection) = (say("operator"), Some(say("connection")));
    (provenance.connector, provenance.connector_version) = (say("connector"), say("version"));
    provenance.dropped = vec![say("dropped")];
    let collected = |evidence, provenance| Outcome::Collected { evidence, provenance, class: EvidenceClass::Secret };
    let records = vec![json!({ "name": CANARY }), json!({ CANARY: "a field name" }), json!(CANARY)];
    let table = RawEvidence::table(object(json!({ "host": CANARY })), "rows", records).unwrap();
    let mut users = bed.piece("users", Some(0), collected(table, provenance.clone()));
    users.key = Some(CANARY.into());
    let failed = |detail: &str| FailedAttempt {
        started: start.started,
        ended: start.started,
        code: Code::Timeout,
        detail: say(detail),
    };
    users.failed = vec![failed("first"), failed("second")];
    let text = format!("{CANARY}\n").repeat(4_000).into_bytes();
    let blob = RawEvidence::document(Map::new(), "out", Parse::Text, text).unwrap();
    let out = bed.piece("out", None, collected(blob, provenance.clone()));
    let detail = Outcome::Failed { code: Code::Refused, detail: say("refused"), provenance: Some(provenance.clone()) };
    let question = json!({ "question": say("is it right?"), "show": [CANARY] });
    let ask = |question| Outcome::Pending { question, who: CANARY.into(), deadline: None };
    let pieces = vec![users, out, bed.piece("down", None, detail), bed.piece("review", None, ask(question))];
    vault.record_pieces(run, pieces).unwrap();
    vault.attest(run, &bed.manifest(vault, run, Status::Pending)).unwrap();
    let answer = RawEvidence::object(object(json!({ "answer": CANARY, "comment": say("because") })));
    vault.record_piece(run, bed.piece("review", None, collected(answer, provenance))).unwrap();
    vault.attest(run, &bed.manifest(vault, run, Status::Pass)).unwrap();
    run
}

#[test]
fn the_scan_finds_what_careless_code_would_write() {
    let folder = tempfile::tempdir().unwrap();
    let patterns = patterns(CANARY.as_bytes(), "word");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, say("a row of").repeat(20).as_bytes()).unwrap();
    let wide: Vec<u8> = say("wide").encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (content, name) in [
        (say("x").into_bytes(), "raw"),
        (STANDARD.encode(say("x")).into_bytes(), "base64 at 2"),
        (STANDARD.encode(say("ab")).into_bytes(), "base64 at 0"),
        (STANDARD.encode(say("abc")).into_bytes(), "base64 at 1"),
        (hex::encode(say("x")).into_bytes(), "hex"),
        ([b"before".to_vec(), gzip.finish().unwrap()].concat(), "raw"),
        (wide, "UTF-16BE"),
        (sha256(CANARY.as_bytes()).to_string().into_bytes(), "SHA-256 as text"),
        (sha256(CANARY.as_bytes()).as_bytes().to_vec(), "SHA-256"),
    ] {
        std::fs::write(folder.path().join("store.db-wal"), content).unwrap();
        assert_eq!(find(folder.path(), &patterns, &[]), [format!("word {name} in store.db-wal")]);
    }
}

#[test]
fn nothing_planted_is_found_on_the_disk_at_any_time() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let root = hex::decode(std::fs::read_to_string(bed.folder().join("root.key")).unwrap().trim()).unwrap();
    let mut look_for = patterns(CANARY.as_bytes(), "the word");
    for row in [json!({ "name": CANARY }), json!(CANARY), json!({ "host": CANARY }), json!({ CANARY: "a field name" })]
    {
        look_for.extend(patterns(row.to_string().as_bytes(), "a row"));
    }
    look_for.extend(patterns(&root, "the root key"));
    // PKCS#8 of a P-256 key holds its 32 private bytes at this place.
    look_for.extend(patterns(&vault.keys.attester.to_pkcs8().expose()[36..68], "the attestation key"));
    for name in ["witness", "sealing", "journal"] {
        let (generation, sealed): (i64, Vec<u8>) = vault
            .db
            .query_row("SELECT generation, sealed FROM signing_key WHERE name = ?1", [name], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        let cell = crate::own_keys::cell(generation as u64);
        let key = vault.ring.open_direct(generation as u64, &cell.part(name.as_bytes()), &sealed).unwrap();
        assert_eq!(key.len(), 32);
        look_for.extend(patterns(&key, name));
    }
    let scan = |when: &str| {
        let found = find(&bed.folder(), &look_for, &["root.key"]);
        assert!(found.is_empty(), "{when}: {found:?}");
    };
    let run = plant(&bed, &mut vault, 1);
    let name = "hr-db".parse().unwrap();
    vault.set_secret(&name, &crypto::Secret::new(CANARY.as_bytes().to_vec())).unwrap();
    let exception = NewException {
        id: ids::ExceptionId::from_parts(1, [4; 10]),
        procedure: "access-review".parse().unwrap(),
        check: "all_active".parse().unwrap(),
        check_sha256: crypto::Digest::ZERO,
        expires: bed.start(1).started.plus_ms(1000),
        justification: "migration".parse().unwrap(),
        body: CANARY.as_bytes().to_vec(),
    };
    vault.add_exception(exception).unwrap();
    for number in 0..3 {
        vault.set_link_identity(&crypto::Secret::new(format!("{CANARY} {number}").into_bytes())).unwrap();
        vault.set_application(&crypto::Secret::new(format!("{CANARY} {number}").into_bytes())).unwrap();
    }
    vault.remove_application().unwrap();
    let device = crypto::ed25519::SigningKey::from_seed([3; 32]).verifying_key();
    let reader = NewReader {
        device: device.key_id(),
        key: Some(device),
        person: ids::PersonId::from_parts(1, [1; 10]),
        label: CANARY.parse().unwrap(),
        days: 1,
    };
    vault.approve_reader(&reader, None).unwrap();
    let wal = std::fs::metadata(bed.folder().join("store.db-wal")).unwrap().len();
    assert!(wal > 0, "the write-ahead log is scanned while it holds something");
    scan("while it is open");
    let piece = vault.load_run(run).unwrap().pieces.remove(0);
    assert_eq!(piece.key.as_deref(), Some(CANARY));
    assert!(!format!("{piece:?}{:?}", vault.load_run(run).unwrap()).contains("Q7xZ"));
    let item = piece.items[0].item;
    let opened = vault.open_item(item, Selection::All, Purpose::default()).unwrap();
    assert!(opened.openings().unwrap().iter().any(|opening| opening.row == json!(CANARY).to_string().as_bytes()));
    assert!(!format!("{opened:?}").contains("Q7xZ"));
    scan("after opening");
    drop(vault);
    scan("after closing");
    let mut vault = bed.open();
    assert!(vault.rotate(|_| ControlFlow::Continue(())).unwrap());
    scan("after a rotation");
    plant(&bed, &mut vault, 2);
    vault.destroy(item, None, "asked for".parse().unwrap()).unwrap();
    scan("after destroying");
    vault.remove_secret(&name).unwrap();
    bed.clock.advance_ms(100 * 86_400_000);
    assert_eq!(vault.purge_expired().unwrap().runs.len(), 2);
    scan("after a purge");
    drop(vault);
    scan("in the end");
}
