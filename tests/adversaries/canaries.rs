//! A canary in every field of evidence crosses the line in no shape: not in messages, databases, logs or memory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use contract::{FromControlPlane, FromRunner, RunRequest};
use tests::{Canary, Database, Line, Postgres, text, until};

use crate::evil::{Evil, new_request, now};

const PROCEDURE: &str = r#"schema: procedure/v1
id: canaries
version: 1
title: Canaries
purpose: Collects a canary in every field.
owner: ops
inputs:
  word: { type: string }
connections:
  env: { type: command, access: read-only }
steps:
  - id: text
    title: A file
    use: file
    with: { path: DIR/source/plain.txt, content: text }
  - id: table
    title: A table
    use: file
    with: { path: DIR/source/people.csv, content: csv }
  - id: names
    title: File names
    use: file
    with: { under: DIR/source, glob: ["*"], content: none }
  - id: environment
    title: Output with a secret in it
    use: command
    via: env
    with: { run: [/usr/bin/env], parse: text }
  - id: broken
    title: An error that quotes its target
    use: command
    with: { run: [/bin/cat, =inputs.word] }
checks:
  - id: rows
    title: Each row is right
    for_each: steps.table.content
    key: item.name
    assert: int(item.note) > 0
    severity: low
  - id: says
    title: Nothing of it is right
    assert: steps.text.content == "something else"
    severity: high
"#;

#[test]
fn nothing_of_evidence_is_at_a_control_plane_on_sqlite() {
    let canary = canary();
    let line = prepared(&canary, &Database::Sqlite);
    let found = through(&line, &canary);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn nothing_of_evidence_is_at_a_control_plane_on_postgres() {
    let canary = canary();
    let postgres = Postgres::start();
    let line = prepared(&canary, &postgres.database());
    let mut found = through(&line, &canary);
    let dump = |options: &[&str]| postgres.client("pg_dump", "proctor").args(options).output().unwrap().stdout;
    // As text, and as the server keeps it: rows of tables in text hide bytes in hex.
    let text = dump(&["--no-owner"]);
    assert!(text.len() > 10_000, "{}", String::from_utf8_lossy(&text));
    found.extend(canary.in_bytes(&text).map(|shape| format!("the dump: {shape}")));
    assert!(found.is_empty(), "{found:?}");
    let label = Canary::new(&format!("planted{}", canary.text().replace('-', "")));
    plant(&line, &label);
    assert!(label.in_bytes(&dump(&["--no-owner"])).is_some(), "the search in the dump would find it");
}

/// What the Runner says within TLS: everything that a control plane could ever keep.
#[test]
fn nothing_of_evidence_is_in_any_message() {
    let canary = canary();
    let mut line = prepared(&canary, &Database::Sqlite);
    line.stop_runner();
    let evil = Evil::in_place_of(&mut line);
    line.serve_alone();
    let mut session = evil.session();
    session.welcome();
    let installed = line.runner.json(&["procedures", "list"]);
    let installed = installed.as_array().unwrap().iter().find(|one| one["procedure"] == "canaries").unwrap();
    let asked = RunRequest {
        request: new_request(),
        procedure: text(installed, "/sha256").parse().unwrap(),
        epoch: session.hello.epoch,
        expires: now().plus_ms(60_000),
        audit_seq: 1,
        audit_hash: crypto::digest::sha256(b"a record"),
    };
    session.say(FromControlPlane::RunRequest(asked));
    let manifest = session.until("the report of the run", |message| match message {
        FromRunner::Report(report) => report.attested.as_ref().map(|run| run.manifest.as_bytes().to_vec()),
        _ => None,
    });
    let manifest = String::from_utf8(manifest).unwrap();
    assert!(manifest.matches("\"t\":\"item\"").count() >= 4, "{manifest}");
    assert!(manifest.contains("\"status\":\"error\""), "a step quotes its target: {manifest}");
    let recorded = evil.recorded();
    assert!(recorded.windows(manifest.len()).any(|part| part == manifest.as_bytes()), "messages are really recorded");
    assert_eq!(canary.in_bytes(&recorded), None);
}

/// A canary that is told by nothing else.
fn canary() -> Canary {
    let random = crypto::entropy::random_bytes::<8>(&crypto::SystemEntropy::new());
    Canary::new(&format!("canary-{}-canary", hex::encode(random)))
}

/// A line whose Runner collects the canary in every field.
fn prepared(canary: &Canary, database: &Database) -> Line {
    let word = canary.text();
    let mut line = Line::start_on(database);
    line.stop_runner();
    let source = line.runner.beside("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("plain.txt"), format!("before {word} after")).unwrap();
    std::fs::write(source.join("people.csv"), format!("name,note\n{word},{word}\n")).unwrap();
    std::fs::write(source.join(word), "named").unwrap();
    line.runner.configure(&format!(
        "[policy]\nfiles = [\"BESIDE\"]\n[[policy.commands]]\npath = \"/usr/bin/env\"\n\
         [[policy.commands]]\npath = \"/bin/cat\"\n\
         [connections.env]\ntype = \"command\"\nsecret_environment = {{ WORD = {{ store = \"token\" }} }}\n\
         [procedures.canaries]\ninputs = {{ word = \"{word}\" }}\n[serve]\nlog = \"debug\"\n"
    ));
    let secret = line.runner.write("secret", word);
    let _ = line.runner.run(&["secret", "set", "token", "--from-file", secret.to_str().unwrap()]).with_code(0);
    line.install("canaries.yaml", PROCEDURE);
    line.serve();
    until("the control plane knows the procedure", || {
        let listed = line.control_plane.api(&line.tenant.key_file).get("/procedures").json();
        listed.to_string().contains("\"canaries\"").then_some(())
    });
    line
}

/// Runs, reports and opens; then says where the canary was found.
fn through(line: &Line, canary: &Canary) -> Vec<String> {
    let mut line = line;
    let run = text(&line.request("canaries"), "/run");
    line.settled();
    let (key, device) = line.auditor("grace");
    let items: Vec<String> = items(line, &run);
    let opened: Vec<String> = items
        .iter()
        .map(|item| {
            let opened = line.open(&key, &device, &run, item, &[]).with_code(0);
            opened.out
        })
        .collect();
    assert!(opened.iter().filter(|out| out.contains(canary.text())).count() >= 4, "{opened:#?}");
    let mut found = Vec::new();
    let mut look = |place: &str, bytes: &[u8]| {
        found.extend(canary.in_bytes(bytes).map(|shape| format!("{place}: {shape}")));
    };
    look("the control plane's log", line.control_plane.log().as_bytes());
    look("the Runner's log", line.runner_log().as_bytes());
    for (address, bytes) in memory(&mut line) {
        look(&format!("memory at {address}"), &bytes);
    }
    for (path, shape) in files(&line.control_plane.home(), canary) {
        found.push(format!("{}: {shape}", path.display()));
    }
    // The configuration says the word to the procedure.
    let config = line.runner.home().join("config.toml");
    for (path, shape) in canary.in_folder(&line.runner.home()).into_iter().filter(|(path, _)| *path != config) {
        found.push(format!("{}: {shape}", path.display()));
    }
    // What is planted is found by the same searches: in memory, and in the database's files.
    let planted = Canary::new(&format!("planted{}", canary.text().replace('-', "")));
    plant(line, &planted);
    assert!(memory(&mut line).iter().any(|(_, bytes)| planted.in_bytes(bytes).is_some()), "memory is really searched");
    if line.control_plane.home().join("control-plane.sqlite").exists() {
        assert!(!files(&line.control_plane.home(), &planted).is_empty(), "the database is really searched");
    }
    found
}

fn items(line: &Line, run: &str) -> Vec<String> {
    let listed = line.control_plane.api(&line.tenant.key_file).get(&format!("/runs/{run}/items")).json();
    let all = listed["items"].as_array().unwrap();
    // Everything that has rows; what has none opens to nothing.
    all.iter().filter(|item| item["rows"] != 0).map(|item| text(item, "/item")).collect()
}

/// A text of a person's own, which the control plane keeps.
fn plant(line: &Line, planted: &Canary) {
    let api = line.control_plane.api(&line.tenant.key_file);
    let label = &planted.text()[..planted.text().len().min(60)];
    assert_eq!(label, planted.text());
    for _ in 0..3 {
        let _ = api.post("/tokens", &serde_json::json!({"label": label})).with_status(201);
    }
}

fn files(folder: &Path, canary: &Canary) -> Vec<(PathBuf, String)> {
    assert!(folder.is_dir());
    canary.in_folder(folder)
}

/// Every writable region of the control plane's memory.
fn memory(line: &mut &Line) -> Vec<(String, Vec<u8>)> {
    let pid = line.control_plane.pid();
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut regions = Vec::new();
    for region in maps.lines().filter(|region| region.contains(" rw")) {
        let (range, _) = region.split_once(' ').unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let (from, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        memory.seek(SeekFrom::Start(from)).unwrap();
        let mut bytes = Vec::new();
        // Some regions are the kernel's and are not given.
        if Read::by_ref(&mut memory).take(to - from).read_to_end(&mut bytes).is_ok() {
            regions.push((range.to_owned(), without_zeros(&bytes)));
        }
    }
    assert!(regions.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > 1024 * 1024, "{maps}");
    regions
}

/// Pages that hold nothing say nothing.
fn without_zeros(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(4096).filter(|page| page.iter().any(|byte| *byte != 0)).flatten().copied().collect()
}
