//! A Runner in a folder of its own, and the real binary.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_proctor-runner");

/// Reads two files; one of them says what it should.
const PROCEDURE: &str = r#"schema: procedure/v1
id: said
version: 1
title: What files say
purpose: Shows that every file says yes.
owner: testers
controls:
  nist-800-53-r5: [AC-2]
retention: operational
inputs:
  folder: { type: path, ask: Folder with the files }
  names: { type: list, each: string, default: [a, b] }
steps:
  - id: files
    title: Read each file
    for_each: inputs.names
    key: item
    use: file
    with: { path: '=inputs.folder + "/" + item', content: text }
checks:
  - id: says_yes
    title: The file says yes
    for_each: steps.files
    assert: out.content == "yes"
    severity: high
    fix: Write yes into the file.
"#;

/// A folder for one Runner.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
}

impl Bench {
    /// Nothing in it yet.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A Runner in it.
    pub(crate) fn new() -> Self {
        let bench = Self::empty();
        let made = bench.run(&["init"]);
        assert_eq!(code(&made), 0, "{}", text(&made));
        bench
    }

    /// A Runner that may read the files of [`PROCEDURE`], and one run of it.
    pub(crate) fn with_run() -> (Self, Value) {
        let bench = Self::new();
        let data = bench.folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("a"), "yes").unwrap();
        std::fs::write(data.join("b"), "no").unwrap();
        let config = std::fs::read_to_string(bench.path("config.toml")).unwrap();
        let allowed = config.replace("\nfiles = []", &format!("\nfiles = [{:?}]", data.display().to_string()));
        assert_ne!(config, allowed);
        let inputs = format!("\n[procedures.said]\ninputs = {{ folder = {:?} }}\n", data.display().to_string());
        std::fs::write(bench.path("config.toml"), allowed + &inputs).unwrap();
        std::fs::write(bench.procedure(), PROCEDURE).unwrap();
        let run = bench.execute();
        (bench, run)
    }

    pub(crate) fn execute(&self) -> Value {
        let run = self.run(&["--json", "run", self.procedure().to_str().unwrap()]);
        assert_eq!(code(&run), 1, "{}", text(&run));
        json(&run)
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("runner")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub(crate) fn procedure(&self) -> PathBuf {
        self.folder.path().join("said.yaml")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.arg("--dir").arg(self.dir()).args(arguments).stdin(Stdio::null());
        command.env_remove("PROCTOR_DIR").env_remove("CREDENTIALS_DIRECTORY");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must end so, and gives its JSON.
    pub(crate) fn json(&self, exit: i32, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        assert_eq!(code(&output), exit, "{arguments:?}: {}", text(&output));
        json(&output)
    }

    /// Runs a command that must be refused so, and gives its message.
    pub(crate) fn refused(&self, exit: i32, error: &str, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(code(&output), exit, "{arguments:?}: {}", text(&output));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(error), "{arguments:?}: {said}");
        said
    }

    pub(crate) fn piped(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Every byte of every file in the folder.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut folders = vec![self.dir()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { all.extend(std::fs::read(path).unwrap()) }
            }
        }
        all
    }
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), b"\n", &output.stderr].concat()).into_owned()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

pub(crate) fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The state of one line of `doctor`.
pub(crate) fn state<'a>(report: &'a Value, name: &str) -> &'a str {
    let lines = report["lines"].as_array().unwrap();
    let line = lines.iter().find(|line| line["name"] == name);
    line.unwrap_or_else(|| panic!("no line {name} in {report:#}"))["state"].as_str().unwrap()
}
