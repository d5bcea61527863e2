//! A PostgreSQL cluster of our own, with TLS, for as long as the tests run.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crypto::Secret;
use nix::unistd::User;
use runner_connectors::{Access, Connection, Postgres, PostgresTls, Target};

use crate::listener::Authority;
use crate::room::CANARY;

/// The name on the server's certificate.
pub(crate) const DB: &str = "db.example.net";

pub(crate) struct Cluster {
    pub(crate) port: u16,
    pub(crate) folder: PathBuf,
    pub(crate) authority: Authority,
    pub(crate) certificate: String,
    _watcher: Child,
}

/// Ends the server and removes its files as soon as the tests' end of standard input closes, however they end.
const WATCHER: &str = "\"$1\" -D \"$2/data\" >\"$2/log\" 2>&1 & read -r line; kill -INT $!; wait $!; rm -rf \"$2\"";

/// The cluster, started when first asked for.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(start)
}

fn start() -> Cluster {
    let programs = programs();
    let folder = tempfile::Builder::new().prefix("proctor-pg").tempdir().unwrap().keep();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    // The server refuses to be started by root.
    let account =
        nix::unistd::geteuid().is_root().then(|| User::from_name("postgres").unwrap().expect("user postgres"));
    let run = |program: &Path| {
        let mut command = Command::new(program);
        if let Some(account) = &account {
            command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
        }
        command.current_dir(&folder);
        command
    };
    let own = |path: &Path| {
        if let Some(account) = &account {
            chown(path, Some(account.uid.as_raw()), Some(account.gid.as_raw())).unwrap();
        }
    };
    own(&folder);
    let write = |name: &str, text: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        own(&path);
    };
    write("password", CANARY.as_bytes());
    let made = run(&programs.join("initdb"))
        .args([
            "-D",
            "data",
            "-U",
            "admin",
            "--auth=scram-sha-256",
            "--pwfile=password",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C",
        ])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success(), "initdb failed");

    let authority = Authority::new();
    let identity = authority.issue(&[DB]);
    write("server.crt", format!("{}{}", identity.pem, String::from_utf8(authority.pem()).unwrap()).as_bytes());
    write("server.key", identity.key.serialize_pem().as_bytes());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let at = folder.display();
    let settings = format!(
        "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{at}'\nfsync = off\n\
         shared_buffers = 16MB\nssl = on\nssl_cert_file = '{at}/server.crt'\nssl_key_file = '{at}/server.key'\n"
    );
    let file = folder.join("data/postgresql.conf");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + &settings).unwrap();

    let mut watcher = run(Path::new("/bin/sh"));
    watcher.args(["-c", WATCHER, "watcher"]).arg(programs.join("postgres")).arg(&folder).stdin(Stdio::piped());
    let watcher = watcher.spawn().unwrap();
    await_server(&folder.join("log"));
    let cluster = Cluster {
        port,
        folder,
        authority,
        certificate: crypto::digest::sha256(&identity.chain[0]).to_string(),
        _watcher: watcher,
    };
    cluster.prepare(&programs);
    cluster
}

fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin")).find(|programs| programs.join("initdb").exists());
    found.expect("PostgreSQL is not installed: run tests/run, it installs PostgreSQL")
}

fn await_server(log: &Path) {
    for _ in 0..600 {
        let file = std::fs::File::open(log).ok().map(BufReader::new);
        if file.is_some_and(|file| file.lines().map_while(Result::ok).any(|line| line.contains("ready to accept"))) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    panic!("the server does not start: {}", std::fs::read_to_string(log).unwrap_or_default());
}

impl Cluster {
    fn prepare(&self, programs: &Path) {
        let script = format!(
            "create role reader login password '{CANARY}'; create role empty login; create database shop;\n\\c shop\n\
             create type mood as enum ('sad', 'ok'); create domain percent as int check (value between 0 and 100);\n\
             create table orders (id bigint primary key, created_at timestamptz, amount numeric(12,2), note text);\n\
             insert into orders select n, timestamptz '2026-11-20 10:00:00+00' + n * interval '1 s', n / 4.0, 'n' || n \
             from generate_series(1, 3000) n;\n\
             create table secrets (x text); grant select on orders to reader; create table scratch (x int); \
             grant all on scratch to reader;\n"
        );
        let mut psql = Command::new(programs.join("psql"));
        psql.args(["-q", "-v", "ON_ERROR_STOP=1", "-h"]).arg(&self.folder).args([
            "-p",
            &self.port.to_string(),
            "-U",
            "admin",
            "postgres",
        ]);
        let mut psql = psql.env("PGPASSWORD", CANARY).stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut psql.stdin.take().unwrap(), script.as_bytes()).unwrap();
        assert!(psql.wait().unwrap().success());
    }

    /// A connection over TLS, as a role.
    pub(crate) fn connection(&self, user: &str) -> Connection {
        self.changed(user, |_| {})
    }

    pub(crate) fn changed(&self, user: &str, change: impl FnOnce(&mut Postgres)) -> Connection {
        let mut server = Postgres {
            host: DB.to_owned(),
            port: self.port,
            database: "shop".to_owned(),
            user: user.to_owned(),
            password: Some(Secret::new(CANARY.to_owned())),
            tls: PostgresTls::VerifyFull,
            authorities: None,
        };
        change(&mut server);
        Connection { name: "db".to_owned(), access: Access::ReadOnly, target: Target::Postgres(server) }
    }
}
