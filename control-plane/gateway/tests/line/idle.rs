//! What an idle session costs (`performance.md`, row 7). Not part of an ordinary run: it takes a second process, so that
//! only the control plane's side is measured. `cargo test -p control-plane-gateway -- --ignored --nocapture idle`

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use contract::FromRunner;

use crate::runner::Runner;
use crate::world::World;

const SESSIONS: usize = 300;
const GOAL_KIB: u64 = 64;

/// Resident memory of this process, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "measures memory in two processes"]
fn an_idle_session_costs_no_more_than_64_kib() {
    // The clients, when this is the second process.
    if let Ok(folder) = std::env::var("PROCTOR_IDLE_CLIENTS") {
        return clients(std::path::Path::new(&folder));
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let world = World::new().await;
        let folder = tempfile::TempDir::new().unwrap();
        std::fs::write(folder.path().join("roots"), world.root_der()).unwrap();
        std::fs::write(folder.path().join("line"), world.line.to_string()).unwrap();
        for number in 0..SESSIONS {
            let runner = Runner::enrolled(&world).await;
            std::fs::write(folder.path().join(format!("{number}.hello")), hello(&runner)).unwrap();
            std::fs::write(folder.path().join(format!("{number}.key")), runner.tls.serialize_der()).unwrap();
            std::fs::write(folder.path().join(format!("{number}.leaf")), &runner.chain[0]).unwrap();
        }
        let before = resident_kib();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "idle::an_idle_session_costs_no_more_than_64_kib"])
            .env("PROCTOR_IDLE_CLIENTS", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let ready = tokio::task::spawn_blocking(move || {
            BufReader::new(output).lines().any(|line| line.unwrap().contains("all sessions are open"))
        });
        assert!(ready.await.unwrap());
        assert_eq!(world.gateway.counters().snapshot().sessions, i64::try_from(SESSIONS).unwrap());
        let each = (resident_kib() - before) * 1024 / u64::try_from(SESSIONS).unwrap();
        println!("{SESSIONS} idle sessions: {each} bytes each");
        drop(child.stdin.take());
        child.wait().unwrap();
        world.stop().await;
        assert!(each <= GOAL_KIB * 1024, "{each} bytes a session");
    });
}

fn hello(runner: &Runner) -> Vec<u8> {
    use prost::Message;
    proto::FromRunner::from(FromRunner::Hello(runner.hello())).encode_to_vec()
}

fn clients(folder: &std::path::Path) {
    use prost::Message;
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let line = String::from_utf8(read("line")).unwrap().parse().unwrap();
    let roots = crate::world::roots(&read("roots"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut sessions = Vec::new();
        for number in 0..SESSIONS {
            let key = rcgen::KeyPair::try_from(read(&format!("{number}.key"))).unwrap();
            let chain = [read(&format!("{number}.leaf"))];
            let config = crate::runner::client_of(&roots, Some((&chain, &key)));
            let channel = crate::runner::channel(line, config).await.unwrap();
            let mut session = crate::runner::converse(channel).await.unwrap();
            let hello = read(&format!("{number}.hello"));
            session.say_raw(proto::FromRunner::decode(hello.as_slice()).unwrap()).await;
            assert!(session.hear().await.is_some());
            sessions.push(session);
        }
        println!("all sessions are open");
        std::io::stdout().flush().unwrap();
        // Until the first process has measured.
        tokio::task::spawn_blocking(|| std::io::stdin().lines().count()).await.unwrap();
    });
}
