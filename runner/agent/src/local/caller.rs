//! The person behind a command that the service carries out. What the command reads, writes and prints goes through here
//! on the thread that carries it out; everywhere else there is no caller, and the process does it itself.

use std::cell::RefCell;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::words::{FromCaller, FromService, receive, send};
use crate::fail::Fail;

thread_local! {
    static CALLER: RefCell<Option<Caller>> = const { RefCell::new(None) };
}

struct Caller {
    stream: UnixStream,
    account: String,
}

/// Carries out `work` for a caller, and gives the connection back.
pub(super) fn serve<T>(stream: UnixStream, account: String, work: impl FnOnce() -> T) -> (T, Option<UnixStream>) {
    CALLER.set(Some(Caller { stream, account }));
    let done = work();
    (done, CALLER.take().map(|caller| caller.stream))
}

/// Whether this thread carries out a command for somebody else.
pub(crate) fn is_there() -> bool {
    CALLER.with_borrow(Option::is_some)
}

/// The account of the person, where there is a caller.
pub(crate) fn account() -> Option<String> {
    CALLER.with_borrow(|caller| caller.as_ref().map(|caller| caller.account.clone()))
}

/// Prints on the person's side; says whether there is one. A caller who went away misses the text, and nothing else.
pub(crate) fn print(text: &str) -> bool {
    tell(&FromService::Print { text: text.to_owned() })
}

/// The same beside the result.
pub(crate) fn remark(text: &str) -> bool {
    tell(&FromService::Remark { text: text.to_owned() })
}

/// The bytes of a file that the person named.
pub(crate) fn read(path: &Path, limit: u64) -> Option<Result<Vec<u8>, Fail>> {
    bytes(&FromService::Read { path: path.to_owned(), limit })
}

/// Whether a file that the person named is free to be written.
pub(crate) fn refuse_existing(path: &Path) -> Option<Result<(), Fail>> {
    ask(&FromService::RefuseExisting { path: path.to_owned() }).map(|answer| answer.map(drop))
}

/// Writes a file that the person named.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Option<Result<(), Fail>> {
    let base64 = STANDARD.encode(bytes);
    ask(&FromService::Write { path: path.to_owned(), base64 }).map(|answer| answer.map(drop))
}

/// The person's standard input.
pub(crate) fn input(limit: u64) -> Option<Result<Vec<u8>, Fail>> {
    bytes(&FromService::Input { limit })
}

/// A variable of the person's environment.
pub(crate) fn variable(name: &str) -> Option<Result<Vec<u8>, Fail>> {
    bytes(&FromService::Variable { name: name.to_owned() })
}

fn tell(words: &FromService) -> bool {
    CALLER.with_borrow_mut(|caller| {
        let Some(caller) = caller else { return false };
        let _ = send(&mut caller.stream, words);
        true
    })
}

fn bytes(words: &FromService) -> Option<Result<Vec<u8>, Fail>> {
    Some(ask(words)?.and_then(|answer| match answer {
        FromCaller::Bytes { base64 } => {
            STANDARD.decode(base64).map_err(|error| gone(&io::Error::new(io::ErrorKind::InvalidData, error)))
        }
        _ => Err(gone(&io::ErrorKind::InvalidData.into())),
    }))
}

fn ask(words: &FromService) -> Option<Result<FromCaller, Fail>> {
    CALLER.with_borrow_mut(|caller| {
        let Caller { stream, .. } = caller.as_mut()?;
        let answer = send(stream, words).and_then(|()| receive::<FromCaller>(stream));
        Some(match answer {
            Ok(FromCaller::Refused { error }) => Err(error.into()),
            Ok(answer) => Ok(answer),
            Err(error) => Err(gone(&error)),
        })
    })
}

fn gone(error: &io::Error) -> Fail {
    let message = format_args!("the process that gave the command does not answer: {error}").to_string();
    Fail::input("E-LOCAL-003", message, "give the command again; see what became of it first")
}
