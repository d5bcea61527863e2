//! The person's side: hands a command over and does what has to be done here.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::SOCKET;
use super::words::{FromCaller, FromService, exit_of, receive, send};
use crate::fail::{Exit, Fail};
use crate::output;
use crate::wiring::collect::operator;
use crate::wiring::files;
use crate::wiring::runner::SOFTWARE;

/// Hands the command to the service of this folder; `None` when none runs.
pub(crate) fn hand_over(dir: &Path, arguments: Vec<String>) -> Option<Result<Exit, Fail>> {
    let mut stream = UnixStream::connect(dir.join(SOCKET)).ok()?;
    let command = FromCaller::Command { arguments, software: SOFTWARE.to_owned(), account: operator() };
    Some(send(&mut stream, &command).and_then(|()| attend(&mut stream)).unwrap_or_else(|error| Err(lost(&error))))
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
