//! The programs that the story is about: built beside this one, with the same profile, and found there.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clock::Clock;

use crate::fault::Fault;
use crate::say::Say;

/// Lines of cargo's output that are kept for the case that it fails.
const KEPT_LINES: usize = 200;

/// Where the programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    /// The folder of all, for a shell's PATH.
    pub(crate) folder: PathBuf,
    /// `proctor-runner`.
    pub(crate) runner: PathBuf,
    /// `proctor-verify`.
    pub(crate) verify: PathBuf,
    /// `proctor-control-plane`.
    pub(crate) control_plane: PathBuf,
}

impl Programs {
    /// Builds the programs if cargo started this one, then finds them.
    pub(crate) fn provide(say: Say, clock: &dyn Clock) -> Result<Self, Fault> {
        let own = std::env::current_exe().map_err(Fault::file(Path::new("quickstart")))?;
        let folder = own.parent().unwrap_or(Path::new("/")).to_owned();
        if let Some(cargo) = std::env::var_os("CARGO") {
            build(&cargo, &profile_arguments(&folder), say, clock)?;
        }
        let program = |name: &str| {
            let path = folder.join(name);
            if path.is_file() { Ok(path) } else { Err(Fault::ProgramMissing(path)) }
        };
        let (runner, verify) = (program("proctor-runner")?, program("proctor-verify")?);
        Ok(Self { runner, verify, control_plane: program("proctor-control-plane")?, folder })
    }
}

/// Cargo names the folder of a profile after it, except that `dev` builds into `debug`.
fn profile_arguments(folder: &Path) -> Vec<OsString> {
    match folder.file_name() {
        None => Vec::new(),
        Some(name) if name == "debug" => Vec::new(),
        Some(name) => vec!["--profile".into(), name.to_owned()],
    }
}

fn build(cargo: &OsString, profile: &[OsString], say: Say, clock: &dyn Clock) -> Result<(), Fault> {
    say.line("Building the three programs; the first time takes some minutes.");
    let started = clock.monotonic_ms();
    let mut command = Command::new(cargo);
    // The whole workspace, as `cargo run` built it: naming packages would choose other features and build much anew.
    command.args(["build", "--workspace", "--bins", "--locked", "--color", "never"]).args(profile);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    if let Some(manifest) = std::env::var_os("CARGO_MANIFEST_DIR") {
        command.current_dir(manifest);
    }
    // What `cargo run` tells the program about its package; build scripts that look at it would run again.
    for (name, _) in std::env::vars_os().filter(|(name, _)| describes_package(name)) {
        command.env_remove(name);
    }
    let cannot_start = |error| Fault::CannotStart { program: cargo.to_string_lossy().into_owned(), error };
    let mut child = command.spawn().map_err(cannot_start)?;
    let mut kept = VecDeque::new();
    if let Some(output) = child.stderr.take() {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            say.progress(line.trim_start());
            if kept.len() == KEPT_LINES {
                kept.pop_front();
            }
            kept.push_back(line);
        }
    }
    let status = child.wait().map_err(cannot_start)?;
    say.progress("");
    if !status.success() {
        return Err(Fault::Build(kept.into_iter().collect::<Vec<_>>().join("\n")));
    }
    say.dim(format_args!("built in {} s", clock.monotonic_ms().saturating_sub(started) / 1000));
    Ok(())
}

fn describes_package(variable: &OsStr) -> bool {
    let begins = |prefix: &&str| variable.as_encoded_bytes().starts_with(prefix.as_bytes());
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_PACKAGE"].iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_tells_the_profile() {
        assert!(profile_arguments(Path::new("/w/target/debug")).is_empty());
        assert_eq!(profile_arguments(Path::new("/w/target/release")), ["--profile", "release"]);
        assert_eq!(profile_arguments(Path::new("/w/target/x86_64-unknown-linux-gnu/quick")), ["--profile", "quick"]);
    }

    #[test]
    fn a_build_that_fails_shows_what_cargo_said() {
        let clock = clock::SystemClock::new();
        let fault = build(&"/usr/bin/ls".into(), &["--no-such-option".into()], Say::new(true), &clock).unwrap_err();
        assert!(matches!(&fault, Fault::Build(text) if text.contains("option")), "{fault}");
        let fault = build(&"/no/such/cargo".into(), &[], Say::new(true), &clock).unwrap_err();
        assert!(matches!(fault, Fault::CannotStart { .. }), "{fault}");
    }
}
