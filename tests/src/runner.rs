//! A Runner in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The built binary of this name.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let folder = test.parent().and_then(Path::parent).expect("tests lie in deps, below the binaries");
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: run `cargo build --workspace` first", path.display());
    path
}

/// What a process answered.
#[derive(Debug)]
pub struct Answer {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it printed on standard error.
    pub err: String,
}

impl Answer {
    /// The answer, which must have ended with this exit code.
    #[must_use]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.out, self.err);
        self
    }

    /// What it printed, as JSON.
    pub fn json(&self) -> Value {
        let read = serde_json::from_str(&self.out);
        assert!(read.is_ok(), "not JSON:\n{}\n{}", self.out, self.err);
        read.unwrap_or_default()
    }
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("what the binaries print is UTF-8"),
            err: String::from_utf8(output.stderr).expect("what the binaries print is UTF-8"),
        }
    }
}

/// A Runner with a folder, a key and a configuration of its own.
pub struct Runner {
    folder: TempDir,
}

impl Runner {
    /// A fresh Runner that may do what `config` says; it is appended to a configuration that allows nothing. In it `DIR`
    /// stands for the Runner's folder.
    pub fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let runner = Self { folder };
        let _ = runner.run(&["init"]).with_code(0);
        runner.configure(config);
        runner
    }

    /// A place for a Runner that is not made yet.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    /// Replaces the configuration. In it `DIR` stands for the Runner's folder, `BESIDE` for the one that holds it.
    pub fn configure(&self, config: &str) {
        let config = config.replace("DIR", &self.home().display().to_string());
        let config = config.replace("BESIDE", &self.folder.path().display().to_string());
        self.write_home("config.toml", &config);
    }

    /// The Runner's folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("runner")
    }

    /// A place for files beside the Runner's folder.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file beside the Runner's folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.beside(name);
        std::fs::write(&path, content).expect("the temporary folder can be written to");
        path
    }

    fn write_home(&self, name: &str, content: &str) {
        std::fs::write(self.home().join(name), content).expect("the Runner's folder can be written to");
    }

    /// The command with these arguments, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("proctor-runner"));
        command.arg("--dir").arg(self.home()).args(arguments).stdin(Stdio::null()).env_remove("PROCTOR_DIR");
        command
    }

    /// Runs `proctor-runner` with these arguments to its end.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        self.command(arguments).output().expect("the binary starts").into()
    }

    /// The same with `--json`, and its result.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        self.run(&arguments).json()
    }

    /// Runs `proctor-verify` over a bundle with this Runner's published keys.
    pub fn verify(&self, bundle: &Path) -> Answer {
        let mut command = Command::new(binary("proctor-verify"));
        command.arg(bundle).arg("--runner-key").arg(self.home().join("runner.pem"));
        command.arg("--journal-key").arg(self.home().join("journal.vkey"));
        command.output().expect("the binary starts").into()
    }
}
