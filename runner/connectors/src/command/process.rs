//! One program from start to end: limits, pipes, and the certainty that nothing of it stays behind.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Resource, Rlimit};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::unix::pipe;
use verdict::Code;

use crate::command::environment::Environment;
use crate::command::family::{self, MARK};
use crate::limits::Limits;
use crate::request::{Fault, Result};

/// How much of standard error is kept, from its end.
const ERR_TAIL: usize = 64 << 10;
/// How long an output may stay open after its program has ended.
const LINGER: Duration = Duration::from_secs(1);

/// What to run and under which limits.
pub(super) struct Launch<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: &'a [String],
    pub(super) environment: &'a Environment,
    pub(super) folder: Option<&'a Path>,
    pub(super) stdin: Option<&'a str>,
    pub(super) limits: &'a Limits,
    pub(super) changes: bool,
    pub(super) timeout: Duration,
}

/// How a program ended and what it wrote.
pub(super) struct Ended {
    /// The status, or the signal that ended it.
    pub(super) exit: Result<i32, i32>,
    pub(super) out: Vec<u8>,
    pub(super) err: Vec<u8>,
}

/// Runs the program to its end. Dropping the future kills it and everything that it has started.
pub(super) async fn run(launch: Launch<'_>) -> Result<Ended> {
    let name = launch.name;
    let broken = |error: io::Error| Fault::new(Code::Internal, format!("{name}: {error}"));
    let mut group = Group::start(&launch)?;
    let ended = watch(group.pidfd().map_err(broken)?).map_err(broken)?;
    let (stdin, mut stdout, mut stderr) = group.pipes().map_err(broken)?;

    let limit = launch.limits.output_bytes;
    let mut err = Vec::new();
    let text = launch.stdin.unwrap_or_default().as_bytes();
    let out = {
        let mut output = std::pin::pin!(read_all(&mut stdout, limit));
        let mut errors = std::pin::pin!(read_tail(&mut stderr, &mut err));
        let mut feeding = std::pin::pin!(feed(stdin, text));
        let (mut out, mut errors_done, mut fed) = (None, false, false);
        let mut deadline = std::pin::pin!(tokio::time::sleep(LINGER));
        let mut has_ended = false;
        while !(has_ended && out.is_some() && errors_done) {
            tokio::select! {
                () = &mut feeding, if !fed => fed = true,
                read = &mut output, if out.is_none() => out = Some(read.map_err(|error| too_much(name, limit, &error))?),
                read = &mut errors, if !errors_done => { read.map_err(broken)?; errors_done = true; }
                ready = ended.readable(), if !has_ended => {
                    drop(ready.map_err(broken)?);
                    has_ended = true;
                    deadline.set(tokio::time::sleep(LINGER));
                }
                () = &mut deadline, if has_ended => {
                    let detail = format!("{name} ended, but left a process behind that still holds its output");
                    return Err(Fault::new(Code::Truncated, detail));
                }
            }
        }
        out.unwrap_or_default()
    };
    let status = group.finish().map_err(broken)?;
    let exit = match status.code() {
        Some(code) => Ok(code),
        None => Err(status.signal().unwrap_or_default()),
    };
    Ok(Ended { exit, out, err })
}

#[expect(deprecated, reason = "what its successor asks of the caller, an owned descriptor gives by itself")]
fn watch(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(pidfd, Interest::READABLE)
}

fn too_much(name: &str, limit: u64, error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::FileTooLarge => {
            Fault::new(Code::TooLarge, format!("{name} wrote more than {limit} bytes to standard output"))
        }
        _ => Fault::new(Code::Internal, format!("{name}: standard output: {error}")),
    }
}

async fn read_all(pipe: &mut pipe::Receiver, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(limit.saturating_add(1)).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

async fn read_tail(pipe: &mut pipe::Receiver, tail: &mut Vec<u8>) -> io::Result<()> {
    while pipe.read_buf(tail).await? > 0 {
        if tail.len() > 2 * ERR_TAIL {
            tail.drain(..tail.len() - ERR_TAIL);
        }
    }
    tail.drain(..tail.len().saturating_sub(ERR_TAIL));
    Ok(())
}

/// A program is free not to read what it is given, so a closed pipe is no fault.
async fn feed(stdin: Option<pipe::Sender>, text: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(text).await;
    }
}

/// A process group with its leader. Whoever drops it before its end kills it.
struct Group {
    child: Option<Child>,
    pid: Pid,
    mark: String,
}

impl Group {
    fn start(launch: &Launch<'_>) -> Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let value = format!("{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        // The path as it is written, not the file behind it: programs that have several names look at the one they are
        // started by, and scripts are told no other.
        let mut command = Command::new(launch.name);
        command
            .args(launch.arguments)
            .env_clear()
            .envs(launch.environment.iter().map(|(name, value)| (name, value.as_str())))
            .env(MARK, &value)
            .current_dir(launch.folder.unwrap_or(Path::new("/")))
            .stdin(if launch.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let child = command.spawn().map_err(|error| match error.raw_os_error() {
            Some(nix::libc::ENOEXEC) => Fault::new(Code::BadOutput, format!("{} is not a program", launch.name)),
            _ => Fault::local(launch.name, error),
        })?;
        let pid = Pid::from_child(&child);
        let group = Self { child: Some(child), pid, mark: value };
        group.limit(launch).map_err(|error| Fault::new(Code::Internal, format!("limits: {error}")))?;
        Ok(group)
    }

    /// Sets the kernel's limits. There is no safe way to run code between fork and exec, so they are set just after the
    /// start, for the program and for what it has started by then; everything later inherits them.
    fn limit(&self, launch: &Launch<'_>) -> io::Result<()> {
        let Limits { command_memory, command_file, command_processes, .. } = *launch.limits;
        // All processors for the whole time: no hindrance, but an end for what gets away from its group.
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
        let seconds = launch.timeout.as_secs().saturating_add(1).saturating_mul(processors);
        let mut limits = vec![
            (Resource::Core, 0),
            (Resource::Cpu, seconds),
            (Resource::As, command_memory),
            (Resource::Nproc, command_processes),
        ];
        if !launch.changes {
            limits.push((Resource::Fsize, command_file));
        }
        let mut reached = vec![self.pid];
        let mut next = 0;
        while let Some(pid) = reached.get(next).copied() {
            next += 1;
            set_limits(pid, &limits)?;
            let started =
                family::children(pid).into_iter().filter(|child| !reached.contains(child)).collect::<Vec<_>>();
            reached.extend(started);
        }
        Ok(())
    }

    fn pidfd(&self) -> io::Result<OwnedFd> {
        Ok(rustix::process::pidfd_open(self.pid, PidfdFlags::NONBLOCK)?)
    }

    fn pipes(&mut self) -> io::Result<(Option<pipe::Sender>, pipe::Receiver, pipe::Receiver)> {
        let gone = || io::Error::other("the pipes of the program are gone");
        let child = self.child.as_mut().ok_or_else(gone)?;
        let stdin = child.stdin.take().map(|end| pipe::Sender::from_owned_fd(end.into())).transpose()?;
        let stdout = pipe::Receiver::from_owned_fd(child.stdout.take().ok_or_else(gone)?.into())?;
        let stderr = pipe::Receiver::from_owned_fd(child.stderr.take().ok_or_else(gone)?.into())?;
        Ok((stdin, stdout, stderr))
    }

    /// Takes the status of a leader that has ended. Until then its number belongs to nobody else, so this is the moment
    /// to end what is left of its group.
    fn finish(mut self) -> io::Result<ExitStatus> {
        family::kill_group(self.pid);
        match self.child.take() {
            Some(mut child) => child.wait(),
            None => Err(io::Error::other("the program has been waited for")),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        family::kill_all(self.pid, &self.mark);
        // A process in an uninterruptible call dies when that returns; nobody here waits for it.
        if !matches!(child.try_wait(), Ok(Some(_))) {
            let reaper = std::thread::Builder::new().name("reaper".to_owned());
            let _ = reaper.spawn(move || child.wait());
        }
    }
}

fn set_limits(pid: Pid, limits: &[(Resource, u64)]) -> io::Result<()> {
    for (resource, value) in limits {
        let limit = Rlimit { current: Some(*value), maximum: Some(*value) };
        match rustix::process::prlimit(Some(pid), *resource, limit) {
            // The program has ended already, or the Runner itself is held to less.
            Ok(_) | Err(rustix::io::Errno::SRCH | rustix::io::Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
