//! The person's side: hands a command over and does what has to be done here.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clock::{Clock, SystemClock};
use runner_vault::Files;

use super::SOCKET;
use super::words::{FromCaller, FromService, exit_of, receive, send};
use crate::fail::{Exit, Fail};
use crate::output;
use crate::wiring::collect::operator;
use crate::wiring::files;
use crate::wiring::runner::SOFTWARE;

/// A service that has the store open listens within this.
const STARTING: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Hands the command to the service of this folder; `None` when none runs.
pub(crate) fn hand_over(dir: &Path, arguments: Vec<String>) -> Option<Result<Exit, Fail>> {
    let mut stream = connect(dir)?;
    let command = FromCaller::Command { arguments, software: SOFTWARE.to_owned(), account: operator() };
    Some(send(&mut stream, &command).and_then(|()| attend(&mut stream)).unwrap_or_else(|error| Err(lost(&error))))
}

/// A service that is just starting has the store already, and listens in a moment.
fn connect(dir: &Path) -> Option<UnixStream> {
    let clock = SystemClock::new();
    loop {
        match UnixStream::connect(dir.join(SOCKET)) {
            Ok(stream) => return Some(stream),
            Err(_) if is_locked(dir) && u128::from(clock.monotonic_ms()) < STARTING.as_millis() => {
                std::thread::sleep(LOOK_EVERY);
            }
            Err(_) => return None,
        }
    }
}

/// Whether a process holds the lock of the store, as the kernel lists it: trying the lock would keep others from it.
fn is_locked(dir: &Path) -> bool {
    let Ok(lock) = std::fs::metadata(Files::in_folder(dir).lock) else { return false };
    let held = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let inode = format!(":{}", lock.ino());
    held.lines().any(|line| line.split_whitespace().any(|word| word.ends_with(&inode)))
}

/// Does what the service asks for until the command has ended.
fn attend(stream: &mut UnixStream) -> io::Result<Result<Exit, Fail>> {
    loop {
        let answer = match receive::<FromService>(stream)? {
            FromService::Print { text } => {
                output::print(text);
                continue;
            }
            FromService::Remark { text } => {
                output::remark(text);
                continue;
            }
            FromService::Ended { exit } => return Ok(Ok(exit_of(exit))),
            FromService::Refused { error } => return Ok(Err(error.into())),
            FromService::Read { path, limit } => bytes(files::given(&path, limit)),
            FromService::RefuseExisting { path } => done(files::refuse_existing(&path)),
            FromService::Write { path, base64 } => match STANDARD.decode(base64) {
                Ok(bytes) => done(files::write_new(&path, &bytes)),
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            },
            FromService::Input { limit } => bytes(files::input(limit)),
            FromService::Variable { name } => bytes(files::variable(&name)),
        };
        send(stream, &answer)?;
    }
}

fn bytes(read: Result<Vec<u8>, Fail>) -> FromCaller {
    match read {
        Ok(bytes) => FromCaller::Bytes { base64: STANDARD.encode(bytes) },
        Err(fail) => FromCaller::Refused { error: fail.into() },
    }
}

fn done(done: Result<(), Fail>) -> FromCaller {
    match done {
        Ok(()) => FromCaller::Done,
        Err(fail) => FromCaller::Refused { error: fail.into() },
    }
}

fn lost(error: &io::Error) -> Fail {
    let message = format_args!("the service ended while it carried out the command: {error}").to_string();
    Fail::fault("E-LOCAL-001", message, "see the log of the service; what it made durable stands")
}
