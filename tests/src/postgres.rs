//! A PostgreSQL server in a temporary folder, for as long as a test runs.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::unistd::{Uid, User};
use tempfile::TempDir;

use crate::control_plane::Database;
use crate::service::until;

/// The server, and who may use it: an owner of the tables, and the role that serves.
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    server: Child,
}

impl Postgres {
    /// A fresh server with an empty database. It keeps nothing over a power cut, and is fast.
    pub fn start() -> Self {
        Self::start_with("fsync=off")
    }

    /// The same as somebody would run it: what is committed is on the disk.
    pub fn start_durable() -> Self {
        Self::start_with("fsync=on")
    }

    fn start_with(durability: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("it is ours");
        if let Some(user) = account() {
            chown(folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("root may give it away");
        }
        let programs = programs();
        let data = folder.path().join("data");
        let made = as_account(&programs.join("initdb"))
            .args(["-U", "admin", "--auth=trust", "-E", "UTF8", "--no-sync", "-D"])
            .arg(&data)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .status();
        assert!(made.expect("initdb starts").success(), "initdb failed");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        let server = as_account(&programs.join("postgres"))
            .args(["-c", durability, "-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=32MB", "-p"])
            .arg(port.to_string())
            .arg("-c")
            .arg(format!("unix_socket_directories={}", folder.path().display()))
            .arg("-D")
            .arg(&data)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let started = Self { folder, programs, port, server: server.expect("postgres starts") };
        until("PostgreSQL answers", || started.sql("postgres", "SELECT 1").map(|_| ()));
        for statement in [
            "CREATE ROLE proctor_owner LOGIN",
            "CREATE ROLE proctor_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE",
            "CREATE DATABASE proctor OWNER proctor_owner",
        ] {
            assert!(started.sql("postgres", statement).is_some(), "{statement}");
        }
        started
    }

    /// The lines of a control plane's configuration below `[database]`.
    pub fn database(&self) -> Database {
        let (serves, owns) = (self.url("proctor_app"), self.url("proctor_owner"));
        Database::Postgres(format!("kind = \"postgres\"\nurl = \"{serves}\"\nowner_url = \"{owns}\"\ntls = \"off\"\n"))
    }

    /// One of the server's client programs, as its administrator and at this database.
    pub fn client(&self, program: &str, database: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).env("PGUSER", "admin").env("PGDATABASE", database);
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string());
        command
    }

    /// The address of the database for this role, without TLS.
    pub fn url(&self, role: &str) -> String {
        format!("postgresql://{role}@127.0.0.1:{}/proctor", self.port)
    }

    /// Runs a statement as the server's administrator; `None` if it failed.
    pub fn sql(&self, database: &str, statement: &str) -> Option<String> {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-A", "-t", "-q", "-h", "127.0.0.1", "-U", "admin", "-d", database, "-c", statement, "-p"])
            .arg(self.port.to_string())
            .current_dir(self.folder.path())
            .output()
            .ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // An immediate shutdown: nothing of it is needed any more.
        let _ = Command::new("/bin/sh").args(["-c", "kill -QUIT \"$0\"", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

/// The server refuses to be started by root.
fn account() -> Option<User> {
    Uid::effective().is_root().then(|| User::from_name("postgres").ok().flatten().expect("the user postgres exists"))
}

fn as_account(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = account() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command.stdin(Stdio::null());
    command
}

fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin")).find(|folder| folder.join("initdb").exists());
    found.expect("a PostgreSQL server is installed: tests/run installs one")
}
