//! A PostgreSQL cluster of our own, for as long as the tests run, with a fresh database for each of them.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use control_plane_store::{Config, PostgresConfig, PostgresTls, migrate};
use crypto::Secret;
use nix::unistd::User;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

const PASSWORD: &str = "correct horse";
const TEMPLATE: &str = "proctor_template";

pub(crate) struct Cluster {
    folder: PathBuf,
    port: u16,
    authority: String,
    _watcher: Child,
}

/// Ends the server and removes its files as soon as the tests' end of standard input closes, however they end.
const WATCHER: &str = "\"$1\" -D \"$2/data\" >\"$2/log\" 2>&1 & read -r line; kill -INT $!; wait $!; rm -rf \"$2\"";

/// The cluster, started when first asked for, with an owner, the server's role and a database to copy.
pub(crate) async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    static PREPARED: OnceCell<()> = OnceCell::const_new();
    let cluster = CLUSTER.get_or_init(start);
    PREPARED.get_or_init(|| cluster.prepare()).await;
    cluster
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
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        own(&path);
    };
    write("password", PASSWORD);
    let made = run(&programs.join("initdb"))
        .args(["-D", "data", "-U", "admin", "--auth=scram-sha-256", "--pwfile=password", "-E", "UTF8", "--no-sync"])
        // Another order than that of bytes: the tables must not depend on it.
        .args(["--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8"])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success(), "initdb failed");
    let (authority, certificate, key) = certificate();
    write("server.crt", &certificate);
    write("server.key", &key);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let at = folder.display();
    let settings = format!(
        "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{at}'\nfsync = off\n\
         max_connections = 200\nshared_buffers = 32MB\nssl = on\nssl_cert_file = '{at}/server.crt'\n\
         ssl_key_file = '{at}/server.key'\n"
    );
    let file = folder.join("data/postgresql.conf");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + &settings).unwrap();
    let mut watcher = run(Path::new("/bin/sh"));
    watcher.args(["-c", WATCHER, "watcher"]).arg(programs.join("postgres")).arg(&folder).stdin(Stdio::piped());
    let watcher = watcher.spawn().unwrap();
    await_server(&folder.join("log"));
    Cluster { folder, port, authority, _watcher: watcher }
}

/// An authority, and a certificate of it for 127.0.0.1 with its key.
fn certificate() -> (String, String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "test authority");
    let authority = parameters.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::new(parameters, key);
    let leaf_key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap();
    (authority.pem(), leaf.pem(), leaf_key.serialize_pem())
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
    async fn prepare(&self) {
        let admin = self.admin("postgres").await;
        let roles = format!(
            "CREATE ROLE owner LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE proctor_app LOGIN PASSWORD '{PASSWORD}';"
        );
        admin.batch_execute(&roles).await.unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {TEMPLATE} OWNER owner")).await.unwrap();
        migrate(&Config::Postgres(self.config("owner", TEMPLATE))).await.unwrap();
    }

    /// A fresh database, migrated or empty.
    pub(crate) async fn database(&self, migrated: bool) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let admin = self.admin("postgres").await;
        let template = if migrated { TEMPLATE } else { "template1" };
        let text = format!("CREATE DATABASE {name} OWNER owner TEMPLATE {template}");
        // The connection that migrated the template may not have ended yet.
        for _ in 0..200 {
            if admin.batch_execute(&text).await.is_ok() {
                return name;
            }
            tokio::task::yield_now().await;
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        admin.batch_execute(&text).await.unwrap();
        name
    }

    /// How a role reaches a database, over the Unix socket.
    pub(crate) fn config(&self, user: &str, database: &str) -> PostgresConfig {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        PostgresConfig {
            url: format!("postgresql://{user}@{folder}:{}/{database}", self.port),
            password: Some(Secret::new(PASSWORD.to_owned())),
            tls: PostgresTls::Off,
            max_connections: 8,
        }
    }

    /// The same over TCP and TLS.
    pub(crate) fn config_tls(&self, host: &str, database: &str, trusted: bool) -> PostgresConfig {
        let authority = if trusted { self.authority.clone() } else { certificate().0 };
        PostgresConfig {
            url: format!("postgresql://proctor_app@{host}:{}/{database}", self.port),
            tls: PostgresTls::Full { authorities_pem: Some(authority.into_bytes()) },
            ..self.config("proctor_app", database)
        }
    }

    /// A connection that may do anything.
    pub(crate) async fn admin(&self, database: &str) -> Client {
        self.client("admin", database).await
    }

    /// A connection as a role.
    pub(crate) async fn client(&self, user: &str, database: &str) -> Client {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&self.folder).port(self.port).user(user).password(PASSWORD).dbname(database);
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}
