//! Processes: where the binaries are, how long they take, how much memory they hold.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::Outcome;

/// A binary of the workspace, built with the profile of this bench.
pub(crate) fn binary(name: &str) -> Outcome<PathBuf> {
    let bench = std::env::current_exe()?;
    let path = bench.parent().and_then(Path::parent).ok_or("the bench lies in no folder")?.join(name);
    if path.exists() {
        return Ok(path);
    }
    let build = "cargo build --profile bench --workspace --bins";
    Err(format!("{} is missing: run `{build}` first", path.display()).into())
}

/// A program of the machine, if it is installed.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Runs it to its end with nothing to read and nothing to say; it must end with this code.
pub(crate) fn quietly(command: &mut Command, code: i32) -> Outcome<()> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if status.code() == Some(code) {
        Ok(())
    } else {
        Err(format!("{command:?} ended with {status}, not with {code}").into())
    }
}

/// Megabytes that a process holds when it has done its work: now, and at most. It is caught when it prints: its output
/// is a pipe that is full already, so there it stands, with everything open, until somebody reads.
pub(crate) fn idle_memory(command: &mut Command) -> Outcome<(f64, f64)> {
    let (mut reader, mut writer) = std::io::pipe()?;
    fill(&mut writer)?;
    let mut child = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::null()).spawn()?;
    // The command keeps a copy of the writing end; without it the reader would never see an end.
    command.stdout(Stdio::null());
    let seen = settled(&mut child);
    drain(&mut reader)?;
    child.wait()?;
    seen
}

/// Waits until the process waits for its output: asleep, looked at ten times in a row.
fn settled(child: &mut Child) -> Outcome<(f64, f64)> {
    let place = format!("/proc/{}/status", child.id());
    let mut asleep = 0;
    for _ in 0..2_000 {
        std::thread::sleep(Duration::from_millis(5));
        if child.try_wait()?.is_some() {
            return Err("the process ended without printing anything".into());
        }
        let status = std::fs::read_to_string(&place)?;
        asleep = if status.contains("State:\tS") { asleep + 1 } else { 0 };
        if asleep == 10 {
            return Ok((megabytes(&status, "VmRSS:")?, megabytes(&status, "VmHWM:")?));
        }
    }
    Err("the process printed nothing within ten seconds".into())
}

fn megabytes(status: &str, field: &str) -> Outcome<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or("the kernel does not say")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes / 1024.0)
}

/// Fills a pipe to the last byte.
fn fill(writer: &mut PipeWriter) -> Outcome<()> {
    fcntl(&*writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let chunk = [b'\n'; 4096];
    while writer.write(&chunk).is_ok() {}
    while writer.write(b"\n").is_ok() {}
    fcntl(&*writer, FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok(())
}

fn drain(reader: &mut PipeReader) -> Outcome<()> {
    std::io::copy(&mut reader.by_ref(), &mut std::io::sink())?;
    Ok(())
}
