//! Targets that answer with the worst that they can.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;
use tests::Runner;

/// One step as given, and a check that would pass if nothing were collected.
fn procedure(step: &str, connections: &str) -> String {
    format!(
        "schema: procedure/v1\nid: hostile\nversion: 1\ntitle: Hostile\npurpose: Meets a hostile target.\nowner: ops\n\
         retention: operational\n{connections}steps:\n  - id: target\n    title: Meet it\n{step}\
         checks:\n  - id: quiet\n    title: Nothing is wrong\n    assert: size(steps.target.VALUE) < 1000000\n    severity: high\n"
    )
}

/// Runs the step and gives the code with which it failed; the run must be an error, never a pass or a fail.
fn code_of(runner: &Runner, step: &str, value: &str, connections: &str) -> String {
    let file = runner.write("hostile.yaml", procedure(step, connections).replace("VALUE", value));
    let result = runner.json(&["run", file.to_str().unwrap()]);
    assert_eq!(result["verdict"], "error", "{step}\n{result}");
    let shown = runner.json(&["show", "last"]);
    let _ = runner.run(&["verify", "last"]).with_code(0);
    shown["pieces"][0]["code"].as_str().unwrap_or_default().to_owned()
}

fn command(script: &str, parse: &str, timeout: &str) -> String {
    format!("    use: command\n    with: {{ run: [/bin/sh, {script}], parse: {parse} }}\n    timeout: {timeout}\n",)
}

#[test]
fn hostile_outputs_become_errors_with_the_right_code() {
    let runner = Runner::new("[[policy.commands]]\npath = \"/bin/sh\"\n");
    let script = |name: &str, text: &str| runner.write(name, text).display().to_string();
    let endless = script("endless.sh", "yes canary\n");
    let silent = script("silent.sh", "sleep 100 & sleep 100\n");
    let binary = script("binary.sh", "printf 'a\\377\\376b'\n");
    let deep = script("deep.sh", "head -c 100000 /dev/zero | tr '\\0' '['\n");
    let failing = script("failing.sh", "echo partial; exit 3\n");
    let stubborn = script("stubborn.sh", "trap '' TERM INT HUP\nwhile :; do sleep 1; done\n");
    assert_eq!(code_of(&runner, &command(&endless, "text", "20s"), "out", ""), "too_large");
    assert_eq!(code_of(&runner, &command(&silent, "text", "1s"), "out", ""), "timeout");
    assert_eq!(code_of(&runner, &command(&stubborn, "text", "1s"), "out", ""), "timeout");
    assert_eq!(code_of(&runner, &command(&binary, "text", "20s"), "out", ""), "parse");
    assert_eq!(code_of(&runner, &command(&deep, "json", "20s"), "out", ""), "parse");
    assert_eq!(code_of(&runner, &command(&failing, "text", "20s"), "out", ""), "bad_output");
}

/// Answers the n-th request with the n-th script of raw bytes, the last one again and again.
fn serve(answers: Vec<Vec<u8>>, pause: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (served, mut stream) in listener.incoming().flatten().enumerate() {
            let answer = answers.get(served).or(answers.last()).cloned().unwrap_or_default();
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                for part in answer.chunks(if pause.is_zero() { usize::MAX } else { 1 }) {
                    if stream.write_all(part).is_err() {
                        return;
                    }
                    std::thread::sleep(pause);
                }
            });
        }
    });
    port
}

fn answer(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

fn http(runner: &Runner, port: u16, with: &str, value: &str) -> String {
    runner.configure(&format!(
        "[policy]\nnetwork = [\"127.0.0.1:*\"]\n[connections.api]\ntype = \"http\"\nbase = \"http://127.0.0.1:{port}/\"\n"
    ));
    let step = format!("    use: http\n    via: api\n    with: {with}\n    timeout: 3s\n");
    code_of(runner, &step, value, "connections:\n  api: { type: http, access: read-only }\n")
}

#[test]
fn hostile_servers_become_errors_with_the_right_code() {
    let runner = Runner::new("");
    let now = Duration::ZERO;
    let get = "{ get: /x }";
    let short = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{\"a\":".to_vec();
    assert_eq!(http(&runner, serve(vec![short], now), get, "body"), "truncated");
    let drip = serve(vec![answer(&"x".repeat(100_000))], Duration::from_millis(50));
    assert_eq!(http(&runner, drip, get, "body"), "timeout");
    let metadata =
        b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n"
            .to_vec();
    let redirected = http(&runner, serve(vec![metadata], now), get, "body");
    assert!(["policy_denied", "bad_output"].contains(&redirected.as_str()), "{redirected}");
    assert_eq!(http(&runner, serve(vec![answer(&"[".repeat(100_000))], now), get, "body"), "parse");
    assert_eq!(http(&runner, 1, get, "body"), "refused");
    let denied = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_vec();
    assert_eq!(http(&runner, serve(vec![denied], now), get, "body"), "permission_denied");
    // A list whose second page is missing is not a short list.
    let first = answer(r#"{"users":[{"id":1}],"next":"2"}"#);
    let gone = b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".to_vec();
    let pages = "{ get: /x, pages: { items: body.users, next: body.next, param: cursor, max: 9 } }";
    let code = http(&runner, serve(vec![first.clone(), gone], now), pages, "items");
    assert_ne!(code, "", "a collection that was cut off has no value");
    // A cursor that leads back to itself never ends by itself.
    let looping = http(&runner, serve(vec![first], now), pages, "items");
    assert_ne!(looping, "");
}

#[test]
fn hostile_files_become_errors_with_the_right_code() {
    let runner = Runner::new("");
    let folder = runner.beside("files");
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
    std::fs::File::create(folder.join("huge")).unwrap().set_len(10 << 30).unwrap();
    let fifo = folder.join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    runner.configure(&format!("[policy]\nfiles = [\"{}\"]\n", folder.display()));
    let read = |name: &str| {
        let path = folder.join(name);
        format!("    use: file\n    with: {{ path: {}, content: text }}\n    timeout: 5s\n", path.display())
    };
    let code = |name: &str| code_of(&runner, &read(name), "content", "");
    assert_eq!(code("huge"), "too_large");
    assert_eq!(code("link"), "policy_denied");
    assert_ne!(code("fifo"), "", "a pipe is not a file");
    let outside = "    use: file\n    with: { path: /etc/passwd, content: text }\n";
    assert_eq!(code_of(&runner, outside, "content", ""), "policy_denied");
}

#[test]
fn hostile_procedures_are_refused_and_never_crash() {
    let runner = Runner::new("");
    let base = procedure("    use: file\n    with: { path: /etc/passwd }\n", "");
    let assert = |expression: &str| base.replace("size(steps.target.VALUE) < 1000000", expression);
    let hostile: Vec<Vec<u8>> = vec![
        assert(&format!("\"{}1{} == 1\"", "(".repeat(3_000), ")".repeat(3_000))).into_bytes(),
        assert(&format!("\"{} == 1\"", vec!["1"; 900].join(" + "))).into_bytes(),
        format!("{base}x: &a [1]\ny: *a\n").into_bytes(),
        format!("a: {}", "[".repeat(100_000)).into_bytes(),
        vec![b'a'; 300 * 1024],
        vec![0xff; 100],
        b"\0\0\0".to_vec(),
        Vec::new(),
        base.replace("id: hostile", "id: hostile\nid: again").into_bytes(),
        b"- !!python/object:os.system x".to_vec(),
    ];
    for (number, text) in hostile.iter().enumerate() {
        for name in ["hostile.yaml", "hostile.md"] {
            let file = runner.write(name, text);
            let answer = runner.run(&["check", file.to_str().unwrap(), "--json"]);
            assert_eq!(answer.code, Some(2), "{number} {name}: {} {}", answer.out, answer.err);
            let faults: Value = answer.json();
            assert!(faults[0]["faults"][0]["line"].as_u64() >= Some(1), "{number} {name}: {faults}");
        }
    }
}
