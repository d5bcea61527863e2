//! A canary in every field of every source is nowhere to be found without the root key.

use std::io::{Read, Write};
use std::net::TcpListener;

use tests::{Canary, Runner};

const PROCEDURE: &str = r#"schema: procedure/v1
id: canary
version: 1
title: Canary
purpose: Collects a canary through every connector.
owner: ops
retention: operational
inputs:
  word: { type: string }
  folder: { type: path }
connections:
  api: { type: http, access: read-only }
  db: { type: sqlite, access: read-only }
  env: { type: command, access: read-only }
steps:
  - id: text
    title: A file
    use: file
    with: { path: "=inputs.folder + \"/plain.txt\"", content: text }
  - id: table
    title: A table
    use: file
    with: { path: "=inputs.folder + \"/people.csv\"", content: csv }
    evidence: { drop: [salary] }
  - id: names
    title: File names
    use: file
    with: { under: =inputs.folder, glob: ["*"], content: none }
  - id: command
    title: Output and environment
    use: command
    via: env
    with: { run: [/usr/bin/env], parse: text }
  - id: broken
    title: An error of the target
    use: command
    with: { run: [/bin/cat, =inputs.word] }
  - id: api
    title: A web answer
    use: http
    via: api
    with: { get: /item }
  - id: rows
    title: Database rows
    use: sql
    via: db
    with: { query: "select name, note from people" }
  - id: each
    title: One piece a row, named by it
    for_each: steps.rows.rows
    key: item.name
    use: file
    with: { path: "=inputs.folder + \"/\" + item.name" }
  - id: ask
    title: A person
    use: attest
    with: { ask: =inputs.word, question: Well?, answers: [fine], due: 14d }
checks:
  - id: says
    title: Nothing of it is right
    assert: steps.text.content == "something else" || steps.command.out == steps.api.body.note
    severity: high
  - id: rows
    title: Each row is right
    for_each: steps.rows.rows
    key: item.name
    assert: int(item.note) > 0
    severity: low
  - id: asked
    title: Somebody answered
    assert: steps.ask.answer == "fine"
    severity: low
"#;

/// Answers every request with the same JSON document until the test ends.
fn serve(body: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    port
}

fn prepare(canary: &Canary) -> (Runner, String) {
    let word = canary.text();
    let runner = Runner::new("");
    let folder = runner.beside("source");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("plain.txt"), format!("before {word} after")).unwrap();
    std::fs::write(folder.join("people.csv"), format!("id,name,salary\n1,{word},{word}\n")).unwrap();
    std::fs::write(folder.join(word), "named").unwrap();
    let db = rusqlite::Connection::open(folder.join("people.db")).unwrap();
    db.execute_batch(&format!("create table people (name, note); insert into people values ('{word}', '{word}');"))
        .unwrap();
    drop(db);
    let port = serve(format!("{{\"note\":\"{word}\"}}"));
    let source = folder.display();
    runner.configure(&format!(
        "[policy]\nfiles = [\"{source}\"]\nnetwork = [\"127.0.0.1:{port}\"]\n\
         [[policy.commands]]\npath = \"/usr/bin/env\"\n[[policy.commands]]\npath = \"/bin/cat\"\n\
         [connections.api]\ntype = \"http\"\nbase = \"http://127.0.0.1:{port}/\"\nauth = {{ bearer = {{ store = \"token\" }} }}\n\
         [connections.db]\ntype = \"sqlite\"\npath = \"{source}/people.db\"\n\
         [connections.env]\ntype = \"command\"\nsecret_environment = {{ WORD = {{ store = \"token\" }} }}\n"
    ));
    let secret = runner.write("secret", word);
    let _ = runner.run(&["secret", "set", "token", "--from-file", secret.to_str().unwrap()]).with_code(0);
    std::fs::remove_file(secret).unwrap();
    let file = runner.write("canary.yaml", PROCEDURE);
    (runner, file.display().to_string())
}

#[test]
fn nothing_is_readable_without_the_root_key() {
    let canary = Canary::new("canary-7f3a9c51e2-canary");
    let (runner, file) = prepare(&canary);
    let word = format!("word={}", canary.text());
    let folder = format!("folder={}", runner.beside("source").display());
    let mut seen = Vec::new();
    seen.push(runner.run(&["run", &file, "--input", &word, "--input", &folder]).with_code(1));
    let answer = ["answer", "last", "ask", "--answer", "fine", "--comment", canary.text(), "--by", canary.text()];
    seen.push(runner.run(&answer).with_code(0));
    seen.push(runner.run(&["runs"]));
    seen.push(runner.run(&["journal", "tail"]));
    for answer in &seen {
        assert_eq!(canary.in_bytes(answer.out.as_bytes()), None, "{}", answer.out);
        assert_eq!(canary.in_bytes(answer.err.as_bytes()), None, "{}", answer.err);
    }
    // Everything was really collected: it can be opened with the key.
    let opened = runner.run(&["evidence", "last", "rows"]).with_code(0);
    assert!(opened.out.contains(canary.text()));
    assert!(runner.run(&["evidence", "last", "api"]).out.contains(canary.text()));
    assert!(runner.run(&["evidence", "last", "command"]).out.contains(canary.text()), "the secret reached the command");

    let look = |when: &str| {
        let found = canary.in_folder(&runner.home());
        assert!(found.is_empty(), "{when}: {found:?}");
    };
    look("after the run");
    let _ = runner.run(&["keys", "rotate"]).with_code(0);
    look("after a rotation");
    let items = runner.json(&["evidence", "last"]);
    let item = items[0]["item"].as_str().unwrap();
    let _ = runner.run(&["destroy", item, "--reason", "test", "--yes"]).with_code(0);
    look("after destroying an item");

    // What leaves holds none of it either, and a bundle only what is opened in it.
    let bundle = runner.beside("closed.zip");
    let _ = runner.run(&["bundle", "last", "-o", bundle.to_str().unwrap()]).with_code(0);
    assert_eq!(canary.in_bytes(&std::fs::read(&bundle).unwrap()), None);
}

#[test]
fn the_search_would_find_it() {
    let canary = Canary::new("canary-7f3a9c51e2-canary");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("leak"), hex::encode(canary.text())).unwrap();
    assert_eq!(canary.in_folder(folder.path()).len(), 1);
}
